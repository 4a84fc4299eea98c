"""AWS: implements ``components.clouds.cloud.Cloud``, by a module a concern."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.clouds.aws import (
    address,
    attach,
    cache,
    cluster,
    dns,
    event_bus,
    identity,
    network,
    registry,
    secrets,
)
from components.clouds.aws.account import Account, Place
from components.clouds.aws.cluster import ClusterAccess, own_cluster
from components.clouds.aws.database import GlobalDatabase
from components.clouds.aws.interconnect import AwsInterconnect
from components.clouds.aws.network import own
from components.clouds.aws.object_store import Buckets
from components.clouds.aws.tenant import Tenants
from components.clouds.cloud import (
    CloudDatabaseArgs,
    CloudEnvironment,
    DirectorArgs,
    DnsAccess,
    DnsZone,
    KubernetesCluster,
    PublicAddress,
    Registry,
    StoredSecret,
    WorkloadIdentity,
    WorkloadIdentityArgs,
)
from components.clouds.locations import CloudName
from components.clouds.tenancy import TenantDatabaseArgs, TenantStore, TenantStoreArgs
from components.target import (
    CacheServer,
    Cluster,
    DatabaseServer,
    EventBus,
    LoadBalancer,
    Network,
    ObjectStore,
)

_NO_FURTHER_ACCESS = ClusterAccess()


class AwsCloud:
    """An environment's part on AWS: one account, one provider, every resource told its region.

    Args:
        environment: what AWS needs to know of it.
        access: who reaches the clusters' APIs from outside the networks; nobody by default.
    """

    def __init__(
        self, environment: CloudEnvironment, *, access: ClusterAccess = _NO_FURTHER_ACCESS
    ) -> None:
        """Remembers the environment; makes nothing."""
        self._access = access
        self._account = Account(environment)
        self._database = GlobalDatabase(self._account)
        self._buckets = Buckets()
        self._zone_access = dns.ZoneAccess(self._account)
        self._front: dns.FrontDoor | None = None
        self._tenants = Tenants(self._account)

    @property
    def name(self) -> CloudName:
        """Which cloud this is."""
        return "aws"

    @property
    def interconnected(self) -> AwsInterconnect:
        """What connects the regions with each other and with other clouds."""
        return AwsInterconnect(self._account)

    def check_account(self) -> None:
        """Makes sure that the credentials at hand are of the environment's account.

        Raises:
            AccountError: there are none, or they are of another account.
        """
        self._account.check()

    def network(self, name: str, region: str, *, parent: pulumi.Resource) -> Network:
        """Makes a region's VPC and its KMS keys."""
        spec = self._account.environment.region(region)
        return network.network(Place(account=self._account, region=spec), name, parent=parent)

    def cluster(self, name: str, network: Network, *, parent: pulumi.Resource) -> KubernetesCluster:
        """Makes a region's EKS cluster in Auto Mode."""
        return cluster.cluster(self._access, name, own(network), parent=parent)

    def database_server(
        self, name: str, args: CloudDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a region's cluster of the Aurora Global Database, or lets it lead."""
        return self._database.server(name, args, parent=parent)

    def cache(
        self, name: str, cluster: Cluster, *, version: str, parent: pulumi.Resource
    ) -> CacheServer:
        """Makes a region's ElastiCache for Valkey."""
        return cache.cache(own_cluster(cluster), name, version=version, parent=parent)

    def event_bus(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> EventBus:
        """Makes a region's MSK cluster."""
        return event_bus.event_bus(own_cluster(cluster), name, parent=parent)

    def object_store(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> ObjectStore:
        """Makes a region's S3 bucket, and its replication once there is where to."""
        return self._buckets.make(own_cluster(cluster), name, parent=parent)

    def secret(
        self,
        name: str,
        cluster: KubernetesCluster,
        values: Mapping[str, pulumi.Input[str]],
        *,
        parent: pulumi.Resource,
    ) -> StoredSecret:
        """Keeps values in Secrets Manager."""
        return secrets.secret(own_cluster(cluster), name, values, parent=parent)

    def secret_store(
        self, cluster: KubernetesCluster, *, service_account: str
    ) -> Mapping[str, Any]:
        """Returns the store's provider; the service account's role comes by Pod Identity."""
        del service_account
        return secrets.secret_store(own_cluster(cluster))

    def workload_identity(
        self, name: str, args: WorkloadIdentityArgs, *, parent: pulumi.Resource
    ) -> WorkloadIdentity:
        """Makes a role and an EKS Pod Identity association."""
        return identity.workload_identity(own_cluster(args.cluster), name, args, parent=parent)

    def public_address(
        self, name: str, cluster: KubernetesCluster, *, parent: pulumi.Resource
    ) -> PublicAddress:
        """Reserves elastic addresses for the gateway's Network Load Balancer."""
        return address.public_address(own_cluster(cluster), name, parent=parent)

    def registry(self, name: str, *, parent: pulumi.Resource) -> Registry:
        """Makes an ECR repository a region."""
        return registry.registry(self._account, name, parent=parent)

    def dns_zone(self, name: str, domain: str, *, parent: pulumi.Resource) -> DnsZone:
        """Makes the environment's Route 53 zone, signed."""
        return dns.dns_zone(self._account, name, domain, parent=parent)

    def dns_access(
        self,
        name: str,
        zone: DnsZone,
        cluster: KubernetesCluster,
        *,
        namespace: str,
        service_account: str,
        parent: pulumi.Resource,
    ) -> DnsAccess:
        """Lets a service account of a cluster on any cloud change the zone's records."""
        return self._zone_access.grant(
            name,
            zone,
            cluster,
            namespace=namespace,
            service_account=service_account,
            parent=parent,
        )

    def director(self, name: str, args: DirectorArgs, *, parent: pulumi.Resource) -> LoadBalancer:
        """Makes weighted, health-checked records in Route 53."""
        self._front = dns.director(self._account, name, args, parent=parent)
        return self._front

    @property
    def address_count(self) -> int:
        """How many public addresses a region's gateway has here."""
        return address.address_count(self._account.environment)

    def export(self, cluster: KubernetesCluster) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what a cell must be told of a region."""
        return attach.export(own_cluster(cluster))

    def attach(
        self,
        name: str,
        region: str,
        exported: pulumi.Output[Mapping[str, Any]],
        *,
        parent: pulumi.Resource,
    ) -> KubernetesCluster:
        """Returns a region's cluster and network as another stack exported them."""
        spec = self._account.environment.region(region)
        place = Place(account=self._account, region=spec)
        return attach.attach(place, name, exported, parent=parent)

    def export_zone(self, zone: DnsZone) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what a cell must be told of the zone.

        Raises:
            ValueError: the zone has no director yet, whose health checks tenants' names share.
        """
        if self._front is None:
            raise ValueError(
                f"{zone.domain} has no director yet: make it before exporting the zone"
            )
        return attach.export_zone(zone, self._front)

    def attach_zone(self, domain: str, exported: pulumi.Output[Mapping[str, Any]]) -> DnsZone:
        """Returns the zone as another stack exported it; makes nothing."""
        return attach.attach_zone(self._account, domain, exported)

    def tenant_store(
        self, name: str, args: TenantStoreArgs, *, parent: pulumi.Resource
    ) -> TenantStore:
        """Makes a tenant's key and bucket in a region."""
        return self._tenants.store(name, args, parent=parent)

    def tenant_database(
        self, name: str, args: TenantDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a tenant's own Aurora cluster."""
        return self._tenants.database(name, args, parent=parent)

    def tenant_director(
        self, name: str, args: DirectorArgs, *, parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Makes a tenant's own name: weighted, health-checked records."""
        return self._tenants.director(name, args, parent=parent)
