"""The cloud target: Kubernetes on AWS, Google Cloud and Azure behind one ``Target``.

Each region is made by its own cloud (``cloud.py``); what runs in the regions' clusters is the same
on all of them (``kubernetes/``). What an environment has once, its DNS and front door, is made by
one cloud for all: the only one there is, else AWS (see docs/decisions/0008).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_random

from components.clouds.cloud import (
    CloudDatabaseArgs,
    DirectorArgs,
    DnsAccess,
    DnsZone,
    KubernetesCluster,
    PublicAddress,
    RegionEndpoint,
    Registry,
    Size,
    WorkloadIdentityArgs,
)
from components.clouds.envoy import HEALTH_PATH
from components.clouds.interconnect import interconnect
from components.clouds.kubernetes import addons, database, gateway, grpc_service, images
from components.clouds.kubernetes import trust as kubernetes
from components.clouds.kubernetes.place import Place
from components.clouds.kubernetes.versions import (
    CERT_MANAGER,
    EXTERNAL_DNS,
    EXTERNAL_SECRETS,
    AddOn,
)
from components.clouds.locations import CloudName
from components.clouds.tenancy import TenantCloud
from components.target import (
    CacheServer,
    Cluster,
    DatabaseServer,
    DatabaseServerArgs,
    EventBus,
    GatewayArgs,
    GatewayServer,
    GlobalLoadBalancerArgs,
    GrpcServiceArgs,
    Identity,
    LoadBalancer,
    Network,
    ObjectStore,
    RunningService,
    ServiceDatabase,
    Trust,
)

_PASSWORD_LENGTH = 32
_KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class CloudSettings:
    """What of the environment file concerns no single cloud.

    Attributes:
        regions: cloud of each region, in the file's order.
        version: version of the platform's image.
        root: the checkout the image is built from.
    """

    domain: str
    contact: str
    size: Size
    version: str
    primary_region: str
    regions: Mapping[str, CloudName]
    root: Path

    def leader(self, cloud: CloudName) -> str:
        """Returns the region whose database takes writes on a cloud."""
        if self.regions[self.primary_region] == cloud:
            return self.primary_region
        return next(name for name, one in self.regions.items() if one == cloud)


class CloudTarget:
    """Implements ``components.target.Target`` with Kubernetes clusters on one cloud or several.

    Args:
        settings: what of the environment concerns no single cloud.
        clouds: those the environment has regions on.
        front: the one that keeps its DNS.
    """

    def __init__(
        self,
        settings: CloudSettings,
        clouds: Mapping[CloudName, TenantCloud],
        *,
        front: CloudName,
    ) -> None:
        """Remembers the environment; makes nothing."""
        self._settings = settings
        self._clouds = clouds
        self._front = clouds[front]
        self._made = _Made()

    def foundation(self, name: str, *, parent: pulumi.Resource) -> None:
        """Makes the DNS zone, the clouds' registries and the platform's image in all of them."""
        settings, made = self._settings, self._made
        made.zone = self._front.dns_zone(f"{name}-zone", settings.domain, parent=parent)
        registries: dict[CloudName, Registry] = {
            one: cloud.registry(f"{name}-{one}-registry", parent=parent)
            for one, cloud in self._clouds.items()
        }
        made.images = images.platform_image(
            f"{name}-image",
            registries,
            settings.version,
            root=settings.root,
            parent=parent,
        )

    def password(self, name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Makes a password of 32 letters and digits."""
        return pulumi_random.RandomPassword(
            name,
            length=_PASSWORD_LENGTH,
            special=False,
            opts=pulumi.ResourceOptions(parent=parent),
        ).result

    def key(self, name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Makes a 256-bit key."""
        made = pulumi_random.RandomBytes(
            name, length=_KEY_BYTES, opts=pulumi.ResourceOptions(parent=parent)
        )
        return pulumi.Output.secret(made.base64).apply(_base64url)

    def trust(self, name: str, trust_domain: str, *, parent: pulumi.Resource) -> Trust:
        """Makes the root of the trust domain."""
        self._made.trust = kubernetes.trust(name, trust_domain, parent=parent)
        return self._made.trust

    def identity(
        self, name: str, trust: Trust, *, region: str, workload: str, parent: pulumi.Resource
    ) -> Identity:
        """Makes a certificate for ``spiffe://<trust domain>/<region>/<workload>``."""
        del trust  # each cluster's own authority is signed by it
        authority = self._made.authorities[region]
        return kubernetes.identity(name, authority, region=region, workload=workload, parent=parent)

    def network(self, name: str, region: str, *, parent: pulumi.Resource) -> Network:
        """Makes a region's network on its cloud."""
        made = self._cloud(region).network(name, region, parent=parent)
        self._made.networks[region] = made
        return made

    def connect(self, name: str, *, parent: pulumi.Resource) -> None:
        """Connects the regions' networks privately: a cloud's own, and clouds with each other."""
        connection = interconnect(
            name,
            [one.interconnected for one in self._clouds.values()],
            {cloud: self._networks(cloud) for cloud in self._clouds},
            {cloud: self._hub(cloud) for cloud in self._clouds},
            parent=parent,
        )
        self._made.connection = connection
        if connection is not None:
            self._made.places = {
                region: replace(place, ready=[*place.ready, connection])
                for region, place in self._made.places.items()
            }

    def cluster(self, name: str, network: Network, *, parent: pulumi.Resource) -> Cluster:
        """Makes a region's Kubernetes cluster, with its add-ons and its own authority."""
        region, cloud, settings = network.region, self._cloud(network.region), self._settings
        cluster = cloud.cluster(name, network, parent=parent)

        def dns_access(add_on: AddOn) -> DnsAccess:
            return self._front.dns_access(
                f"{name}-{add_on.chart}",
                self._made.needed_zone,
                cluster,
                namespace=add_on.namespace,
                service_account=add_on.service_account,
                parent=parent,
            )

        base = addons.base(
            cluster,
            addons.BaseArgs(
                domain=settings.domain,
                size=settings.size,
                contact=settings.contact,
                secret_store=cloud.secret_store(
                    cluster,
                    service_account=f"{EXTERNAL_SECRETS.namespace}/{EXTERNAL_SECRETS.service_account}",
                ),
                external_secrets=cloud.workload_identity(
                    f"{name}-external-secrets",
                    WorkloadIdentityArgs(
                        cluster=cluster,
                        namespace=EXTERNAL_SECRETS.namespace,
                        service_account=EXTERNAL_SECRETS.service_account,
                        grants=["read-secrets"],
                    ),
                    parent=parent,
                ),
                cert_manager=dns_access(CERT_MANAGER),
                external_dns=dns_access(EXTERNAL_DNS),
            ),
            name=name,
            parent=parent,
        )
        self._made.authorities[region] = kubernetes.cluster_authority(
            f"{name}-authority",
            self._made.needed_trust,
            cluster,
            base.cert_manager,
            parent=parent,
        )
        self._made.clusters[region] = cluster
        self._made.places[region] = Place(
            cloud=cloud,
            cluster=cluster,
            ready=base.ready,
            image=self._made.images[region],
            size=settings.size,
            domain=settings.domain,
        )
        return cluster

    def database_server(
        self, name: str, args: DatabaseServerArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a region's PostgreSQL server; its cloud decides whom it follows.

        Within a cloud servers replicate by the cloud's own means; between clouds a Job sets up
        logical replication for each service's database (``service_database``).
        """
        cloud = self._settings.regions[args.region]
        leader = self._settings.leader(cloud)
        server = self._clouds[cloud].database_server(
            name,
            CloudDatabaseArgs(
                region=args.region,
                cluster=self._made.clusters[args.region],
                leader=leader,
                followers=[
                    region
                    for region, one in self._settings.regions.items()
                    if one == cloud and region != leader
                ],
                leader_server=None if args.region == leader else self._made.servers[leader],
                version=args.version,
                role=args.role,
                administrator_password=args.administrator_password,
                connection=self._made.connection,
            ),
            parent=parent,
        )
        self._made.servers[args.region] = server
        if server.private_address is not None:
            for other, one in self._clouds.items():
                if other != cloud:
                    one.interconnected.resolve(
                        f"{name}-for-{other}",
                        server.endpoint.host,
                        server.private_address,
                        self._networks(other),
                        parent=parent,
                    )
        return server

    def service_database(
        self, name: str, server: DatabaseServer, *, parent: pulumi.Resource
    ) -> ServiceDatabase:
        """Makes the database ``<name>`` on every cloud's leader, replicated from the primary."""
        del server
        primary = self._settings.primary_region
        leaders = [self._settings.leader(cloud) for cloud in self._clouds]
        return database.service_database(
            self._made.places[primary],
            name,
            self._made.servers[primary],
            others=[
                database.Leader(place=self._made.places[one], server=self._made.servers[one])
                for one in leaders
                if one != primary
            ],
            replication_password=self.password(f"{name}-replication-password", parent=parent),
            version=self._settings.version,
            parent=parent,
        )

    def cache(
        self, name: str, cluster: Cluster, *, version: str, parent: pulumi.Resource
    ) -> CacheServer:
        """Makes a region's cache."""
        return self._cloud(cluster.region).cache(name, cluster, version=version, parent=parent)

    def event_bus(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> EventBus:
        """Makes a region's Kafka."""
        return self._cloud(cluster.region).event_bus(name, cluster, parent=parent)

    def object_store(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> ObjectStore:
        """Makes a region's bucket."""
        return self._cloud(cluster.region).object_store(name, cluster, parent=parent)

    def addresses(self, service: str, *, region: str, replicas: int) -> Sequence[str]:
        """Returns the one name that all replicas of a service answer to in its cluster."""
        del region, replicas
        return grpc_service.addresses(service)

    def grpc_service(
        self, name: str, args: GrpcServiceArgs, *, parent: pulumi.Resource
    ) -> RunningService:
        """Runs a service as a Deployment; its migrations are a Job before that."""
        return grpc_service.grpc_service(self._made.places[args.region], name, args, parent=parent)

    def gateway(self, name: str, args: GatewayArgs, *, parent: pulumi.Resource) -> GatewayServer:
        """Runs a region's gateway behind static public addresses."""
        place = self._made.places[args.region]
        address = place.cloud.public_address(f"{name}-address", place.cluster, parent=parent)
        self._made.addresses[args.region] = address
        return gateway.gateway(place, name, args, address, parent=parent)

    def global_load_balancer(
        self, name: str, args: GlobalLoadBalancerArgs, *, parent: pulumi.Resource
    ) -> LoadBalancer:
        """Makes the DNS names that spread clients over the regions."""
        domain = self._settings.domain
        return self._front.director(
            name,
            DirectorArgs(
                zone=self._made.needed_zone,
                host=f"api.{domain}",
                endpoints=[
                    RegionEndpoint(
                        region=region,
                        weight=args.weights[region],
                        host=f"{region}.{domain}",
                        addresses=self._made.addresses[region].addresses,
                    )
                    for region in self._settings.regions
                ],
                health_path=HEALTH_PATH,
            ),
            parent=parent,
        )

    def outputs(self) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what the parent zone delegates to, and what cells of tenants need to know."""
        zone = self._made.needed_zone
        return {
            "name_servers": zone.name_servers,
            "tenancy": pulumi.Output.secret(
                {
                    "zone": self._front.export_zone(zone),
                    "regions": {
                        region: {
                            "addresses": list(self._made.addresses[region].addresses),
                            "cluster": self._cloud(region).export(cluster),
                        }
                        for region, cluster in self._made.clusters.items()
                    },
                }
            ),
        }

    def _cloud(self, region: str) -> TenantCloud:
        return self._clouds[self._settings.regions[region]]

    def _hub(self, cloud: CloudName) -> str:
        """Returns the region that a cloud's others, and the other clouds, are reached through.

        The second where there are several: the first is where the primary is, as a rule, and the
        two should not be lost together.
        """
        return [one.region for one in self._networks(cloud)][:2][-1]

    def _networks(self, cloud: CloudName) -> list[Network]:
        """Returns a cloud's networks, in the environment's order."""
        regions = self._settings.regions.items()
        return [self._made.networks[region] for region, one in regions if one == cloud]


@dataclass
class _Made:
    """What earlier calls made that later ones need; by region where it says regions."""

    zone: DnsZone | None = None
    trust: kubernetes.KubernetesTrust | None = None
    images: Mapping[str, pulumi.Output[str]] = field(default_factory=dict[str, pulumi.Output[str]])
    networks: dict[str, Network] = field(default_factory=dict[str, Network])
    clusters: dict[str, KubernetesCluster] = field(default_factory=dict[str, KubernetesCluster])
    places: dict[str, Place] = field(default_factory=dict[str, Place])
    authorities: dict[str, kubernetes.ClusterAuthority] = field(
        default_factory=dict[str, kubernetes.ClusterAuthority]
    )
    servers: dict[str, DatabaseServer] = field(default_factory=dict[str, DatabaseServer])
    addresses: dict[str, PublicAddress] = field(default_factory=dict[str, PublicAddress])
    connection: pulumi.Resource | None = None

    @property
    def needed_zone(self) -> DnsZone:
        """The zone.

        Raises:
            RuntimeError: ``foundation`` has not been called.
        """
        if self.zone is None:
            raise RuntimeError("the DNS zone is made by foundation(), which is called first")
        return self.zone

    @property
    def needed_trust(self) -> kubernetes.KubernetesTrust:
        """The root of trust.

        Raises:
            RuntimeError: ``trust`` has not been called.
        """
        if self.trust is None:
            raise RuntimeError("clusters need the root of trust: trust() is called before them")
        return self.trust


def _base64url(value: str) -> str:
    return value.replace("+", "-").replace("/", "_").rstrip("=")
