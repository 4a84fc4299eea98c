"""What AWS refuses to make, change or delete, beside names and references."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final

from components.clouds.local.provider.values import Value
from tools.simulation import networks
from tools.simulation.aws import databases, names, references
from tools.simulation.aws.references import refusal
from tools.simulation.behaviour import Call, text, texts
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.errors import CloudError, aws
from tools.simulation.sdk.check import Mistake

_KUBERNETES: Final = tuple(f"1.{minor}" for minor in range(30, 37))
_ZONES_OF_A_CLUSTER: Final = 2
_QUOTAS: Final = {
    # type: (most in a region, quota code, error)
    "aws:ec2/vpc:Vpc": (5, "L-F678F1CE", "VpcLimitExceeded", "VPCs"),
    "aws:ec2/eip:Eip": (5, "L-0263D0A3", "AddressLimitExceeded", "addresses"),
    "aws:ec2/internetGateway:InternetGateway": (
        5,
        "L-A4707A72",
        "InternetGatewayLimitExceeded",
        "internet gateways",
    ),
}
_PROTECTING: Final = (
    "deletionProtection",
    "deletionProtectionEnabled",
    "enableDeletionProtection",
)
_TAKEN: Final = {
    "aws:s3/bucket:Bucket": (
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
    "aws:iam/role:Role": ("EntityAlreadyExists", "Role with name {} already exists."),
    "aws:iam/policy:Policy": ("EntityAlreadyExists", "A policy called {} already exists."),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        "EntityAlreadyExists",
        "Provider with url already exists.",
    ),
    "aws:eks/cluster:Cluster": ("ResourceInUseException", "Cluster already exists with name: {}"),
    "aws:eks/accessEntry:AccessEntry": (
        "ResourceInUseException",
        "The specified access entry resource is already in use on this cluster.",
    ),
    "aws:rds/cluster:Cluster": ("DBClusterAlreadyExistsFault", "DB Cluster already exists"),
    "aws:rds/clusterInstance:ClusterInstance": (
        "DBInstanceAlreadyExists",
        "DB instance already exists",
    ),
    "aws:rds/globalCluster:GlobalCluster": (
        "GlobalClusterAlreadyExistsFault",
        "Global cluster with identifier {} already exists",
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        "DBSubnetGroupAlreadyExists",
        "The DB subnet group '{}' already exists.",
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "ReplicationGroupAlreadyExists",
        "Replication group {} already exists.",
    ),
    "aws:ecr/repository:Repository": (
        "RepositoryAlreadyExistsException",
        "The repository with name '{}' already exists in the registry",
    ),
    "aws:kms/alias:Alias": ("AlreadyExistsException", "An alias with the name {} already exists"),
    "aws:cloudwatch/logGroup:LogGroup": (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    ),
    "aws:ec2/route:Route": ("RouteAlreadyExists", "The route already exists."),
    "aws:route53/record:Record": (
        "InvalidChangeBatch",
        "Tried to create resource record set but it already exists",
    ),
}
_TAKEN["aws:s3/bucketV2:BucketV2"] = _TAKEN["aws:s3/bucket:Bucket"]


def mistakes(call: Call) -> Iterator[Mistake]:
    """Yields what is wrong whatever there is in the cloud."""
    yield from names.mistakes(call)
    if call.token == "aws:eks/cluster:Cluster":  # noqa: S105 - a type
        version = call.inputs.get("version")
        if isinstance(version, str) and version not in _KUBERNETES:
            allowed = ", ".join(_KUBERNETES)
            yield Mistake("version", f"unsupported Kubernetes version {version}: {allowed}")
    for key in ("assumeRolePolicy", "policy"):
        document = call.inputs.get(key)
        if isinstance(document, str) and call.token.startswith(("aws:iam/", "aws:kms/", "aws:s3/")):
            try:
                json.loads(document)
            except ValueError as error:
                yield Mistake(key, f"contains an invalid JSON policy: {error}")


def admit(cloud: Cloud, call: Call, region: str) -> None:
    """Refuses a create or update that AWS would refuse.

    Raises:
        CloudError: in the service's words.
    """
    references.require(cloud, call)
    if call.old is None:
        _within_quota(cloud, call, region)
        _not_remembered(cloud, call)
    if own := _OWN.get(call.token):
        own(cloud, call)
    databases.admit(cloud, call)


def release(cloud: Cloud, call: Call) -> None:
    """Refuses a delete that AWS would refuse.

    Raises:
        CloudError: in the service's words.
    """
    resource = call.old
    if resource is None:
        return
    if any(resource.properties.get(key) is True for key in _PROTECTING):
        raise aws(
            f"Delete {resource.id}",
            "InvalidParameterCombination",
            f"Cannot delete protected {resource.token.rpartition(':')[2]} {resource.id}, please "
            "disable deletion protection and try again.",
        )
    databases.release(cloud, call, resource)
    references.release(cloud, call, resource)


def duplicate(cloud: Cloud, call: Call) -> CloudError:
    """Returns the service's own error for a name that is taken."""
    del cloud
    code, message = _TAKEN.get(call.token, ("ResourceAlreadyExistsException", "{} already exists"))
    return refusal(call, code, message.format(call.id), status=409)


