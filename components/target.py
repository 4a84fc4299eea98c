"""What a cloud, or one machine, must be able to make: the seam between components and clouds.

Components (``components/*.py``) say *what* a platform is made of and are the same everywhere. A
target says *how* one place makes it: ``components/clouds/local`` with processes, the clouds with
their own services. A target implements ``Target``; nothing outside ``components/clouds/`` knows
which one it is.

Values that only exist once a resource does are ``pulumi.Output``; everything else is plain data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pulumi

Role = Literal["primary", "standby"]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where something listens."""

    host: pulumi.Output[str]
    port: pulumi.Output[int]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A workload's X.509 identity: paths as the workload itself sees them.

    Attributes:
        spiffe_id: the URI in the certificate (SPIFFE X.509-SVID).
        fingerprint: SHA-256 of the certificate; changes when it is renewed.
    """

    spiffe_id: str
    certificate_file: pulumi.Output[str]
    key_file: pulumi.Output[str]
    ca_file: pulumi.Output[str]
    fingerprint: pulumi.Output[str]


class Trust(Protocol):
    """A certificate authority and the trust domain it vouches for."""

    @property
    def trust_domain(self) -> str:
        """The SPIFFE trust domain."""
        ...

    @property
    def ca_certificate(self) -> pulumi.Output[str]:
        """Path of the authority's certificate on the machine that runs Pulumi."""
        ...


class Network(Protocol):
    """A region's private network and its keys; each target has its own kind."""

    @property
    def region(self) -> str:
        """Name of the region it is in."""
        ...


class Cluster(Protocol):
    """Something that runs a region's workloads; each target has its own kind."""

    @property
    def region(self) -> str:
        """Name of the region it is in."""
        ...


@dataclass(frozen=True, kw_only=True)
class DatabaseServer:
    """A region's PostgreSQL server.

    Attributes:
        endpoint: where it listens; on a standby, for reading only.
        administrator: the role that creates databases.
        administrator_password: of that role.
        tls: whether it takes TLS only.
        ca_certificate: PEM of the authority of its certificate; None when ``tls`` is on and the
            authority is a public one.
        private_address: what the endpoint's host is, where only its own cloud can look that up.
    """

    region: str
    role: Role
    endpoint: Endpoint
    administrator_password: pulumi.Output[str]
    resource: pulumi.Resource
    administrator: str = "postgres"
    tls: bool = False
    ca_certificate: pulumi.Output[str] | None = None
    private_address: pulumi.Output[str] | None = None


@dataclass(frozen=True, kw_only=True)
class DatabaseServerArgs:
    """What a region's PostgreSQL server must be.

    Attributes:
        version: major version.
        primary_region: region of the server that takes writes.
        standby_regions: regions whose servers follow it.
        primary: the server to follow; None on the primary itself.
    """

    region: str
    cluster: Cluster
    version: str
    primary_region: str
    standby_regions: Sequence[str]
    administrator_password: pulumi.Output[str]
    replication_password: pulumi.Output[str]
    primary: DatabaseServer | None = None

    @property
    def role(self) -> Role:
        """The server's role, which follows from the primary region."""
        return "primary" if self.region == self.primary_region else "standby"


@dataclass(frozen=True, kw_only=True)
class ServiceDatabase:
    """A service's own database and the passwords of its three roles.

    ``<name>_owner`` owns the tables and runs migrations; ``<name>`` serves requests and is bound to
    a tenant by row-level security; ``<name>_system`` does background work.

    Attributes:
        identity: changes when the database was lost and made again.
    """

    name: str
    identity: pulumi.Output[str]
    owner_password: pulumi.Output[str]
    password: pulumi.Output[str]
    system_password: pulumi.Output[str]
    resource: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class CacheServer:
    """A region's Valkey.

    Attributes:
        tls: whether it takes TLS only.
        ca_certificate: PEM of the authority of its certificate; None when ``tls`` is on and the
            authority is a public one.
    """

    endpoint: Endpoint
    password: pulumi.Output[str]
    resource: pulumi.Resource
    tls: bool = False
    ca_certificate: pulumi.Output[str] | None = None


@dataclass(frozen=True, kw_only=True)
class EventBus:
    """A region's event bus, spoken to with the Kafka protocol over TLS.

    Attributes:
        bootstrap_servers: ``host:port``, comma-separated.
    """

    bootstrap_servers: pulumi.Output[str]
    resource: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """A region's object storage.

    Attributes:
        url: where its objects are, in the cloud's own notation: ``s3://…``, ``gs://…``,
            ``https://….blob.core.windows.net/…``.
    """

    url: pulumi.Output[str]
    resource: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class Program:
    """A Python module to run and what it is told.

    Attributes:
        module: run as ``python -m <module>``.
        environment: settings that are no secret.
        secrets: reach the program as files, named as the key in lower case.
    """

    module: str
    environment: Mapping[str, pulumi.Input[str]] = field(
        default_factory=dict[str, pulumi.Input[str]]
    )
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])


