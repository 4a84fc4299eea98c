"""Private connections between regions, as the engine is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv4Network, ip_interface, ip_network
from itertools import combinations, pairwise
from typing import Any

import pulumi
import pytest
from google.protobuf import json_format
from pulumi.runtime import mocks as pulumi_mocks

from components.clouds.aws.cloud import AwsCloud
from components.clouds.azure.cloud import AzureCloud
from components.clouds.azure.interconnect import hub_addresses
from components.clouds.cloud import CloudEnvironment, CloudRegion
from components.clouds.gcp.cloud import GcpCloud
from components.clouds.interconnect import InterconnectError, interconnect, routable
from components.clouds.locations import LOCATIONS, CloudName, find
from components.target import Network
from tests.components.recording import Made, Recorder, recording, settle

AWS = ("us-east-1", "eu-central-1")
GCP = ("us-central1", "europe-west4")
AZURE = ("swedencentral", "uksouth")
CLOUDS: Mapping[CloudName, type[AwsCloud] | type[GcpCloud] | type[AzureCloud]] = {
    "aws": AwsCloud,
    "gcp": GcpCloud,
    "azure": AzureCloud,
}
SECRET_MARK = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"

CONNECTION = "aws:ec2/vpnConnection:VpnConnection"
CUSTOMER = "aws:ec2/customerGateway:CustomerGateway"
ROUTER = "aws:ec2transitgateway/transitGateway:TransitGateway"
TUNNEL = "gcp:compute/vPNTunnel:VPNTunnel"
SITE = "azure-native:network:VpnSite"
SITE_CONNECTION = "azure-native:network:VpnConnection"


def outputs_of(args: pulumi_mocks.MockResourceArgs) -> Mapping[str, Any]:
    """Answers as the clouds do: their gateways' addresses are known once they are made."""
    found: dict[str, Any] = {"name": args.name, "arn": f"arn:of:{args.name}"}
    match args.typ:
        case "random:index/randomPassword:RandomPassword":
            found["result"] = f"KeyOf-{args.name}"
        case "random:index/randomString:RandomString":
            found["result"] = "abcdefghij"
        case "aws:ec2/vpnConnection:VpnConnection":
            found |= {f"tunnel{one}Address": f"{args.name}/{one}" for one in (1, 2)}
        case "aws:ec2/vpc:Vpc":
            found["mainRouteTableId"] = f"main-of-{args.name}"
        case "aws:ec2transitgateway/transitGateway:TransitGateway":
            found["associationDefaultRouteTableId"] = f"table-of-{args.name}"
        case "gcp:compute/haVpnGateway:HaVpnGateway":
            found["vpnInterfaces"] = [
                {"id": one, "ipAddress": f"{args.name}/{one}"} for one in (0, 1)
            ]
        case "azure-native:network:VpnGateway":
            found["ipConfigurations"] = [
                {"id": f"Instance{one}", "publicIpAddress": f"{args.name}/{one}"} for one in (1, 0)
            ]
        case "azure-native:keyvault:Key":
            found |= {"keyUri": "https://vault/key", "keyUriWithVersion": "https://vault/key/1"}
        case _:
            pass
    return found


