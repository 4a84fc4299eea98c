"""The Pulumi program: reads the stack's environment file, makes the platform, exports its outputs.

The names exported here are stable; others script against them.
"""

from pathlib import Path
from typing import Any

import pulumi

from stacks.cell import deploy_cell
from stacks.environment import CONFIG_KEY, SERVICES, EnvironmentFileError
from stacks.environments import parse
from stacks.platform import ADMIN_USERNAME, deploy
from stacks.targets import target_of
from stacks.tenants import CELL_KEY

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Declares the stack: an environment, or a cell of an environment's dedicated tenants.

    Raises:
        pulumi.RunError: the stack's file is wrong, or what it names can't be used.
    """
    name = pulumi.get_stack()
    file = f"environments/Pulumi.{name}.yaml"
    cell = _said(CELL_KEY)
    try:
        if cell is None:
            declare_environment(_said(CONFIG_KEY), name=name, file=file)
        else:
            deploy_cell(cell, file=file, root=Path(pulumi.get_root_directory()))
    except EnvironmentFileError as error:
        raise pulumi.RunError(str(error)) from None


def declare_environment(value: Any, *, name: str, file: str) -> None:
    """Declares an environment and exports its outputs.

    Args:
        value: what the stack's file holds under ``ai-platform:environment``.
        name: the environment's name.
        file: its file, for messages.

    Raises:
        EnvironmentFileError: the file is wrong, or what it names can't be used.
    """
    environment = parse(value, file=file)
    target = target_of(environment, name=name, file=file, root=ROOT)
    platform = deploy(environment, target)
    pulumi.export("api_url", platform.balancer.url)
    pulumi.export("ca_certificate", platform.trust.ca_certificate)
    pulumi.export("admin_username", ADMIN_USERNAME)
    pulumi.export("admin_password", platform.admin_password)
    pulumi.export(
        "regions",
        {
            gateway.region: {
                "api_url": gateway.url,
                "gateway_admin_url": gateway.admin_url,
                "database_role": platform.databases[gateway.region].role,
            }
            for gateway in platform.gateways
        },
    )
    pulumi.export("grpc", dict.fromkeys(SERVICES, platform.balancer.grpc_address))
    for key, output in target.outputs().items():
        pulumi.export(key, output)


def _said(key: str) -> Any:
    """Returns what the stack's file says under a key of its configuration; None for nothing."""
    namespace, _, name = key.partition(":")
    return pulumi.Config(namespace).get_object(name)


main()