def after(cloud: Cloud, call: Call) -> None:
    """Does what a change of one resource does to others."""
    is_secret = call.token == "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type
    if is_secret and call.old is not None and not _is_there(cloud, call):
        if call.old.properties.get("recoveryWindowInDays") == 0:
            return
        cloud.remember(_tombstone(call, text(call.old.properties, "name")))
    databases.after(cloud, call)


def _is_there(cloud: Cloud, call: Call) -> bool:
    return cloud.find(call.token, call.place, call.id) is not None


def _tombstone(call: Call, name: str) -> str:
    return f"{call.token} {call.place} {name}"


def _not_remembered(cloud: Cloud, call: Call) -> None:
    name = text(call.inputs, "name")
    if name and cloud.remembers(_tombstone(call, name)):
        raise refusal(
            call,
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled "
            "for deletion.",
        )


def _within_quota(cloud: Cloud, call: Call, region: str) -> None:
    if call.token not in _QUOTAS:
        return
    most, quota, code, what = _QUOTAS[call.token]
    for raised in cloud.resources("aws:servicequotas/serviceQuota:ServiceQuota", call.place):
        value = raised.inputs.get("value")
        if text(raised.inputs, "quotaCode") == quota and isinstance(value, int | float):
            most = max(most, int(value))
    if len(cloud.resources(call.token, call.place)) >= most:
        raise refusal(
            call, code, f"The maximum number of {what} has been reached: {most} in {region}."
        )


def _vpc_blocks(cloud: Cloud, vpc: Resource) -> list[str]:
    secondary = [
        text(one.inputs, "cidrBlock")
        for one in cloud.resources(
            "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
        )
        if text(one.inputs, "vpcId") == vpc.id
    ]
    return [text(vpc.properties, "cidrBlock"), *secondary]


def _subnet(cloud: Cloud, call: Call) -> None:
    block = networks.parse(text(call.inputs, "cidrBlock"))
    vpcs = cloud.named(text(call.inputs, "vpcId"))
    if block is None or not vpcs:
        return
    within = [networks.parse(one) for one in _vpc_blocks(cloud, vpcs[0])]
    if not any(one is not None and block.subnet_of(one) for one in within):
        raise refusal(call, "InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    others = (
        (one.id, text(one.properties, "cidrBlock"))
        for one in cloud.resources(call.token, call.place)
        if text(one.properties, "vpcId") == vpcs[0].id and one.id != call.id
    )
    if networks.overlapping(block, others):
        raise refusal(
            call, "InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet"
        )


def _peering(cloud: Cloud, call: Call) -> None:
    ends = [cloud.named(text(call.inputs, key)) for key in ("vpcId", "peerVpcId")]
    if not all(ends):
        return
    mine, theirs = (_vpc_blocks(cloud, end[0]) for end in ends)
    for one in mine:
        block = networks.parse(one)
        if block and networks.overlapping(block, ((other, other) for other in theirs)):
            raise refusal(
                call,
                "OverlappingCidrBlocks",
                f"The VPCs {ends[0][0].id} and {ends[1][0].id} have overlapping IPv4 CIDRs",
            )


def _security_group(cloud: Cloud, call: Call) -> None:
    name, vpc = text(call.inputs, "name"), text(call.inputs, "vpcId")
    for one in cloud.resources(call.token, call.place):
        same = text(one.properties, "name") == name and text(one.properties, "vpcId") == vpc
        if same and one.id != call.id:
            raise refusal(
                call,
                "InvalidGroup.Duplicate",
                f"The security group '{name}' already exists for VPC '{vpc}'",
            )


