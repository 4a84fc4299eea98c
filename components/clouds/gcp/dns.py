"""Cloud DNS: the environment's public zone, who may change it, and the front door.

The director is a weighted record whose answers leave out regions that fail their health check.
"""

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from components.clouds.cloud import (
    DirectorArgs,
    DnsAccess,
    DnsZone,
    KubernetesCluster,
    PublicAddress,
)
from components.clouds.gcp import identity
from components.clouds.gcp import network as networks
from components.clouds.gcp import project as projects
from components.clouds.gcp.project import Project
from components.target import LoadBalancer

_TTL = 30
"""Seconds that a client may go on calling a region that has failed."""

_PROBED_FROM = ("us-central1", "europe-west1", "asia-east1")
"""Three regions, as many as Cloud DNS demands; which does not follow from the environment's."""


@dataclass(frozen=True, kw_only=True)
class FrontDoor(LoadBalancer):
    """The environment's front door on Cloud DNS.

    Attributes:
        health_check: id of the check of the regions' gateways.
    """

    health_check: pulumi.Output[str]


def zone(project: Project, name: str, domain: str, *, parent: pulumi.Resource) -> DnsZone:
    """Makes a public zone, signed, its queries logged."""
    made = gcp.dns.ManagedZone(
        name,
        dns_name=f"{domain}.",
        description=f"{domain}, the public names of {project.environment.name}",
        visibility="public",
        dnssec_config={"state": "on", "non_existence": "nsec3"},
        cloud_logging_config={"enable_logging": True},
        force_destroy=not project.environment.protect,
        deletion_policy=project.deletion_policy,
        labels=project.environment.tags(),
        opts=project.child(parent),
    )
    return DnsZone(domain=domain, name_servers=made.name_servers, handle=made)


def access(
    project: Project,
    name: str,
    zone: DnsZone,
    cluster: KubernetesCluster,
    *,
    namespace: str,
    service_account: str,
    parent: pulumi.Resource,
) -> DnsAccess:
    """Lets a service account of a cluster on Google Cloud change the zone's records.

    Raises:
        TypeError: the zone or the cluster is of another cloud.
    """
    made = own(zone)
    account, use = identity.account_for(
        project, name, projects.own(cluster), namespace, service_account, parent=parent
    )
    gcp.dns.DnsManagedZoneIamMember(
        f"{name}-change",
        project=project.id,
        managed_zone=made.name,
        role="roles/dns.admin",
        member=account.member,
        opts=project.child(parent),
    )
    gcp.projects.IAMMember(
        f"{name}-list",
        project=project.id,
        role="roles/dns.reader",  # both look for the zone by its domain first
        member=account.member,
        opts=project.child(parent),
    )
    return DnsAccess(
        cert_manager_solver={"cloudDNS": {"project": project.id, "hostedZoneName": made.name}},
        external_dns_values={
            "provider": {"name": "google"},
            "extraArgs": [f"--google-project={project.id}", "--google-zone-visibility=public"],
        },
        service_account_annotations=identity.annotations(account),
        resource=use,
    )


def director(
    project: Project, name: str, args: DirectorArgs, *, parent: pulumi.Resource
) -> FrontDoor:
    """Makes the record that clients resolve, weighted by region and without those that fail."""
    zone_name = own(args.zone).name
    check = gcp.compute.HealthCheck(
        f"{name}-health",
        check_interval_sec=30,
        timeout_sec=5,
        healthy_threshold=2,
        unhealthy_threshold=2,
        source_regions=list(_PROBED_FROM),
        https_health_check={"port": 443, "host": args.host, "request_path": args.health_path},
        log_config={"enable": True},
        opts=project.child(parent),
    )
    for endpoint in args.endpoints:
        gcp.dns.RecordSet(
            f"{name}-{endpoint.region}",
            managed_zone=zone_name,
            name=f"{endpoint.host}.",
            type="A",
            ttl=_TTL,
            rrdatas=list(endpoint.addresses),
            opts=project.child(parent),
        )
    record = weighted(project, name, args, zone_name, check.id, parent=parent)
    return FrontDoor(
        url=pulumi.Output.from_input(f"https://{args.host}"),
        grpc_address=pulumi.Output.from_input(f"{args.host}:443"),
        resource=record,
        health_check=check.id,
    )


def weighted(
    project: Project,
    name: str,
    args: DirectorArgs,
    zone_name: pulumi.Input[str],
    health_check: pulumi.Input[str],
    *,
    parent: pulumi.Resource,
) -> gcp.dns.RecordSet:
    """Makes one name's record: weighted by region, without those that fail the check."""
    return gcp.dns.RecordSet(
        name,
        managed_zone=zone_name,
        name=f"{args.host}.",
        type="A",
        ttl=_TTL,
        routing_policy={
            "health_check": health_check,
            "wrrs": [
                {
                    "weight": float(endpoint.weight),
                    "health_checked_targets": {"external_endpoints": list(endpoint.addresses)},
                }
                for endpoint in args.endpoints
            ],
        },
        opts=project.child(parent),
    )


def public_address(
    project: Project, name: str, cluster: KubernetesCluster, *, parent: pulumi.Resource
) -> PublicAddress:
    """Reserves the address of a region's gateway and has GKE's load balancer use it."""
    network = networks.own(projects.own(cluster).network)
    address = gcp.compute.Address(
        name,
        region=network.place.location.name,
        address_type="EXTERNAL",
        network_tier="PREMIUM",
        labels=project.environment.tags(region=network.region),
        opts=project.child(parent),
    )
    return PublicAddress(
        addresses=[address.address],
        service_annotations={
            "cloud.google.com/l4-rbs": "enabled",
            "networking.gke.io/load-balancer-ip-addresses": address.name,
        },
        resource=address,
    )


def own(zone: DnsZone) -> gcp.dns.ManagedZone:
    """Returns the zone that Google Cloud made in this stack.

    Raises:
        TypeError: another target made it.
    """
    if not isinstance(zone.handle, gcp.dns.ManagedZone):
        raise projects.foreign(zone.handle)
    return zone.handle
