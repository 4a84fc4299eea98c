"""What AWS resources refer to must exist, and is not deleted while they do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tools.simulation.behaviour import Call, text
from tools.simulation.cloud import Cloud, Resource, strings
from tools.simulation.errors import CloudError, aws

_EC2_ID: Final = re.compile(r"([a-z]+(?:-attach|-rtb|-svc)?)-[0-9a-f]{17}")
_ARN: Final = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]*):(\d*):(.+)")
_MISSING: Final = {
    "vpc": ("InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
    "subnet": ("InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"),
    "sg": ("InvalidGroup.NotFound", "The security group '{}' does not exist"),
    "rtb": ("InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"),
    "igw": ("InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist"),
    "nat": ("InvalidNatGatewayID.NotFound", "The NatGateway ID '{}' does not exist"),
    "eipalloc": ("InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"),
    "vpce": ("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{}' does not exist"),
    "tgw": (
        "InvalidTransitGatewayID.NotFound",
        "Transit Gateway {} was deleted or does not exist.",
    ),
    "cgw": ("InvalidCustomerGatewayID.NotFound", "The customerGateway ID '{}' does not exist"),
    "lt": ("InvalidLaunchTemplateId.NotFound", "The launch template ID '{}' does not exist"),
}
_ARN_TYPES: Final = {
    "iam": ("role/", "policy/", "oidc-provider/"),
    "kms": ("key/",),
    "rds": ("cluster:", "db:"),
    "kafka": ("cluster/",),
    "secretsmanager": ("secret:",),
    "eks": ("cluster/",),
    "ecr": ("repository/",),
    "acm": ("certificate/",),
    "lambda": ("function:",),
}
_OTHER_REGIONS: Final = ("peerTransitGatewayId", "peerVpcId")
_CROSS_REGION_TYPES: Final = (
    "aws:route53/",
    "aws:ec2transitgateway/peering",
    "aws:networkmanager/",
)


@dataclass(frozen=True)
class Naming:
    """An input that refers to something by its bare name.

    Attributes:
        types: what it may name.
        code: the error for a name nothing has.
        message: its sentence; {} is the name.
        in_use: the error code and sentence for deleting what is named; "" where AWS allows it.
    """

    types: tuple[str, ...]
    code: str
    message: str
    in_use: tuple[str, str] = ("", "")


_BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
_CLUSTER: Final = Naming(
    ("aws:eks/cluster:Cluster",),
    "ResourceNotFoundException",
    "No cluster found for name: {}.",
)
_ROLE: Final = Naming(
    ("aws:iam/role:Role",),
    "NoSuchEntity",
    "The role with name {} cannot be found.",
    ("DeleteConflict", "Cannot delete entity, must remove or detach all policies first."),
)
_ZONE: Final = Naming(
    ("aws:route53/zone:Zone",),
    "NoSuchHostedZone",
    "No hosted zone found with ID: {}",
    (
        "HostedZoneNotEmpty",
        (
            "The specified hosted zone contains non-required resource record sets and so cannot "
            "be deleted."
        ),
    ),
)
_REPOSITORY: Final = Naming(
    ("aws:ecr/repository:Repository",),
    "RepositoryNotFoundException",
    "The repository with name '{}' does not exist in the registry",
)
NAMINGS: Final[dict[tuple[str, str], Naming]] = {
    ("aws:eks/addon:Addon", "clusterName"): _CLUSTER,
    ("aws:eks/nodeGroup:NodeGroup", "clusterName"): Naming(
        _CLUSTER.types,
        _CLUSTER.code,
        _CLUSTER.message,
        ("ResourceInUseException", "Cluster has nodegroups attached"),
    ),
    ("aws:eks/accessEntry:AccessEntry", "clusterName"): _CLUSTER,
    ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "clusterName"): _CLUSTER,
    ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "clusterName"): _CLUSTER,
    ("aws:iam/rolePolicy:RolePolicy", "role"): _ROLE,
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "role"): _ROLE,
    ("aws:rds/cluster:Cluster", "dbSubnetGroupName"): Naming(
        ("aws:rds/subnetGroup:SubnetGroup",),
        "DBSubnetGroupNotFoundFault",
        "DB subnet group '{}' does not exist.",
        ("InvalidDBSubnetGroupStateFault", "Cannot delete the subnet group '{}': it is in use."),
    ),
    ("aws:rds/cluster:Cluster", "dbClusterParameterGroupName"): Naming(
        ("aws:rds/clusterParameterGroup:ClusterParameterGroup",),
        "DBClusterParameterGroupNotFound",
        "DBClusterParameterGroup not found: {}",
        (
            "InvalidDBParameterGroupState",
            "One or more database clusters are still members of this parameter group {}.",
        ),
    ),
    ("aws:rds/cluster:Cluster", "globalClusterIdentifier"): Naming(
        ("aws:rds/globalCluster:GlobalCluster",),
        "GlobalClusterNotFoundFault",
        "Global cluster {} not found",
        ("InvalidGlobalClusterStateFault", "Global Cluster {} is not empty"),
    ),
    ("aws:rds/clusterInstance:ClusterInstance", "clusterIdentifier"): Naming(
        ("aws:rds/cluster:Cluster",),
        "DBClusterNotFoundFault",
        "DBCluster {} not found.",
        (
            "InvalidDBClusterStateFault",
            "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
        ),
    ),
    ("aws:elasticache/replicationGroup:ReplicationGroup", "subnetGroupName"): Naming(
        ("aws:elasticache/subnetGroup:SubnetGroup",),
        "CacheSubnetGroupNotFoundFault",
        "Cache Subnet Group {} does not exist.",
        ("CacheSubnetGroupInUse", "Cache subnet group {} is currently in use by a cache cluster."),
    ),
    ("aws:route53/record:Record", "zoneId"): _ZONE,
    ("aws:ecr/lifecyclePolicy:LifecyclePolicy", "repository"): _REPOSITORY,
    ("aws:ecr/repositoryPolicy:RepositoryPolicy", "repository"): _REPOSITORY,
}
_PRESET: Final = ("default.", "default:", "arn:aws:iam::aws:")
_IN_USE: Final = {
    "aws:ec2/vpc:Vpc": "The vpc '{}' has dependencies and cannot be deleted.",
    "aws:ec2/subnet:Subnet": "The subnet '{}' has dependencies and cannot be deleted.",
    "aws:ec2/securityGroup:SecurityGroup": "resource {} has a dependent object",
    "aws:ec2/routeTable:RouteTable": "The routeTable '{}' has dependencies and cannot be deleted.",
    "aws:ec2/customerGateway:CustomerGateway": "The customer gateway {} is in use.",
    "aws:ec2transitgateway/transitGateway:TransitGateway": "{} has non-deleted attachments.",
}
_NOT_HOLDING: Final = (
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/flowLog:FlowLog",
    "aws:rds/subnetGroup:SubnetGroup",
    "aws:elasticache/subnetGroup:SubnetGroup",
    "aws:route53/",
    "aws:vpc/securityGroup",
)
"""Types that mention what may nevertheless be deleted, in EC2's eyes."""


