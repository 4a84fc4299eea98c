"""What Azure refuses to make, change or delete."""

from collections.abc import Iterator
from typing import Final

from components.clouds.local.provider.values import Properties, Value
from tools.simulation import networks
from tools.simulation.azure import databases, inline, names
from tools.simulation.azure.locations import normal
from tools.simulation.azure.paths import GLOBAL, PATHS
from tools.simulation.behaviour import Call, text
from tools.simulation.cloud import Cloud, Resource, strings
from tools.simulation.errors import azure
from tools.simulation.sdk.check import Mistake

_GROUP: Final = "azure-native:resources:ResourceGroup"
_TAKEN: Final = {
    "azure-native:storage:StorageAccount": (
        "StorageAccountAlreadyTaken",
        "The storage account named {} is already taken.",
    ),
    "azure-native:keyvault:Vault": (
        "VaultAlreadyExists",
        "The vault name '{}' is already in use. Vault names are globally unique.",
    ),
    "azure-native:containerregistry:Registry": (
        "AlreadyInUse",
        "The registry DNS name {}.azurecr.io is already in use.",
    ),
}
_IN_USE: Final = {
    "azure-native:network:Subnet": ("InUseSubnetCannotBeDeleted", "Subnet"),
    "azure-native:network:NetworkSecurityGroup": (
        "InUseNetworkSecurityGroupCannotBeDeleted",
        "Network security group",
    ),
    "azure-native:network:PublicIPAddress": ("PublicIPAddressCannotBeDeleted", "Public IP address"),
    "azure-native:network:NatGateway": ("InUseNatGatewayCannotBeDeleted", "NAT gateway"),
    "azure-native:network:VirtualWan": ("VirtualWanInUse", "Virtual WAN"),
    "azure-native:privatedns:PrivateZone": ("CannotDeleteResource", "Private DNS zone"),
}
_NOT_HOLDING: Final = ("azure-native:authorization:", "azure-native:insights:")
_KINDS: Final = {
    tuple(
        part.lower()
        for part in path.rpartition("/providers/")[2].split("/")[1:]
        if "{" not in part and part != "default"
    )
    for path in PATHS.values()
    if "/providers/" in path and "roleDefinitions" not in path
}
"""Resource types, as the words of their ids, of which everything there is is known; roles are there
without anyone making them."""
_SOFT: Final = "azure-native:keyvault:Vault"


def mistakes(call: Call, name: str) -> Iterator[Mistake]:
    """Yields what is wrong whatever there is in the cloud.

    Args:
        call: the resource.
        name: input that holds its name.
    """
    yield from names.mistakes(call, name)


def admit(cloud: Cloud, call: Call, identity: str) -> None:
    """Refuses a create or update that Azure would refuse.

    Raises:
        CloudError: in Azure's words.
    """
    _require_parents(cloud, call, identity)
    _require_references(cloud, call)
    if call.old is None:
        _unique(cloud, call, identity.rpartition("/")[2])
    match call.token:
        case "azure-native:network:VirtualNetwork":
            inline.admit(cloud, call, identity)
        case "azure-native:network:Subnet":
            network = cloud.named(identity.rpartition("/subnets/")[0])
            inline.fits(cloud, network[0], identity, call.inputs)
        case "azure-native:network:VirtualNetworkPeering":
            _peering(cloud, call, identity)
        case "azure-native:network:PrivateEndpoint":
            _same_location(cloud, call, text(call.inputs, "subnet", "id"))
        case "azure-native:containerservice:ManagedCluster":
            _cluster(cloud, call)
        case "azure-native:authorization:RoleAssignment":
            _assignment(cloud, call, identity)
        case "azure-native:keyvault:Vault":
            _vault(call)
        case _:
            databases.admit(cloud, call)


def release(cloud: Cloud, call: Call) -> None:
    """Refuses a delete that Azure would refuse.

    Raises:
        CloudError: in Azure's words.
    """
    resource = call.old
    if resource is None:
        return
    for lock in cloud.resources():
        if ":ManagementLock" in lock.token and lock.key != resource.key:
            scope = lock.id.rpartition("/providers/")[0].lower()
            if resource.id.lower().startswith(scope) and resource.token != lock.token:
                raise azure(
                    409,
                    "ScopeLocked",
                    f"The scope '{resource.id}' cannot perform delete operation because following "
                    f"scope(s) are locked: '{scope}'. Please remove the lock and try again.",
                )
    if resource.token == "azure-native:network:VirtualNetwork":  # noqa: S105 - a type
        for one in cloud.resources("azure-native:network:Subnet"):
            if one.id.lower().startswith(f"{resource.id.lower()}/"):
                _refuse_in_use(cloud, one, ("InUseSubnetCannotBeDeleted", "Subnet"), resource)
    if resource.token in _IN_USE:
        _refuse_in_use(cloud, resource, _IN_USE[resource.token], resource)


def _refuse_in_use(
    cloud: Cloud, resource: Resource, words: tuple[str, str], target: Resource
) -> None:
    code, what = words
    for one in cloud.mentioning(resource):
        if one.key != target.key and not one.token.startswith(_NOT_HOLDING):
            name = resource.id.rpartition("/")[2]
            raise azure(400, code, f"{what} {name} is in use by {one.id} and cannot be deleted.")


def after(cloud: Cloud, call: Call) -> None:
    """Does what a change of one resource does to others: a group takes all that is in it along."""
    gone = call.old is not None and cloud.find(call.token, call.place, call.id) is None
    if gone and call.token == _SOFT:
        cloud.remember(f"{_SOFT} {call.id.rpartition('/')[2].lower()}")
    if gone and call.token in PATHS:
        for one in cloud.resources(place=call.place):
            if one.id.lower().startswith(f"{call.id.lower()}/"):
                cloud.remove(one)
    inline.after(cloud, call)
    databases.after(cloud, call)


