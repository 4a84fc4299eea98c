"""The platform of one environment, composed of components; names no cloud."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.database import ServiceDatabaseArgs, ServiceDatabaseSet
from components.disaster_recovery import DisasterRecovery, DisasterRecoveryArgs
from components.gateway import Gateway
from components.global_load_balancer import GlobalLoadBalancer
from components.grpc_service import GrpcService
from components.region import Region, RegionArgs
from components.target import (
    DatabaseServer,
    GatewayArgs,
    GatewayServer,
    GlobalLoadBalancerArgs,
    GrpcServiceArgs,
    LoadBalancer,
    Program,
    RunningService,
    ServiceDatabase,
    Target,
    Trust,
)
from stacks.environment import SERVICES, Environment

ADMIN_USERNAME = "admin"
CONTROL_PLANE = "marketplace"
MAX_REQUEST_BYTES = 4 << 20
"""Largest body of a marketplace call, 4 MiB: what gRPC allows a message by default."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What an environment's stack exports."""

    balancer: LoadBalancer
    trust: Trust
    admin_password: pulumi.Output[str]
    gateways: Sequence[GatewayServer]
    databases: dict[str, DatabaseServer]


def deploy(environment: Environment, target: Target) -> Platform:
    """Declares every resource of an environment.

    The order follows what needs what: regions, then databases over regions, then the primary
    region's services (whose migrations come first), then everybody else's, then the balancer.
    """
    return _Deployment(environment, target).deploy()


