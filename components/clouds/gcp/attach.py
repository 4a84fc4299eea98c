"""What a cell is told of a region and of the zone, and what it makes of that.

A cell makes no network, no cluster and no zone: it has their ids from the environment's own stack.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.clouds.cloud import CloudRegion, DnsZone, KubernetesCluster
from components.clouds.gcp import cluster as clusters
from components.clouds.gcp import dns
from components.clouds.gcp import network as networks
from components.clouds.gcp import project as projects
from components.clouds.gcp.project import AGENTS, Project
from components.target import Cluster


@dataclass(frozen=True, kw_only=True)
class AttachedRegion:
    """A region's network and keys, made by another stack; implements ``components.target.Network``.

    Attributes:
        region: name of the region in the environment.
        place: the region itself.
        project_number: of the project, which names of its identities are made of.
        vpc: id of the VPC.
        data_subnet: id of the subnet of the data stores' endpoints.
        key_ring: full name of the region's key ring.
        storage_agent: Cloud Storage's service agent, as a member of IAM policies.
        database_agent: Cloud SQL's.
    """

    region: str
    place: CloudRegion
    project_number: pulumi.Output[str]
    vpc: pulumi.Output[str]
    data_subnet: pulumi.Output[str]
    key_ring: pulumi.Output[str]
    storage_agent: pulumi.Output[str]
    database_agent: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class AttachedZone(DnsZone):
    """The environment's zone, made by another stack.

    Attributes:
        name: the zone's own, which is not its domain.
        health_check: id of the check of the regions' gateways.
    """

    name: pulumi.Output[str]
    health_check: pulumi.Output[str]


def export(project: Project, cluster: KubernetesCluster) -> Mapping[str, pulumi.Input[Any]]:
    """Returns what a cell must be told of a region.

    Raises:
        TypeError: another target made the cluster, or another stack.
    """
    if not isinstance(cluster, clusters.GkeCluster):
        raise projects.foreign(cluster)
    network = networks.own(cluster.network)
    return {
        "kubeconfig": cluster.kubeconfig,
        "oidc_issuer": cluster.oidc_issuer,
        "project_number": project.number,
        "vpc": network.vpc.id,
        "data_subnet": network.data.id,
        "key_ring": network.keys.ring,
        "storage_agent": project.storage_agent,
        "database_agent": project.agent(AGENTS["sqladmin"]),
    }


def attach(
    project: Project,
    name: str,
    region: str,
    exported: pulumi.Output[Mapping[str, Any]],
    *,
    parent: pulumi.Resource,
) -> KubernetesCluster:
    """Returns a region's cluster as it was exported; makes its Kubernetes provider."""
    place = project.environment.region(region)
    provider = clusters.objects_provider(
        name, exported.apply(lambda found: str(found["kubeconfig"])), parent=parent
    )
    return KubernetesCluster(
        cloud="gcp",
        network=AttachedRegion(
            region=region,
            place=place,
            project_number=_told(exported, "project_number"),
            vpc=_told(exported, "vpc"),
            data_subnet=_told(exported, "data_subnet"),
            key_ring=_told(exported, "key_ring"),
            storage_agent=_told(exported, "storage_agent"),
            database_agent=_told(exported, "database_agent"),
        ),
        name=clusters.cluster_name(project, place),
        provider=provider,
        oidc_issuer=_told(exported, "oidc_issuer"),
        resource=provider,
        storage_class=clusters.STORAGE_CLASS,
    )


def attached(cluster: Cluster) -> AttachedRegion:
    """Returns what is known of an attached cluster's region.

    Raises:
        TypeError: the cluster is another target's, or was made in this stack.
    """
    network = projects.own(cluster).network
    if not isinstance(network, AttachedRegion):
        raise TypeError(
            f"{cluster.region}: tenants are put on a cluster that another stack exported; "
            "attach() returns it"
        )
    return network


def export_zone(zone: DnsZone, front: dns.FrontDoor) -> Mapping[str, pulumi.Input[Any]]:
    """Returns what a cell must be told of the zone.

    Raises:
        TypeError: another target made the zone, or another stack.
    """
    return {
        "name": dns.own(zone).name,
        "name_servers": zone.name_servers,
        "health_check": front.health_check,
    }


def attach_zone(
    project: Project, domain: str, exported: pulumi.Output[Mapping[str, Any]]
) -> AttachedZone:
    """Returns the zone as it was exported; makes nothing."""
    return AttachedZone(
        domain=domain,
        name_servers=pulumi.Output.unsecret(exported.apply(lambda found: found["name_servers"])),
        handle=project.provider,
        name=_told(exported, "name"),
        health_check=_told(exported, "health_check"),
    )


def _told(exported: pulumi.Output[Mapping[str, Any]], key: str) -> pulumi.Output[str]:
    """Returns a value that is no secret, though what it came in is: previews are to show it."""
    return pulumi.Output.unsecret(exported.apply(lambda found: str(found[key])))
