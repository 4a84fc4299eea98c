"""PostgreSQL Flexible Server's own order of things: sources, replicas, promotion.

Source: "Read replicas in Azure Database for PostgreSQL", "Promote read replicas".
"""

import json
from ipaddress import IPv4Network
from typing import Final

from components.clouds.local.provider.values import Properties
from tools.simulation.behaviour import Call, digest, text
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.errors import azure

SERVER: Final = "azure-native:dbforpostgresql:Server"
PARAMETER: Final = "azure-native:dbforpostgresql:Configuration"
PENDING: Final = "isConfigPendingRestart"
RECORD: Final = "azure-native:privatedns:PrivateRecordSet"
_LINK: Final = "azure-native:privatedns:VirtualNetworkLink"
_DELEGATE: Final = "Microsoft.DBforPostgreSQL/flexibleServers"
_MOST_REPLICAS: Final = 5
_STATIC: Final = ("max_", "wal_level")
_PRIMARY, _REPLICA = "Primary", "AsyncReplica"
_COPYING: Final = {"Replica", "GeoRestore", "PointInTimeRestore"}


def replicas(cloud: Cloud, source: Resource) -> list[Resource]:
    """Returns the servers that follow one."""
    return [
        one
        for one in cloud.resources(SERVER, source.place)
        if text(one.properties, "sourceServerResourceId").lower() == source.id.lower()
        and text(one.properties, "replicationRole") == _REPLICA
    ]


def admit(cloud: Cloud, call: Call) -> None:
    """Refuses what the service refuses.

    Raises:
        CloudError: in its words.
    """
    if call.token != SERVER or call.old is not None:
        return
    _networked(cloud, call)
    mode = text(call.inputs, "createMode")
    source = text(call.inputs, "sourceServerResourceId")
    if mode not in _COPYING:
        given = call.inputs.get("administratorLogin") and call.inputs.get(
            "administratorLoginPassword"
        )
        config = call.inputs.get("authConfig")
        disabled = isinstance(config, dict) and text(config, "passwordAuth") == "Disabled"
        if not given and not disabled:
            raise azure(
                400,
                "InvalidParameterValue",
                "administratorLogin and administratorLoginPassword are required where password "
                "authentication is enabled.",
            )
        return
    found = cloud.named(source)
    if not found:
        raise azure(
            404, "ResourceNotFound", f"The source server '{source}' was not found for {mode}."
        )
    if mode == "Replica":
        _replica(cloud, found[0])


def _networked(cloud: Cloud, call: Call) -> None:
    subnet = text(call.inputs, "network", "delegatedSubnetResourceId")
    zone = text(call.inputs, "network", "privateDnsZoneArmResourceId")
    if not subnet:
        return
    if not any(_DELEGATE in json.dumps(one.properties) for one in cloud.named(subnet)):
        raise azure(
            400,
            "InvalidVnetSubnetDelegation",
            f"The subnet {subnet} is not delegated to {_DELEGATE}.",
        )
    network = subnet.rpartition("/subnets/")[0].lower()
    linked = [
        one
        for one in cloud.resources(_LINK, call.place)
        if one.id.lower().startswith(f"{zone.lower()}/")
        and text(one.inputs, "virtualNetwork", "id").lower() == network
    ]
    if not zone.endswith(".postgres.database.azure.com") or not linked:
        raise azure(
            400,
            "PrivateDnsZoneNotLinked",
            f"'{zone}' is no private zone under postgres.database.azure.com that is linked to the "
            "server's network.",
        )


def _register(cloud: Cloud, server: Resource) -> None:
    """Writes a server's address into its private zone."""
    zone = text(server.inputs, "network", "privateDnsZoneArmResourceId")
    subnet = cloud.named(text(server.inputs, "network", "delegatedSubnetResourceId"))
    if not zone or not subnet:
        return
    addresses = IPv4Network(text(subnet[0].properties, "addressPrefix"))
    name = digest(server.id)[:12]
    cloud.add(
        token=RECORD,
        place=server.place,
        id=f"{zone}/A/{name}",
        urn=server.urn,
        inputs={},
        properties={"name": name, "aRecords": [{"ipv4Address": str(addresses[4])}]},
    )


def _replica(cloud: Cloud, source: Resource) -> None:
    if text(source.properties, "replicationRole") == _REPLICA:
        raise azure(
            400,
            "ReadReplicaNotSupportedOnReplica",
            f"{source.id} is a replica itself; name the primary as the source.",
        )
    if len(replicas(cloud, source)) >= _MOST_REPLICAS:
        raise azure(
            400,
            "ReplicaLimitExceeded",
            f"{source.id} has {_MOST_REPLICAS} replicas, which is the most it can have.",
        )


def after(cloud: Cloud, call: Call) -> None:
    """Carries out a promotion that an update asks for; a deleted source leaves servers alone.

    A parameter that a server takes up when it starts is pending until ``restart``.
    """
    if call.token == PARAMETER:
        _set(cloud, call)
    if call.token != SERVER:
        return
    server = cloud.find(SERVER, call.place, call.id)
    if server is not None and call.old is None:
        _register(cloud, server)
    if server is None and call.old is not None:
        for one in cloud.resources(RECORD, call.place):
            if one.urn == call.old.urn:
                cloud.remove(one)
        for one in replicas(cloud, call.old):
            cloud.adjust(one, {"replicationRole": _PRIMARY, "sourceServerResourceId": ""})
    elif server is not None and call.old is not None:
        asked = call.inputs.get("replica")
        if isinstance(asked, dict) and text(asked, "role") == _PRIMARY:
            promote(cloud, server, text(asked, "promoteMode"))


def _set(cloud: Cloud, call: Call) -> None:
    made = cloud.find(PARAMETER, call.place, call.id)
    if made is None or (call.old and call.old.inputs.get("value") == call.inputs.get("value")):
        return
    static = text(call.inputs, "configurationName").startswith(_STATIC)
    cloud.adjust(made, {PENDING: static})


def restart(cloud: Cloud, server: Resource) -> None:
    """Lets a server take up its parameters."""
    for one in cloud.resources(PARAMETER, server.place):
        if one.id.lower().startswith(f"{server.id.lower()}/"):
            cloud.adjust(one, {PENDING: False})


def promote(cloud: Cloud, server: Resource, mode: str) -> None:
    """Makes a replica a primary; nothing happens to one that is.

    Args:
        cloud: where.
        server: the replica.
        mode: ``Switchover`` changes roles with the source, ``Standalone`` leaves it.
    """
    found = cloud.named(text(server.properties, "sourceServerResourceId"))
    if text(server.properties, "replicationRole") != _REPLICA:
        return
    with cloud.transaction():
        leading: Properties = {"replicationRole": _PRIMARY, "sourceServerResourceId": ""}
        if found and mode.lower() == "switchover":
            following: Properties = {
                "replicationRole": _REPLICA,
                "sourceServerResourceId": server.id,
            }
            for one in (found[0], *replicas(cloud, found[0])):
                if one.key != server.key:
                    cloud.adjust(one, following)
        cloud.adjust(server, leading)
