"""Dedicated tenants: ``environments/tenants/<tenant>.yaml``, checked and typed.

A dedicated tenant has a namespace, a database, a bucket and keys of its own; shared tenants live in
the services' data and are no resources. Tenants are grouped in cells: one stack a cell, so that a
change of one tenant previews and touches its cell only.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field

from components.clouds.locations import jurisdictions
from stacks.cloud_environment import CloudEnvironment, CloudRegionSpec
from stacks.environment import EnvironmentFileError, Model, check

CELL_KEY = "ai-platform:cell"
MAX_TENANTS_PER_CELL = 100
FOLDER = Path("environments") / "tenants"

Hostname = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
        max_length=253,
    ),
]


class Quotas(Model, frozen=True):
    """The most a tenant's workloads may take in each of its regions.

    Attributes:
        cpu: cores.
        memory_gib: memory, GiB.
        pods: pods.
        storage_gib: its database's storage, GiB.
    """

    cpu: Annotated[int, Field(ge=1, le=512)] = 8
    memory_gib: Annotated[int, Field(ge=1, le=4096)] = 32
    pods: Annotated[int, Field(ge=1, le=1000)] = 50
    storage_gib: Annotated[int, Field(ge=32, le=16384)] = 64


class Cell(Model, frozen=True):
    """A cell's stack: ``ai-platform:cell`` of ``environments/Pulumi.<stack>.yaml``."""

    environment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,38}$")]
    number: Annotated[int, Field(ge=1, le=9999)]


class Tenant(Model, frozen=True):
    """A dedicated tenant.

    Attributes:
        tenant: its id, which is also the file's name.
        environment: the environment it lives in.
        cell: number of its cell, 1 and up.
        residency: jurisdictions its data may be in: ``eu`` or a country's two letters.
        domain: where its users call it; its DNS points at the environment's.
        regions: only these of the regions that its residency allows; all of them when empty.
    """

    tenant: Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9])+$", min_length=3, max_length=30)]
    environment: str
    cell: Annotated[int, Field(ge=1, le=9999)]
    residency: Annotated[Sequence[str], Field(min_length=1)]
    domain: Hostname
    quotas: Quotas = Quotas()
    regions: Sequence[str] = ()


def read(root: Path, *, environments: Mapping[str, CloudEnvironment]) -> list[Tenant]:
    """Reads every tenant's file.

    Args:
        root: the checkout.
        environments: those whose tenants are wanted, by name.

    Returns:
        The tenants of those environments, by name.

    Raises:
        EnvironmentFileError: lists every mistake in every file, also what two files contradict
            each other in.
    """
    mistakes: list[str] = []
    tenants: list[Tenant] = []
    for path in sorted((root / FOLDER).glob("*.yaml")):
        file = str(FOLDER / path.name)
        try:
            tenant = check(Tenant, _load(path, file), file=file, key="")
            _check(tenant, path.stem, environments, file)
        except EnvironmentFileError as error:
            mistakes.append(str(error))
        else:
            tenants.append(tenant)
    mistakes += _clashes(tenants)
    if mistakes:
        raise EnvironmentFileError("\n".join(mistakes))
    return [one for one in tenants if one.environment in environments]


def regions_of(tenant: Tenant, environment: CloudEnvironment) -> list[CloudRegionSpec]:
    """Returns the regions a tenant is in: those its residency allows, in the environment's order.

    The first is its home, where its database takes writes.
    """
    return [
        region
        for region in environment.regions
        if region.place.jurisdiction in tenant.residency
        and (not tenant.regions or region.name in tenant.regions)
    ]


def _load(path: Path, file: str) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise EnvironmentFileError(f"{file}: is not YAML: {error}") from None


def _check(
    tenant: Tenant, stem: str, environments: Mapping[str, CloudEnvironment], file: str
) -> None:
    if tenant.tenant != stem:
        raise EnvironmentFileError(
            f"{file}: tenant: is {tenant.tenant!r}; it must be the file's name, {stem!r}"
        )
    known = jurisdictions()
    for index, place in enumerate(tenant.residency):
        if place not in known:
            raise EnvironmentFileError(
                f"{file}: residency.{index}: {place!r} is no jurisdiction with a location; there "
                f"are: {', '.join(sorted(known))}"
            )
    environment = environments.get(tenant.environment)
    if environment is None:
        return
    names = {region.name for region in environment.regions}
    for index, name in enumerate(tenant.regions):
        if name not in names:
            raise EnvironmentFileError(
                f"{file}: regions.{index}: {name!r} is not a region of {tenant.environment}; "
                f"there are: {', '.join(sorted(names))}"
            )
    if not regions_of(tenant, environment):
        there = sorted({region.place.jurisdiction for region in environment.regions})
        raise EnvironmentFileError(
            f"{file}: residency: no region of {tenant.environment} is in "
            f"{', '.join(tenant.residency)}"
            f"{' among its regions' if tenant.regions else ''}; there are regions in: "
            f"{', '.join(there)}"
        )


def _clashes(tenants: Iterable[Tenant]) -> list[str]:
    """Says which tenants have one domain, and which cells are too full."""
    domains: dict[str, str] = {}
    cells: dict[tuple[str, int], int] = {}
    mistakes: list[str] = []
    for one in tenants:
        if other := domains.get(one.domain):
            mistakes.append(
                f"{FOLDER / one.tenant}.yaml: domain: {one.domain!r} is already that of tenant "
                f"{other!r}; every tenant has its own"
            )
        domains.setdefault(one.domain, one.tenant)
        cell = (one.environment, one.cell)
        cells[cell] = cells.get(cell, 0) + 1
        if cells[cell] == MAX_TENANTS_PER_CELL + 1:
            mistakes.append(
                f"{FOLDER / one.tenant}.yaml: cell: cell {one.cell} of {one.environment} has more "
                f"than {MAX_TENANTS_PER_CELL} tenants; take the next number"
            )
    return mistakes
