"""Private connections between all regions of an environment, over clouds.

Every region reaches every other by private addresses. Within a cloud that is the cloud's own
*backbone*; between two clouds it is IPsec with BGP from one region of each, the *hub*. This module
plans the tunnels and hands each cloud its ends; ``<cloud>/interconnect.py`` makes them. It opens no
firewall: what may use the connections is up to each service's own rules.

Docs: docs/decisions/0012-private-connections.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations
from typing import Protocol

import pulumi
import pulumi_random

from components.clouds.locations import EVERY_REGION, NO_REGION, CloudName
from components.target import Network

ASN: Mapping[CloudName, int] = {"aws": 64512, "azure": 65515, "gcp": 64513}
"""Autonomous systems (RFC 6996), one a cloud. Azure's is what a Virtual WAN always has."""

INTERFACES = 2
"""Public addresses of a cloud's gateway, each in a failure domain of its own."""

_INSIDE = IPv4Network("169.254.21.0/24")
"""Addresses inside the tunnels. Azure takes 169.254.21.0 to 169.254.22.255 only, and none of these
is among those AWS and Google Cloud keep to themselves."""

_KEY_LETTERS = 48


class InterconnectError(ValueError):
    """A region whose addresses cannot be routed to; says which and what would be right."""


@dataclass(frozen=True, kw_only=True)
class End:
    """One cloud's end of a planned tunnel.

    Attributes:
        number: of the tunnel among those to this peer, from 0.
        peer: the cloud at the other end.
        interface: which address of a gateway with ``INTERFACES`` addresses the tunnel uses: its
            own, or the peer's where its own are made with the tunnels (AWS).
        inside: the tunnel's own /30.
        address: of this end, inside the tunnel; BGP is spoken from it.
        peer_address: of the other end, inside the tunnel.
    """

    number: int
    peer: CloudName
    interface: int
    inside: IPv4Network
    address: IPv4Address
    peer_address: IPv4Address


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """What an end needs to be made.

    Attributes:
        key: the pre-shared key, a secret; letters only, which every cloud takes.
        peer_gateway: public address of the other end.
    """

    end: End
    key: pulumi.Output[str]
    peer_gateway: pulumi.Output[str]


class Gateway(Protocol):
    """A cloud's VPN gateway, in its hub."""

    @property
    def addresses(self) -> Sequence[pulumi.Output[str]]:
        """Public addresses by interface; none where each tunnel brings its own (AWS)."""
        ...

    def connect(
        self, name: str, peer: CloudName, tunnels: Sequence[Tunnel], *, parent: pulumi.Resource
    ) -> Sequence[pulumi.Output[str]]:
        """Makes this cloud's ends of all tunnels to a peer; returns the public address of each."""
        ...


class Backbone(Protocol):
    """What connects a cloud's regions with each other."""

    def gateway(self, name: str, ends: Sequence[End], *, parent: pulumi.Resource) -> Gateway:
        """Makes the VPN gateway in the hub; ``ends`` are of the tunnels to all peers."""
        ...


class Interconnected(Protocol):
    """A cloud whose regions can be connected."""

    @property
    def name(self) -> CloudName:
        """Which cloud this is."""
        ...

    def backbone(
        self, name: str, networks: Sequence[Network], hub: str, *, parent: pulumi.Resource
    ) -> Backbone:
        """Connects the cloud's regions, given in the environment's order; ``hub`` is one of them.

        Raises:
            InterconnectError: a region has addresses that cannot be routed to.
        """
        ...

    def resolve(
        self,
        name: str,
        host: pulumi.Input[str],
        address: pulumi.Input[str],
        networks: Sequence[Network],
        *,
        parent: pulumi.Resource,
    ) -> None:
        """Lets the cloud's regions look up a private name of another cloud."""
        ...


