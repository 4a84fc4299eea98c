"""Subnets of virtual networks, whether declared within their network or beside it."""

from typing import Final

from components.clouds.local.provider.values import Properties, Value
from tools.simulation import networks
from tools.simulation.behaviour import Call, text
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.errors import azure

NETWORK: Final = "azure-native:network:VirtualNetwork"
SUBNET: Final = "azure-native:network:Subnet"


def prefixes(properties: Properties) -> list[str]:
    """Returns the address blocks of a subnet."""
    return networks.blocks(properties, "addressPrefix", "addressPrefixes")


def space(network: Resource) -> list[str]:
    """Returns the address blocks of a network."""
    return _space(network.properties)


def _space(properties: Properties) -> list[str]:
    found = properties.get("addressSpace")
    return networks.blocks(found, "addressPrefixes") if isinstance(found, dict) else []


def _declared(inputs: Properties) -> dict[str, Properties]:
    subnets: Value = inputs.get("subnets")
    return {
        text(one, "name"): one
        for one in (subnets if isinstance(subnets, list) else [])
        if isinstance(one, dict)
    }


def _of(cloud: Cloud, identity: str) -> list[Resource]:
    prefix = f"{identity.lower()}/"
    return [one for one in cloud.resources(SUBNET) if one.id.lower().startswith(prefix)]


def admit(cloud: Cloud, call: Call, identity: str) -> None:
    """Refuses a network whose own subnets do not fit, or that drops one in use.

    Raises:
        CloudError: in Azure's words.
    """
    declared = _declared(call.inputs)
    seen: list[tuple[str, str]] = []
    for name, one in declared.items():
        _within(name, identity, prefixes(one), _space(call.inputs), seen)
        seen += [(name, block) for block in prefixes(one)]
    for there in _of(cloud, identity):
        name = there.id.rpartition("/")[2]
        users = [one for one in cloud.mentioning(there) if one.token != NETWORK]
        if not there.urn and declared and name not in declared and users:
            raise azure(
                400,
                "InUseSubnetCannotBeDeleted",
                f"Subnet {name} is in use by {users[0].id} and cannot be deleted.",
            )


def fits(cloud: Cloud, network: Resource, identity: str, inputs: Properties) -> None:
    """Refuses a subnet that is not within its network, or overlaps another one.

    Raises:
        CloudError: in Azure's words.
    """
    others = [
        (one.id.rpartition("/")[2], block)
        for one in _of(cloud, network.id)
        if one.id.lower() != identity.lower()
        for block in prefixes(one.properties)
    ]
    name = identity.rpartition("/")[2]
    _within(name, network.id, prefixes(inputs), space(network), others)


def _within(
    name: str, network: str, mine: list[str], within: list[str], others: list[tuple[str, str]]
) -> None:
    parent = network.rpartition("/")[2]
    around = [networks.parse(block) for block in within]
    for one in mine:
        block = networks.parse(one)
        if block is None:
            continue
        if not any(outer is not None and block.subnet_of(outer) for outer in around):
            raise azure(
                400,
                "NetcfgInvalidSubnet",
                f"Subnet '{name}' is not valid in virtual network '{parent}'.",
            )
        if other := networks.overlapping(block, others):
            raise azure(
                400,
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{name}' is not valid because its IP address range overlaps with that of "
                f"an existing subnet '{other}' in virtual network '{parent}'.",
            )


def after(cloud: Cloud, call: Call) -> None:
    """Makes, changes and removes the subnets that a network declares within itself."""
    network = cloud.find(NETWORK, call.place, call.id) if call.token == NETWORK else None
    if network is None:
        return
    declared = _declared(call.inputs)
    there = {one.id.rpartition("/")[2]: one for one in _of(cloud, call.id)}
    for name, inputs in declared.items():
        properties: Properties = {**inputs, "id": f"{call.id}/subnets/{name}"}
        if name in there:
            cloud.change(there[name], inputs=inputs, properties=properties)
        else:
            cloud.add(
                token=SUBNET,
                place=call.place,
                id=f"{call.id}/subnets/{name}",
                urn="",
                inputs=inputs,
                properties=properties,
            )
    for name, one in there.items():
        # Without any of its own, the provider leaves those that stand beside the network alone.
        if declared and name not in declared and not one.urn:
            cloud.remove(one)
