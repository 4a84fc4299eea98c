"""What each cloud must bring: the seam between the cloud target and AWS, Google Cloud and Azure.

A cloud makes networks, clusters, databases and whatever else it sells. What runs inside the
clusters is the same on every cloud and is in ``components/clouds/kubernetes``;
``components/clouds/target.py`` puts the two together. A cloud's module is imported only when an
environment uses that cloud.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any, Literal, Protocol

import pulumi
import pulumi_kubernetes

from components.clouds.locations import CloudName, Location
from components.target import (
    CacheServer,
    Cluster,
    DatabaseServer,
    EventBus,
    LoadBalancer,
    Network,
    ObjectStore,
)

Size = Literal["small", "medium", "large"]
"""How much an environment is given: ``small`` to develop on (one instance of everything where the
cloud allows it), ``medium`` to rehearse (three zones, small machines), ``large`` for production."""

Grant = Literal["read-secrets", "event-bus", "object-store"]
"""What a workload may do in its own region's part of the cloud, and nothing else:

- ``read-secrets``: read (not list, not write) the region's secrets of this environment;
- ``event-bus``: produce to and consume from the region's bus;
- ``object-store``: read and write objects of the region's bucket.
"""


class AccountError(Exception):
    """No credentials, or those of an account that is not the environment's; says which and how."""


@dataclass(frozen=True, kw_only=True)
class CloudRegion:
    """A region of an environment, as its cloud sees it.

    Attributes:
        name: the region's name in the environment, ``<cloud>-<location>`` unless it says otherwise.
        location: the cloud's own location.
        cidr: the region's addresses, a /16 no other region of the environment overlaps.
        compliance: regimes the region's data is under, for tags: ``gdpr``, ``hipaa``, …
    """

    name: str
    location: Location
    cidr: IPv4Network
    compliance: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class CloudEnvironment:
    """What a cloud needs to know of the environment.

    Attributes:
        name: the environment's name; physical names start with it.
        account: AWS account, Google Cloud project or Azure subscription that the environment owns.
        account_key: key of the environment file that names the account, for messages.
        regions: this cloud's regions, in the environment's order.
        size: how much everything is given.
        protect: whether what holds data refuses to be deleted (deletion protection, retention).
        kubernetes_version: minor version of every cluster, such as ``1.34``.
    """

    name: str
    account: str
    account_key: str
    regions: Sequence[CloudRegion]
    size: Size
    protect: bool
    kubernetes_version: str

    def region(self, name: str) -> CloudRegion:
        """Returns a region by its name in the environment."""
        return next(one for one in self.regions if one.name == name)

    def tags(self, *, region: str = "global", data_class: str = "none") -> dict[str, str]:
        """Returns the tags of a resource, in letters every cloud takes.

        Args:
            region: the region's name, ``global`` for what belongs to none.
            data_class: ``customer`` for what holds customers' data, ``operational`` for logs and
                metrics, ``none`` for the rest.
        """
        found = [one.compliance for one in self.regions if one.name == region]
        return {
            "project": "ai-platform",
            "environment": self.name,
            "region": region,
            "managed-by": "pulumi",
            "data-class": data_class,
            "compliance": "_".join(found[0]) if found and found[0] else "none",
        }


@dataclass(frozen=True, kw_only=True)
class KubernetesCluster:
    """A region's Kubernetes cluster; implements ``components.target.Cluster``.

    Attributes:
        network: what ``Cloud.network`` made for the region.
        name: the cluster's name in its cloud.
        provider: applies objects to this cluster and to no other.
        oidc_issuer: URL that service accounts' tokens of this cluster are issued by.
        resource: what everything in the cluster waits for (nodes included).
        storage_class: of persistent volumes, encrypted with the region's key; None where the
            cluster's default class is that.
    """

    cloud: CloudName
    network: Network
    name: str
    provider: pulumi_kubernetes.Provider
    oidc_issuer: pulumi.Output[str]
    resource: pulumi.Resource
    storage_class: str | None = None

    @property
    def region(self) -> str:
        """Name of the region in the environment."""
        return self.network.region


