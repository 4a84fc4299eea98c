"""A region's virtual network: subnets, the ways out of it, and who may reach what in it.

Subnets of Azure span its zones, NAT gateways do not: nodes of each zone have a subnet and a NAT
gateway of their own, so that losing a zone takes no other zone's way out with it. There is no
public subnet: public addresses belong to NAT gateways and to the load balancer only.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_random
from pulumi_azure_native import network, resources

from components.clouds.azure.keys import EncryptionKey
from components.clouds.azure.sizes import SIZES
from components.clouds.azure.subscription import Named, Subscription, foreign
from components.clouds.cloud import CloudRegion
from components.clouds.locations import EVERY_REGION
from components.target import Cluster, Network

DATA_PORTS = ["443", "5432", "9093", "10000"]
"""HTTPS, PostgreSQL, Kafka (Event Hubs) and Redis: what services answer on."""

_API_SERVER = "Microsoft.ContainerService/managedClusters"
_DATABASE = "Microsoft.DBforPostgreSQL/flexibleServers"

_CALLED_BY_SERVERS = ("Microsoft.AzureActiveDirectory", "Microsoft.KeyVault", "Microsoft.Storage")
"""What a server in the network calls, by the services' own endpoints: where its key is, who may use
it, and where its log is archived.

Source: learn.microsoft.com/azure/postgresql/network/concepts-networking-private.
"""


@dataclass(frozen=True, kw_only=True)
class Subnets:
    """How a region's /16 is divided.

    Attributes:
        nodes: one a zone.
        data: private endpoints of everything else that holds data.
        database: the PostgreSQL server, which lives in the network.
        api_server: the cluster's control plane, which lives in the network.
    """

    nodes: tuple[IPv4Network, IPv4Network, IPv4Network]
    data: IPv4Network
    api_server: IPv4Network
    database: IPv4Network


def divide(cidr: IPv4Network) -> Subnets:
    """Divides a region's addresses; a function of them alone, so that nothing ever moves."""
    first, second, third, fourth, *_ = cidr.subnets(new_prefix=20)
    data, rest, *_ = fourth.subnets(new_prefix=22)
    api_server, database, *_ = rest.subnets(new_prefix=27)
    return Subnets(
        nodes=(first, second, third), data=data, api_server=api_server, database=database
    )


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a region's resources are put and what their names end in.

    Attributes:
        group: the region's resource group.
        suffix: random letters and digits, for names that all of Azure shares.
    """

    subscription: Subscription
    region_spec: CloudRegion
    group: Named
    suffix: pulumi.Output[str]

    @property
    def region(self) -> str:
        """Name of the region in the environment."""
        return self.region_spec.name

    @property
    def location(self) -> str:
        """The region's location, as Azure writes it."""
        return self.region_spec.location.name

    def tags(self, *, data_class: str = "none") -> dict[str, str]:
        """Returns the tags of a resource of the region."""
        return self.subscription.tags(self.region_spec, data_class=data_class)


@dataclass(frozen=True, kw_only=True)
class Site(Place):
    """A place whose services have private addresses and a log; ``components.target.Network``.

    Attributes:
        data_subnet: id of the subnet of private endpoints.
        logs: id of the workspace that everything of the region logs to.
    """

    data_subnet: pulumi.Output[str]
    logs: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class AzureNetwork(Site):
    """A region's network and what is kept beside it.

    Attributes:
        node_subnets: ids, one for each zone that nodes are in.
        api_server_subnet: id of the control plane's subnet.
        database_subnet: id of the PostgreSQL server's.
        gateway_address: public address of the region's gateway.
        data_key: encrypts what the region's services store.
        cluster_key: encrypts the cluster's secrets and its nodes' disks.
    """

    virtual_network: network.VirtualNetwork
    node_subnets: tuple[pulumi.Output[str], ...]
    api_server_subnet: pulumi.Output[str]
    database_subnet: pulumi.Output[str]
    gateway_address: network.PublicIPAddress
    data_key: EncryptionKey
    cluster_key: EncryptionKey


def own(handle: Network) -> AzureNetwork:
    """Returns a handle as what ``Cloud.network`` made.

    Raises:
        TypeError: another cloud made it.
    """
    if not isinstance(handle, AzureNetwork):
        raise foreign(handle)
    return handle


