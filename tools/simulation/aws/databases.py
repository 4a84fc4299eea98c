"""Aurora's own order of things: global clusters, who writes, who follows.

Source: "Using Amazon Aurora Global Database" and the RDS API reference; what the provider adds to
it is marked so.
"""

from typing import Final

from components.clouds.local.provider.values import Value
from tools.simulation.aws.references import refusal
from tools.simulation.behaviour import Call, text
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.errors import CloudError, aws

CLUSTER: Final = "aws:rds/cluster:Cluster"
GLOBAL: Final = "aws:rds/globalCluster:GlobalCluster"
_OF_THE_PRIMARY: Final = ("masterUsername", "masterPassword", "databaseName")


def members(cloud: Cloud, name: str) -> list[Resource]:
    """Returns the clusters of a global cluster, the one that writes first."""
    found = [
        one
        for one in cloud.resources(CLUSTER)
        if name and text(one.properties, "globalClusterIdentifier") == name
    ]
    return sorted(found, key=lambda one: one.properties.get("isWriter") is not True)


def admit(cloud: Cloud, call: Call) -> None:
    """Refuses what Aurora refuses.

    Raises:
        CloudError: in its words.
    """
    if call.token == CLUSTER:
        _join(cloud, call) if call.old is None else _stay(call, call.old)
    elif call.token == GLOBAL and call.old is None:
        source = text(call.inputs, "sourceDbClusterIdentifier")
        found = cloud.named(source) if source else []
        if source and not found:
            raise refusal(call, "DBClusterNotFoundFault", f"DBCluster {source} not found.")
        if found and text(found[0].properties, "globalClusterIdentifier"):
            raise refusal(
                call,
                "InvalidDBClusterStateFault",
                f"The source cluster {source} already belongs to a global cluster.",
            )


def _join(cloud: Cloud, call: Call) -> None:
    others = members(cloud, text(call.inputs, "globalClusterIdentifier"))
    if others or text(call.inputs, "replicationSourceIdentifier"):
        _follow(call, others)
    else:
        _lead(call)


def _lead(call: Call) -> None:
    managed = call.inputs.get("manageMasterUserPassword") is True
    if any(call.inputs.get(key) for key in ("snapshotIdentifier", "restoreToPointInTime")):
        return
    if not text(call.inputs, "masterUsername"):
        raise _combination(call, "The parameter MasterUsername must be provided")
    if not (managed or _has_password(call)):
        raise _combination(call, "The parameter MasterUserPassword must be provided")


def _follow(call: Call, others: list[Resource]) -> None:
    for key in _OF_THE_PRIMARY:
        if call.inputs.get(key):
            raise _combination(
                call,
                f"Cannot specify {key} for a cluster that joins a global cluster as a secondary: "
                "it comes from the primary",
            )
    region = call.place.rpartition("/")[2]
    name = text(call.inputs, "globalClusterIdentifier")
    for one in others:
        if one.place == call.place:
            raise refusal(
                call,
                "InvalidParameterValue",
                f"The global cluster {name} already has a cluster in {region}: {one.id}",
            )
    is_encrypted = bool(others) and others[0].properties.get("storageEncrypted") is True
    if is_encrypted and not text(call.inputs, "kmsKeyId"):
        raise _combination(
            call,
            "The source cluster is encrypted: KmsKeyId must be provided for the secondary cluster",
        )
    major = text(call.inputs, "engineVersion").partition(".")[0]
    first = text(others[0].properties, "engineVersion").partition(".")[0] if others else ""
    if major and first and major != first:
        raise _combination(
            call,
            f"The engine version {major} is not compatible with the engine version {first} of the "
            f"global cluster {name}",
        )


def _has_password(call: Call) -> bool:
    return any(call.inputs.get(key) for key in ("masterPassword", "masterPasswordWo"))


def _stay(call: Call, old: Resource) -> None:
    before = text(old.properties, "globalClusterIdentifier")
    now = text(call.inputs, "globalClusterIdentifier")
    # These two are the provider's own: RDS has no call for either.
    if now and not before:
        raise CloudError("existing RDS Clusters cannot be added to an existing RDS Global Cluster")
    if now and before != now:
        raise CloudError(
            "existing RDS Clusters cannot be migrated between existing RDS Global Clusters"
        )