def _nat(cloud: Cloud, call: Call) -> None:
    address = text(call.inputs, "allocationId")
    for one in cloud.resources(call.token, call.place):
        if address and text(one.properties, "allocationId") == address and one.id != call.id:
            raise refusal(
                call,
                "Resource.AlreadyAssociated",
                f"Elastic IP address [{address}] is already associated",
            )


def _gateway(cloud: Cloud, call: Call) -> None:
    vpc = text(call.inputs, "vpcId")
    for one in cloud.resources(call.token, call.place):
        if vpc and text(one.properties, "vpcId") == vpc and one.id != call.id:
            raise refusal(
                call,
                "Resource.AlreadyAssociated",
                f"resource {vpc} is already attached to network gateway {one.id}",
            )


def _cluster(cloud: Cloud, call: Call) -> None:
    config = call.inputs.get("vpcConfig")
    subnets = texts(config, "subnetIds") if isinstance(config, dict) else []
    found = [one for name in subnets for one in cloud.named(name)]
    if len({text(one.properties, "availabilityZone") for one in found}) < _ZONES_OF_A_CLUSTER:
        raise refusal(
            call,
            "InvalidParameterException",
            "Subnets specified must be in at least two different AZs",
        )
    if call.old is None:
        return
    old, new = text(call.old.properties, "version"), text(call.inputs, "version")
    if old and new and old != new:
        step = int(new.rpartition(".")[2]) - int(old.rpartition(".")[2])
        if step != 1:
            raise refusal(
                call,
                "InvalidParameterException",
                f"Unsupported Kubernetes minor version update from {old} to {new}",
            )
    if call.old.inputs.get("encryptionConfig") and not call.inputs.get("encryptionConfig"):
        raise refusal(
            call, "InvalidParameterException", "Encryption can't be removed from a cluster"
        )


def _pod_identity(cloud: Cloud, call: Call) -> None:
    keys = ("clusterName", "namespace", "serviceAccount")
    for one in cloud.resources(call.token, call.place):
        same = all(text(one.properties, key) == text(call.inputs, key) for key in keys)
        if same and one.id != call.id:
            raise refusal(
                call, "ResourceInUseException", f"Association already exists: {one.id}", status=409
            )


def _secret(cloud: Cloud, call: Call) -> None:
    name = text(call.inputs, "name")
    for one in cloud.resources(call.token, call.place):
        if text(one.properties, "name") == name and one.id != call.id:
            raise refusal(
                call,
                "ResourceExistsException",
                f"The operation failed because the secret {name} already exists.",
            )


def _replica_key(cloud: Cloud, call: Call) -> None:
    primary = cloud.named(text(call.inputs, "primaryKeyArn"))
    if primary and primary[0].properties.get("multiRegion") is not True:
        raise refusal(
            call,
            "UnsupportedOperationException",
            f"{primary[0].id} is not a multi-Region primary key",
        )


def _replication(cloud: Cloud, call: Call) -> None:
    rules: Value = call.inputs.get("rules")
    targets = [
        text(rule, "destination", "bucket").removeprefix("arn:aws:s3:::")
        for rule in (rules if isinstance(rules, list) else [])
        if isinstance(rule, dict)
    ]
    versioned = {
        text(one.inputs, "bucket")
        for one in cloud.resources()
        if re.match(r"aws:s3/bucketVersioning", one.token)
        and text(one.inputs, "versioningConfiguration", "status") == "Enabled"
    }
    source = text(call.inputs, "bucket")
    if source not in versioned:
        raise refusal(
            call,
            "InvalidRequest",
            "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
        )
    for target in targets:
        if target and target not in versioned:
            raise refusal(
                call, "InvalidRequest", "Destination bucket must have versioning enabled."
            )


_OWN: Final[dict[str, Callable[[Cloud, Call], None]]] = {
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": _peering,
    "aws:ec2/securityGroup:SecurityGroup": _security_group,
    "aws:ec2/natGateway:NatGateway": _nat,
    "aws:ec2/internetGateway:InternetGateway": _gateway,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _pod_identity,
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:kms/replicaKey:ReplicaKey": _replica_key,
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _replication,
}
"""What only one type is refused for."""
