"""What each cloud must bring for dedicated tenants, on top of ``cloud.py``.

Tenants live in stacks of their own (cells). Such a stack makes no network and no cluster: it is
told of those of the environment through that stack's outputs. ``export`` says what a cloud needs to
be told, ``attach`` makes of it what the other methods take.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pulumi

from components.clouds.cloud import Cloud, DirectorArgs, DnsZone, KubernetesCluster
from components.clouds.interconnect import Interconnected
from components.target import DatabaseServer, ObjectStore


@dataclass(frozen=True, kw_only=True)
class TenantStoreArgs:
    """A tenant's bucket and the key it is encrypted with, in one region.

    Attributes:
        namespace: the tenant's namespace; its service account ``workload`` may use the bucket.
    """

    cluster: KubernetesCluster
    tenant: str
    namespace: str


@dataclass(frozen=True, kw_only=True)
class TenantStore:
    """A tenant's bucket.

    Attributes:
        key: the tenant's own customer-managed key of the region, for its database there.
        service_account_annotations: for the namespace's service account.
    """

    objects: ObjectStore
    key: pulumi.Resource
    service_account_annotations: Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class TenantDatabaseArgs:
    """A tenant's own PostgreSQL server.

    Attributes:
        key: from ``TenantStore``.
        storage_gib: size of its disk, GiB, where the cloud asks for one.
        version: major version.
    """

    cluster: KubernetesCluster
    tenant: str
    key: pulumi.Resource
    storage_gib: int
    version: str
    administrator_password: pulumi.Output[str]


class TenantCloud(Cloud, Protocol):
    """A cloud that dedicated tenants can be put on."""

    @property
    def interconnected(self) -> Interconnected:
        """What connects the cloud's regions with each other and with other clouds."""
        ...

    @property
    def address_count(self) -> int:
        """How many public addresses a region's gateway has here."""
        ...

    def export(self, cluster: KubernetesCluster) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what a cell must be told of a region: plain values by name, secrets as such."""
        ...

    def attach(
        self,
        name: str,
        region: str,
        exported: pulumi.Output[Mapping[str, Any]],
        *,
        parent: pulumi.Resource,
    ) -> KubernetesCluster:
        """Returns a region's cluster, network and keys as another stack exported them.

        Makes a Kubernetes provider and nothing in the cloud.
        """
        ...

    def export_zone(self, zone: DnsZone) -> Mapping[str, pulumi.Input[Any]]:
        """Returns what a cell must be told of the environment's DNS zone."""
        ...

    def attach_zone(self, domain: str, exported: pulumi.Output[Mapping[str, Any]]) -> DnsZone:
        """Returns the zone as another stack exported it; makes nothing."""
        ...

    def tenant_store(
        self, name: str, args: TenantStoreArgs, *, parent: pulumi.Resource
    ) -> TenantStore:
        """Makes a tenant's key (rotated every 90 days) and bucket (its key, private, versioned)."""
        ...

    def tenant_database(
        self, name: str, args: TenantDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a tenant's own PostgreSQL server.

        Private, TLS only, under its own key, with point-in-time recovery; more than one zone and
        protected from deletion where the environment's data is.
        """
        ...

    def tenant_director(
        self, name: str, args: DirectorArgs, *, parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Makes a tenant's own name: weighted, health-checked answers with its regions' addresses.

        The regions' own names are the environment's and are there already.
        """
        ...
