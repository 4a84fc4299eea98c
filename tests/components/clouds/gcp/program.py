"""A program that makes one of everything on Google Cloud in every region, as the target does."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.clouds.cloud import (
    CloudDatabaseArgs,
    CloudEnvironment,
    CloudRegion,
    DirectorArgs,
    DnsAccess,
    DnsZone,
    KubernetesCluster,
    PublicAddress,
    RegionEndpoint,
    Registry,
    Size,
    StoredSecret,
    WorkloadIdentity,
    WorkloadIdentityArgs,
)
from components.clouds.gcp.cloud import GcpCloud
from components.clouds.locations import find
from components.target import CacheServer, DatabaseServer, EventBus, LoadBalancer, ObjectStore

PROJECT = "ai-platform-simulated"


def environment(
    *locations: str, size: Size = "large", protect: bool = True, account: str = PROJECT
) -> CloudEnvironment:
    return CloudEnvironment(
        name="production",
        account=account,
        account_key="clouds.gcp.project",
        regions=[
            CloudRegion(
                name=f"gcp-{name}",
                location=find("gcp", name),
                cidr=find("gcp", name).cidr,
                compliance=["gdpr"] if find("gcp", name).jurisdiction == "eu" else [],
            )
            for name in locations or ("europe-west4",)
        ],
        size=size,
        protect=protect,
        kubernetes_version="1.34",
    )


@dataclass
class Region:
    """What was made for a region."""

    cluster: KubernetesCluster
    database: DatabaseServer
    cache: CacheServer
    bus: EventBus
    store: ObjectStore
    secret: StoredSecret
    identity: WorkloadIdentity
    address: PublicAddress
    access: DnsAccess


@dataclass
class Made:
    """What was made for an environment."""

    cloud: GcpCloud
    zone: DnsZone
    regions: dict[str, Region]
    registry: Registry
    director: LoadBalancer


def everything(spec: CloudEnvironment, *, leader: str | None = None) -> Made:
    """Makes one of everything in every region, as the cloud target does."""
    cloud = GcpCloud(spec)
    root = pulumi.ComponentResource("test:Platform", "platform", None)
    zone = cloud.dns_zone("zone", "example.com", parent=root)
    registry = cloud.registry("registry", parent=root)
    names = [one.name for one in spec.regions]
    leader = leader or names[0]
    parents: dict[str, pulumi.Resource] = {
        name: pulumi.ComponentResource(
            "test:Region", name, None, pulumi.ResourceOptions(parent=root)
        )
        for name in names
    }
    clusters = {name: _cluster(cloud, name, parents[name]) for name in names}
    servers: dict[str, DatabaseServer] = {}
    for name in (leader, *(one for one in names if one != leader)):
        servers[name] = _database(
            cloud, name, leader, names, clusters[name], servers.get(leader), parents[name]
        )
    regions = {
        name: _region(cloud, name, clusters[name], servers[name], zone, parents[name])
        for name in names
    }
    endpoints = [
        RegionEndpoint(
            region=name,
            weight=weight,
            host=f"{name}.example.com",
            addresses=regions[name].address.addresses,
        )
        for name, weight in zip(names, _weights(len(names)), strict=True)
    ]
    director = cloud.director(
        "director",
        DirectorArgs(
            zone=zone, host="api.example.com", endpoints=endpoints, health_path="/healthz"
        ),
        parent=root,
    )
    return Made(cloud=cloud, zone=zone, regions=regions, registry=registry, director=director)


def _weights(count: int) -> Sequence[int]:
    return [100 - 10 * (count - 1), *[10] * (count - 1)]


def _cluster(cloud: GcpCloud, name: str, parent: pulumi.Resource) -> KubernetesCluster:
    network = cloud.network(f"{name}-network", name, parent=parent)
    return cloud.cluster(f"{name}-cluster", network, parent=parent)


def _database(
    cloud: GcpCloud,
    name: str,
    leader: str,
    names: Sequence[str],
    cluster: KubernetesCluster,
    server: DatabaseServer | None,
    parent: pulumi.Resource,
) -> DatabaseServer:
    args = CloudDatabaseArgs(
        region=name,
        cluster=cluster,
        leader=leader,
        followers=[one for one in names if one != leader],
        leader_server=server,
        version="17",
        role="primary" if name == leader else "standby",
        administrator_password=pulumi.Output.secret("administrator-password"),
    )
    return cloud.database_server(f"{name}-database", args, parent=parent)


def _region(
    cloud: GcpCloud,
    name: str,
    cluster: KubernetesCluster,
    database: DatabaseServer,
    zone: DnsZone,
    parent: pulumi.Resource,
) -> Region:
    store = cloud.object_store(f"{name}-object-store", cluster, parent=parent)
    return Region(
        cluster=cluster,
        database=database,
        cache=cloud.cache(f"{name}-cache", cluster, version="9", parent=parent),
        bus=cloud.event_bus(f"{name}-event-bus", cluster, parent=parent),
        store=store,
        secret=cloud.secret(
            f"{name}-security", cluster, {"password": "in-confidence"}, parent=parent
        ),
        identity=cloud.workload_identity(
            f"{name}-marketplace",
            WorkloadIdentityArgs(
                cluster=cluster,
                namespace="ai-platform",
                service_account="marketplace",
                grants=["read-secrets", "event-bus", "object-store"],
            ),
            parent=parent,
        ),
        address=cloud.public_address(f"{name}-gateway", cluster, parent=parent),
        access=cloud.dns_access(
            f"{name}-cert-manager",
            zone,
            cluster,
            namespace="cert-manager",
            service_account="cert-manager",
            parent=parent,
        ),
    )
