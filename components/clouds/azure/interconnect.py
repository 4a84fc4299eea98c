"""Azure's part of the private connections: a Virtual WAN, and a VPN gateway in its hub.

Each region has a virtual hub that its network is connected to. Hubs of one Virtual WAN route to
each other by themselves, also to what one of them learns from another cloud.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
from pulumi_azure_native import network, privatedns

from components.clouds.azure.network import AzureNetwork, own
from components.clouds.azure.subscription import GLOBAL, HOME, Subscription
from components.clouds.interconnect import (
    ASN,
    INTERFACES,
    End,
    InterconnectError,
    Tunnel,
    routable,
)
from components.clouds.locations import CloudName, Location
from components.target import Network

_POLICY = network.IpsecPolicyArgs(
    ike_encryption="GCMAES256",
    ike_integrity="SHA384",
    dh_group="ECP384",
    ipsec_encryption="GCMAES256",
    ipsec_integrity="GCMAES256",
    pfs_group="ECP384",
    sa_life_time_seconds=3600,
    sa_data_size_kilobytes=102_400_000,
)
"""The one proposal of every tunnel; 384-bit elliptic curve is group 20 (RFC 5903)."""

_SCALE_UNITS = 1
"""Of the VPN gateway, 500 Mbit/s each."""


def hub_addresses(location: Location) -> IPv4Network:
    """Returns the addresses of a location's virtual hub: in no region's network, as they must be.

    They are of 10.0.0.0/16, which no location has, and follow from the location's number.
    """
    return IPv4Network(f"10.0.{location.number}.0/24")


@dataclass(frozen=True, kw_only=True)
class _Hub:
    """A region's virtual hub; ``connected`` is what makes its network reachable."""

    region: AzureNetwork
    hub: network.VirtualHub
    connected: network.HubVirtualNetworkConnection


class AzureInterconnect:
    """Connects the regions of an environment on Azure."""

    name: CloudName = "azure"

    def __init__(self, subscription: Subscription) -> None:
        """Remembers the subscription; makes nothing."""
        self._subscription = subscription

    def backbone(
        self, name: str, networks: Sequence[Network], hub: str, *, parent: pulumi.Resource
    ) -> "AzureBackbone":
        """Makes the Virtual WAN, and a hub for each region.

        Raises:
            InterconnectError: a region has addresses that cannot be routed to.
        """
        subscription = self._subscription
        wan = network.VirtualWan(
            name,
            resource_group_name=subscription.group.name,
            location=HOME,
            type="Standard",
            allow_branch_to_branch_traffic=True,
            disable_vpn_encryption=False,
            tags=subscription.environment.tags(),
            opts=subscription.child(parent),
        )
        hubs = {
            one.region: _hub(f"{name}-{one.region}", own(one), wan, parent=parent)
            for one in networks
        }
        return AzureBackbone(wan, hubs[hub])

    def resolve(
        self,
        name: str,
        host: pulumi.Input[str],
        address: pulumi.Input[str],
        networks: Sequence[Network],
        *,
        parent: pulumi.Resource,
    ) -> None:
        """Makes a private zone of that one name, for every region's network."""
        subscription = self._subscription
        zone = privatedns.PrivateZone(
            name,
            private_zone_name=host,
            resource_group_name=subscription.group.name,
            location=GLOBAL,
            tags=subscription.environment.tags(),
            opts=subscription.child(parent),
        )
        privatedns.PrivateRecordSet(
            name,
            private_zone_name=zone.name,
            resource_group_name=subscription.group.name,
            relative_record_set_name="@",
            record_type="A",
            ttl=60,
            a_records=[privatedns.ARecordArgs(ipv4_address=address)],
            opts=subscription.child(parent),
        )
        for one in networks:
            joined = own(one)
            privatedns.VirtualNetworkLink(
                f"{name}-{joined.region}",
                private_zone_name=zone.name,
                resource_group_name=subscription.group.name,
                location=GLOBAL,
                registration_enabled=False,
                virtual_network=privatedns.SubResourceArgs(id=joined.virtual_network.id),
                tags=joined.tags(),
                opts=subscription.child(parent),
            )


class AzureBackbone:
    """The Virtual WAN, as its hub sees it."""

    def __init__(self, wan: network.VirtualWan, hub: _Hub) -> None:
        """Remembers the hub."""
        self._wan = wan
        self._hub = hub

    def gateway(self, name: str, ends: Sequence[End], *, parent: pulumi.Resource) -> "AzureGateway":
        """Makes the VPN gateway; it is told all addresses it has inside tunnels at once."""
        region = self._hub.region
        made = network.VpnGateway(
            name,
            resource_group_name=region.group.name,
            location=region.location,
            virtual_hub=network.SubResourceArgs(id=self._hub.hub.id),
            vpn_gateway_scale_unit=_SCALE_UNITS,
            bgp_settings=network.BgpSettingsArgs(
                asn=ASN["azure"],
                peer_weight=0,
                bgp_peering_addresses=[
                    network.IPConfigurationBgpPeeringAddressArgs(
                        ipconfiguration_id=_instance(interface),
                        custom_bgp_ip_addresses=[
                            str(end.address) for end in ends if end.interface == interface
                        ],
                    )
                    for interface in range(INTERFACES)
                ],
            ),
            tags=region.tags(),
            # One change of a hub at a time.
            opts=region.subscription.child(parent, self._hub.connected),
        )
        return AzureGateway(region, self._wan, made)


