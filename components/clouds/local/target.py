"""The local target: the whole platform as processes on one machine, through the same components.

Every region has its own supervisor, PostgreSQL, Valkey, services and gateway, all on 127.0.0.1 and
all below one folder, the *home*. Nothing needs root or a container engine.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from components.clouds.local import data, edge, place, resources, services
from components.clouds.local.place import (
    GLOBAL,
    LocalTrust,
    Loopback,
    Place,
    child,
)
from components.clouds.local.settings import LocalSettings
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

_KEY_LENGTH = 43
"""Letters and digits that read as base64url give 32 bytes; their entropy is 256 bits."""


class LocalTarget:
    """Implements ``components.target.Target`` with real processes.

    Args:
        settings: the ports of the environment file.
        home: folder for everything the running platform writes.
        root: the checkout whose code the processes run.
    """

    def __init__(self, settings: LocalSettings, *, home: Path, root: Path) -> None:
        """Remembers where things go; makes nothing."""
        self._place = Place(settings=settings, home=home, root=root)

    def foundation(self, name: str, *, parent: pulumi.Resource) -> None:
        """Makes nothing: the folder is there."""
        del name, parent

    def password(self, name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Makes a password of 32 letters and digits."""
        return place.password(name, parent=parent)

    def key(self, name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Makes a 256-bit key, as letters and digits that are base64url."""
        return place.password(name, length=_KEY_LENGTH, parent=parent)

    def trust(self, name: str, trust_domain: str, *, parent: pulumi.Resource) -> Trust:
        """Makes a certificate authority whose key never leaves its folder."""
        authority = resources.CertificateAuthority(
            name,
            folder=str(self._place.home / GLOBAL / "authority"),
            common_name=f"ai-platform {trust_domain}",
            trust_domain=trust_domain,
            opts=child(parent),
        )
        return LocalTrust(
            trust_domain=trust_domain,
            ca_certificate=authority.certificate_file,
            authority=authority,
        )

    def identity(
        self, name: str, trust: Trust, *, region: str, workload: str, parent: pulumi.Resource
    ) -> Identity:
        """Makes a certificate for ``spiffe://<trust domain>/<region>/<workload>``."""
        return place.identity(
            self._place, name, trust, region=region, workload=workload, parent=parent
        )

    def network(self, name: str, region: str, *, parent: pulumi.Resource) -> Network:
        """Names the loopback interface, where everything listens; makes nothing."""
        del name, parent
        return Loopback(region=region)

    def connect(self, name: str, *, parent: pulumi.Resource) -> None:
        """Makes nothing: everything listens on one interface."""
        del name, parent

    def cluster(self, name: str, network: Network, *, parent: pulumi.Resource) -> Cluster:
        """Starts the region's process supervisor."""
        return place.supervisor(self._place, name, network.region, parent=parent)

    def database_server(
        self, name: str, args: DatabaseServerArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a PostgreSQL server; its role follows the environment's primary region."""
        return data.database_server(self._place, name, args, parent=parent)

    def service_database(
        self, name: str, server: DatabaseServer, *, parent: pulumi.Resource
    ) -> ServiceDatabase:
        """Makes the database ``<name>`` and its three roles."""
        return data.service_database(name, server, parent=parent)

    def cache(
        self, name: str, cluster: Cluster, *, version: str, parent: pulumi.Resource
    ) -> CacheServer:
        """Makes a region's Valkey; the version is the one the package brings."""
        del version
        return data.cache(self._place, name, cluster, parent=parent)

    def event_bus(self, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> EventBus | None:
        """Returns None: on one machine PostgreSQL is the bus."""
        del name, cluster, parent
        return None

    def object_store(
        self, name: str, cluster: Cluster, *, parent: pulumi.Resource
    ) -> ObjectStore | None:
        """Returns None: on one machine nothing is kept as objects."""
        del name, cluster, parent
        return None

    def addresses(self, service: str, *, region: str, replicas: int) -> Sequence[str]:
        """Returns the ports the environment file gives the service."""
        return services.addresses(self._place, service, region=region, replicas=replicas)

    def grpc_service(
        self, name: str, args: GrpcServiceArgs, *, parent: pulumi.Resource
    ) -> RunningService:
        """Runs ``python -m <module> migrate`` once, then a process a replica."""
        return services.grpc_service(self._place, name, args, parent=parent)

    def gateway(self, name: str, args: GatewayArgs, *, parent: pulumi.Resource) -> GatewayServer:
        """Runs an Envoy and, beside it, the process that follows its call log."""
        return edge.gateway(self._place, name, args, parent=parent)

    def global_load_balancer(
        self, name: str, args: GlobalLoadBalancerArgs, *, parent: pulumi.Resource
    ) -> LoadBalancer:
        """Runs the director, an Envoy of its own in front of every region's gateway."""
        return edge.global_load_balancer(self._place, name, args, parent=parent)

    def outputs(self) -> Mapping[str, pulumi.Input[Any]]:
        """Returns nothing more."""
        return {}
