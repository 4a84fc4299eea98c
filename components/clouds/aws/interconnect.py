"""AWS' part of the private connections: Transit Gateways, and VPN connections in the hub.

Each region has a Transit Gateway with one attachment, its VPC. The hub's is peered with every
other, so there is one peering a region and what two of the others say to each other goes through
the hub. Peerings know no BGP: their routes are static. Those to other clouds are learned by BGP in
the hub.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.clouds.aws.account import Account
from components.clouds.aws.network import AwsNetwork, own
from components.clouds.interconnect import ASN, INTERFACES, End, Tunnel, routable
from components.clouds.locations import EVERY_REGION, CloudName
from components.target import Network

_CIPHER = "AES256-GCM-16"
_HASH = "SHA2-384"
_DH_GROUP = 20
"""384-bit elliptic curve (RFC 5903)."""


@dataclass(frozen=True, kw_only=True)
class _Region:
    """A region on the backbone; ``attached`` is what makes its VPC reachable."""

    network: AwsNetwork
    router: aws.ec2transitgateway.TransitGateway
    attached: aws.ec2transitgateway.VpcAttachment

    @property
    def location(self) -> str:
        return self.network.place.location

    def tags(self, name: str) -> dict[str, str]:
        place = self.network.place
        return place.tags() | {"Name": f"{place.environment.name}-{name}"}


class AwsInterconnect:
    """Connects the regions of an environment on AWS."""

    name: CloudName = "aws"

    def __init__(self, account: Account) -> None:
        """Remembers the account; makes nothing."""
        self._account = account

    def backbone(
        self, name: str, networks: Sequence[Network], hub: str, *, parent: pulumi.Resource
    ) -> "AwsBackbone":
        """Makes the Transit Gateways and peers each with the hub's.

        Raises:
            InterconnectError: a region has addresses that cannot be routed to.
        """
        account = self._account
        regions = {
            one.region: _region(account, f"{name}-{one.region}", own(one), parent=parent)
            for one in networks
        }
        for region in regions.values():
            if region.network.region != hub:
                _peer(account, name, region, regions[hub], parent=parent)
        return AwsBackbone(account, regions[hub])

    def resolve(
        self,
        name: str,
        host: pulumi.Input[str],
        address: pulumi.Input[str],
        networks: Sequence[Network],
        *,
        parent: pulumi.Resource,
    ) -> None:
        """Makes a private zone of that one name, for every region's VPC."""
        vpcs = [own(one) for one in networks]
        zone = aws.route53.Zone(
            name,
            name=host,
            comment="A private name of another cloud",
            vpcs=[
                aws.route53.ZoneVpcArgs(vpc_id=one.vpc.id, vpc_region=one.place.location)
                for one in vpcs
            ],
            force_destroy=False,
            tags=self._account.environment.tags(),
            opts=self._account.inside(parent),
        )
        aws.route53.Record(
            name,
            zone_id=zone.zone_id,
            name=host,
            type="A",
            ttl=60,
            records=[address],
            opts=self._account.inside(parent),
        )


class AwsBackbone:
    """The regions' Transit Gateways, as the hub's sees them."""

    def __init__(self, account: Account, hub: _Region) -> None:
        """Remembers the hub."""
        self._account = account
        self._hub = hub

    def gateway(self, name: str, ends: Sequence[End], *, parent: pulumi.Resource) -> "AwsGateway":
        """Returns what ends tunnels; each connection brings its own addresses later."""
        del ends
        place = self._hub.network.place
        logs = place.log_group(
            f"{name}-vpn",
            f"/{place.environment.name}/{place.region.name}/vpn",
            self._hub.network.keys.operational,
            parent=parent,
        )
        return AwsGateway(self._account, self._hub, logs)