class AzureGateway:
    """The VPN gateway in the hub: two instances, each with an address."""

    def __init__(
        self, region: AzureNetwork, wan: network.VirtualWan, gateway: network.VpnGateway
    ) -> None:
        """Remembers what connections are made of."""
        self._region = region
        self._wan = wan
        self._gateway = gateway

    @property
    def addresses(self) -> Sequence[pulumi.Output[str]]:
        """Public addresses by instance."""

        def address(instance: str) -> pulumi.Output[str]:
            return self._gateway.ip_configurations.apply(
                lambda found: _public_address(found, instance)
            )

        return [address(_instance(interface)) for interface in range(INTERFACES)]

    def connect(
        self, name: str, peer: CloudName, tunnels: Sequence[Tunnel], *, parent: pulumi.Resource
    ) -> Sequence[pulumi.Output[str]]:
        """Makes a site of the peer, with a link to each of its addresses, and connects to it."""
        region = self._region
        inside = region.subscription.child(parent)
        site = network.VpnSite(
            name,
            resource_group_name=region.group.name,
            location=region.location,
            virtual_wan=network.SubResourceArgs(id=self._wan.id),
            device_properties=network.DevicePropertiesArgs(device_vendor=peer),
            vpn_site_links=[
                network.VpnSiteLinkArgs(
                    name=_link(one.end),
                    ip_address=one.peer_gateway,
                    bgp_properties=network.VpnLinkBgpSettingsArgs(
                        asn=ASN[peer], bgp_peering_address=str(one.end.peer_address)
                    ),
                    link_properties=network.VpnLinkProviderPropertiesArgs(
                        link_provider_name=peer, link_speed_in_mbps=500 * _SCALE_UNITS
                    ),
                )
                for one in tunnels
            ],
            tags=region.tags(),
            opts=inside,
        )
        network.VpnConnection(
            name,
            resource_group_name=region.group.name,
            gateway_name=self._gateway.name,
            remote_vpn_site=network.SubResourceArgs(id=site.id),
            enable_internet_security=False,
            vpn_link_connections=[_connection(one, site, tunnels) for one in tunnels],
            opts=inside,
        )
        addresses = self.addresses
        return [addresses[one.end.interface] for one in tunnels]


def _instance(interface: int) -> str:
    """Returns Azure's name of one of the gateway's two instances."""
    return f"Instance{interface}"


def _public_address(
    found: Sequence[network.outputs.VpnGatewayIpConfigurationResponse], instance: str
) -> str:
    """Returns the public address of one of the gateway's instances.

    Raises:
        InterconnectError: Azure gives none, so no other cloud can be told of it.
    """
    for one in found:
        if one.id == instance and one.public_ip_address:
            return one.public_ip_address
    raise InterconnectError(
        f"Azure's VPN gateway has no public address for {instance!r}, only for "
        f"{[one.id for one in found]}; see whether it finished provisioning, then run again"
    )


def _link(end: End) -> str:
    return f"link-{end.number}"


def _connection(
    tunnel: Tunnel, site: network.VpnSite, tunnels: Sequence[Tunnel]
) -> network.VpnSiteLinkConnectionArgs:
    """Returns the connection over one link.

    Azure wants an address for each instance. The peer answers one of them only, on the interface
    the tunnel is planned for; the other is given what it has of the tunnel's counterpart there.
    """
    per_interface = len(tunnels) // INTERFACES
    counterparts = [
        one.end
        for one in tunnels
        if one.end.number % per_interface == tunnel.end.number % per_interface
    ]
    return network.VpnSiteLinkConnectionArgs(
        name=_link(tunnel.end),
        vpn_site_link=network.SubResourceArgs(
            id=pulumi.Output.concat(site.id, "/vpnSiteLinks/", _link(tunnel.end))
        ),
        shared_key=tunnel.key,
        enable_bgp=True,
        vpn_connection_protocol_type="IKEv2",
        ipsec_policies=[_POLICY],
        use_policy_based_traffic_selectors=False,
        vpn_gateway_custom_bgp_addresses=[
            network.GatewayCustomBgpIpAddressIpConfigurationArgs(
                ip_configuration_id=_instance(end.interface),
                custom_bgp_ip_address=str(end.address),
            )
            for end in counterparts
        ],
    )


def _hub(
    name: str, region: AzureNetwork, wan: network.VirtualWan, *, parent: pulumi.Resource
) -> _Hub:
    """Makes a region's virtual hub and connects its network to it."""
    spec = region.region_spec
    routable(spec.name, spec.cidr)
    hub = network.VirtualHub(
        name,
        resource_group_name=region.group.name,
        location=region.location,
        virtual_wan=network.SubResourceArgs(id=wan.id),
        address_prefix=str(hub_addresses(spec.location)),
        sku="Standard",
        # Straight to where something is, rather than through a third cloud.
        hub_routing_preference="ASPath",
        tags=region.tags(),
        opts=region.subscription.child(parent),
    )
    connected = network.HubVirtualNetworkConnection(
        name,
        resource_group_name=region.group.name,
        virtual_hub_name=hub.name,
        remote_virtual_network=network.SubResourceArgs(id=region.virtual_network.id),
        # Private addresses only: nodes keep their own NAT gateways to the internet.
        enable_internet_security=False,
        opts=region.subscription.child(parent),
    )
    return _Hub(region=region, hub=hub, connected=connected)
