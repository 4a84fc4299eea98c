"""``make preview ENV=…``: what ``pulumi up`` would do to an environment, or to a cell of one.

With credentials of every cloud that the environment is on, Pulumi previews against these clouds.
Without them it previews against simulated ones and a real Kubernetes API, which check every
resource as strictly as the clouds would, and it says so. Either way the rules of
``policies/infrastructure`` are applied.
"""

import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from stacks.cloud_environment import CloudEnvironment
from stacks.environment import CONFIG_KEY, EnvironmentFileError, check
from stacks.environments import parse
from stacks.tenants import CELL_KEY, Cell, read, regions_of
from tools.credentials import missing, sources
from tools.paths import ROOT, home
from tools.profiles import surroundings
from tools.progress import say
from tools.pulumi_cli import find

if TYPE_CHECKING:
    from tools.simulated import SimulatedStack

POLICIES = ROOT / "policies" / "infrastructure"
"""The rules that every preview is held to."""

_PREVIEW = ("preview", "--diff", "--policy-pack", str(POLICIES))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be previewed.

    Attributes:
        environment: None where the target is this machine.
        cell: number of a cell of its tenants, None for the environment itself.
    """

    name: str
    environment: CloudEnvironment | None
    cell: int | None


def main(stack: str) -> int:
    """Previews a stack and returns Pulumi's exit code.

    Raises:
        SystemExit: there is no such environment, or its file is wrong.
    """
    try:
        wanted = wanted_by(stack)
    except EnvironmentFileError as error:
        raise SystemExit(str(error)) from None
    lacking = missing(wanted.environment.clouds if wanted.environment else [])
    if not lacking:
        command = [str(find()), *_PREVIEW, "--stack", stack]
        environment = {**os.environ, **surroundings(wanted.name)}
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    for cloud in lacking:
        say(f"no credentials for {cloud} (looked for {sources(cloud)})")
    say("previewing against simulated clouds and a real Kubernetes API")
    return _simulate(wanted)


def wanted_by(stack: str, *, root: Path = ROOT) -> Wanted:
    """Reads the file of a stack.

    Args:
        stack: its name.
        root: the checkout that it is in.

    Raises:
        EnvironmentFileError: there is none, or it is wrong.
    """
    file, said = _file(stack, root)
    if CELL_KEY not in said:
        environment = parse(said.get(CONFIG_KEY), file=file)
        on_clouds = environment if isinstance(environment, CloudEnvironment) else None
        return Wanted(name=stack, environment=on_clouds, cell=None)
    cell = check(Cell, said[CELL_KEY], file=file, key=CELL_KEY)
    of = wanted_by(cell.environment, root=root)
    return Wanted(name=of.name, environment=of.environment, cell=cell.number)


def _file(stack: str, root: Path) -> tuple[str, dict[str, Any]]:
    folder = root / "environments"
    path = folder / f"Pulumi.{stack}.yaml"
    file = str(path.relative_to(root))
    if not path.exists():
        names = sorted(one.name.split(".")[1] for one in folder.glob("Pulumi.*.yaml"))
        raise EnvironmentFileError(
            f"{file}: there is no such environment; there are: {', '.join(names)}"
        )
    return file, yaml.safe_load(path.read_text()).get("config") or {}


def _simulate(wanted: Wanted) -> int:
    from tools.simulated import simulated

    if wanted.cell is None or wanted.environment is None:
        folder = home() / "simulated" / wanted.name
        with simulated(wanted.name, folder=folder) as running:
            return _preview(running)
    folder = home() / "simulated" / f"{wanted.name}-cell-{wanted.cell}"
    regions = regions_of_cell(wanted)
    file = reduced(wanted.name, regions)
    say(f"bringing up the part of {wanted.name} that the cell is in, since cells read its outputs")
    with simulated(wanted.name, folder=folder, environment=file) as running:
        running.stack.up()
    with simulated(wanted.name, folder=folder, environment=file, cell=wanted.cell) as running:
        return _preview(running)


def _preview(running: "SimulatedStack") -> int:
    code = running.stack.run(*_PREVIEW).returncode
    if code != 0:
        return code
    for left in running.simulation.dangling():
        say(f"wrong: {left}")
        code = 1
    return code


def regions_of_cell(wanted: Wanted, *, root: Path = ROOT) -> set[str]:
    """Returns the regions that the tenants of a cell are in, and the primary one.

    Raises:
        EnvironmentFileError: a tenant's file is wrong.
    """
    if wanted.environment is None:
        return set()
    environment = wanted.environment
    tenants = read(root, environments={wanted.name: environment})
    return {environment.primary_region} | {
        region.name
        for tenant in tenants
        if tenant.cell == wanted.cell
        for region in regions_of(tenant, environment)
    }


def reduced(name: str, kept: Collection[str], *, root: Path = ROOT) -> dict[str, Any]:
    """Returns the content of an environment's file with no other than the regions to keep.

    Args:
        name: the environment's.
        kept: the regions' names; those that the environment does not have are passed over.
        root: the checkout.

    Raises:
        EnvironmentFileError: the file is wrong.
    """
    file, said = _file(name, root)
    value = said[CONFIG_KEY]
    environment = parse(value, file=file)
    regions = [
        {key: one for key, one in given.items() if key != "weight"}
        for given, region in zip(value["regions"], environment.regions, strict=True)
        if region.name in kept
    ]
    clouds = {one["cloud"] for one in regions}
    accounts = {cloud: one for cloud, one in value["accounts"].items() if cloud in clouds}
    return {"config": {CONFIG_KEY: {**value, "regions": regions, "accounts": accounts}}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "local"))
