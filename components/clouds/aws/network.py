"""A region's VPC: who can reach what, before any password is asked.

Three kinds of subnets in three zones. *Public* ones hold the load balancer and, in small
environments, the NAT gateway. *Private* ones hold the cluster and reach the internet through NAT.
*Data* ones hold database, cache and bus and reach nothing outside the VPC. What the platform uses
of AWS it reaches through private endpoints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.clouds.aws.account import ANY_ADDRESS, Place
from components.clouds.aws.keys import Keys, keys
from components.target import Network

_ENDPOINTS = ("ecr.api", "ecr.dkr", "eks-auth", "kms", "secretsmanager", "sts")


@dataclass(frozen=True, kw_only=True)
class AwsNetwork:
    """A region's network; implements ``components.target.Network``.

    Attributes:
        public: a subnet a zone, in the order of the location's zones; so are the others.
        private_routes: the route table of the private subnets.
    """

    region: str
    place: Place
    keys: Keys
    vpc: aws.ec2.Vpc
    public: Sequence[aws.ec2.Subnet]
    private: Sequence[aws.ec2.Subnet]
    data: Sequence[aws.ec2.Subnet]
    private_routes: aws.ec2.RouteTable

    @property
    def data_subnet_ids(self) -> list[pulumi.Output[str]]:
        """Ids of the data subnets."""
        return [one.id for one in self.data]


def own(network: Network) -> AwsNetwork:
    """Returns a network that this cloud made.

    Raises:
        TypeError: another cloud made it.
    """
    if not isinstance(network, AwsNetwork):
        raise TypeError(f"{type(network).__name__} was made by another cloud than aws")
    return network


def network(place: Place, name: str, *, parent: pulumi.Resource) -> AwsNetwork:
    """Makes the network and the region's keys.

    The /16 is cut into /18s: one a zone for the cluster, whose pods have addresses of the VPC; the
    fourth is cut into /22s for the public and the data subnets.
    """
    inside = place.account.inside(parent)
    made_keys = keys(place, name, parent=parent)
    vpc = aws.ec2.Vpc(
        name,
        cidr_block=str(place.region.cidr),
        enable_dns_hostnames=True,
        enable_dns_support=True,
        tags=_named(place, name),
        region=place.location,
        opts=inside,
    )
    # Whatever forgets to name a security group gets the VPC's own: this empties it.
    aws.ec2.DefaultSecurityGroup(
        name, vpc_id=vpc.id, tags=place.tags(), region=place.location, opts=inside
    )
    *large, rest = place.region.cidr.subnets(new_prefix=18)
    small = list(rest.subnets(new_prefix=22))

    def subnets(kind: str, blocks: Sequence[object], **tags: str) -> list[aws.ec2.Subnet]:
        return [
            aws.ec2.Subnet(
                f"{name}-{kind}-{zone}",
                vpc_id=vpc.id,
                availability_zone=zone,
                cidr_block=str(block),
                map_public_ip_on_launch=False,
                tags=_named(place, f"{name}-{kind}-{zone}") | tags,
                region=place.location,
                opts=inside,
            )
            for zone, block in zip(place.region.location.zones, blocks, strict=False)
        ]

    public = subnets("public", small[:3], **{"kubernetes.io/role/elb": "1"})
    private = subnets("private", large, **{"kubernetes.io/role/internal-elb": "1"})
    # Data subnets stay on the VPC's main route table, which knows the VPC and nothing else.
    data = subnets("data", small[4:7])
    gateway = aws.ec2.InternetGateway(
        name, vpc_id=vpc.id, tags=_named(place, name), region=place.location, opts=inside
    )
    public_routes = _routes(place, f"{name}-public", vpc, public, parent=parent)
    aws.ec2.Route(
        f"{name}-public",
        route_table_id=public_routes.id,
        destination_cidr_block=ANY_ADDRESS,
        gateway_id=gateway.id,
        region=place.location,
        opts=inside,
    )
    private_routes = _routes(place, f"{name}-private", vpc, private, parent=parent)
    aws.ec2.Route(
        f"{name}-private",
        route_table_id=private_routes.id,
        destination_cidr_block=ANY_ADDRESS,
        nat_gateway_id=_nat(place, name, vpc, gateway, public[0], parent=parent).id,
        region=place.location,
        opts=inside,
    )
    _endpoints(place, name, vpc, private, private_routes, parent=parent)
    _flow_log(place, name, vpc, made_keys, parent=parent)
    return AwsNetwork(
        region=place.region.name,
        place=place,
        keys=made_keys,
        vpc=vpc,
        public=public,
        private=private,
        data=data,
        private_routes=private_routes,
    )


def security_group(
    place: Place,
    name: str,
    vpc_id: pulumi.Input[str],
    description: str,
    ingress: Sequence[aws.ec2.SecurityGroupIngressArgs],
    *,
    egress: Sequence[aws.ec2.SecurityGroupEgressArgs] = (),
    parent: pulumi.Resource,
) -> aws.ec2.SecurityGroup:
    """Makes the security group of something that is called and, unless it says so, calls nobody."""
    return aws.ec2.SecurityGroup(
        name,
        vpc_id=vpc_id,
        description=description,
        ingress=list(ingress),
        egress=list(egress),
        tags=_named(place, name),
        region=place.location,
        opts=place.account.inside(parent),
    )


def _routes(
    place: Place,
    name: str,
    vpc: aws.ec2.Vpc,
    subnets: Sequence[aws.ec2.Subnet],
    *,
    parent: pulumi.Resource,
) -> aws.ec2.RouteTable:
    inside = place.account.inside(parent)
    table = aws.ec2.RouteTable(
        name, vpc_id=vpc.id, tags=_named(place, name), region=place.location, opts=inside
    )
    for zone, subnet in zip(place.region.location.zones, subnets, strict=True):
        aws.ec2.RouteTableAssociation(
            f"{name}-{zone}",
            route_table_id=table.id,
            subnet_id=subnet.id,
            region=place.location,
            opts=inside,
        )
    return table


def _nat(
    place: Place,
    name: str,
    vpc: aws.ec2.Vpc,
    gateway: aws.ec2.InternetGateway,
    subnet: aws.ec2.Subnet,
    *,
    parent: pulumi.Resource,
) -> aws.ec2.NatGateway:
    """Makes the way out: in one zone to develop on, else a regional NAT gateway.

    The regional one is in every zone that has something to send and brings its own addresses
    (docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html).
    """
    inside = place.account.inside(parent, gateway)
    if place.environment.size != "small":
        return aws.ec2.NatGateway(
            name,
            vpc_id=vpc.id,
            availability_mode="regional",
            connectivity_type="public",
            tags=_named(place, name),
            region=place.location,
            opts=inside,
        )
    address = aws.ec2.Eip(
        f"{name}-nat",
        domain="vpc",
        tags=_named(place, f"{name}-nat"),
        region=place.location,
        opts=inside,
    )
    return aws.ec2.NatGateway(
        name,
        allocation_id=address.allocation_id,
        subnet_id=subnet.id,
        connectivity_type="public",
        tags=_named(place, name),
        region=place.location,
        opts=inside,
    )


def _endpoints(
    place: Place,
    name: str,
    vpc: aws.ec2.Vpc,
    subnets: Sequence[aws.ec2.Subnet],
    routes: aws.ec2.RouteTable,
    *,
    parent: pulumi.Resource,
) -> None:
    """Makes private endpoints of what the platform uses of AWS; in one zone where it is small."""
    inside = place.account.inside(parent)
    group = security_group(
        place,
        f"{name}-endpoints",
        vpc.id,
        "Private endpoints: HTTPS from within the VPC",
        [
            aws.ec2.SecurityGroupIngressArgs(
                description="HTTPS from within the VPC",
                protocol="tcp",
                from_port=443,
                to_port=443,
                cidr_blocks=[str(place.region.cidr)],
            )
        ],
        parent=parent,
    )
    zones = subnets[:1] if place.environment.size == "small" else subnets
    for service in _ENDPOINTS:
        aws.ec2.VpcEndpoint(
            f"{name}-{service.replace('.', '-')}",
            vpc_id=vpc.id,
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{place.location}.{service}",
            private_dns_enabled=True,
            subnet_ids=[one.id for one in zones],
            security_group_ids=[group.id],
            tags=_named(place, f"{name}-{service}"),
            region=place.location,
            opts=inside,
        )
    aws.ec2.VpcEndpoint(
        f"{name}-s3",
        vpc_id=vpc.id,
        vpc_endpoint_type="Gateway",
        service_name=f"com.amazonaws.{place.location}.s3",
        route_table_ids=[routes.id],
        tags=_named(place, f"{name}-s3"),
        region=place.location,
        opts=inside,
    )


def _flow_log(
    place: Place, name: str, vpc: aws.ec2.Vpc, made_keys: Keys, *, parent: pulumi.Resource
) -> None:
    group = place.log_group(
        f"{name}-flow-logs",
        f"/{place.environment.name}/{place.region.name}/flow-logs",
        made_keys.operational,
        parent=parent,
    )
    role = place.account.flow_log_role
    aws.ec2.FlowLog(
        name,
        vpc_id=vpc.id,
        traffic_type="ALL",
        max_aggregation_interval=60,
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        tags=place.tags("operational"),
        region=place.location,
        opts=place.account.inside(parent, *role.policies),
    )


def _named(place: Place, name: str) -> dict[str, str]:
    """Returns tags with the one that consoles show as a name: these things have no other."""
    return place.tags() | {"Name": f"{place.environment.name}-{name}"}
