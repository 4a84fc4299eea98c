"""A dedicated tenant: its own namespace, quotas, database, bucket, keys, name and certificate.

It exists in the regions the tenant's residency allows and nowhere else; the first of them is its
home, where its database takes writes. Shared tenants are rows in the services' databases and have
no resources.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pulumi

from components.component import Component
from components.target import Endpoint, ObjectStore


@dataclass(frozen=True, kw_only=True)
class TenantQuotas:
    """The most a tenant's workloads may take in one region.

    Attributes:
        cpu: cores.
        memory_gib: memory, GiB.
        pods: pods.
        storage_gib: its database's storage, GiB.
    """

    cpu: int
    memory_gib: int
    pods: int
    storage_gib: int


@dataclass(frozen=True, kw_only=True)
class TenantInstanceArgs:
    """What a dedicated tenant gets.

    Attributes:
        tenant: its id.
        domain: where its users call it; it points at ``host`` of ``TenantFrontDoor``.
        regions: those its residency allows, home first.
        database_version: major version of PostgreSQL.
    """

    tenant: str
    domain: str
    regions: Sequence[str]
    quotas: TenantQuotas
    database_version: str


@dataclass(frozen=True, kw_only=True)
class TenantRegion:
    """What a tenant has in a region.

    Attributes:
        namespace: its Kubernetes namespace.
        objects: its bucket, under its own key.
    """

    region: str
    namespace: pulumi.Output[str]
    objects: ObjectStore


@dataclass(frozen=True, kw_only=True)
class TenantFrontDoor:
    """Where a tenant is called.

    Attributes:
        host: our name, which the tenant's domain must be a CNAME of.
        challenge: name that ``_acme-challenge.<domain>`` must be a CNAME of, so that its
            certificate can be issued and renewed.
    """

    host: str
    challenge: str


class TenantTarget(Protocol):
    """A place that dedicated tenants can be put."""

    def tenant_region(
        self, name: str, args: TenantInstanceArgs, region: str, *, parent: pulumi.Resource
    ) -> TenantRegion:
        """Makes a tenant's namespace, quotas, certificate, key and bucket in a region."""
        ...

    def tenant_database(
        self, name: str, args: TenantInstanceArgs, home: TenantRegion, *, parent: pulumi.Resource
    ) -> Endpoint:
        """Makes a tenant's own PostgreSQL in its home region, under its own key."""
        ...

    def tenant_front_door(
        self, name: str, args: TenantInstanceArgs, *, parent: pulumi.Resource
    ) -> TenantFrontDoor:
        """Makes the name that spreads the tenant's users over its regions only."""
        ...


class TenantInstance(Component):
    """One dedicated tenant."""

    def __init__(
        self,
        name: str,
        args: TenantInstanceArgs,
        *,
        target: TenantTarget,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes everything the tenant has.

        Raises:
            ValueError: it has no region, or one of them twice.
        """
        if not args.regions:
            raise ValueError(f"{name}: regions is empty; a tenant needs one at least")
        if len(set(args.regions)) != len(args.regions):
            raise ValueError(f"{name}: a region is there twice: {', '.join(args.regions)}")
        super().__init__(name, opts)
        self.regions: dict[str, TenantRegion] = {
            region: target.tenant_region(f"{name}-{region}", args, region, parent=self)
            for region in args.regions
        }
        self.database: Endpoint = target.tenant_database(
            f"{name}-database", args, self.regions[args.regions[0]], parent=self
        )
        self.front_door: TenantFrontDoor = target.tenant_front_door(name, args, parent=self)
        self.register_outputs({})