class CloudsRecorder(Recorder):
    """Remembers registrations also as the wire has them, with the marks of what is secret."""

    def __init__(self) -> None:
        super().__init__(
            outputs_of,
            {
                "gcp:organizations/getProject:getProject": {"number": "1", "projectId": "p"},
                "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": {"member": "m"},
                "azure-native:authorization:getClientConfig": {
                    "clientId": "c",
                    "objectId": "o",
                    "subscriptionId": "s",
                    "tenantId": "t",
                },
            },
        )
        self.wire: list[Any] = []

    def remember(self, request: Any) -> None:
        super().remember(request)
        self.wire.append(json_format.MessageToDict(request.object))

    def new_resource(
        self, args: pulumi_mocks.MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        made, state = super().new_resource(args)
        if "identity" in state:  # which Azure gives back in another form than it takes it
            state["identity"] = {"type": "UserAssigned"}
        return made, state


@dataclass(frozen=True)
class Declared:
    """What the engine was told of an environment and its connections."""

    all: Sequence[Made]
    wire: Sequence[Any]

    @property
    def connections(self) -> Sequence[Made]:
        """What connects regions, without the regions' own networks."""
        return [one for one in self.all if one.name.startswith("interconnect")]

    def of(self, kind: str) -> dict[str, Made]:
        return {one.name: one for one in self.connections if one.type == kind}


def environment(cloud: CloudName, regions: Sequence[CloudRegion]) -> CloudEnvironment:
    return CloudEnvironment(
        name="production",
        account="123456789012",
        account_key=f"accounts.{cloud}",
        regions=regions,
        size="large",
        protect=True,
        kubernetes_version="1.34",
    )


def region(cloud: CloudName, location: str) -> CloudRegion:
    found = find(cloud, location)
    return CloudRegion(name=f"{cloud}-{location}", location=found, cidr=found.cidr)


@cache
def declare(
    *, aws: Sequence[str] = (), gcp: Sequence[str] = (), azure: Sequence[str] = ()
) -> Declared:
    """Declares the networks of an environment's regions, and connects them."""
    given: dict[CloudName, Sequence[str]] = {"gcp": gcp, "azure": azure, "aws": aws}
    with recording(CloudsRecorder()) as recorder:
        assert isinstance(recorder, CloudsRecorder)
        connect({cloud: [region(cloud, one) for one in some] for cloud, some in given.items()})
        settle()
        return Declared(all=recorder.made, wire=recorder.wire)


def connect(given: Mapping[CloudName, Sequence[CloudRegion]]) -> None:
    root = pulumi.ComponentResource("test:Platform", "platform")
    regions: dict[CloudName, Sequence[CloudRegion]] = {
        cloud: some for cloud, some in given.items() if some
    }
    clouds = {cloud: CLOUDS[cloud](environment(cloud, some)) for cloud, some in regions.items()}
    networks: dict[CloudName, Sequence[Network]] = {
        cloud: [clouds[cloud].network(f"{one.name}-network", one.name, parent=root) for one in some]
        for cloud, some in regions.items()
    }
    hubs: dict[CloudName, str] = {cloud: some[0].name for cloud, some in regions.items()}
    made = interconnect(
        "interconnect",
        [one.interconnected for one in clouds.values()],
        networks,
        hubs,
        parent=root,
    )
    if made:
        for cloud in clouds.values():
            cloud.interconnected.resolve(
                f"interconnect-{cloud.name}-name",
                "server.elsewhere.example",
                "10.9.8.7",
                networks[cloud.name],
                parent=made,
            )


def everywhere() -> Declared:
    return declare(aws=AWS, gcp=GCP, azure=AZURE)


@dataclass(frozen=True)
class End:
    """One end of a tunnel, as its cloud was told of it."""

    gateway: str
    peer_gateway: str
    address: str
    peer_address: str
    asn: int
    peer_asn: int
    key: str

    def mirrored(self) -> "End":
        """Returns what the other end must be."""
        return End(
            gateway=self.peer_gateway,
            peer_gateway=self.gateway,
            address=self.peer_address,
            peer_address=self.address,
            asn=self.peer_asn,
            peer_asn=self.asn,
            key=self.key,
        )


def aws_ends(declared: Declared) -> list[End]:
    """Reads AWS' ends: it has the first address of a /30 and the customer gateway the second."""
    customers = declared.of(CUSTOMER)
    (asn,) = {int(one.inputs["amazonSideAsn"]) for one in declared.of(ROUTER).values()}
    found: list[End] = []
    for name, made in declared.of(CONNECTION).items():
        customer = customers[made.inputs["customerGatewayId"].removesuffix("-id")].inputs
        for tunnel in ("tunnel1", "tunnel2"):
            first, second = ip_network(made.inputs[f"{tunnel}InsideCidr"]).hosts()
            found.append(
                End(
                    gateway=f"{name}/{tunnel[-1]}",
                    peer_gateway=customer["ipAddress"],
                    address=str(first),
                    peer_address=str(second),
                    asn=asn,
                    peer_asn=int(customer["bgpAsn"]),
                    key=made.inputs[f"{tunnel}PresharedKey"],
                )
            )
    return found


def gcp_ends(declared: Declared) -> list[End]:
    """Reads Google's ends from tunnels, their interfaces on the router and its peers."""
    interfaces = declared.of("gcp:compute/routerInterface:RouterInterface")
    peers = declared.of("gcp:compute/routerPeer:RouterPeer")
    (router,) = declared.of("gcp:compute/router:Router").values()
    external = declared.of("gcp:compute/externalVpnGateway:ExternalVpnGateway")
    found: list[End] = []
    for name, made in declared.of(TUNNEL).items():
        there = external[made.inputs["peerExternalGateway"].removesuffix("-id")].inputs
        number = made.inputs["peerExternalGatewayInterface"]
        gateway = made.inputs["vpnGateway"].removesuffix("-id")
        found.append(
            End(
                gateway=f"{gateway}/{int(made.inputs['vpnGatewayInterface'])}",
                peer_gateway=next(
                    one["ipAddress"] for one in there["interfaces"] if one["id"] == number
                ),
                address=str(ip_interface(interfaces[name].inputs["ipRange"]).ip),
                peer_address=peers[name].inputs["peerIpAddress"],
                asn=int(router.inputs["bgp"]["asn"]),
                peer_asn=int(peers[name].inputs["peerAsn"]),
                key=made.inputs["sharedSecret"],
            )
        )
    return found


def azure_ends(declared: Declared) -> list[End]:
    """Reads Azure's ends: of a link's two instances the one in the /30 of the link's peer."""
    (gateway,) = declared.of("azure-native:network:VpnGateway").values()
    sites = declared.of(SITE)
    found: list[End] = []
    for made in declared.of(SITE_CONNECTION).values():
        site = sites[made.inputs["remoteVpnSite"]["id"].removesuffix("-id")].inputs
        links = {one["name"]: one for one in site["vpnSiteLinks"]}
        for one in made.inputs["vpnLinkConnections"]:
            link = links[one["vpnSiteLink"]["id"].rpartition("/")[2]]
            peer = link["bgpProperties"]["bgpPeeringAddress"]
            inside = ip_interface(f"{peer}/30").network
            (own,) = (
                each
                for each in one["vpnGatewayCustomBgpAddresses"]
                if ip_interface(f"{each['customBgpIpAddress']}/30").network == inside
            )
            instance = own["ipConfigurationId"].removeprefix("Instance")
            found.append(
                End(
                    gateway=f"{gateway.name}/{instance}",
                    peer_gateway=link["ipAddress"],
                    address=own["customBgpIpAddress"],
                    peer_address=peer,
                    asn=int(gateway.inputs["bgpSettings"]["asn"]),
                    peer_asn=int(link["bgpProperties"]["asn"]),
                    key=one["sharedKey"],
                )
            )
    return found


def all_ends(declared: Declared) -> list[End]:
    return [*aws_ends(declared), *gcp_ends(declared), *azure_ends(declared)]


def test_both_ends_of_each_tunnel_agree() -> None:
    found = all_ends(everywhere())

    assert len(found) == 2 * (4 + 4 + 2)
    assert {one.mirrored() for one in found} == set(found)


def test_each_tunnel_has_a_key_and_addresses_of_its_own() -> None:
    found = aws_ends(everywhere()) + gcp_ends(everywhere())
    tunnels = {frozenset((one.address, one.peer_address)): one.key for one in found}

    assert len(set(tunnels.values())) == len(tunnels) == 4 + 4 + 2
    insides = {ip_interface(f"{min(pair)}/30").network for pair in tunnels}
    assert len(insides) == len(tunnels)
    for pair in tunnels:
        assert set(pair) == {str(one) for one in ip_interface(f"{min(pair)}/30").network.hosts()}


def test_the_addresses_inside_are_ones_that_every_cloud_takes() -> None:
    allowed = [ip_network("169.254.21.0/24"), ip_network("169.254.22.0/24")]

    for one in all_ends(everywhere()):
        assert any(ip_interface(one.address).ip in block for block in allowed), one


def test_tunnels_between_two_clouds_use_both_interfaces_of_both() -> None:
    for ends in (gcp_ends(everywhere()), azure_ends(everywhere())):
        by_peer: dict[int, list[End]] = {}
        for one in ends:
            by_peer.setdefault(one.peer_asn, []).append(one)
        assert len(by_peer) == 2
        for some in by_peer.values():
            assert len({one.gateway for one in some}) == 2
            assert len({one.peer_gateway for one in some}) == len(some)


def test_azures_gateway_knows_every_address_its_links_use() -> None:
    declared = everywhere()
    (gateway,) = declared.of("azure-native:network:VpnGateway").values()
    known = {
        (one["ipconfigurationId"], address)
        for one in gateway.inputs["bgpSettings"]["bgpPeeringAddresses"]
        for address in one["customBgpIpAddresses"]
    }
    used = [
        (each["ipConfigurationId"], each["customBgpIpAddress"])
        for made in declared.of(SITE_CONNECTION).values()
        for one in made.inputs["vpnLinkConnections"]
        for each in one["vpnGatewayCustomBgpAddresses"]
    ]

    assert set(used) == known
    for made in declared.of(SITE_CONNECTION).values():
        for one in made.inputs["vpnLinkConnections"]:
            instances = [each["ipConfigurationId"] for each in one["vpnGatewayCustomBgpAddresses"]]
            assert sorted(instances) == ["Instance0", "Instance1"]


def test_only_strong_ciphers_are_offered() -> None:
    declared = everywhere()

    for made in declared.of(CONNECTION).values():
        for tunnel in ("tunnel1", "tunnel2"):
            assert made.inputs[f"{tunnel}IkeVersions"] == ["ikev2"]
            for phase in ("Phase1", "Phase2"):
                prefix = f"{tunnel}{phase}"
                assert made.inputs[f"{prefix}EncryptionAlgorithms"] == ["AES256-GCM-16"]
                assert made.inputs[f"{prefix}IntegrityAlgorithms"] == ["SHA2-384"]
                assert made.inputs[f"{prefix}DhGroupNumbers"] == [20]
    for made in declared.of(TUNNEL).values():
        assert made.inputs["ikeVersion"] == 2
        assert made.inputs["cipherSuite"] == {
            "phase1": {
                "encryptions": ["AES-GCM-16-256"],
                "prves": ["PRF-HMAC-SHA2-384"],
                "dhs": ["Group-20"],
            },
            "phase2": {"encryptions": ["AES-GCM-16-256"], "pfs": ["Group-20"]},
        }
    for made in declared.of(SITE_CONNECTION).values():
        for one in made.inputs["vpnLinkConnections"]:
            assert one["vpnConnectionProtocolType"] == "IKEv2"
            (policy,) = one["ipsecPolicies"]
            assert policy["ikeEncryption"] == policy["ipsecEncryption"] == "GCMAES256"
            assert policy["ipsecIntegrity"] == "GCMAES256"
            assert policy["ikeIntegrity"] == "SHA384"
            assert policy["dhGroup"] == policy["pfsGroup"] == "ECP384"


def in_the_clear(value: Any) -> list[str]:
    """Returns every text of a registration that is not kept secret."""
    if isinstance(value, dict):
        if value.get(SECRET_MARK) == SECRET:
            return []
        return [text for one in value.values() for text in in_the_clear(one)]
    if isinstance(value, list):
        return [text for one in value for text in in_the_clear(one)]
    return [str(value)]


def test_keys_are_kept_secret() -> None:
    declared = everywhere()
    keys = {one.key for one in all_ends(declared)}

    assert len(keys) == 4 + 4 + 2
    assert all(one.startswith("KeyOf-") for one in keys)
    assert not [one for one in in_the_clear(list(declared.wire)) if "KeyOf-" in one]


def test_keys_are_of_letters_that_every_cloud_takes() -> None:
    for made in everywhere().of("random:index/randomPassword:RandomPassword").values():
        assert made.inputs["length"] >= 32
        assert made.inputs["special"] is made.inputs["numeric"] is False


def test_each_cloud_says_exactly_which_addresses_it_has() -> None:
    declared = everywhere()
    (router,) = declared.of("gcp:compute/router:Router").values()

    assert router.inputs["bgp"]["advertiseMode"] == "CUSTOM"
    assert [one["range"] for one in router.inputs["bgp"]["advertisedIpRanges"]] == [
        str(find("gcp", one).cidr) for one in GCP
    ]
    # AWS says what its hub has routes to.
    hub = declared.of(ROUTER)["interconnect-aws-aws-us-east-1"]
    routes = [
        one.inputs["destinationCidrBlock"]
        for one in declared.of("aws:ec2transitgateway/route:Route").values()
        if one.inputs["transitGatewayRouteTableId"] == f"table-of-{hub.name}"
    ]
    assert routes == [str(find("aws", "eu-central-1").cidr)]


def test_private_and_data_subnets_on_aws_have_the_way_once_it_is_there() -> None:
    declared = everywhere()

    for location in AWS:
        name = f"interconnect-aws-aws-{location}"
        routes = [
            one
            for one in declared.of("aws:ec2/route:Route").values()
            if one.inputs["transitGatewayId"] == f"{name}-id"
        ]
        assert {one.inputs["routeTableId"] for one in routes} == {
            f"aws-{location}-network-private-id",
            f"main-of-aws-{location}-network",
        }
        for one in routes:
            assert one.inputs["destinationCidrBlock"] == "10.0.0.0/8"
            assert name in one.depends_on


def test_routes_over_a_peering_wait_until_it_is_accepted() -> None:
    routes = everywhere().of("aws:ec2transitgateway/route:Route")

    assert len(routes) == 2
    for one in routes.values():
        assert "interconnect-aws-aws-eu-central-1-aws-us-east-1" in one.depends_on


def test_everything_on_aws_is_told_its_region() -> None:
    regional = [
        one
        for one in everywhere().connections
        if one.type.startswith(("aws:ec2/", "aws:ec2transitgateway/"))
    ]

    assert regional
    assert {one.inputs.get("region") for one in regional} == set(AWS)
    assert {one.inputs["region"] for one in regional if one.type == CONNECTION} == {"us-east-1"}


def test_hubs_on_azure_have_addresses_of_no_region() -> None:
    hubs = [hub_addresses(one) for one in LOCATIONS if one.cloud == "azure"]
    taken = [one.cidr for one in LOCATIONS]

    assert not [pair for pair in combinations(hubs, 2) if pair[0].overlaps(pair[1])]
    assert not [one for one in hubs if any(one.overlaps(region) for region in taken)]


def test_each_network_on_azure_is_connected_and_keeps_its_way_to_the_internet() -> None:
    made = everywhere().of("azure-native:network:HubVirtualNetworkConnection").values()

    assert {one.inputs["remoteVirtualNetwork"]["id"] for one in made} == {
        f"azure-{one}-network-id" for one in AZURE
    }
    assert all(one.inputs["enableInternetSecurity"] is False for one in made)


def test_one_region_alone_is_connected_with_nothing() -> None:
    assert not declare(aws=AWS[:1]).connections


def test_regions_of_one_cloud_are_connected_without_tunnels() -> None:
    kinds = {one.type for one in declare(aws=AWS).connections}

    assert "aws:ec2transitgateway/peeringAttachment:PeeringAttachment" in kinds
    assert CONNECTION not in kinds
    kinds = {one.type for one in declare(azure=AZURE).connections}
    assert "azure-native:network:VirtualHub" in kinds
    assert "azure-native:network:VpnGateway" not in kinds


MORE: Mapping[CloudName, Sequence[str]] = {
    "aws": ("sa-east-1", "af-south-1", "ap-southeast-1", "us-west-2"),
    "gcp": ("southamerica-west1", "asia-northeast1", "australia-southeast1", "us-west1"),
    "azure": ("canadacentral", "centralindia", "australiaeast", "westeurope"),
}


def longer(cloud: CloudName, by: int) -> Declared:
    """Declares the environment with further regions of a cloud."""
    regions: dict[str, tuple[str, ...]] = {"aws": AWS, "gcp": GCP, "azure": AZURE}
    regions[cloud] = (*regions[cloud], *MORE[cloud][:by])
    return declare(**regions)


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_each_further_region_costs_the_same(cloud: CloudName) -> None:
    counts = [len(longer(cloud, by).connections) for by in range(3)]
    steps = {after - before for before, after in pairwise(counts)}

    assert len(steps) == 1
    assert steps <= {0, 3, 8}, "of Google Cloud, Azure and AWS"


def test_sixteen_regions_are_connected_by_few_resources() -> None:
    declared = declare(
        aws=(*AWS, *MORE["aws"]), gcp=(*GCP, *MORE["gcp"][:3]), azure=(*AZURE, *MORE["azure"][:3])
    )

    assert len(declared.connections) < 10 * 16


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_a_further_region_changes_nothing_of_the_others(cloud: CloudName) -> None:
    before = {(one.type, one.name): one.inputs for one in everywhere().connections}
    after = {(one.type, one.name): one.inputs for one in longer(cloud, 1).connections}
    # One list each: Google's of what it says it has, AWS' of who may look up a name.
    lists = {
        "gcp": {("gcp:compute/router:Router", "interconnect-gcp")},
        "aws": {("aws:route53/zone:Zone", "interconnect-aws-name")},
        "azure": set[tuple[str, str]](),
    }

    assert {key for key, inputs in before.items() if after.get(key) != inputs} == lists[cloud]


def test_a_third_cloud_changes_no_tunnel_of_the_other_two() -> None:
    two, three = declare(aws=AWS, azure=AZURE), everywhere()

    assert set(aws_ends(two)) <= set(aws_ends(three))
    assert set(azure_ends(two)) <= set(azure_ends(three))


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "10.255.0.0/16", "192.168.0.0/16"])
def test_addresses_that_cannot_be_routed_to_are_refused(cidr: str) -> None:
    with pytest.raises(InterconnectError, match=rf"region aws-x: cidr {cidr}.*of 10\.0\.0\.0/8"):
        routable("aws-x", IPv4Network(cidr))


