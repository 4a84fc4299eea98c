"""Azure: implements ``components.clouds.tenancy.TenantCloud``."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.clouds.azure import (
    attach,
    cache,
    cluster,
    dns,
    event_bus,
    identity,
    object_store,
    registry,
    secrets,
)
from components.clouds.azure.database import Databases
from components.clouds.azure.event_bus import AzureEventBus
from components.clouds.azure.interconnect import AzureInterconnect
from components.clouds.azure.network import network_of, own
from components.clouds.azure.object_store import AzureObjectStore
from components.clouds.azure.private_link import PrivateLink
from components.clouds.azure.region import region_network
from components.clouds.azure.subscription import Subscription
from components.clouds.azure.tenant import Tenants
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


class AzureCloud:
    """The environment's part on Azure."""

    def __init__(self, environment: CloudEnvironment) -> None:
        """Remembers the environment; makes nothing."""
        self._environment = environment
        self._subscription = Subscription(environment)
        self._link = PrivateLink(self._subscription)
        self._databases = Databases(self._link)
        self._event_buses: dict[str, AzureEventBus] = {}
        self._object_stores: dict[str, AzureObjectStore] = {}
        self._tenants = Tenants(self._subscription)
        self._host: str | None = None

    @property
    def name(self) -> CloudName:
        """Which cloud this is."""
        return "azure"

    @property
    def interconnected(self) -> AzureInterconnect:
        """What connects the regions with each other and with other clouds."""
        return AzureInterconnect(self._subscription)

    def check_account(self) -> None:
        """Makes sure that the credentials at hand are of the environment's subscription."""
        self._subscription.check()

    def network(self, name: str, region: str, *, parent: pulumi.Resource) -> Network:
        """Makes a region's network and its keys."""
        return region_network(self._link, name, self._environment.region(region), parent=parent)

    def cluster(self, name: str, network: Network, *, parent: pulumi.Resource) -> KubernetesCluster:
        """Makes a region's AKS cluster."""
        return cluster.cluster(self._subscription, name, own(network), parent=parent)

    def database_server(
        self, name: str, args: CloudDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a region's PostgreSQL server, or changes its role in place."""
        return self._databases.server(name, args, network_of(args.cluster), parent=parent)

    def cache(
        self, name: str, cluster: Cluster, *, version: str, parent: pulumi.Resource
    ) -> CacheServer:
        """Makes a region's Azure Managed Redis; the version is Azure's to choose."""
        del version
        return cache.cache(self._link, name, network_of(cluster), parent=parent)

    def event_bus(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> EventBus:
        """Makes a region's Event Hubs namespace."""
        within = network_of(cluster)
        made = event_bus.event_bus(self._link, name, within, parent=parent)
        self._event_buses[within.region] = made
        return made

    def object_store(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> ObjectStore:
        """Makes a region's storage account and its container."""
        within = network_of(cluster)
        made = object_store.object_store(self._link, name, within, parent=parent)
        self._object_stores[within.region] = made
        return made

    def secret(
        self,
        name: str,
        cluster: KubernetesCluster,
        values: Mapping[str, pulumi.Input[str]],
        *,
        parent: pulumi.Resource,
    ) -> StoredSecret:
        """Keeps values in the region's vault, as one JSON object."""
        return secrets.secret(name, network_of(cluster), values, parent=parent)

    def secret_store(
        self, cluster: KubernetesCluster, *, service_account: str
    ) -> Mapping[str, Any]:
        """Returns how external-secrets reads the region's vault."""
        return secrets.secret_store(network_of(cluster), service_account=service_account)

    def workload_identity(
        self, name: str, args: WorkloadIdentityArgs, *, parent: pulumi.Resource
    ) -> WorkloadIdentity:
        """Lets a service account act as an identity made for it."""
        within = network_of(args.cluster)
        return identity.workload_identity(
            name,
            args,
            within,
            event_bus=self._event_buses.get(within.region),
            object_store=self._object_stores.get(within.region),
            parent=parent,
        )

    def public_address(
        self, name: str, cluster: KubernetesCluster, *, parent: pulumi.Resource
    ) -> PublicAddress:
        """Hands out the address that the region's network has reserved for its gateway.

        The network's rules name it, so it is made with them.
        """
        del name, parent
        within = network_of(cluster)
        prefix = "service.beta.kubernetes.io/azure"
        return PublicAddress(
            addresses=[within.gateway_address.ip_address.apply(lambda found: found or "")],
            service_annotations={
                f"{prefix}-pip-name": within.gateway_address.name,
                f"{prefix}-load-balancer-resource-group": within.group.name,
            },
            resource=within.gateway_address,
        )

    def registry(self, name: str, *, parent: pulumi.Resource) -> Registry:
        """Makes the container registry, with a copy in each region."""
        return registry.registry(self._subscription, name, parent=parent)

    def dns_zone(self, name: str, domain: str, *, parent: pulumi.Resource) -> DnsZone:
        """Makes the environment's public zone, signed."""
        return dns.zone(self._subscription, name, domain, parent=parent)

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
        """Lets a service account of a cluster on Azure change the zone's records."""
        return dns.access(
            self._subscription,
            name,
            zone,
            cluster,
            network_of(cluster),
            namespace=namespace,
            service_account=service_account,
            parent=parent,
        )

    def director(self, name: str, args: DirectorArgs, *, parent: pulumi.Resource) -> LoadBalancer:
        """Makes the environment's front door, a Traffic Manager profile."""
        self._host = args.host
        return dns.director(self._subscription, name, args, parent=parent)

    @property
    def address_count(self) -> int:
        """How many public addresses a region's gateway has here."""
        return 1

    def export(self, cluster: KubernetesCluster) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what a cell must be told of a region."""
        return attach.export(self._link, cluster)

    def attach(
        self,
        name: str,
        region: str,
        exported: pulumi.Output[Mapping[str, Any]],
        *,
        parent: pulumi.Resource,
    ) -> KubernetesCluster:
        """Returns a region's cluster, network and keys as another stack exported them."""
        return attach.attach(self._subscription, name, region, exported, parent=parent)

    def export_zone(self, zone: DnsZone) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what a cell must be told of the zone.

        Raises:
            ValueError: the zone has no director yet, by whose host regions' health is probed.
        """
        if self._host is None:
            raise ValueError(
                f"{zone.domain} has no director yet: make it before exporting the zone"
            )
        return attach.export_zone(self._subscription, zone, self._host)

    def attach_zone(self, domain: str, exported: pulumi.Output[Mapping[str, Any]]) -> DnsZone:
        """Returns the zone as another stack exported it; makes nothing."""
        return attach.attach_zone(self._subscription, domain, exported)

    def tenant_store(
        self, name: str, args: TenantStoreArgs, *, parent: pulumi.Resource
    ) -> TenantStore:
        """Makes a tenant's key and container in a region."""
        return self._tenants.store(name, args, parent=parent)

    def tenant_database(
        self, name: str, args: TenantDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a tenant's own Flexible Server."""
        return self._tenants.database(name, args, parent=parent)

    def tenant_director(
        self, name: str, args: DirectorArgs, *, parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Makes a tenant's own name."""
        return self._tenants.director(name, args, parent=parent)
