"""A cell of dedicated tenants on simulated clouds, beside its environment, which is up."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from stacks.environment import CONFIG_KEY
from tests.environments.clouds import Running, running
from tools.simulated import simulated

_CELL = 1


@contextmanager
def cell_of(
    folder: Path,
    environment: Mapping[str, Any],
    *,
    tenants: int,
    residencies: Sequence[Sequence[str]] = (("eu",), ("us",)),
) -> Generator[Running]:
    """Brings an environment up, unless it is, and gives the stack of a cell of its tenants.

    Args:
        folder: of the environment and the cell.
        environment: as in ``clouds.running``.
        tenants: how many there are in the cell.
        residencies: what the tenants are given in turn.
    """
    write_tenants(folder, tenants, residencies)
    with running(folder, environment) as stack:
        stack.stack.up()
    with beside(folder, environment) as cell:
        yield cell


@contextmanager
def beside(folder: Path, environment: Mapping[str, Any]) -> Generator[Running]:
    """Gives the stack of a cell whose environment is up in the folder."""
    file = {"config": {CONFIG_KEY: dict(environment)}}
    with simulated("test", folder=folder, environment=file, cell=_CELL) as made:
        yield Running(made.stack, made.simulation)


def write_tenants(folder: Path, count: int, residencies: Sequence[Sequence[str]]) -> None:
    """Writes the files of ``count`` tenants and of no other."""
    files = folder / "project" / "environments" / "tenants"
    files.mkdir(parents=True, exist_ok=True)
    for stale in files.glob("*.yaml"):
        stale.unlink()
    for number in range(count):
        name = f"tenant-{number:03}"
        said = {
            "tenant": name,
            "environment": "test",
            "cell": _CELL,
            "residency": list(residencies[number % len(residencies)]),
            "domain": f"ai.{name}.example",
        }
        (files / f"{name}.yaml").write_text(yaml.safe_dump(said))
