"""What a cell of tenants is told of a region and of the zone, and what it makes of that.

A cell makes no network, no cluster and no zone: it has their ids from the environment's own stack.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.clouds.aws.account import Account, Place
from components.clouds.aws.cluster import STORAGE_CLASS, AwsCluster, ClusterApi, kubernetes_provider
from components.clouds.aws.dns import FrontDoor, own_zone
from components.clouds.cloud import DnsZone, KubernetesCluster
from components.target import Cluster


@dataclass(frozen=True, kw_only=True)
class AttachedRegion:
    """A region's network, made by another stack; implements ``components.target.Network``.

    Attributes:
        region: name of the region in the environment.
        vpc_id: of its VPC.
        data_subnet_ids: of the subnets that databases are in.
    """

    region: str
    place: Place
    vpc_id: pulumi.Output[str]
    data_subnet_ids: pulumi.Output[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class AttachedCluster(KubernetesCluster):
    """A region's cluster, made by another stack.

    Attributes:
        security_group: id of the group that nodes and pods are in.
    """

    network: AttachedRegion
    security_group: pulumi.Output[str]

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.network.place


@dataclass(frozen=True, kw_only=True)
class AttachedZone(DnsZone):
    """The environment's zone, made by another stack.

    Attributes:
        zone_id: Route 53's.
        health_checks: ids of the checks of the regions' gateways, by region.
    """

    zone_id: pulumi.Output[str]
    health_checks: pulumi.Output[Mapping[str, str]]


def export(cluster: AwsCluster) -> Mapping[str, pulumi.Input[Any]]:
    """Returns what a cell must be told of a region."""
    network, made = cluster.network, cluster.resource
    return {
        "endpoint": made.endpoint,
        "certificate_authority": made.certificate_authority.data,
        "oidc_issuer": cluster.oidc_issuer,
        "security_group": cluster.security_group,
        "vpc_id": network.vpc.id,
        "data_subnet_ids": network.data_subnet_ids,
    }


def attach(
    place: Place,
    name: str,
    exported: pulumi.Output[Mapping[str, Any]],
    *,
    parent: pulumi.Resource,
) -> AttachedCluster:
    """Returns a region's cluster and network as another stack exported them."""

    def told(key: str) -> pulumi.Output[str]:
        return exported.apply(lambda found: str(found[key]))

    api = ClusterApi(
        name=place.physical_name,
        endpoint=told("endpoint"),
        certificate_authority=told("certificate_authority"),
    )
    provider = kubernetes_provider(place, name, api, parent=parent)
    return AttachedCluster(
        cloud="aws",
        network=AttachedRegion(
            region=place.region.name,
            place=place,
            vpc_id=told("vpc_id"),
            data_subnet_ids=exported.apply(lambda found: found["data_subnet_ids"]),
        ),
        name=place.physical_name,
        provider=provider,
        oidc_issuer=told("oidc_issuer"),
        resource=provider,
        storage_class=STORAGE_CLASS,
        security_group=told("security_group"),
    )


def attached(cluster: Cluster) -> AttachedCluster:
    """Returns a cluster that ``attach`` has returned.

    Raises:
        TypeError: it is another cloud's, or was made in this stack.
    """
    if not isinstance(cluster, AttachedCluster):
        raise TypeError(
            f"{cluster.region}: tenants are put on clusters that another stack exported; "
            "attach() returns them"
        )
    return cluster


def export_zone(zone: DnsZone, front: FrontDoor) -> Mapping[str, pulumi.Input[Any]]:
    """Returns what a cell must be told of the zone, and how it knows which regions are healthy."""
    return {
        "zone_id": own_zone(zone).zone_id,
        "name_servers": zone.name_servers,
        "health_checks": {region: one.id for region, one in front.health_checks.items()},
    }


def attach_zone(
    account: Account, domain: str, exported: pulumi.Output[Mapping[str, Any]]
) -> AttachedZone:
    """Returns the zone as another stack exported it."""
    return AttachedZone(
        domain=domain,
        name_servers=exported.apply(lambda found: found["name_servers"]),
        handle=account.root,
        zone_id=exported.apply(lambda found: str(found["zone_id"])),
        health_checks=exported.apply(lambda found: found["health_checks"]),
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