def _require_parents(cloud: Cloud, call: Call, identity: str) -> None:
    group = text(call.inputs, "resourceGroupName")
    root = f"/subscriptions/{call.session.account}/resourceGroups/{group}"
    if group and call.token != _GROUP and not cloud.named(root):
        raise azure(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
    parent = identity.rpartition("/")[0].rpartition("/")[0]
    if call.token != _GROUP and not parent.endswith("/providers") and _is_missing(cloud, parent):
        raise azure(
            404,
            "ParentResourceNotFound",
            f"Failed to perform 'write' on resource(s) of type '{call.token}', because the parent "
            f"resource '{parent}' could not be found.",
        )


def _is_missing(cloud: Cloud, identity: str) -> bool:
    """Tells whether nothing has an id of a known type; parts of a resource count as it."""
    if cloud.named(identity):
        return False
    provider, _, path = identity.rpartition("/providers/")
    words = path.split("/")[1:]
    kinds = tuple(word.lower() for word in words[::2])
    if not provider or not kinds:
        return False
    if kinds in _KINDS:
        return True
    shorter = identity.rpartition("/")[0].rpartition("/")[0]
    return len(kinds) > 1 and _is_missing(cloud, shorter)


def _require_references(cloud: Cloud, call: Call) -> None:
    own = f"/subscriptions/{call.session.account}/".lower()
    for name in dict.fromkeys(_mentioned(call.inputs)):
        if name.lower().startswith(own) and "/providers/" in name and _is_missing(cloud, name):
            raise azure(
                400,
                "InvalidResourceReference",
                f"Resource {name} referenced by resource {call.name} was not found. Please make "
                "sure that the referenced resource exists, and that both resources are in the "
                "same region.",
            )


def _mentioned(inputs: Properties) -> Iterator[str]:
    yield from strings(inputs)
    identity = inputs.get("identity")
    assigned = identity.get("userAssignedIdentities") if isinstance(identity, dict) else None
    if isinstance(assigned, dict):
        yield from assigned


def _unique(cloud: Cloud, call: Call, name: str) -> None:
    if call.token not in GLOBAL:
        return
    if cloud.remembers(f"{call.token} {name.lower()}"):
        raise azure(
            409,
            "ConflictError",
            "A vault with the same name already exists in deleted state. You need to either "
            "recover or purge existing key vault.",
        )
    for one in cloud.resources(call.token):
        if one.id.rpartition("/")[2].lower() == name.lower():
            code, message = _TAKEN.get(
                call.token, ("NameNotAvailable", "The name '{}' is already in use.")
            )
            raise azure(409, code, message.format(name))


def _peering(cloud: Cloud, call: Call, identity: str) -> None:
    mine = cloud.named(identity.rpartition("/virtualNetworkPeerings/")[0])
    theirs = cloud.named(text(call.inputs, "remoteVirtualNetwork", "id"))
    if not mine or not theirs:
        return
    for one in inline.space(mine[0]):
        block = networks.parse(one)
        if block and networks.overlapping(block, ((b, b) for b in inline.space(theirs[0]))):
            raise azure(
                400,
                "VnetAddressSpacesOverlap",
                f"Cannot create or update peering {identity} because address spaces of the "
                "virtual networks overlap.",
            )


def _same_location(cloud: Cloud, call: Call, subnet: str) -> None:
    network = cloud.named(subnet.rpartition("/subnets/")[0])
    here = normal(text(call.inputs, "location"))
    if network and here and normal(text(network[0].properties, "location")) != here:
        raise azure(
            400,
            "InvalidResourceReference",
            f"Resource {subnet} referenced by resource {call.name} was not found. Please make sure "
            "that the referenced resource exists, and that both resources are in the same region.",
        )


def _cluster(cloud: Cloud, call: Call) -> None:
    service = networks.parse(text(call.inputs, "networkProfile", "serviceCidr") or "10.0.0.0/16")
    pools: Value = call.inputs.get("agentPoolProfiles")
    for pool in pools if isinstance(pools, list) else []:
        subnet = cloud.named(text(pool, "vnetSubnetID")) if isinstance(pool, dict) else []
        blocks = inline.prefixes(subnet[0].properties) if subnet else []
        other = networks.overlapping(service, ((b, b) for b in blocks)) if service else ""
        if other:
            raise azure(
                400,
                "ServiceCidrOverlapExistingSubnetsCidr",
                f"The specified service CIDR {service} is conflicted with an existing subnet CIDR "
                f"{other}.",
            )


def _assignment(cloud: Cloud, call: Call, identity: str) -> None:
    keys = ("principalId", "roleDefinitionId", "scope")
    wanted = [text(call.inputs, key).lower().strip("/") for key in keys]
    for one in cloud.resources(call.token):
        there = [text(one.inputs, key).lower().strip("/") for key in keys]
        if there == wanted and one.id != identity:
            raise azure(409, "RoleAssignmentExists", "The role assignment already exists.")


def _vault(call: Call) -> None:
    old = call.old.properties.get("properties") if call.old else None
    new = call.inputs.get("properties")
    if isinstance(old, dict) and isinstance(new, dict):
        was, now = old.get("enablePurgeProtection"), new.get("enablePurgeProtection")
        if was is True and now is not True:
            raise azure(
                400,
                "BadRequest",
                'The property "enablePurgeProtection" cannot be set to false. Enabling the purge '
                "protection for a vault is an irreversible action.",
            )
