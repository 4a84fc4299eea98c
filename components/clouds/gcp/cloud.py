"""Google Cloud: implements ``components.clouds.cloud.Cloud`` with Google's own services."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pulumi
import pulumi_gcp as gcp

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
from components.clouds.gcp import (
    attach,
    cache,
    cluster,
    database,
    dns,
    event_bus,
    identity,
    network,
    object_store,
    registry,
    secrets,
    tenant,
)
from components.clouds.gcp.interconnect import GcpInterconnect
from components.clouds.gcp.project import Project
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


class GcpCloud:
    """An environment's part on Google Cloud, all of it in one project.

    Args:
        environment: what to make; the project is its account.
    """

    name: CloudName = "gcp"

    def __init__(self, environment: CloudEnvironment) -> None:
        """Remembers the environment; makes nothing."""
        self._project = Project(environment)
        self._buckets: dict[str, gcp.storage.Bucket] = {}
        self._front: dns.FrontDoor | None = None

    @cached_property
    def _vpc(self) -> gcp.compute.Network:
        return network.vpc(self._project)

    @cached_property
    def _leadership(self) -> gcp.serviceaccount.Account:
        return database.leadership_account(self._project)

    @cached_property
    def _prepared(self) -> Project:
        """The project in a cell's stack, which makes nothing that there is once."""
        return Project(self._project.environment, prepared=True)

    def _bucket(self, region: str) -> pulumi.Output[str]:
        if region not in self._buckets:
            raise ValueError(f"{region} has no object store yet: make it before granting its use")
        return self._buckets[region].name

    @property
    def interconnected(self) -> GcpInterconnect:
        """What connects the regions with other clouds."""
        return GcpInterconnect(self._project)

    def check_account(self) -> None:
        """Makes sure that the credentials at hand are of the environment's project.

        Raises:
            AccountError: there are none, or they are of another project.
        """
        self._project.check_account()

    def network(self, name: str, region: str, *, parent: pulumi.Resource) -> Network:
        """Makes a region's subnets, NAT, flow logs and keys in the environment's one VPC."""
        return network.network(
            self._project,
            self._vpc,
            name,
            self._project.environment.region(region),
            parent=parent,
        )

    def cluster(self, name: str, network: Network, *, parent: pulumi.Resource) -> KubernetesCluster:
        """Makes a region's GKE cluster and its nodes."""
        return cluster.cluster(self._project, name, network, parent=parent)

    def database_server(
        self, name: str, args: CloudDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a region's server on Cloud SQL; changes who leads by a job in its region."""
        several = args.leader_server is not None or args.followers
        account = self._leadership if several else None
        return database.database_server(self._project, account, name, args, parent=parent)

    def cache(
        self, name: str, cluster: Cluster, *, version: str, parent: pulumi.Resource
    ) -> CacheServer:
        """Makes a region's Memorystore for Valkey."""
        return cache.cache(self._project, name, cluster, version=version, parent=parent)

    def event_bus(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> EventBus:
        """Makes a region's Kafka."""
        return event_bus.event_bus(self._project, name, cluster, parent=parent)

    def object_store(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> ObjectStore:
        """Makes a region's bucket and its replica under the same law."""
        store = object_store.object_store(self._project, name, cluster, parent=parent)
        self._buckets[cluster.region] = store.bucket
        return store

    def secret(
        self,
        name: str,
        cluster: KubernetesCluster,
        values: Mapping[str, pulumi.Input[str]],
        *,
        parent: pulumi.Resource,
    ) -> StoredSecret:
        """Keeps values in Secret Manager, in the region, under its key."""
        return secrets.secret(self._project, name, cluster, values, parent=parent)

    def secret_store(
        self, cluster: KubernetesCluster, *, service_account: str
    ) -> Mapping[str, Any]:
        """Returns the ``spec.provider`` of the region's ClusterSecretStore."""
        return secrets.secret_store(self._project, cluster, service_account=service_account)

    def workload_identity(
        self, name: str, args: WorkloadIdentityArgs, *, parent: pulumi.Resource
    ) -> WorkloadIdentity:
        """Lets a Kubernetes service account act as a Google one.

        Raises:
            ValueError: ``object-store`` is granted in a region that has none yet.
        """
        return identity.workload_identity(
            self._project, name, args, bucket=self._bucket, parent=parent
        )

    def public_address(
        self, name: str, cluster: KubernetesCluster, *, parent: pulumi.Resource
    ) -> PublicAddress:
        """Reserves the static address of a region's gateway."""
        return dns.public_address(self._project, name, cluster, parent=parent)

    def registry(self, name: str, *, parent: pulumi.Resource) -> Registry:
        """Makes the environment's repository of images."""
        return registry.registry(self._project, name, parent=parent)

    def dns_zone(self, name: str, domain: str, *, parent: pulumi.Resource) -> DnsZone:
        """Makes the environment's public zone, signed."""
        return dns.zone(self._project, name, domain, parent=parent)

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
        """Lets a service account of a cluster on Google Cloud change the zone's records.

        Raises:
            TypeError: the cluster is on another cloud.
        """
        return dns.access(
            self._project,
            name,
            zone,
            cluster,
            namespace=namespace,
            service_account=service_account,
            parent=parent,
        )

    def director(self, name: str, args: DirectorArgs, *, parent: pulumi.Resource) -> LoadBalancer:
        """Makes the front door: a weighted, health-checked record."""
        self._front = dns.director(self._project, name, args, parent=parent)
        return self._front

    @property
    def address_count(self) -> int:
        """How many public addresses a region's gateway has here."""
        return 1

    def export(self, cluster: KubernetesCluster) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what a cell must be told of a region."""
        return attach.export(self._project, cluster)

    def attach(
        self,
        name: str,
        region: str,
        exported: pulumi.Output[Mapping[str, Any]],
        *,
        parent: pulumi.Resource,
    ) -> KubernetesCluster:
        """Returns a region's cluster, network and keys as another stack exported them."""
        return attach.attach(self._prepared, name, region, exported, parent=parent)

    def export_zone(self, zone: DnsZone) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what a cell must be told of the zone.

        Raises:
            ValueError: the zone has no director yet, whose health check tenants' names share.
        """
        if self._front is None:
            raise ValueError(
                f"{zone.domain} has no director yet: make it before exporting the zone"
            )
        return attach.export_zone(zone, self._front)

    def attach_zone(self, domain: str, exported: pulumi.Output[Mapping[str, Any]]) -> DnsZone:
        """Returns the zone as another stack exported it; makes nothing."""
        return attach.attach_zone(self._prepared, domain, exported)

    def tenant_store(
        self, name: str, args: TenantStoreArgs, *, parent: pulumi.Resource
    ) -> TenantStore:
        """Makes a tenant's key and bucket in a region."""
        return tenant.tenant_store(self._prepared, name, args, parent=parent)

    def tenant_database(
        self, name: str, args: TenantDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a tenant's own server on Cloud SQL."""
        return tenant.tenant_database(self._prepared, name, args, parent=parent)

    def tenant_director(
        self, name: str, args: DirectorArgs, *, parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Makes a tenant's own name: a weighted, health-checked record."""
        return tenant.tenant_director(self._prepared, name, args, parent=parent)
