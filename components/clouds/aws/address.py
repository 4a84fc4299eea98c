"""The static addresses of a region's gateway: one a zone, on a Network Load Balancer."""

import pulumi
import pulumi_aws as aws

from components.clouds.aws.cluster import AwsCluster
from components.clouds.cloud import CloudEnvironment, PublicAddress

_CLASS = "eks.amazonaws.com/nlb"
_ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer"


def address_count(environment: CloudEnvironment) -> int:
    """Returns how many addresses a region's gateway has: one a zone, one where it is small."""
    return 1 if environment.size == "small" else 3


def public_address(cluster: AwsCluster, name: str, *, parent: pulumi.Resource) -> PublicAddress:
    """Reserves an address in each zone the gateway is reached in."""
    place = cluster.place
    subnets = cluster.network.public[: address_count(place.environment)]
    addresses = [
        aws.ec2.Eip(
            f"{name}-{zone}",
            domain="vpc",
            tags=place.tags() | {"Name": f"{place.environment.name}-{name}-{zone}"},
            region=place.location,
            opts=place.account.inside(parent),
        )
        for zone, _ in zip(place.region.location.zones, subnets, strict=False)
    ]
    return PublicAddress(
        addresses=[one.public_ip for one in addresses],
        load_balancer_class=_CLASS,
        service_annotations={
            f"{_ANNOTATION}-scheme": "internet-facing",
            f"{_ANNOTATION}-nlb-target-type": "ip",
            f"{_ANNOTATION}-subnets": _joined([one.id for one in subnets]),
            f"{_ANNOTATION}-eip-allocations": _joined([one.allocation_id for one in addresses]),
            f"{_ANNOTATION}-attributes": "load_balancing.cross_zone.enabled=true",
            f"{_ANNOTATION}-target-group-attributes": "preserve_client_ip.enabled=true",
        },
        resource=addresses[-1],
    )


def _joined(values: list[pulumi.Output[str]]) -> pulumi.Output[str]:
    return pulumi.Output.all(*values).apply(",".join)
