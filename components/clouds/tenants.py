"""Dedicated tenants on the clouds: implements ``components.tenant_instance.TenantTarget``.

Used in a cell's stack, which is told of the environment's clusters, networks and zone by that
stack's output ``tenancy`` (``CloudTarget.outputs``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_random

from components.clouds.cloud import DirectorArgs, DnsZone, KubernetesCluster, RegionEndpoint
from components.clouds.envoy import HEALTH_PATH
from components.clouds.kubernetes.tenant import (
    TenantNamespaceArgs,
    namespace_name,
    tenant_account,
    tenant_namespace,
)
from components.clouds.locations import CloudName
from components.clouds.tenancy import (
    TenantCloud,
    TenantDatabaseArgs,
    TenantStore,
    TenantStoreArgs,
)
from components.target import Endpoint
from components.tenant_instance import TenantFrontDoor, TenantInstanceArgs, TenantRegion

_PASSWORD_LENGTH = 32
_WHOLE = 100


@dataclass(frozen=True, kw_only=True)
class TenancySettings:
    """What of the environment concerns no single cloud.

    Attributes:
        domain: the environment's DNS zone.
        regions: cloud of each region that a tenant of the cell is in.
    """

    domain: str
    regions: Mapping[str, CloudName]


class CloudTenants:
    """Puts tenants into the regions of an environment that is up.

    Args:
        settings: of the environment.
        clouds: those of ``settings.regions``, and the one that keeps the zone.
        front: keeps the zone.
        exported: the environment's output ``tenancy``.
    """

    def __init__(
        self,
        settings: TenancySettings,
        clouds: Mapping[CloudName, TenantCloud],
        front: TenantCloud,
        exported: pulumi.Output[Mapping[str, Any]],
    ) -> None:
        """Attaches to the zone and to each region's cluster."""
        self._settings = settings
        self._clouds = clouds
        self._front = front
        self._root = pulumi.ComponentResource("ai-platform:clouds:Regions", "regions")
        self._zone: DnsZone = front.attach_zone(
            settings.domain, exported.apply(lambda found: found["zone"])
        )
        self._clusters: dict[str, KubernetesCluster] = {}
        self._addresses: dict[str, list[pulumi.Output[str]]] = {}
        for region, cloud in settings.regions.items():
            told = exported.apply(lambda found, region=region: found["regions"][region])
            self._clusters[region] = clouds[cloud].attach(
                region, region, told.apply(lambda found: found["cluster"]), parent=self._root
            )
            self._addresses[region] = [
                told.apply(lambda found, at=at: found["addresses"][at])
                for at in range(clouds[cloud].address_count)
            ]
        self._stores: dict[tuple[str, str], TenantStore] = {}

    def tenant_region(
        self, name: str, args: TenantInstanceArgs, region: str, *, parent: pulumi.Resource
    ) -> TenantRegion:
        """Makes a tenant's namespace, key and bucket in a region."""
        cluster = self._clusters[region]
        namespace = tenant_namespace(
            name,
            TenantNamespaceArgs(
                cluster=cluster,
                tenant=args.tenant,
                domain=args.domain,
                cpu=args.quotas.cpu,
                memory_gib=args.quotas.memory_gib,
                pods=args.quotas.pods,
            ),
            parent=parent,
        )
        store = self._cloud(region).tenant_store(
            f"{name}-store",
            TenantStoreArgs(
                cluster=cluster, tenant=args.tenant, namespace=namespace_name(args.tenant)
            ),
            parent=parent,
        )
        self._stores[args.tenant, region] = store
        tenant_account(
            name,
            cluster,
            namespace,
            store.service_account_annotations,
            [store.objects.resource],
            parent=parent,
        )
        return TenantRegion(
            region=region,
            namespace=namespace.resource.metadata.apply(lambda found: str(found.name)),
            objects=store.objects,
        )

    def tenant_database(
        self, name: str, args: TenantInstanceArgs, home: TenantRegion, *, parent: pulumi.Resource
    ) -> Endpoint:
        """Makes the tenant's own server in its home region, under its own key."""
        password = pulumi_random.RandomPassword(
            f"{name}-administrator",
            length=_PASSWORD_LENGTH,
            special=False,
            opts=pulumi.ResourceOptions(parent=parent),
        ).result
        server = self._cloud(home.region).tenant_database(
            name,
            TenantDatabaseArgs(
                cluster=self._clusters[home.region],
                tenant=args.tenant,
                key=self._stores[args.tenant, home.region].key,
                storage_gib=args.quotas.storage_gib,
                version=args.database_version,
                administrator_password=password,
            ),
            parent=parent,
        )
        return server.endpoint

    def tenant_front_door(
        self, name: str, args: TenantInstanceArgs, *, parent: pulumi.Resource
    ) -> TenantFrontDoor:
        """Spreads the tenant's users evenly over its regions, which are all they are sent to."""
        host = f"{args.tenant}.tenants.{self._settings.domain}"
        each, more = divmod(_WHOLE, len(args.regions))
        self._front.tenant_director(
            f"{name}-director",
            DirectorArgs(
                zone=self._zone,
                host=host,
                endpoints=[
                    RegionEndpoint(
                        region=region,
                        weight=each + (1 if index < more else 0),
                        host=f"{region}.{self._settings.domain}",
                        addresses=self._addresses[region],
                    )
                    for index, region in enumerate(args.regions)
                ],
                health_path=HEALTH_PATH,
            ),
            parent=parent,
        )
        return TenantFrontDoor(host=host, challenge=f"_acme-challenge.{host}")

    def _cloud(self, region: str) -> TenantCloud:
        return self._clouds[self._settings.regions[region]]