class AwsGateway:
    """The hub's Transit Gateway, as the end of VPN connections."""

    addresses: Sequence[pulumi.Output[str]] = ()

    def __init__(self, account: Account, hub: _Region, logs: aws.cloudwatch.LogGroup) -> None:
        """Remembers where connections end and log to."""
        self._account = account
        self._hub = hub
        self._logs = logs

    def connect(
        self, name: str, peer: CloudName, tunnels: Sequence[Tunnel], *, parent: pulumi.Resource
    ) -> Sequence[pulumi.Output[str]]:
        """Makes a connection, of two tunnels, to each of the peer's addresses."""
        addresses: list[pulumi.Output[str]] = []
        for interface in range(INTERFACES):
            first, second = (one for one in tunnels if one.end.interface == interface)
            made = self._connection(f"{name}-{interface}", peer, first, second, parent=parent)
            addresses += [made.tunnel1_address, made.tunnel2_address]
        return addresses

    def _connection(
        self,
        name: str,
        peer: CloudName,
        first: Tunnel,
        second: Tunnel,
        *,
        parent: pulumi.Resource,
    ) -> aws.ec2.VpnConnection:
        inside, location = self._account.inside(parent), self._hub.location
        customer = aws.ec2.CustomerGateway(
            name,
            type="ipsec.1",
            bgp_asn=str(ASN[peer]),
            ip_address=first.peer_gateway,
            tags=self._hub.tags(name),
            region=location,
            opts=inside,
        )
        return aws.ec2.VpnConnection(
            name,
            type="ipsec.1",
            customer_gateway_id=customer.id,
            transit_gateway_id=self._hub.router.id,
            static_routes_only=False,
            tunnel1_inside_cidr=str(first.end.inside),
            tunnel1_preshared_key=first.key,
            tunnel1_ike_versions=["ikev2"],
            tunnel1_startup_action="start",
            tunnel1_dpd_timeout_action="restart",
            tunnel1_phase1_encryption_algorithms=[_CIPHER],
            tunnel1_phase1_integrity_algorithms=[_HASH],
            tunnel1_phase1_dh_group_numbers=[_DH_GROUP],
            tunnel1_phase2_encryption_algorithms=[_CIPHER],
            tunnel1_phase2_integrity_algorithms=[_HASH],
            tunnel1_phase2_dh_group_numbers=[_DH_GROUP],
            tunnel1_log_options=aws.ec2.VpnConnectionTunnel1LogOptionsArgs(
                cloudwatch_log_options=aws.ec2.VpnConnectionTunnel1LogOptionsCloudwatchLogOptionsArgs(
                    log_enabled=True, log_group_arn=self._logs.arn, log_output_format="json"
                )
            ),
            tunnel2_inside_cidr=str(second.end.inside),
            tunnel2_preshared_key=second.key,
            tunnel2_ike_versions=["ikev2"],
            tunnel2_startup_action="start",
            tunnel2_dpd_timeout_action="restart",
            tunnel2_phase1_encryption_algorithms=[_CIPHER],
            tunnel2_phase1_integrity_algorithms=[_HASH],
            tunnel2_phase1_dh_group_numbers=[_DH_GROUP],
            tunnel2_phase2_encryption_algorithms=[_CIPHER],
            tunnel2_phase2_integrity_algorithms=[_HASH],
            tunnel2_phase2_dh_group_numbers=[_DH_GROUP],
            tunnel2_log_options=aws.ec2.VpnConnectionTunnel2LogOptionsArgs(
                cloudwatch_log_options=aws.ec2.VpnConnectionTunnel2LogOptionsCloudwatchLogOptionsArgs(
                    log_enabled=True, log_group_arn=self._logs.arn, log_output_format="json"
                )
            ),
            tags=self._hub.tags(name),
            region=location,
            opts=inside,
        )


def _region(
    account: Account, name: str, network: AwsNetwork, *, parent: pulumi.Resource
) -> _Region:
    """Makes a region's Transit Gateway and sends what is for other regions to it."""
    routable(network.region, network.place.region.cidr)
    place, inside = network.place, account.inside(parent)
    tags = place.tags() | {"Name": f"{place.environment.name}-{name}"}
    router = aws.ec2transitgateway.TransitGateway(
        name,
        description=f"{place.environment.name} {network.region}",
        amazon_side_asn=ASN["aws"],
        auto_accept_shared_attachments="disable",
        default_route_table_association="enable",
        default_route_table_propagation="enable",
        dns_support="enable",
        vpn_ecmp_support="enable",
        tags=tags,
        region=place.location,
        opts=inside,
    )
    attached = aws.ec2transitgateway.VpcAttachment(
        name,
        transit_gateway_id=router.id,
        vpc_id=network.vpc.id,
        subnet_ids=[one.id for one in network.private],
        dns_support="enable",
        tags=tags,
        region=place.location,
        opts=inside,
    )
    tables: Mapping[str, pulumi.Output[str]] = {
        "private": network.private_routes.id,
        # The data subnets are on the VPC's main table.
        "data": network.vpc.main_route_table_id,
    }
    for kind, table in tables.items():
        aws.ec2.Route(
            f"{name}-{kind}",
            route_table_id=table,
            destination_cidr_block=str(EVERY_REGION),
            transit_gateway_id=router.id,
            region=place.location,
            opts=account.inside(parent, attached),
        )
    return _Region(network=network, router=router, attached=attached)


def _peer(
    account: Account, name: str, region: _Region, hub: _Region, *, parent: pulumi.Resource
) -> None:
    """Peers a region with the hub, and routes between them."""
    short = f"{name}-{region.network.region}-{hub.network.region}"
    peering = aws.ec2transitgateway.PeeringAttachment(
        short,
        transit_gateway_id=region.router.id,
        peer_transit_gateway_id=hub.router.id,
        peer_region=hub.location,
        peer_account_id=account.environment.account,
        tags=region.tags(short),
        region=region.location,
        opts=account.inside(parent),
    )
    accepted = aws.ec2transitgateway.PeeringAttachmentAccepter(
        short,
        transit_gateway_attachment_id=peering.id,
        tags=region.tags(short),
        region=hub.location,
        opts=account.inside(parent),
    )
    # A table has one route to a prefix: on another hub the old one has to go first.
    outward = pulumi.ResourceOptions.merge(
        account.inside(parent), pulumi.ResourceOptions(delete_before_replace=True)
    )
    aws.ec2transitgateway.Route(
        f"{name}-{region.network.region}-outward",
        destination_cidr_block=str(EVERY_REGION),
        transit_gateway_attachment_id=accepted.id,
        transit_gateway_route_table_id=region.router.association_default_route_table_id,
        region=region.location,
        opts=outward,
    )
    aws.ec2transitgateway.Route(
        short,
        destination_cidr_block=str(region.network.place.region.cidr),
        transit_gateway_attachment_id=accepted.id,
        transit_gateway_route_table_id=hub.router.association_default_route_table_id,
        region=hub.location,
        opts=account.inside(parent),
    )