@dataclass(frozen=True, kw_only=True)
class CloudDatabaseArgs:
    """What a region's PostgreSQL server must be on a cloud.

    In each cloud one server takes writes, the *leader*: the environment's primary region when it is
    in that cloud, else the cloud's first region, which then subscribes to the primary by logical
    replication (``components/clouds/kubernetes``). The cloud's other regions follow the leader by
    the cloud's own replication. Which region leads may change from one ``pulumi up`` to the next:
    then the new leader is promoted and the old one follows it, and no store of data is replaced or
    deleted.

    Attributes:
        leader: region that leads in this cloud.
        followers: the cloud's other regions.
        leader_server: what was made for the leader; None on the leader itself.
        version: major version, 15 or later.
        role: as the environment sees it: ``primary`` in its primary region only.
        connection: what the regions reach each other by; None where there is but one.
    """

    region: str
    cluster: KubernetesCluster
    leader: str
    followers: Sequence[str]
    leader_server: DatabaseServer | None
    version: str
    role: Literal["primary", "standby"]
    administrator_password: pulumi.Output[str]
    connection: pulumi.Resource | None = None


@dataclass(frozen=True, kw_only=True)
class WorkloadIdentityArgs:
    """A Kubernetes service account and what it may do in the cloud."""

    cluster: KubernetesCluster
    namespace: str
    service_account: str
    grants: Sequence[Grant]