def interconnect(
    name: str,
    clouds: Sequence[Interconnected],
    networks: Mapping[CloudName, Sequence[Network]],
    hubs: Mapping[CloudName, str],
    *,
    parent: pulumi.Resource,
) -> pulumi.Resource | None:
    """Connects every region with every other.

    Args:
        name: unique within the stack.
        clouds: those of the environment.
        networks: each cloud's networks, in the environment's order.
        hubs: region of each cloud that the tunnels to other clouds end in.
        parent: parent of what is made.

    Returns:
        What to wait for before talking to another region; None where there is only one.

    Raises:
        InterconnectError: a region has addresses that cannot be routed to.
    """
    if sum(len(networks[one.name]) for one in clouds) < 2:
        return None
    made = pulumi.ComponentResource(
        "ai-platform:clouds:Interconnect", name, None, pulumi.ResourceOptions(parent=parent)
    )
    backbones: dict[CloudName, Backbone] = {
        one.name: one.backbone(
            f"{name}-{one.name}", networks[one.name], hubs[one.name], parent=made
        )
        for one in clouds
    }
    # AWS comes first by its name, as it must: its gateway has addresses only with the tunnels.
    pairs: list[tuple[CloudName, CloudName]] = list(combinations(sorted(backbones), 2))
    gateways: dict[CloudName, Gateway] = {}
    for cloud in backbones if pairs else ():
        planned = [end for pair in pairs for end in ends(cloud, pair)]
        gateways[cloud] = backbones[cloud].gateway(f"{name}-{cloud}", planned, parent=made)
    for pair in pairs:
        _connect(name, pair, gateways, parent=made)
    made.register_outputs({})
    return made


def ends(cloud: CloudName, pair: tuple[CloudName, CloudName]) -> list[End]:
    """Plans a cloud's ends of the tunnels of a pair; nothing, where it is not of the pair.

    The plan follows from the pair alone, so that a third cloud changes no tunnel. A connection of
    AWS has two tunnels and goes to one address: there are four to connect both of the peer's.

    Args:
        cloud: whose ends.
        pair: in alphabetical order. The first has the first address of each /30, which is what
            AWS always takes.
    """
    if cloud not in pair:
        return []
    per_interface = 2 if "aws" in pair else 1
    every_pair = list(combinations(sorted(ASN), 2))
    blocks = list(_INSIDE.subnets(new_prefix=26))
    insides = blocks[every_pair.index(pair)].subnets(new_prefix=30)
    planned: list[End] = []
    for number in range(INTERFACES * per_interface):
        inside = next(insides)
        first, second = inside.hosts()
        leads = cloud == pair[0]
        planned.append(
            End(
                number=number,
                peer=pair[1] if leads else pair[0],
                interface=number // per_interface,
                inside=inside,
                address=first if leads else second,
                peer_address=second if leads else first,
            )
        )
    return planned


def _connect(
    name: str,
    pair: tuple[CloudName, CloudName],
    gateways: Mapping[CloudName, Gateway],
    *,
    parent: pulumi.Resource,
) -> None:
    """Makes the tunnels of a pair: the first cloud's ends, then the second's towards them."""
    first, second = pair
    prefix = f"{name}-{first}-{second}"
    keys = [
        pulumi_random.RandomPassword(
            f"{prefix}-{end.number}",
            length=_KEY_LETTERS,
            # AWS takes letters, digits, dots and underscores, and no zero in front.
            numeric=False,
            special=False,
            opts=pulumi.ResourceOptions(parent=parent),
        ).result
        for end in ends(first, pair)
    ]

    def tunnels(cloud: CloudName, peers: Sequence[pulumi.Output[str]]) -> list[Tunnel]:
        planned = zip(ends(cloud, pair), keys, peers, strict=True)
        return [
            Tunnel(end=end, key=pulumi.Output.secret(key), peer_gateway=address)
            for end, key, address in planned
        ]

    known = gateways[second].addresses
    reached = gateways[first].connect(
        f"{name}-{first}-to-{second}",
        second,
        tunnels(first, [known[end.interface] for end in ends(first, pair)]),
        parent=parent,
    )
    gateways[second].connect(
        f"{name}-{second}-to-{first}", first, tunnels(second, reached), parent=parent
    )


def routable(region: str, cidr: IPv4Network) -> IPv4Network:
    """Returns a region's addresses, which every other region has a route to.

    Args:
        region: name of the region in the environment.
        cidr: its addresses.

    Raises:
        InterconnectError: they are outside ``EVERY_REGION``, or are what no region may have.
    """
    if not cidr.subnet_of(EVERY_REGION) or cidr in NO_REGION:
        raise InterconnectError(
            f"region {region}: cidr {cidr} cannot be reached from other regions; leave it out, or "
            f"take a /16 of {EVERY_REGION} other than "
            f"{' and '.join(str(one) for one in NO_REGION)}"
        )
    return cidr
