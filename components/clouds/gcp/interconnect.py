"""Google Cloud's part of the private connections: HA VPN in the hub.

The VPC spans all regions and routes globally, so there is no backbone to make: what the hub's
router learns, every region knows.
"""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from components.clouds.gcp.network import GcpNetwork, own
from components.clouds.gcp.project import Project
from components.clouds.interconnect import ASN, INTERFACES, End, Tunnel, routable
from components.clouds.locations import CloudName
from components.target import Network

_CIPHER = "AES-GCM-16-256"
_DH_GROUP = "Group-20"
"""384-bit elliptic curve (RFC 5903)."""

_REDUNDANCY = {2: "TWO_IPS_REDUNDANCY", 4: "FOUR_IPS_REDUNDANCY"}
"""By how many addresses the peer has."""


class GcpInterconnect:
    """Connects the regions of an environment on Google Cloud."""

    name: CloudName = "gcp"

    def __init__(self, project: Project) -> None:
        """Remembers the project; makes nothing."""
        self._project = project

    def backbone(
        self, name: str, networks: Sequence[Network], hub: str, *, parent: pulumi.Resource
    ) -> "GcpBackbone":
        """Makes nothing: the VPC connects its regions.

        Raises:
            InterconnectError: a region has addresses that cannot be routed to.
        """
        del name, parent
        regions = [own(one) for one in networks]
        return GcpBackbone(
            self._project,
            next(one for one in regions if one.region == hub),
            [str(routable(one.region, one.place.cidr)) for one in regions],
        )

    def resolve(
        self,
        name: str,
        host: pulumi.Input[str],
        address: pulumi.Input[str],
        networks: Sequence[Network],
        *,
        parent: pulumi.Resource,
    ) -> None:
        """Makes a private zone of that one name, for the VPC."""
        dns_name = pulumi.Output.concat(host, ".")
        zone = gcp.dns.ManagedZone(
            name,
            dns_name=dns_name,
            description="A private name of another cloud",
            visibility="private",
            private_visibility_config={"networks": [{"network_url": own(networks[0]).vpc.id}]},
            labels=self._project.environment.tags(),
            opts=self._project.child(parent),
        )
        gcp.dns.RecordSet(
            name,
            managed_zone=zone.name,
            name=dns_name,
            type="A",
            ttl=60,
            rrdatas=[address],
            opts=self._project.child(parent),
        )


class GcpBackbone:
    """The VPC, as its hub sees it."""

    def __init__(self, project: Project, hub: GcpNetwork, prefixes: Sequence[str]) -> None:
        """Remembers the hub and the regions' addresses."""
        self._project = project
        self._hub = hub
        self._prefixes = prefixes

    def gateway(self, name: str, ends: Sequence[End], *, parent: pulumi.Resource) -> "GcpGateway":
        """Makes the VPN gateway, and the router that says which addresses are here."""
        del ends
        project, hub = self._project, self._hub
        location = hub.place.location.name
        router = gcp.compute.Router(
            name,
            network=hub.vpc.id,
            region=location,
            bgp={
                "asn": ASN["gcp"],
                "advertise_mode": "CUSTOM",
                "advertised_ip_ranges": [{"range": one} for one in self._prefixes],
            },
            opts=project.child(parent),
        )
        made = gcp.compute.HaVpnGateway(
            name,
            network=hub.vpc.id,
            region=location,
            gateway_ip_version="IPV4",
            stack_type="IPV4_ONLY",
            labels=project.environment.tags(region=hub.region),
            opts=project.child(parent),
        )
        return GcpGateway(project, hub, router, made)


class GcpGateway:
    """The hub's HA VPN gateway."""

    def __init__(
        self,
        project: Project,
        hub: GcpNetwork,
        router: gcp.compute.Router,
        gateway: gcp.compute.HaVpnGateway,
    ) -> None:
        """Remembers what tunnels are made of."""
        self._project = project
        self._location = hub.place.location.name
        self._labels = project.environment.tags(region=hub.region)
        self._router = router
        self._gateway = gateway

    @property
    def addresses(self) -> Sequence[pulumi.Output[str]]:
        """Public addresses by interface."""
        return [
            self._gateway.vpn_interfaces.apply(
                lambda found, number=number: found[number].ip_address or ""
            )
            for number in range(INTERFACES)
        ]

    def connect(
        self, name: str, peer: CloudName, tunnels: Sequence[Tunnel], *, parent: pulumi.Resource
    ) -> Sequence[pulumi.Output[str]]:
        """Makes a tunnel with a BGP session to each of the peer's addresses."""
        there = gcp.compute.ExternalVpnGateway(
            name,
            redundancy_type=_REDUNDANCY[len(tunnels)],
            interfaces=[{"id": one.end.number, "ip_address": one.peer_gateway} for one in tunnels],
            labels=self._labels,
            opts=self._project.child(parent),
        )
        for one in tunnels:
            self._tunnel(f"{name}-{one.end.number}", peer, one, there, parent=parent)
        addresses = self.addresses
        return [addresses[one.end.interface] for one in tunnels]

    def _tunnel(
        self,
        name: str,
        peer: CloudName,
        tunnel: Tunnel,
        there: gcp.compute.ExternalVpnGateway,
        *,
        parent: pulumi.Resource,
    ) -> None:
        end, inside = tunnel.end, self._project.child(parent)
        made = gcp.compute.VPNTunnel(
            name,
            region=self._location,
            router=self._router.id,
            vpn_gateway=self._gateway.id,
            vpn_gateway_interface=end.interface,
            peer_external_gateway=there.id,
            peer_external_gateway_interface=end.number,
            shared_secret=tunnel.key,
            ike_version=2,
            cipher_suite={
                "phase1": {
                    "encryptions": [_CIPHER],
                    "prves": ["PRF-HMAC-SHA2-384"],
                    "dhs": [_DH_GROUP],
                },
                "phase2": {"encryptions": [_CIPHER], "pfs": [_DH_GROUP]},
            },
            labels=self._labels,
            opts=inside,
        )
        interface = gcp.compute.RouterInterface(
            name,
            router=self._router.name,
            region=self._location,
            ip_range=f"{end.address}/{end.inside.prefixlen}",
            vpn_tunnel=made.name,
            opts=inside,
        )
        gcp.compute.RouterPeer(
            name,
            router=self._router.name,
            region=self._location,
            interface=interface.name,
            peer_ip_address=str(end.peer_address),
            peer_asn=ASN[peer],
            opts=inside,
        )
