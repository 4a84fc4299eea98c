"""The environment's one VPC, and a region's part of it.

The VPC spans the world, so that regions reach each other without peering. Nodes and endpoints have
private addresses only; what leaves goes through Cloud NAT, and Google's own APIs are reached by
Private Service Connect, without the internet. A region's /16 is divided as ``Ranges`` says.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_gcp as gcp

from components.clouds.cloud import CloudRegion
from components.clouds.gcp.keys import RegionKeys, region_keys
from components.clouds.gcp.project import Project, foreign
from components.target import Network

PODS = "pods"
SERVICES = "services"

_GOOGLE_APIS_ADDRESS = "10.255.255.254"
"""In none of the regions' /16, as Private Service Connect demands."""

_GOOGLE_API_DOMAINS = ("googleapis.com", "gcr.io", "pkg.dev", "gke.goog")

_HEALTH_CHECKS = ("35.191.0.0/16", "130.211.0.0/22")
"""Where Google's load balancers probe from."""

_SERVICE_CLASSES = ("gcp-memorystore",)
"""Managed services that place their endpoints into the data subnet themselves."""


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """How a region's /16 is divided.

    Attributes:
        nodes: of the cluster, 4,096 addresses.
        data: endpoints of database, cache and event bus.
        services: the cluster's services.
        pods: 32,768 addresses, 110 pods on each of 128 nodes.
    """

    nodes: IPv4Network
    data: IPv4Network
    services: IPv4Network
    pods: IPv4Network

    @classmethod
    def of(cls, cidr: IPv4Network) -> "Ranges":
        """Divides a region's addresses."""
        blocks = list(cidr.subnets(new_prefix=20))
        _, upper = cidr.subnets(new_prefix=17)
        return cls(nodes=blocks[0], data=blocks[1], services=blocks[2], pods=upper)


@dataclass(frozen=True, kw_only=True)
class GcpNetwork:
    """A region's part of the VPC.

    Attributes:
        region: name of the region in the environment.
        place: the region itself.
        vpc: the VPC.
        nodes: subnet of the cluster's nodes.
        data: subnet of the data stores' endpoints.
        keys: what is encrypted in the region is encrypted with these.
        way_out: the NAT, without which nodes cannot fetch images.
        service_connections: lets managed services place endpoints into ``data``.
    """

    region: str
    place: CloudRegion
    vpc: gcp.compute.Network
    nodes: gcp.compute.Subnetwork
    data: gcp.compute.Subnetwork
    keys: RegionKeys
    way_out: pulumi.Resource
    service_connections: tuple[pulumi.Resource, ...]


def own(network: Network) -> GcpNetwork:
    """Returns a network that Google Cloud made.

    Raises:
        TypeError: another target made it.
    """
    if not isinstance(network, GcpNetwork):
        raise foreign(network)
    return network


def vpc(project: Project) -> gcp.compute.Network:
    """Makes the VPC, its firewall and its way to Google's APIs."""
    made = gcp.compute.Network(
        "vpc",
        auto_create_subnetworks=False,
        routing_mode="GLOBAL",
        mtu=8896,
        opts=project.once(),
    )
    _firewall(project, made)
    _google_apis(project, made)
    return made


def _firewall(project: Project, network: gcp.compute.Network) -> None:
    """Denies, and logs, whatever no rule lets in.

    GKE itself adds the rules for its nodes and for port 443 of its load balancers.
    """
    gcp.compute.Firewall(
        "deny-ingress",
        network=network.id,
        direction="INGRESS",
        priority=65534,
        denies=[{"protocol": "all"}],
        source_ranges=["0.0.0.0/0"],
        log_config={"metadata": "INCLUDE_ALL_METADATA"},
        opts=project.once(),
    )
    gcp.compute.Firewall(
        "allow-health-checks",
        network=network.id,
        direction="INGRESS",
        priority=1000,
        allows=[{"protocol": "tcp"}],
        source_ranges=list(_HEALTH_CHECKS),
        target_tags=[node_tag(project)],
        log_config={"metadata": "INCLUDE_ALL_METADATA"},
        opts=project.once(),
    )


def node_tag(project: Project) -> str:
    """Returns the network tag of every cluster's nodes."""
    return f"{project.environment.name}-node"