def require(cloud: Cloud, call: Call) -> None:
    """Refuses inputs that name what is not there.

    Raises:
        CloudError: as the service puts it.
    """
    for name in dict.fromkeys(strings(call.inputs)):
        if match := _EC2_ID.fullmatch(name):
            _require_id(cloud, call, name, match[1])
        elif match := _ARN.fullmatch(name):
            _require_arn(cloud, call, name, match)
    for (token, key), naming in NAMINGS.items():
        name = text(call.inputs, key)
        is_own = token == call.token and name and not name.startswith(_PRESET)
        if is_own and not _find(cloud, naming, name, call.place):
            raise aws(_action(call), naming.code, naming.message.format(name), status=404)
    bucket = text(call.inputs, "bucket")
    is_part = call.token.startswith("aws:s3/bucket") and call.token not in _BUCKETS
    there = any(cloud.find(token, "everywhere", bucket) for token in _BUCKETS)
    if is_part and bucket and not there:
        raise aws(_action(call), "NoSuchBucket", "The specified bucket does not exist", status=404)


def _require_id(cloud: Cloud, call: Call, name: str, prefix: str) -> None:
    if prefix not in _MISSING:
        return
    found = cloud.named(name)
    elsewhere = call.token.startswith(_CROSS_REGION_TYPES) or any(
        text(call.inputs, key) == name for key in _OTHER_REGIONS
    )
    if not any(elsewhere or one.place == call.place for one in found):
        code, message = _MISSING[prefix]
        raise aws(_action(call), code, message.format(name))


def _require_arn(cloud: Cloud, call: Call, name: str, arn: re.Match[str]) -> None:
    service, _, account, rest = arn.groups()
    kinds = _ARN_TYPES.get(service, ())
    plain = rest.removesuffix(":*")
    own = account == call.session.account and plain.startswith(kinds) if kinds else False
    if not own or "*" in plain or "aws-service-role" in plain or plain.startswith("policy/aws"):
        return
    if not cloud.named(name.removesuffix(":*")):
        raise aws(_action(call), *_missing_arn(service, name), status=404)


def _missing_arn(service: str, name: str) -> tuple[str, str]:
    match service:
        case "iam":
            return (
                "InvalidParameterException",
                (
                    f"Role with arn: {name}, could not be assumed because it does not exist or "
                    "the trusted entity is not correct"
                ),
            )
        case "kms":
            return "NotFoundException", f"Key '{name}' does not exist"
        case _:
            return "ResourceNotFoundException", f"{name} does not exist"


def _find(cloud: Cloud, naming: Naming, name: str, place: str) -> Resource | None:
    account = place.partition("/")[0]
    bare = name.rpartition("/")[2] if naming is _ROLE else name
    for token in naming.types:
        for where in (place, account):
            if found := cloud.find(token, where, bare):
                return found
    return None


def _users(cloud: Cloud, resource: Resource) -> Iterator[tuple[Resource, Naming]]:
    for (token, key), naming in NAMINGS.items():
        if resource.token not in naming.types or not naming.in_use[0]:
            continue
        for one in cloud.resources(token):
            same_place = one.place.startswith(resource.place)
            if same_place and text(one.properties, key).rpartition("/")[2] == resource.id:
                yield one, naming


def release(cloud: Cloud, call: Call, resource: Resource) -> None:
    """Refuses to delete what others still use.

    Raises:
        CloudError: as the service puts it.
    """
    if call.inputs.get("forceDestroy") is not True:
        for _, naming in _users(cloud, resource):
            code, message = naming.in_use
            raise aws(_action(call, "Delete"), code, message.format(resource.id), status=409)
    sentence = _IN_USE.get(resource.token)
    if sentence is None:
        return
    for one in cloud.mentioning(resource):
        if not one.token.startswith(_NOT_HOLDING):
            said = sentence.format(resource.id)
            raise aws(_action(call, "Delete"), "DependencyViolation", said)


def _action(call: Call, verb: str = "") -> str:
    module = call.token.split(":")[1].partition("/")[0]
    name = call.token.rpartition(":")[2]
    return f"{module.upper()}: {verb or ('Modify' if call.old else 'Create')}{name}"


def refusal(call: Call, code: str, message: str, *, status: int = 400) -> CloudError:
    """Returns the error of a create or update that is under way."""
    return aws(_action(call), code, message, status=status)
