"""What a cell is told of a region and of the zone, and what it makes of that.

A cell makes no network, no cluster and no zone: it has their ids from the environment's own stack.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi_azure_native import dns

from components.clouds.azure import cluster as clusters
from components.clouds.azure.keys import KeyInUse, vault_uri
from components.clouds.azure.network import Site
from components.clouds.azure.private_link import PrivateLink
from components.clouds.azure.subscription import Subscription, foreign
from components.clouds.cloud import DnsZone, KubernetesCluster
from components.target import Cluster


@dataclass(frozen=True, kw_only=True)
class AttachedGroup:
    """A resource group that another stack made."""

    name: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class AttachedRegion(Site):
    """A region's network and keys, made by another stack.

    Attributes:
        vault: name of the region's vault.
        data_key: encrypts what the region's services store.
        data_principal: object id of the identity that services wrap and unwrap with.
        database_zone: id of the private DNS zone of PostgreSQL servers.
        storage_zone: id of the private DNS zone of storage accounts.
        tenant: whose resources are put here, for tags; None for those of all tenants.
    """

    vault: pulumi.Output[str]
    data_key: KeyInUse
    data_principal: pulumi.Output[str]
    database_zone: pulumi.Output[str]
    storage_zone: pulumi.Output[str]
    tenant: str | None = None

    def of(self, tenant: str) -> "AttachedRegion":
        """Returns the region as a place for a tenant's resources."""
        return replace(self, tenant=tenant)

    def tags(self, *, data_class: str = "none") -> dict[str, str]:
        """Returns the tags of a resource of the region."""
        found = Site.tags(self, data_class=data_class)
        return found | {"tenant": self.tenant} if self.tenant else found


@dataclass(frozen=True, kw_only=True)
class AttachedZone(DnsZone):
    """The environment's zone, made by another stack.

    Attributes:
        group: name of its resource group.
        probed: host that regions are asked for to see whether they are healthy.
    """

    group: pulumi.Output[str]
    probed: pulumi.Output[str]


def export(link: PrivateLink, cluster: KubernetesCluster) -> Mapping[str, pulumi.Input[Any]]:
    """Returns what a cell must be told of a region.

    Raises:
        TypeError: another cloud made the cluster, or another stack.
    """
    if not isinstance(cluster, clusters.AksCluster):
        raise foreign(cluster)
    within = cluster.network
    key = within.data_key
    return {
        "kubeconfig": cluster.kubeconfig,
        "oidc_issuer": cluster.oidc_issuer,
        "group": within.group.name,
        "suffix": within.suffix,
        "data_subnet": within.data_subnet,
        "logs": within.logs,
        "vault": key.vault.name,
        "data_key": key.key.name,
        "data_key_uri": key.key.key_uri,
        "data_identity": key.identity.id,
        "data_principal": key.identity.principal_id,
        "database_zone": link.zones["postgresqlServer"].id,
        "storage_zone": link.zones["blob"].id,
    }


def attach(
    subscription: Subscription,
    name: str,
    region: str,
    exported: pulumi.Output[Mapping[str, Any]],
    *,
    parent: pulumi.Resource,
) -> KubernetesCluster:
    """Returns a region's cluster as it was exported; makes its Kubernetes provider."""

    def told(key: str) -> pulumi.Output[str]:
        return _told(exported, key)

    provider = clusters.objects_provider(
        name, exported.apply(lambda found: str(found["kubeconfig"])), parent=parent
    )
    return KubernetesCluster(
        cloud="azure",
        network=AttachedRegion(
            subscription=subscription,
            region_spec=subscription.environment.region(region),
            group=AttachedGroup(name=told("group")),
            suffix=told("suffix"),
            data_subnet=told("data_subnet"),
            logs=told("logs"),
            vault=told("vault"),
            data_key=KeyInUse(
                vault_uri=vault_uri(told("vault")),
                name=told("data_key"),
                uri=told("data_key_uri"),
                identity=told("data_identity"),
            ),
            data_principal=told("data_principal"),
            database_zone=told("database_zone"),
            storage_zone=told("storage_zone"),
        ),
        name=name,
        provider=provider,
        oidc_issuer=told("oidc_issuer"),
        resource=provider,
    )


def attached(cluster: Cluster) -> AttachedRegion:
    """Returns what is known of an attached cluster's region.

    Raises:
        TypeError: the cluster is another cloud's, or was made in this stack.
    """
    network = getattr(cluster, "network", None)
    if not isinstance(network, AttachedRegion):
        raise TypeError(
            f"{cluster.region}: tenants are put on a cluster that another stack exported; "
            "attach() returns it"
        )
    return network


def export_zone(
    subscription: Subscription, zone: DnsZone, probed: str
) -> Mapping[str, pulumi.Input[Any]]:
    """Returns what a cell must be told of the zone.

    Args:
        subscription: where it is.
        zone: the zone.
        probed: host that regions are asked for to see whether they are healthy.

    Raises:
        TypeError: another cloud made the zone, or another stack.
    """
    if not isinstance(zone.handle, dns.Zone):
        raise foreign(zone.handle)
    return {
        "group": subscription.group.name,
        "name_servers": zone.name_servers,
        "probed": probed,
    }


def attach_zone(
    subscription: Subscription, domain: str, exported: pulumi.Output[Mapping[str, Any]]
) -> AttachedZone:
    """Returns the zone as it was exported; makes nothing."""
    return AttachedZone(
        domain=domain,
        name_servers=pulumi.Output.unsecret(exported.apply(lambda found: found["name_servers"])),
        handle=subscription.root,
        group=_told(exported, "group"),
        probed=_told(exported, "probed"),
    )


def attached_zone(zone: DnsZone) -> AttachedZone:
    """Returns a zone that ``attach_zone`` has returned.

    Raises:
        TypeError: it is another cloud's, or was made in this stack.
    """
    if not isinstance(zone, AttachedZone):
        raise TypeError(
            f"{zone.domain}: tenants' names are put into a zone that another stack exported; "
            "attach_zone() returns it"
        )
    return zone


def _told(exported: pulumi.Output[Mapping[str, Any]], key: str) -> pulumi.Output[str]:
    """Returns a value that is no secret, though what it came in is: previews are to show it."""
    return pulumi.Output.unsecret(exported.apply(lambda found: str(found[key])))