@dataclass(frozen=True, kw_only=True)
class GrpcServiceArgs:
    """What a service needs to run; the same for every target.

    Attributes:
        replicas: how many run side by side.
        migrate: whether this region applies the service's migrations, before any replica starts.
        migration_secrets: what only the migration is given.
        database_identity: when it changes, the migrations run again.
    """

    name: str
    region: str
    cluster: Cluster
    version: str
    replicas: int
    program: Program
    identity: Identity
    migrate: bool
    migration_secrets: Mapping[str, pulumi.Input[str]]
    database_identity: pulumi.Input[str]
    depends_on: Sequence[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class RunningService:
    """A service's replicas.

    Attributes:
        migration: what applied the service's migrations, in the region that did.
    """

    name: str
    endpoints: Sequence[Endpoint]
    spiffe_id: str
    resources: Sequence[pulumi.Resource]
    migration: pulumi.Resource | None


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """What a region's gateway needs.

    Attributes:
        services: upstreams the bootstrap knows by name; one of them, ``control_plane``, configures
            the gateway over xDS.
        meter: follows the gateway's call log.
        max_request_bytes: largest body of a call.
    """

    region: str
    cluster: Cluster
    identity: Identity
    services: Sequence[RunningService]
    control_plane: str
    issuer: str
    meter: Program
    max_request_bytes: int
    depends_on: Sequence[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class GatewayServer:
    """A region's gateway.

    Attributes:
        url: base of the region's REST API and address of its gRPC.
        admin_url: Envoy's own administration interface, where it can be reached from outside.
    """

    region: str
    endpoint: Endpoint
    spiffe_id: str
    url: pulumi.Output[str]
    admin_url: pulumi.Output[str] | None
    resource: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class GlobalLoadBalancerArgs:
    """How calls are spread over regions.

    Attributes:
        weights: percent of new requests a region gets while it is healthy.
        gateways: one a region.
        trust: what a balancer that calls the gateways itself takes its identity from.
    """

    weights: Mapping[str, int]
    gateways: Sequence[GatewayServer]
    trust: Trust


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """The platform's front door."""

    url: pulumi.Output[str]
    grpc_address: pulumi.Output[str]
    resource: pulumi.Resource


class Target(Protocol):
    """A place the platform can be put.

    Every method makes resources as children of ``parent`` and returns what others need to know of
    them. ``name`` is unique within the stack and stable over updates.
    """

    def foundation(self, name: str, *, parent: pulumi.Resource) -> None:
        """Makes what belongs to no region and everything else needs; called once, first."""
        ...

    def password(self, name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Makes a random password once and keeps it, encrypted, in the state."""
        ...

    def key(self, name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Makes a random 256-bit key, base64url, once and keeps it, encrypted, in the state."""
        ...

    def trust(self, name: str, trust_domain: str, *, parent: pulumi.Resource) -> Trust:
        """Makes the certificate authority of a trust domain."""
        ...

    def identity(
        self, name: str, trust: Trust, *, region: str, workload: str, parent: pulumi.Resource
    ) -> Identity:
        """Makes the certificate of a workload, renewed before it ends."""
        ...

    def network(self, name: str, region: str, *, parent: pulumi.Resource) -> Network:
        """Makes a region's private network, and the keys its data is encrypted with."""
        ...

    def connect(self, name: str, *, parent: pulumi.Resource) -> None:
        """Connects the regions with each other; called once, after every region is made."""
        ...

    def cluster(self, name: str, network: Network, *, parent: pulumi.Resource) -> Cluster:
        """Makes what runs the workloads of a region."""
        ...

    def database_server(
        self, name: str, args: DatabaseServerArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a region's PostgreSQL server, or changes its role in place."""
        ...

    def service_database(
        self, name: str, server: DatabaseServer, *, parent: pulumi.Resource
    ) -> ServiceDatabase:
        """Makes a service's database and roles on the primary server."""
        ...

    def cache(
        self, name: str, cluster: Cluster, *, version: str, parent: pulumi.Resource
    ) -> CacheServer:
        """Makes a region's cache; what it holds may be lost."""
        ...

    def event_bus(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> EventBus | None:
        """Makes a region's event bus; None where PostgreSQL is the bus."""
        ...

    def object_store(
        self, name: str, cluster: Cluster, *, parent: pulumi.Resource
    ) -> ObjectStore | None:
        """Makes a region's object storage; None where there is none."""
        ...

    def addresses(self, service: str, *, region: str, replicas: int) -> Sequence[str]:
        """Returns where a service's replicas listen, ``host:port``, whether they run yet or not."""
        ...

    def grpc_service(
        self, name: str, args: GrpcServiceArgs, *, parent: pulumi.Resource
    ) -> RunningService:
        """Runs a service: migrations first, then its replicas, each until it reports healthy."""
        ...

    def gateway(self, name: str, args: GatewayArgs, *, parent: pulumi.Resource) -> GatewayServer:
        """Runs a region's gateway and its meter."""
        ...

    def global_load_balancer(
        self, name: str, args: GlobalLoadBalancerArgs, *, parent: pulumi.Resource
    ) -> LoadBalancer:
        """Runs what spreads calls over the regions and leaves out those that are down."""
        ...

    def outputs(self) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what the stack exports besides what every environment does."""
        ...
