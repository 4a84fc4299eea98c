"""Cloud SQL's own order of things: primaries, replicas, names that stay taken.

Sources: "About replication in Cloud SQL", "Use advanced disaster recovery", the SQL Admin API.
"""

from typing import Final

from components.clouds.local.provider.values import Value
from tools.simulation.behaviour import Call, text
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.errors import gcp

INSTANCE: Final = "gcp:sql/databaseInstance:DatabaseInstance"
_PRIMARY, _REPLICA = "CLOUD_SQL_INSTANCE", "READ_REPLICA_INSTANCE"


def _find(cloud: Cloud, place: str, name: str) -> Resource | None:
    return cloud.find(INSTANCE, place, name.rpartition(":")[2]) if name else None


def replicas(cloud: Cloud, primary: Resource) -> list[Resource]:
    """Returns the instances that follow one."""
    return [
        one
        for one in cloud.resources(INSTANCE, primary.place)
        if text(one.properties, "masterInstanceName").rpartition(":")[2] == primary.id
    ]


def admit(cloud: Cloud, call: Call) -> None:
    """Refuses what Cloud SQL refuses.

    Raises:
        CloudError: in its words.
    """
    if call.token in {"gcp:sql/database:Database", "gcp:sql/user:User"}:
        name = text(call.inputs, "instance")
        if _find(cloud, call.place, name) is None:
            raise gcp(404, f"The Cloud SQL instance {name} does not exist.", "notFound")
    if call.token != INSTANCE or call.old is not None:
        return
    name = text(call.inputs, "name")
    if cloud.remembers(f"{INSTANCE} {call.place} {name}"):
        raise gcp(
            409,
            "The Cloud SQL instance already exists. When you delete an instance, you can't reuse "
            "the name of the deleted instance until one week from the deletion date.",
            "instanceAlreadyExists",
        )
    source = text(call.inputs, "masterInstanceName")
    if not source:
        return
    primary = _find(cloud, call.place, source)
    if primary is None:
        raise gcp(404, f"The master instance {source} does not exist.", "notFound")
    if text(primary.properties, "databaseVersion") != text(call.inputs, "databaseVersion"):
        raise gcp(
            400,
            "The replica's database version must be that of the primary, "
            f"{text(primary.properties, 'databaseVersion')}.",
            "invalidRequest",
        )


def release(cloud: Cloud, resource: Resource) -> None:
    """Refuses to delete a primary that is followed.

    Raises:
        CloudError: in its words.
    """
    if resource.token == INSTANCE and (followers := replicas(cloud, resource)):
        raise gcp(
            400,
            f"Invalid request: Cannot delete instance {resource.id} because it has replicas: "
            f"{', '.join(one.id for one in followers)}.",
            "invalidOperation",
        )


def after(cloud: Cloud, call: Call) -> None:
    """Keeps primaries' lists of replicas, and the names of what is deleted."""
    if call.token != INSTANCE:
        return
    if call.old is not None and cloud.find(INSTANCE, call.place, call.id) is None:
        cloud.remember(f"{INSTANCE} {call.place} {call.id}")
    describe(cloud, call.place)


def describe(cloud: Cloud, place: str) -> None:
    """Renews what every instance of a project says of its replicas."""
    for one in cloud.resources(INSTANCE, place):
        names: list[Value] = [follower.id for follower in replicas(cloud, one)]
        kind = _REPLICA if text(one.properties, "masterInstanceName") else _PRIMARY
        if one.properties.get("replicaNames") != names or kind != one.properties["instanceType"]:
            cloud.adjust(one, {"replicaNames": names, "instanceType": kind})


def lead(cloud: Cloud, place: str, name: str, *, alone: bool) -> None:
    """Makes a replica the primary.

    Args:
        cloud: where.
        place: the project.
        name: the replica's.
        alone: promote it away from the others; else it changes roles with the primary.

    Raises:
        KeyError: there is no such replica.
    """
    replica = _find(cloud, place, name)
    primary = (
        _find(cloud, place, text(replica.properties, "masterInstanceName")) if replica else None
    )
    if replica is None or primary is None:
        raise KeyError(name)
    with cloud.transaction():
        followers = [one for one in replicas(cloud, primary) if one.id != replica.id]
        cloud.adjust(replica, {"masterInstanceName": ""})
        if not alone:
            for one in (primary, *followers):
                cloud.adjust(one, {"masterInstanceName": replica.id})
        describe(cloud, place)