@pytest.mark.parametrize(("cloud", "locations"), [("aws", AWS), ("gcp", GCP), ("azure", AZURE)])
def test_every_cloud_refuses_them(cloud: CloudName, locations: Sequence[str]) -> None:
    first, second = (region(cloud, one) for one in locations)
    beyond = replace(second, cidr=IPv4Network("172.16.0.0/16"))

    with recording(CloudsRecorder()):
        with pytest.raises(InterconnectError, match=second.name):
            connect({cloud: [first, beyond]})
        settle()


def test_a_name_of_another_cloud_is_known_in_every_network() -> None:
    declared, name = everywhere(), "server.elsewhere.example"

    (zone,) = declared.of("aws:route53/zone:Zone").values()
    assert zone.inputs["name"] == name
    assert [(one["vpcId"], one["vpcRegion"]) for one in zone.inputs["vpcs"]] == [
        (f"aws-{one}-network-id", one) for one in AWS
    ]
    (record,) = declared.of("aws:route53/record:Record").values()
    assert (record.inputs["name"], record.inputs["records"]) == (name, ["10.9.8.7"])

    (zone,) = declared.of("gcp:dns/managedZone:ManagedZone").values()
    assert (zone.inputs["dnsName"], zone.inputs["visibility"]) == (f"{name}.", "private")
    assert zone.inputs["privateVisibilityConfig"]["networks"] == [{"networkUrl": "vpc-id"}]
    (record,) = declared.of("gcp:dns/recordSet:RecordSet").values()
    assert (record.inputs["name"], record.inputs["rrdatas"]) == (f"{name}.", ["10.9.8.7"])

    (zone,) = declared.of("azure-native:privatedns:PrivateZone").values()
    assert zone.inputs["privateZoneName"] == name
    links = declared.of("azure-native:privatedns:VirtualNetworkLink").values()
    assert {one.inputs["virtualNetwork"]["id"] for one in links} == {
        f"azure-{one}-network-id" for one in AZURE
    }
    (record,) = declared.of("azure-native:privatedns:PrivateRecordSet").values()
    assert record.inputs["aRecords"] == [{"ipv4Address": "10.9.8.7"}]
