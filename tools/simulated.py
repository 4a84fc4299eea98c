"""A stack whose clouds are simulated: the real engine, program and SDKs, and no account.

The stack has a folder of its own with a copy of its environment file, its state, and the simulated
clouds on disk. What is in it is real to Pulumi: a second ``up`` finds what the first one made.
"""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stacks.environment import CONFIG_KEY
from stacks.tenants import CELL_KEY
from tools.paths import ROOT
from tools.simulation.accounts import Accounts
from tools.simulation.process import Simulation
from tools.stack import PROJECT, Stack

_SALT = "encryptionsalt:"


@dataclass(frozen=True, kw_only=True)
class SimulatedStack:
    """A running simulation and the stack on it."""

    stack: Stack
    simulation: Simulation


@contextmanager
def simulated(
    name: str,
    *,
    folder: Path,
    environment: dict[str, Any] | None = None,
    cell: int | None = None,
    who: Accounts | None = None,
    root: Path = ROOT,
    virtualenv: Path = ROOT / ".venv",
) -> Generator[SimulatedStack]:
    """Runs the simulated clouds and gives the stack on them, prepared.

    Args:
        name: the stack's name.
        folder: everything of the stack; kept, so that the next run goes on from there.
        environment: the whole content of the environment file; the repository's when None.
        cell: number of a cell of the environment's dedicated tenants, whose stack is given in
            place of the environment's; that must be up in the same folder.
        who: the accounts that the clouds believe us to have; the environment's own when None.
        root: the checkout whose program is run.
        virtualenv: the Python environment it is run in.
    """
    project = folder / "project"
    environments = project / "environments"
    environments.mkdir(parents=True, exist_ok=True)
    link(project / "stacks", root / "stacks")
    if not (environments / "tenants").exists():
        link(environments / "tenants", root / "environments" / "tenants")
    (project / "Pulumi.yaml").write_text(
        yaml.safe_dump(
            {
                "name": PROJECT,
                "runtime": {"name": "python", "options": {"virtualenv": str(virtualenv)}},
                "main": "stacks/",
                "stackConfigDir": "environments",
            }
        )
    )
    _write_environment(environments / f"Pulumi.{name}.yaml", environment, root)
    stack_name = name
    if cell is not None:
        stack_name = f"{name}-cell-{cell}"
        said = {CELL_KEY: {"environment": name, "number": cell}}
        _write_environment(environments / f"Pulumi.{stack_name}.yaml", {"config": said}, root)
    path = environments / f"Pulumi.{name}.yaml"
    with Simulation(folder / "clouds", who or _accounts(path)) as simulation:
        stack = Stack(
            name=stack_name,
            folder=folder,
            project=project,
            surroundings=simulation.environment() | _imports(root),
        )
        stack.prepare()
        yield SimulatedStack(stack=stack, simulation=simulation)


def link(name: Path, target: Path) -> None:
    """Makes a name a link to a target, whatever it was a link to before."""
    if not name.is_symlink() or name.readlink() != target:
        name.unlink(missing_ok=True)
        name.symlink_to(target)


def _imports(root: Path) -> dict[str, str]:
    """Returns what makes a program import its own checkout's modules, not this one's."""
    if root == ROOT:
        return {}
    return {"PYTHONPATH": f"{root}{os.pathsep}{root / 'generated'}"}


def _accounts(path: Path) -> Accounts:
    """Returns the accounts that an environment file says are its own."""
    config = yaml.safe_load(path.read_text()).get("config", {})
    own = config.get(CONFIG_KEY, {}).get("accounts", {})
    default = Accounts()
    return Accounts(
        aws_account=own.get("aws", default.aws_account),
        gcp_project=own.get("gcp", default.gcp_project),
        azure_subscription=own.get("azure", default.azure_subscription),
    )


def _write_environment(path: Path, environment: dict[str, Any] | None, root: Path) -> None:
    """Writes the environment file, with the salt that the stack's secrets are already under."""
    salt = [line for line in _lines(path) if line.startswith(_SALT)]
    if environment is None:
        shutil.copyfile(root / "environments" / path.name, path)
    else:
        path.write_text(yaml.safe_dump(environment, sort_keys=False))
    kept = [line for line in _lines(path) if not line.startswith(_SALT)]
    path.write_text("".join([*kept, *salt]))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True) if path.exists() else []
