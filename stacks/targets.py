"""Finds the target an environment names; only what it uses is imported.

The clouds' SDKs take seconds to import, so an environment on one cloud never pays for another's,
and one on this machine for none.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from components.clouds.locations import CloudName, front_cloud
from components.target import Target
from components.tenant_instance import TenantTarget
from stacks.cloud_environment import CloudEnvironment
from stacks.environment import EnvironmentFileError
from stacks.local_environment import LocalEnvironment

if TYPE_CHECKING:
    from components.clouds.tenancy import TenantCloud


def target_of(
    environment: LocalEnvironment | CloudEnvironment, *, name: str, file: str, root: Path
) -> Target:
    """Returns the target, once it is sure that it may be used; touches nothing.

    Args:
        environment: what the file says.
        name: the environment's name.
        file: the file's name, for messages.
        root: the checkout.

    Raises:
        EnvironmentFileError: a port is taken, or the credentials at hand are missing or those of
            an account that is not the environment's.
    """
    if isinstance(environment, LocalEnvironment):
        return _local(environment, file=file, root=root)
    return _clouds(environment, name=name, file=file, root=root)


def _local(environment: LocalEnvironment, *, file: str, root: Path) -> Target:
    from components.clouds.local.ports import PortTakenError, require_free
    from components.clouds.local.settings import home
    from components.clouds.local.target import LocalTarget

    folder = home(root)
    ports = environment.local.ports(environment.services.replicas())
    try:
        require_free(ports, home=folder, file=file)
    except PortTakenError as error:
        raise EnvironmentFileError(str(error)) from None
    return LocalTarget(environment.local, home=folder, root=root)


def tenant_target_of(
    environment: CloudEnvironment,
    *,
    name: str,
    file: str,
    regions: Collection[str],
    exported: pulumi.Output[Mapping[str, Any]],
) -> TenantTarget:
    """Returns where an environment's dedicated tenants are put; touches nothing.

    Args:
        environment: what its file says.
        name: the environment's name.
        file: the file's name, for messages.
        regions: those with a tenant of the cell.
        exported: output ``tenancy`` of the environment's stack.

    Raises:
        EnvironmentFileError: the credentials at hand are missing or of another account.
    """
    from components.clouds.tenants import CloudTenants, TenancySettings

    front = front_cloud(environment.clouds)
    places: dict[str, CloudName] = {
        one.name: one.cloud for one in environment.regions if one.name in regions
    }
    others: list[CloudName] = [
        one for one in environment.clouds if one in places.values() and one != front
    ]
    needed: list[CloudName] = [front, *others]
    clouds = _load(environment, needed, name=name, file=file)
    settings = TenancySettings(domain=environment.domain, regions=places)
    return CloudTenants(settings, clouds, clouds[front], exported)


def _clouds(environment: CloudEnvironment, *, name: str, file: str, root: Path) -> Target:
    from components.clouds.target import CloudSettings, CloudTarget

    settings = CloudSettings(
        domain=environment.domain,
        contact=environment.contact,
        size=environment.size,
        version=environment.versions.platform,
        primary_region=environment.primary_region,
        regions={region.name: region.cloud for region in environment.regions},
        root=root,
    )
    clouds = _load(environment, environment.clouds, name=name, file=file)
    return CloudTarget(settings, clouds, front=front_cloud(environment.clouds))


def _load(
    environment: CloudEnvironment, names: Sequence[CloudName], *, name: str, file: str
) -> "dict[CloudName, TenantCloud]":
    """Imports clouds and makes sure that we have credentials of the environment's accounts."""
    from components.clouds.cloud import AccountError

    clouds: dict[CloudName, TenantCloud] = {}
    for cloud in names:
        clouds[cloud] = load_cloud(cloud, environment, name=name, file=file)
    problems: list[str] = []
    for cloud in clouds.values():
        try:
            cloud.check_account()
        except AccountError as error:
            problems.append(str(error))
    if problems:
        raise EnvironmentFileError("\n".join(problems))
    return clouds


def load_cloud(
    cloud: CloudName, environment: CloudEnvironment, *, name: str, file: str
) -> "TenantCloud":
    """Imports a cloud and returns its part of an environment; makes nothing.

    Args:
        cloud: which.
        environment: what the file says.
        name: the environment's name.
        file: the file's name, for messages.
    """
    from components.clouds.cloud import CloudEnvironment as Settings
    from components.clouds.cloud import CloudRegion

    settings = Settings(
        name=name,
        account=environment.accounts.of(cloud) or "",
        account_key=f"{file}: accounts.{cloud}",
        regions=[
            CloudRegion(
                name=region.name,
                location=region.place,
                cidr=region.addresses,
                compliance=region.regimes,
            )
            for region in environment.regions
            if region.cloud == cloud
        ],
        size=environment.size,
        protect=environment.protect,
        kubernetes_version=environment.versions.kubernetes,
    )
    match cloud:
        case "aws":
            from components.clouds.aws.cloud import AwsCloud

            return AwsCloud(settings)
        case "gcp":
            from components.clouds.gcp.cloud import GcpCloud

            return GcpCloud(settings)
        case "azure":
            from components.clouds.azure.cloud import AzureCloud

            return AzureCloud(settings)