@dataclass(frozen=True, kw_only=True)
class WorkloadIdentity:
    """What the service account and its pods must carry to act as the identity."""

    resource: pulumi.Resource
    service_account_annotations: Mapping[str, pulumi.Input[str]] = field(
        default_factory=dict[str, pulumi.Input[str]]
    )
    pod_labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class StoredSecret:
    """A secret in the region's secret store: a JSON object, one entry a value.

    Attributes:
        name: as an ExternalSecret's ``dataFrom.extract.key`` names it.
    """

    name: pulumi.Output[str]
    resource: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class PublicAddress:
    """Static public addresses of a region's gateway, and how its Service takes them.

    Attributes:
        addresses: IPv4 addresses, known before the Service is there.
        service_annotations: for the Service of type LoadBalancer.
        load_balancer_class: of that Service; None for the cluster's own.
    """

    addresses: Sequence[pulumi.Output[str]]
    service_annotations: Mapping[str, pulumi.Input[str]]
    resource: pulumi.Resource
    load_balancer_class: str | None = None


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A cloud's container registry.

    Attributes:
        repositories: by region, the repository its cluster pulls from, ``<host>/<path>`` with no
            tag; each region reads its own copy where the cloud replicates.
        push_to: the repository an image is pushed to.
        server: host that ``username`` and ``password`` log in to; both are None where whoever runs
            Pulumi is logged in already (``az acr login``).
    """

    repositories: Mapping[str, pulumi.Output[str]]
    push_to: pulumi.Output[str]
    server: pulumi.Output[str]
    resource: pulumi.Resource
    username: pulumi.Output[str] | None = None
    password: pulumi.Output[str] | None = None


@dataclass(frozen=True, kw_only=True)
class DnsZone:
    """The environment's public DNS zone.

    Attributes:
        domain: the zone's name.
        name_servers: what the parent zone must delegate to.
        handle: the cloud's own, for ``director`` and ``dns_access``.
    """

    domain: str
    name_servers: pulumi.Output[Sequence[str]]
    handle: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class DnsAccess:
    """How a workload of some cluster, on this cloud or another, changes records of the zone.

    Attributes:
        cert_manager_solver: the ``dns01`` part of an ACME solver of cert-manager.
        external_dns_values: values for external-dns' chart: provider, arguments, environment.
        service_account_annotations: for the service account of the workload.
        pod_labels: for its pods.
    """

    cert_manager_solver: Mapping[str, Any]
    external_dns_values: Mapping[str, Any]
    resource: pulumi.Resource
    service_account_annotations: Mapping[str, pulumi.Input[str]] = field(
        default_factory=dict[str, pulumi.Input[str]]
    )
    pod_labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class RegionEndpoint:
    """A region's gateway, as the director sees it.

    Attributes:
        weight: percent of new clients it gets while it is healthy; 0 takes it out.
        host: the region's own name in the zone, ``<region>.<domain>``.
    """

    region: str
    weight: int
    host: str
    addresses: Sequence[pulumi.Output[str]]


@dataclass(frozen=True, kw_only=True)
class DirectorArgs:
    """How DNS spreads clients over regions, whichever clouds these are on.

    Attributes:
        host: name that clients use, ``api.<domain>``.
        health_path: answers 200 over HTTPS while a region can take calls.
    """

    zone: DnsZone
    host: str
    endpoints: Sequence[RegionEndpoint]
    health_path: str


class Cloud(Protocol):
    """A cloud. Every method makes resources as children of ``parent``, named after ``name``.

    Regions are named as in the environment. What a method returns may be a richer type of the
    cloud's own; it gets back what it made.
    """

    @property
    def name(self) -> CloudName:
        """Which cloud this is."""
        ...

    def check_account(self) -> None:
        """Makes sure that the credentials at hand are of the environment's account.

        Raises:
            AccountError: there are none, or they are of another account.
        """
        ...

    def network(self, name: str, region: str, *, parent: pulumi.Resource) -> Network:
        """Makes a region's network and its keys.

        Three zones, private subnets, NAT, private endpoints, flow logs; customer-managed keys,
        rotated every 90 days, for what is kept in the region.
        """
        ...

    def cluster(self, name: str, network: Network, *, parent: pulumi.Resource) -> KubernetesCluster:
        """Makes a region's Kubernetes cluster, private, logged, its secrets encrypted."""
        ...

    def database_server(
        self, name: str, args: CloudDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a region's PostgreSQL server, or changes its role in place."""
        ...

    def cache(
        self, name: str, cluster: Cluster, *, version: str, parent: pulumi.Resource
    ) -> CacheServer:
        """Makes a region's Valkey (or what speaks its protocol), private, TLS, with a password."""
        ...

    def event_bus(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> EventBus:
        """Makes a region's Kafka."""
        ...

    def object_store(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> ObjectStore:
        """Makes a region's bucket, replicated to another region of the same jurisdiction."""
        ...

    def secret(
        self,
        name: str,
        cluster: KubernetesCluster,
        values: Mapping[str, pulumi.Input[str]],
        *,
        parent: pulumi.Resource,
    ) -> StoredSecret:
        """Keeps values in the region's secret store, as one JSON object, under the region's key."""
        ...

    def secret_store(
        self, cluster: KubernetesCluster, *, service_account: str
    ) -> Mapping[str, Any]:
        """Returns the ``spec.provider`` of the external-secrets ClusterSecretStore for the region.

        Args:
            cluster: the region's cluster.
            service_account: ``<namespace>/<name>`` of external-secrets' own, which has the grant
                ``read-secrets``.
        """
        ...

    def workload_identity(
        self, name: str, args: WorkloadIdentityArgs, *, parent: pulumi.Resource
    ) -> WorkloadIdentity:
        """Lets a Kubernetes service account act in the cloud, with no key that could leak."""
        ...

    def public_address(
        self, name: str, cluster: KubernetesCluster, *, parent: pulumi.Resource
    ) -> PublicAddress:
        """Reserves the static addresses of a region's gateway."""
        ...

    def registry(self, name: str, *, parent: pulumi.Resource) -> Registry:
        """Makes the cloud's container registry: immutable tags, scanned, encrypted."""
        ...

    def dns_zone(self, name: str, domain: str, *, parent: pulumi.Resource) -> DnsZone:
        """Makes the environment's public zone, signed (DNSSEC) where the cloud can."""
        ...

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
        """Lets a service account change the zone's records and nothing else.

        Args:
            name: unique within the stack.
            zone: the zone.
            cluster: where the service account is; on AWS it may be on any cloud.
            namespace: of the service account.
            service_account: its name.
            parent: parent of what is made.
        """
        ...

    def director(self, name: str, args: DirectorArgs, *, parent: pulumi.Resource) -> LoadBalancer:
        """Makes the environment's front door: weighted, health-checked, failing over."""
        ...