def _google_apis(project: Project, network: gcp.compute.Network) -> None:
    """Gives Google's APIs an address in the VPC and points their names at it."""
    address = gcp.compute.GlobalAddress(
        "google-apis",
        address=_GOOGLE_APIS_ADDRESS,
        address_type="INTERNAL",
        purpose="PRIVATE_SERVICE_CONNECT",
        network=network.id,
        labels=project.environment.tags(),
        opts=project.once(),
    )
    gcp.compute.GlobalForwardingRule(
        "google-apis",
        name="googleapis",  # the cloud takes at most 20 letters and digits here
        target="all-apis",
        network=network.id,
        ip_address=address.id,
        load_balancing_scheme="",
        labels=project.environment.tags(),
        opts=project.once(),
    )
    for domain in _GOOGLE_API_DOMAINS:
        name = domain.replace(".", "-")
        zone = gcp.dns.ManagedZone(
            f"private-{name}",
            dns_name=f"{domain}.",
            visibility="private",
            private_visibility_config={"networks": [{"network_url": network.id}]},
            labels=project.environment.tags(),
            opts=project.once(),
        )
        gcp.dns.RecordSet(
            f"private-{name}",
            managed_zone=zone.name,
            name=f"{domain}.",
            type="A",
            ttl=300,
            rrdatas=[_GOOGLE_APIS_ADDRESS],
            opts=project.once(),
        )
        gcp.dns.RecordSet(
            f"private-{name}-wildcard",
            managed_zone=zone.name,
            name=f"*.{domain}.",
            type="CNAME",
            ttl=300,
            rrdatas=[f"{domain}."],
            opts=project.once(),
        )


def network(
    project: Project,
    shared: gcp.compute.Network,
    name: str,
    region: CloudRegion,
    *,
    parent: pulumi.Resource,
) -> GcpNetwork:
    """Makes a region's subnets, NAT, flow logs and keys."""
    location = region.location.name
    ranges = Ranges.of(region.cidr)
    keys = region_keys(project, name, region, parent=parent)
    nodes = _subnet(
        project, f"{name}-nodes", shared, location, ranges.nodes, ranges=ranges, parent=parent
    )
    data = _subnet(project, f"{name}-data", shared, location, ranges.data, parent=parent)
    router = gcp.compute.Router(
        f"{name}-router", network=shared.id, region=location, opts=project.child(parent)
    )
    nat = gcp.compute.RouterNat(
        f"{name}-nat",
        router=router.name,
        region=location,
        nat_ip_allocate_option="AUTO_ONLY",
        source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
        subnetworks=[{"name": nodes.id, "source_ip_ranges_to_nats": ["ALL_IP_RANGES"]}],
        enable_dynamic_port_allocation=True,
        enable_endpoint_independent_mapping=False,
        log_config={"enable": True, "filter": "ERRORS_ONLY"},
        opts=project.child(parent),
    )
    _flow_logs(project, name, region, keys, parent=parent)
    connections = tuple(
        gcp.networkconnectivity.ServiceConnectionPolicy(
            f"{name}-{service_class}",
            location=location,
            network=shared.id,
            service_class=service_class,
            psc_config={"subnetworks": [data.id]},
            labels=project.environment.tags(region=region.name),
            opts=project.child(parent),
        )
        for service_class in _SERVICE_CLASSES
    )
    return GcpNetwork(
        region=region.name,
        place=region,
        vpc=shared,
        nodes=nodes,
        data=data,
        keys=keys,
        way_out=nat,
        service_connections=connections,
    )


def _subnet(
    project: Project,
    name: str,
    shared: gcp.compute.Network,
    location: str,
    block: IPv4Network,
    *,
    ranges: Ranges | None = None,
    parent: pulumi.Resource,
) -> gcp.compute.Subnetwork:
    """Makes a subnet; with ``ranges``, one of a cluster, with its pods and services."""
    secondary: list[gcp.compute.SubnetworkSecondaryIpRangeArgsDict] = []
    if ranges:
        secondary = [
            {"range_name": PODS, "ip_cidr_range": str(ranges.pods)},
            {"range_name": SERVICES, "ip_cidr_range": str(ranges.services)},
        ]
    return gcp.compute.Subnetwork(
        name,
        network=shared.id,
        region=location,
        ip_cidr_range=str(block),
        secondary_ip_ranges=secondary,
        private_ip_google_access=True,
        stack_type="IPV4_ONLY",
        log_config={
            "aggregation_interval": "INTERVAL_1_MIN",
            "flow_sampling": 0.5,
            "metadata": "INCLUDE_ALL_METADATA",
        },
        opts=project.child(parent),
    )


def _flow_logs(
    project: Project, name: str, region: CloudRegion, keys: RegionKeys, *, parent: pulumi.Resource
) -> None:
    """Keeps the region's flow logs in the region, under its key, for as long as auditors ask."""
    location = region.location.name
    bucket = gcp.logging.ProjectBucketConfig(
        f"{name}-flow-logs",
        project=project.id,
        location=location,
        bucket_id=project.name(region, "flow-logs", limit=100),
        retention_days=400 if project.environment.protect else 30,
        cmek_settings={"kms_key_name": keys.logs},
        opts=project.child(parent),
    )
    gcp.logging.ProjectSink(
        f"{name}-flow-logs",
        destination=pulumi.Output.format("logging.googleapis.com/{}", bucket.name),
        filter=(
            f'log_id("compute.googleapis.com/vpc_flows") AND resource.labels.location:"{location}"'
        ),
        unique_writer_identity=True,
        opts=project.child(parent),
    )