def release(cloud: Cloud, call: Call, resource: Resource) -> None:
    """Refuses to delete what Aurora keeps.

    Raises:
        CloudError: in its words.
    """
    del call
    if resource.token == CLUSTER:
        name = text(resource.properties, "globalClusterIdentifier")
        followers = [one for one in members(cloud, name) if one.id != resource.id]
        if resource.properties.get("isWriter") is True and followers:
            raise aws(
                "RDS: RemoveFromGlobalCluster",
                "InvalidGlobalClusterStateFault",
                f"Cannot remove the primary cluster {resource.id} while the global cluster {name} "
                "has secondary clusters",
            )
        skips = resource.properties.get("skipFinalSnapshot") is True
        if not skips and not text(resource.properties, "finalSnapshotIdentifier"):
            raise CloudError(
                "RDS Cluster final_snapshot_identifier is required when skip_final_snapshot is "
                "false"
            )
    forces = resource.properties.get("forceDestroy") is True
    if resource.token == GLOBAL and not forces and (found := members(cloud, resource.id)):
        raise aws(
            "RDS: DeleteGlobalCluster",
            "InvalidGlobalClusterStateFault",
            f"Global Cluster {resource.id} is not empty: it has {found[0].id}",
        )


def after(cloud: Cloud, call: Call) -> None:
    """Keeps global clusters and their members in step."""
    if call.token == CLUSTER:
        made = cloud.find(CLUSTER, call.place, call.id)
        names = {text(call.inputs, "globalClusterIdentifier")}
        if call.old is not None:
            names.add(text(call.old.properties, "globalClusterIdentifier"))
        if made is not None:
            _settle_role(cloud, made)
        for name in names - {""}:
            describe(cloud, name)
    elif call.token == GLOBAL:
        source = text(call.inputs, "sourceDbClusterIdentifier")
        if call.old is None and source and (found := cloud.named(source)):
            joined: dict[str, Value] = {"globalClusterIdentifier": call.id, "isWriter": True}
            cloud.adjust(found[0], joined)
            describe(cloud, call.id)
        if call.old is not None and cloud.find(GLOBAL, call.place, call.id) is None:
            for one in members(cloud, call.id):
                cloud.adjust(one, {"globalClusterIdentifier": "", "isWriter": True})
    elif call.token == "aws:rds/clusterInstance:ClusterInstance":  # noqa: S105 - a type
        _list_instances(cloud, call)


def _settle_role(cloud: Cloud, cluster: Resource) -> None:
    name = text(cluster.properties, "globalClusterIdentifier")
    if "isWriter" not in cluster.properties or not name:
        others = [one for one in members(cloud, name) if one.key != cluster.key]
        cloud.adjust(cluster, {"isWriter": not others})


def _list_instances(cloud: Cloud, call: Call) -> None:
    name = text(call.inputs, "clusterIdentifier")
    cluster = cloud.find(CLUSTER, call.place, name)
    if cluster is not None:
        instances: list[Value] = [
            one.id
            for one in cloud.resources(call.token, call.place)
            if text(one.properties, "clusterIdentifier") == name
        ]
        cloud.adjust(cluster, {"clusterMembers": instances})


def describe(cloud: Cloud, name: str) -> None:
    """Renews what a global cluster says of its members."""
    for one in cloud.resources(GLOBAL):
        if one.id != name:
            continue
        found = members(cloud, name)
        readers: list[Value] = [
            text(member.properties, "arn")
            for member in found
            if member.properties.get("isWriter") is not True
        ]
        listed: list[Value] = [
            {
                "dbClusterArn": text(member.properties, "arn"),
                "isWriter": member.properties.get("isWriter") is True,
                "readers": readers if member.properties.get("isWriter") is True else [],
            }
            for member in found
        ]
        cloud.adjust(one, {"globalClusterMembers": listed})


def lead(cloud: Cloud, name: str, leader: str) -> None:
    """Makes one member of a global cluster its writer, as a switchover or a failover does.

    Args:
        cloud: where.
        name: the global cluster's identifier.
        leader: ARN of the member.

    Raises:
        KeyError: the global cluster has no such member.
    """
    found = members(cloud, name)
    if leader not in {text(one.properties, "arn") for one in found}:
        raise KeyError(leader)
    with cloud.transaction():
        for one in found:
            cloud.adjust(one, {"isWriter": text(one.properties, "arn") == leader})
        describe(cloud, name)


def _combination(call: Call, message: str) -> CloudError:
    return refusal(call, "InvalidParameterCombination", message)
