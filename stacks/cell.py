"""A cell: the stack of at most a hundred dedicated tenants of one environment.

It makes no region. What it needs to know of the environment's regions comes from the outputs of the
environment's own stack, so a change of a tenant's file previews and touches its cell alone.
"""

from pathlib import Path
from typing import Any

import pulumi
import yaml

from components.tenant_instance import TenantInstance, TenantInstanceArgs, TenantQuotas
from stacks.cloud_environment import CloudEnvironment
from stacks.environment import CONFIG_KEY, EnvironmentFileError, check
from stacks.environments import parse
from stacks.targets import tenant_target_of
from stacks.tenants import CELL_KEY, Cell, Tenant, read, regions_of

TENANCY_OUTPUT = "tenancy"
"""Output of an environment's stack that its cells read."""


def deploy_cell(value: Any, *, file: str, root: Path) -> None:
    """Declares a cell's tenants and exports where each is called.

    Args:
        value: what the stack's file holds under ``ai-platform:cell``.
        file: the stack's file, for messages.
        root: the checkout.

    Raises:
        EnvironmentFileError: the cell's, the environment's or a tenant's file is wrong.
    """
    cell = check(Cell, value, file=file, key=CELL_KEY)
    environment = _environment(cell, file=file, root=root)
    tenants = [
        one
        for one in read(root, environments={cell.environment: environment})
        if one.cell == cell.number
    ]
    reference = pulumi.StackReference(
        f"organization/{pulumi.get_project()}/{cell.environment}",
    )
    target = tenant_target_of(
        environment,
        name=cell.environment,
        file=f"environments/Pulumi.{cell.environment}.yaml",
        regions={region.name for one in tenants for region in regions_of(one, environment)},
        exported=reference.require_output(TENANCY_OUTPUT),
    )
    made = {
        one.tenant: TenantInstance(one.tenant, _args(one, environment), target=target)
        for one in tenants
    }
    pulumi.export(
        "tenants",
        {
            name: {
                "regions": list(tenant.regions),
                "host": tenant.front_door.host,
                "challenge": tenant.front_door.challenge,
            }
            for name, tenant in made.items()
        },
    )


def _environment(cell: Cell, *, file: str, root: Path) -> CloudEnvironment:
    other = f"environments/Pulumi.{cell.environment}.yaml"
    path = root / other
    if not path.exists():
        raise EnvironmentFileError(
            f"{file}: {CELL_KEY}.environment: there is no {other}; name an environment that has one"
        )
    config = yaml.safe_load(path.read_text())["config"]
    environment = parse(config.get(CONFIG_KEY), file=other)
    if not isinstance(environment, CloudEnvironment):
        raise EnvironmentFileError(
            f"{file}: {CELL_KEY}.environment: {cell.environment!r} is on this machine; dedicated "
            "tenants need an environment whose target is 'clouds'"
        )
    return environment


def _args(tenant: Tenant, environment: CloudEnvironment) -> TenantInstanceArgs:
    return TenantInstanceArgs(
        tenant=tenant.tenant,
        domain=tenant.domain,
        regions=[region.name for region in regions_of(tenant, environment)],
        quotas=TenantQuotas(
            cpu=tenant.quotas.cpu,
            memory_gib=tenant.quotas.memory_gib,
            pods=tenant.quotas.pods,
            storage_gib=tenant.quotas.storage_gib,
        ),
        database_version=environment.versions.postgresql,
    )