class _Deployment:
    """One run of the program; holds what several regions share."""

    def __init__(self, environment: Environment, target: Target) -> None:
        self._environment = environment
        self._target = target
        self._root = pulumi.ComponentResource(
            "ai-platform:components:Platform", "platform", None, None
        )
        self._inside = pulumi.ResourceOptions(parent=self._root)
        self._issuer = f"https://{environment.trust_domain}"
        target.foundation("foundation", parent=self._root)
        self._trust = target.trust("authority", environment.trust_domain, parent=self._root)
        self._admin_password = target.password("admin-password", parent=self._root)
        self._key_encryption_key = target.key("key-encryption-key", parent=self._root)

    def deploy(self) -> Platform:
        environment, target = self._environment, self._target
        regions = {
            spec.name: Region(
                spec.name,
                RegionArgs(region=spec.name, cache_version=environment.versions.valkey),
                target=target,
                opts=self._inside,
            )
            for spec in environment.regions
        }
        target.connect("interconnect", parent=self._root)
        recovery = DisasterRecovery(
            "disaster-recovery",
            DisasterRecoveryArgs(
                primary_region=environment.primary_region,
                standby_regions=environment.standby_regions,
                clusters={name: region.cluster.handle for name, region in regions.items()},
                database_version=environment.versions.postgresql,
            ),
            target=target,
            opts=self._inside,
        )
        databases = {
            service: ServiceDatabaseSet(
                f"{service}-databases",
                ServiceDatabaseArgs(service=service, server=recovery.primary),
                target=target,
                opts=self._inside,
            ).database
            for service in SERVICES
        }
        migrations: list[pulumi.Resource] = []
        gateways: list[GatewayServer] = []
        for name in (environment.primary_region, *environment.standby_regions):
            services = [
                self._service(service, regions[name], recovery, databases[service], migrations)
                for service in SERVICES
            ]
            migrations += [one.migration for one in services if one.migration]
            gateways.append(
                self._gateway(regions[name], recovery, databases[CONTROL_PLANE], services)
            )
        balancer = GlobalLoadBalancer(
            "director",
            GlobalLoadBalancerArgs(
                weights={spec.name: spec.weight for spec in environment.regions},
                gateways=gateways,
                trust=self._trust,
            ),
            target=target,
            opts=self._inside,
        ).balancer
        return Platform(
            balancer=balancer,
            trust=self._trust,
            admin_password=self._admin_password,
            gateways=gateways,
            databases=recovery.servers,
        )

    def _service(
        self,
        service: str,
        region: Region,
        recovery: DisasterRecovery,
        database: ServiceDatabase,
        migrations: Sequence[pulumi.Resource],
    ) -> RunningService:
        """Runs one service in one region."""
        is_primary = region.region == self._environment.primary_region
        secrets: dict[str, pulumi.Input[str]] = {
            "AIP_DATABASE_PASSWORD": database.password,
            "AIP_SYSTEM_DATABASE_PASSWORD": database.system_password,
            "AIP_CACHE_PASSWORD": region.cache.server.password,
            **_database_authorities(region, recovery),
            **_cache_authority(region),
        }
        migration_secrets: dict[str, pulumi.Input[str]] = {
            "AIP_OWNER_DATABASE_PASSWORD": database.owner_password,
        }
        if service == "security":
            secrets["AIP_KEY_ENCRYPTION_KEY"] = self._key_encryption_key
            migration_secrets["AIP_ADMIN_PASSWORD"] = self._admin_password
        name = f"{region.region}-{service}"
        args = GrpcServiceArgs(
            name=service,
            region=region.region,
            cluster=region.cluster.handle,
            version=self._environment.versions.platform,
            replicas=self._environment.services.replicas()[service],
            program=Program(
                module=f"services.{service}",
                environment={
                    **self._database_environment(service, region, recovery),
                    "AIP_CACHE_HOST": region.cache.server.endpoint.host,
                    "AIP_CACHE_PORT": _text(region.cache.server.endpoint.port),
                    **({"AIP_CACHE_TLS": "true"} if region.cache.server.tls else {}),
                    "AIP_SECURITY_ADDRESSES": ",".join(self._security_addresses(region.region)),
                    "AIP_TRUST_DOMAIN": self._environment.trust_domain,
                    "AIP_ISSUER": self._issuer,
                },
                secrets=secrets,
            ),
            identity=self._target.identity(
                f"{name}-identity",
                self._trust,
                region=region.region,
                workload=service,
                parent=region,
            ),
            migrate=is_primary,
            migration_secrets=migration_secrets,
            database_identity=database.identity,
            depends_on=[
                database.resource,
                recovery.servers[region.region].resource,
                region.cache.server.resource,
                *migrations,
            ],
        )
        return GrpcService(
            name, args, target=self._target, opts=pulumi.ResourceOptions(parent=region)
        ).service

    def _security_addresses(self, region: str) -> Sequence[str]:
        """Says where the region's services fetch the keys that tokens are verified with."""
        replicas = self._environment.services.security.replicas
        return self._target.addresses("security", region=region, replicas=replicas)

    def _gateway(
        self,
        region: Region,
        recovery: DisasterRecovery,
        database: ServiceDatabase,
        services: Sequence[RunningService],
    ) -> GatewayServer:
        """Runs a region's gateway and the meter beside it."""
        name = f"{region.region}-gateway"
        meter = Program(
            module="services.marketplace.meter",
            environment={
                **self._database_environment(CONTROL_PLANE, region, recovery),
                "AIP_SERVICE": "meter",
                "AIP_VERSION": self._environment.versions.platform,
                "AIP_REGION": region.region,
            },
            secrets={
                "AIP_SYSTEM_DATABASE_PASSWORD": database.system_password,
                **_database_authorities(region, recovery),
            },
        )
        args = GatewayArgs(
            region=region.region,
            cluster=region.cluster.handle,
            identity=self._target.identity(
                f"{name}-identity",
                self._trust,
                region=region.region,
                workload="gateway",
                parent=region,
            ),
            services=services,
            control_plane=CONTROL_PLANE,
            issuer=self._issuer,
            meter=meter,
            max_request_bytes=MAX_REQUEST_BYTES,
            depends_on=[resource for service in services for resource in service.resources],
        )
        return Gateway(
            name, args, target=self._target, opts=pulumi.ResourceOptions(parent=region)
        ).server

    def _database_environment(
        self, service: str, region: Region, recovery: DisasterRecovery
    ) -> dict[str, pulumi.Input[str]]:
        """Says where a service writes (the primary) and where it may read (its own region)."""
        primary = recovery.primary.endpoint
        replica = recovery.servers[region.region].endpoint
        return {
            "AIP_DATABASE_HOST": primary.host,
            "AIP_DATABASE_PORT": _text(primary.port),
            "AIP_DATABASE_NAME": service,
            "AIP_REPLICA_HOST": replica.host,
            "AIP_REPLICA_PORT": _text(replica.port),
            **({"AIP_DATABASE_TLS": "true"} if recovery.primary.tls else {}),
        }


def _database_authorities(
    region: Region, recovery: DisasterRecovery
) -> dict[str, pulumi.Input[str]]:
    """Returns who vouches for the primary and the region's own server, when no public one does."""
    servers = (recovery.primary, recovery.servers[region.region])
    known = [one.ca_certificate for one in servers if one.ca_certificate is not None]
    return {"AIP_DATABASE_CA": pulumi.Output.concat(*known)} if known else {}


def _cache_authority(region: Region) -> dict[str, pulumi.Input[str]]:
    """Returns who vouches for the region's cache, when no public authority does."""
    authority = region.cache.server.ca_certificate
    return {} if authority is None else {"AIP_CACHE_CA": authority}


def _text(port: pulumi.Output[int]) -> pulumi.Output[str]:
    """Returns a port as a setting; the engine gives whole numbers back as floats."""
    return port.apply(lambda value: str(int(value)))