def network_of(cluster: Cluster) -> AzureNetwork:
    """Returns the network of a region's cluster.

    Raises:
        TypeError: another cloud made it.
    """
    within = getattr(cluster, "network", None)
    if not isinstance(within, AzureNetwork):
        raise foreign(cluster)
    return within


def place(
    subscription: Subscription, name: str, region: CloudRegion, *, parent: pulumi.Resource
) -> Place:
    """Makes a region's resource group."""
    group = resources.ResourceGroup(
        f"{name}-group",
        location=region.location.name,
        tags=subscription.tags(region),
        opts=subscription.child(parent),
    )
    suffix = pulumi_random.RandomString(
        f"{name}-suffix",
        length=10,
        upper=False,
        special=False,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Place(subscription=subscription, region_spec=region, group=group, suffix=suffix.result)


@dataclass(frozen=True, kw_only=True)
class Wires:
    """A region's network before anything is put into it."""

    watcher: network.NetworkWatcher
    virtual_network: network.VirtualNetwork
    node_subnets: tuple[pulumi.Output[str], ...]
    data_subnet: pulumi.Output[str]
    api_server_subnet: pulumi.Output[str]
    database_subnet: pulumi.Output[str]
    gateway_address: network.PublicIPAddress


def virtual_network(at: Place, name: str, *, parent: pulumi.Resource) -> Wires:
    """Makes the network, its ways out and the address of the region's gateway."""
    subscription = at.subscription
    subnets = divide(at.region_spec.cidr)
    zones = at.region_spec.location.zones[: SIZES[subscription.environment.size].zones]
    gateway_address = public_address(at, f"{name}-gateway", zones=zones, parent=parent)
    node_rules = _node_rules(at, name, subnets, gateway_address, parent=parent)
    data_rules = _data_rules(at, name, parent=parent)
    node_subnets = [
        network.SubnetArgs(
            name=f"nodes-{zone}",
            address_prefix=str(prefix),
            nat_gateway=network.SubResourceArgs(
                id=_nat_gateway(at, f"{name}-nat-{zone}", zone, parent=parent).id
            ),
            network_security_group=network.NetworkSecurityGroupArgs(id=node_rules.id),
            default_outbound_access=False,
        )
        for zone, prefix in zip(zones, subnets.nodes, strict=False)
    ]
    # A location has one watcher. Azure makes it with the first network, unless it is there.
    watcher = network.NetworkWatcher(
        f"{name}-watcher",
        resource_group_name=at.group.name,
        location=at.location,
        tags=at.tags(),
        opts=subscription.child(parent),
    )
    made = network.VirtualNetwork(
        name,
        resource_group_name=at.group.name,
        location=at.location,
        address_space=network.AddressSpaceArgs(address_prefixes=[str(at.region_spec.cidr)]),
        subnets=[
            *node_subnets,
            network.SubnetArgs(
                name="data",
                address_prefix=str(subnets.data),
                network_security_group=network.NetworkSecurityGroupArgs(id=data_rules.id),
                private_endpoint_network_policies="NetworkSecurityGroupEnabled",
                default_outbound_access=False,
            ),
            network.SubnetArgs(
                name="api-server",
                address_prefix=str(subnets.api_server),
                delegations=[network.DelegationArgs(name="aks", service_name=_API_SERVER)],
                default_outbound_access=False,
            ),
            network.SubnetArgs(
                name="database",
                address_prefix=str(subnets.database),
                delegations=[network.DelegationArgs(name="postgresql", service_name=_DATABASE)],
                network_security_group=network.NetworkSecurityGroupArgs(id=data_rules.id),
                service_endpoints=[
                    network.ServiceEndpointPropertiesFormatArgs(service=one)
                    for one in _CALLED_BY_SERVERS
                ],
                default_outbound_access=False,
            ),
        ],
        tags=at.tags(),
        opts=subscription.child(parent, watcher),
    )

    def subnet(short: str) -> pulumi.Output[str]:
        return pulumi.Output.concat(made.id, "/subnets/", short)

    return Wires(
        watcher=watcher,
        virtual_network=made,
        node_subnets=tuple(subnet(f"nodes-{zone}") for zone in zones),
        data_subnet=subnet("data"),
        api_server_subnet=subnet("api-server"),
        database_subnet=subnet("database"),
        gateway_address=gateway_address,
    )


def public_address(
    at: Place, name: str, *, zones: tuple[str, ...], parent: pulumi.Resource
) -> network.PublicIPAddress:
    """Reserves a static address that is announced from the zones given."""
    return network.PublicIPAddress(
        f"{name}-address",
        resource_group_name=at.group.name,
        location=at.location,
        sku=network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
        public_ip_allocation_method="Static",
        public_ip_address_version="IPv4",
        zones=list(zones),
        tags=at.tags(),
        opts=at.subscription.child(parent),
    )


def _nat_gateway(at: Place, name: str, zone: str, *, parent: pulumi.Resource) -> network.NatGateway:
    address = public_address(at, name, zones=(zone,), parent=parent)
    return network.NatGateway(
        name,
        resource_group_name=at.group.name,
        location=at.location,
        sku=network.NatGatewaySkuArgs(name="Standard"),
        zones=[zone],
        public_ip_addresses=[network.SubResourceArgs(id=address.id)],
        idle_timeout_in_minutes=4,
        tags=at.tags(),
        opts=at.subscription.child(parent),
    )


def _allow(
    name: str,
    priority: int,
    *,
    source: str | list[str],
    destination: pulumi.Input[str],
    ports: list[str],
    protocol: str = "Tcp",
) -> network.SecurityRuleArgs:
    several = isinstance(source, list)
    return network.SecurityRuleArgs(
        name=name,
        priority=priority,
        direction="Inbound",
        access="Allow",
        protocol=protocol,
        source_address_prefix=None if several else source,
        source_address_prefixes=source if several else None,
        source_port_range="*",
        destination_address_prefix=destination,
        destination_port_ranges=ports,
    )


def _deny_the_rest() -> network.SecurityRuleArgs:
    """Comes before Azure's own default, which lets everything in the network through."""
    return network.SecurityRuleArgs(
        name="deny-the-rest",
        priority=4096,
        direction="Inbound",
        access="Deny",
        protocol="*",
        source_address_prefix="*",
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_range="*",
    )


def _security_group(
    at: Place, name: str, rules: list[network.SecurityRuleArgs], *, parent: pulumi.Resource
) -> network.NetworkSecurityGroup:
    return network.NetworkSecurityGroup(
        name,
        resource_group_name=at.group.name,
        location=at.location,
        security_rules=[*rules, _deny_the_rest()],
        tags=at.tags(),
        opts=at.subscription.child(parent),
    )


def _node_rules(
    at: Place,
    name: str,
    subnets: Subnets,
    gateway_address: network.PublicIPAddress,
    *,
    parent: pulumi.Resource,
) -> network.NetworkSecurityGroup:
    """Lets nodes talk to each other, their control plane to them, and clients to the gateway."""
    nodes = [str(one) for one in subnets.nodes]
    address = gateway_address.ip_address.apply(lambda found: found or "")
    return _security_group(
        at,
        f"{name}-node-rules",
        [
            _allow(
                "https-to-gateway",
                100,
                source="Internet",
                destination=address,
                ports=["443"],
            ),
            _allow(
                "health-of-load-balancer",
                110,
                source="AzureLoadBalancer",
                destination="*",
                ports=["*"],
                protocol="*",
            ),
            _allow("nodes", 120, source=nodes, destination="*", ports=["*"], protocol="*"),
            _allow(
                "control-plane",
                130,
                source=str(subnets.api_server),
                destination="*",
                ports=["*"],
            ),
        ],
        parent=parent,
    )


def _data_rules(at: Place, name: str, *, parent: pulumi.Resource) -> network.NetworkSecurityGroup:
    """Lets every region reach what holds data: whoever writes does so in the leader's region."""
    return _security_group(
        at,
        f"{name}-data-rules",
        [_allow("services", 100, source=str(EVERY_REGION), destination="*", ports=DATA_PORTS)],
        parent=parent,
    )
