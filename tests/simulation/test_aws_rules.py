"""What the simulated AWS refuses, in AWS's words."""

import json
from typing import Any

import pytest

from tests.simulation.calls import Caller, Made, RefusedError
from tools.simulation import accounts

VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"
CLUSTER, GLOBAL = "aws:rds/cluster:Cluster", "aws:rds/globalCluster:GlobalCluster"
BUCKET = "aws:s3/bucket:Bucket"


@pytest.fixture
def vpc(aws: Caller) -> Made:
    return aws.create(VPC, cidrBlock="10.0.0.0/16")


def subnets(aws: Caller, vpc: Made) -> list[Made]:
    return [
        aws.create(
            SUBNET,
            f"subnet-{zone}",
            vpcId=vpc.id,
            cidrBlock=f"10.0.{number}.0/24",
            availabilityZone=f"eu-central-1{zone}",
        )
        for number, zone in enumerate("ab")
    ]


def test_a_subnet_lies_within_its_vpc_and_overlaps_no_other(aws: Caller, vpc: Made) -> None:
    aws.create(SUBNET, vpcId=vpc.id, cidrBlock="10.0.0.0/20")
    with pytest.raises(RefusedError, match=r"InvalidSubnet\.Range"):
        aws.create(SUBNET, "two", vpcId=vpc.id, cidrBlock="10.1.0.0/20")
    with pytest.raises(RefusedError, match=r"InvalidSubnet\.Conflict.*10\.0\.8\.0/24"):
        aws.create(SUBNET, "two", vpcId=vpc.id, cidrBlock="10.0.8.0/24")
    aws.create(SUBNET, "two", vpcId=vpc.id, cidrBlock="10.0.16.0/20")


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/8"}, "between a /16 and a /28"),
        (VPC, {"cidrBlock": "10.0.1.0/16"}, "did you mean '10.0.0.0/16'"),
        (VPC, {"cidrBlock": "10.0.0.0/16", "region": "eu-centrl-1"}, "did you mean eu-central-1"),
        (BUCKET, {"bucket": "Not_Lower"}, "3 to 63 lower-case"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{"}, "invalid JSON policy"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}", "name": "r" * 65}, "at most 64"),
        (CLUSTER, {"engine": "aurora-postgresql", "masterPassword": "short"}, "8 to 128"),
    ],
)
def test_what_can_be_known_beforehand_is_refused_by_a_preview(
    aws: Caller, token: str, inputs: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        aws.preview(token, **inputs)


def test_what_is_referred_to_must_be_there_and_in_the_region(aws: Caller, vpc: Made) -> None:
    with pytest.raises(RefusedError, match=r"InvalidVpcID\.NotFound.*vpc-0123456789abcdef0"):
        aws.create(SUBNET, vpcId="vpc-0123456789abcdef0", cidrBlock="10.0.0.0/24")
    with pytest.raises(RefusedError, match=r"InvalidVpcID\.NotFound"):
        aws.create(SUBNET, vpcId=vpc.id, cidrBlock="10.0.0.0/24", region="us-east-1")
    default = aws.create(
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", vpcId=vpc.id, tags={"a": "b"}
    )
    assert default.id
    with pytest.raises(RefusedError, match="No cluster found for name: none"):
        aws.create("aws:eks/addon:Addon", clusterName="none", addonName="vpc-cni")


def test_what_is_in_use_is_not_deleted(aws: Caller, vpc: Made) -> None:
    group = aws.create("aws:ec2/securityGroup:SecurityGroup", vpcId=vpc.id)
    with pytest.raises(RefusedError, match=r"DependencyViolation.*has dependencies"):
        aws.delete(vpc)
    aws.delete(group)
    aws.delete(vpc)
    role = aws.create("aws:iam/role:Role", assumeRolePolicy="{}")
    policy = aws.create("aws:iam/rolePolicy:RolePolicy", role=role.id, policy="{}")
    with pytest.raises(RefusedError, match="DeleteConflict"):
        aws.delete(role)
    aws.delete(policy)
    aws.delete(role)
    assert aws.cloud.resources() == []


def test_names_are_taken_in_their_own_scope(aws: Caller) -> None:
    aws.create(BUCKET, bucket="data")
    with pytest.raises(RefusedError, match="BucketAlreadyOwnedByYou"):
        aws.create(BUCKET, "two", bucket="data", region="us-east-1")
    aws.create("aws:iam/role:Role", name="worker", assumeRolePolicy="{}")
    with pytest.raises(RefusedError, match="Role with name worker already exists"):
        aws.create("aws:iam/role:Role", "two", name="worker", assumeRolePolicy="{}")
    aws.create("aws:cloudwatch/logGroup:LogGroup", name="/log")
    aws.create("aws:cloudwatch/logGroup:LogGroup", "two", name="/log", region="us-east-1")


def test_a_secret_keeps_its_name_after_its_deletion(aws: Caller) -> None:
    secret = "aws:secretsmanager/secret:Secret"
    aws.delete(aws.create(secret, name="a"))
    with pytest.raises(RefusedError, match="already scheduled for deletion"):
        aws.create(secret, name="a")
    aws.delete(aws.create(secret, name="b", recoveryWindowInDays=0))
    aws.create(secret, name="b")


def test_quotas_hold_until_they_are_raised(aws: Caller) -> None:
    for number in range(5):
        aws.create("aws:ec2/eip:Eip", f"address-{number}", domain="vpc")
    with pytest.raises(RefusedError, match="AddressLimitExceeded"):
        aws.create("aws:ec2/eip:Eip", "sixth", domain="vpc")
    aws.create("aws:ec2/eip:Eip", "elsewhere", domain="vpc", region="us-east-1")
    aws.create(
        "aws:servicequotas/serviceQuota:ServiceQuota",
        serviceCode="ec2",
        quotaCode="L-0263D0A3",
        value=10,
    )
    aws.create("aws:ec2/eip:Eip", "sixth", domain="vpc")


def test_a_cluster_needs_two_zones_and_goes_up_one_version_at_a_time(
    aws: Caller, vpc: Made
) -> None:
    first, second = subnets(aws, vpc)
    role = aws.create("aws:iam/role:Role", assumeRolePolicy="{}")
    made = {"roleArn": role["arn"], "version": "1.32"}
    with pytest.raises(RefusedError, match="at least two different AZs"):
        aws.create("aws:eks/cluster:Cluster", **made, vpcConfig={"subnetIds": [first.id]})
    with pytest.raises(RefusedError, match="could not be assumed because it does not exist"):
        aws.create(
            "aws:eks/cluster:Cluster",
            roleArn="arn:aws:iam::111122223333:role/none",
            vpcConfig={"subnetIds": [first.id, second.id]},
        )
    cluster = aws.create(
        "aws:eks/cluster:Cluster", **made, vpcConfig={"subnetIds": [first.id, second.id]}
    )
    with pytest.raises(RefusedError, match=r"minor version update from 1\.32 to 1\.34"):
        aws.update(cluster, version="1.34")
    assert aws.update(cluster, version="1.33")["version"] == "1.33"
    with pytest.raises(RefusedError, match="unsupported Kubernetes version"):
        aws.check("aws:eks/cluster:Cluster", **(made | {"version": "1.19"}), vpcConfig={})


def test_replication_needs_versions_on_both_sides(aws: Caller) -> None:
    for name in ("a", "b"):
        aws.create(BUCKET, name, bucket=f"bucket-{name}")
    role = aws.create("aws:iam/role:Role", assumeRolePolicy="{}")
    rule = {"status": "Enabled", "destination": {"bucket": "arn:aws:s3:::bucket-b"}}
    replication: dict[str, Any] = {"bucket": "bucket-a", "role": role["arn"], "rules": [rule]}
    token = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
    for name, reason in (("a", "Versioning must be 'Enabled'"), ("b", "Destination bucket")):
        with pytest.raises(RefusedError, match=reason):
            aws.create(token, **replication)
        aws.create(
            "aws:s3/bucketVersioning:BucketVersioning",
            name,
            bucket=f"bucket-{name}",
            versioningConfiguration={"status": "Enabled"},
        )
    aws.create(token, **replication)


def test_what_is_protected_is_not_deleted(aws: Caller) -> None:
    cluster = aws.create(
        CLUSTER,
        engine="aurora-postgresql",
        masterUsername="root",
        masterPassword="long-enough",
        deletionProtection=True,
    )
    with pytest.raises(RefusedError, match="Cannot delete protected"):
        aws.delete(cluster)
    open_to_deletion = aws.update(cluster, deletionProtection=False)
    with pytest.raises(RefusedError, match="final_snapshot_identifier is required"):
        aws.delete(open_to_deletion)
    aws.delete(aws.update(open_to_deletion, skipFinalSnapshot=True))


def _aurora(aws: Caller, name: str, region: str, **inputs: Any) -> Made:
    return aws.create(
        CLUSTER,
        name,
        clusterIdentifier=name,
        globalClusterIdentifier="world",
        engine="aurora-postgresql",
        engineVersion="17.5",
        storageEncrypted=True,
        skipFinalSnapshot=True,
        region=region,
        **inputs,
    )


def test_a_global_database_has_its_own_order(aws: Caller) -> None:
    leader = {"masterUsername": "root", "masterPassword": "long-enough"}
    with pytest.raises(RefusedError, match="Global cluster world not found"):
        _aurora(aws, "east", "us-east-1", **leader)
    world = aws.create(GLOBAL, globalClusterIdentifier="world", engine="aurora-postgresql")
    with pytest.raises(RefusedError, match="MasterUsername must be provided"):
        _aurora(aws, "west", "eu-west-1")
    east = _aurora(aws, "east", "us-east-1", **leader)
    with pytest.raises(RefusedError, match="KmsKeyId must be provided"):
        _aurora(aws, "west", "eu-west-1")
    key = aws.create("aws:kms/key:Key", region="eu-west-1")
    with pytest.raises(RefusedError, match="Cannot specify masterUsername"):
        _aurora(aws, "west", "eu-west-1", kmsKeyId=key["arn"], **leader)
    west = _aurora(aws, "west", "eu-west-1", kmsKeyId=key["arn"])
    writers = {one["dbClusterArn"]: one["isWriter"] for one in _members(aws, world)}
    assert writers == {east["arn"]: True, west["arn"]: False}
    with pytest.raises(RefusedError, match="while the global cluster world has secondary"):
        aws.delete(east)
    with pytest.raises(RefusedError, match="not empty"):
        aws.delete(world)
    for one in (west, east, world):
        aws.delete(one)


def _members(aws: Caller, world: Made) -> list[dict[str, Any]]:
    found = aws.read(world)
    assert found is not None
    return found["globalClusterMembers"]


def test_a_function_that_changes_who_leads_runs_for_real(aws: Caller) -> None:
    code = """
import boto3
def handler(event, context):
    rds = boto3.client("rds", region_name="eu-west-1")
    rds.switchover_global_cluster(
        GlobalClusterIdentifier="world", TargetDbClusterIdentifier=event["leader"]
    )
    return "done"
"""
    archive = {
        "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7",
        "assets": {
            "lead.py": {
                "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
                "text": code,
            }
        },
    }
    world = aws.create(GLOBAL, globalClusterIdentifier="world", engine="aurora-postgresql")
    key = aws.create("aws:kms/key:Key", region="eu-west-1")
    _aurora(aws, "east", "us-east-1", masterUsername="root", masterPassword="long-enough")
    west = _aurora(aws, "west", "eu-west-1", kmsKeyId=key["arn"])
    role = aws.create("aws:iam/role:Role", assumeRolePolicy="{}")
    function = aws.create(
        "aws:lambda/function:Function",
        role=role["arn"],
        runtime="python3.13",
        handler="lead.handler",
        code=archive,
    )
    invocation = {"functionName": function["name"], "input": json.dumps({"leader": west["arn"]})}
    made = aws.create("aws:lambda/invocation:Invocation", **invocation)
    assert made["result"] == '"done"'
    assert [one["dbClusterArn"] for one in _members(aws, world) if one["isWriter"]] == [west["arn"]]
    accounts.save(aws.folder, accounts.Accounts(lost_regions=("us-east-1",)))
    with pytest.raises(RefusedError, match="InvalidGlobalClusterStateFault"):
        aws.create("aws:lambda/invocation:Invocation", "two", **invocation)


def test_an_account_that_is_not_allowed_and_missing_credentials_end_it(aws: Caller) -> None:
    with pytest.raises(RefusedError, match="AWS account ID not allowed: 111122223333"):
        aws.configure(region="eu-central-1", allowedAccountIds='["999999999999"]')
    accounts.save(aws.folder, accounts.Accounts(without_credentials=("aws",)))
    with pytest.raises(RefusedError, match="No valid credential sources found"):
        aws.configure(region="eu-central-1")


def test_functions_answer_and_check_what_they_are_given(aws: Caller) -> None:
    identity = aws.invoke("aws:index/getCallerIdentity:getCallerIdentity")
    assert identity["accountId"] == "111122223333"
    zones = aws.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    with pytest.raises(RefusedError, match="did you mean state"):
        aws.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", stat="available")


def test_what_replaces_is_told_from_what_updates(aws: Caller, vpc: Made) -> None:
    assert aws.diff(vpc, tags={"a": "b"}).replaces == []
    assert list(aws.diff(vpc, cidrBlock="10.1.0.0/16").replaces) == ["cidrBlock"]
    assert aws.diff(vpc).changes == aws.diff(vpc).DIFF_NONE
    assert not aws.diff(vpc, cidrBlock="10.1.0.0/16").deleteBeforeReplace
    named = aws.create("aws:iam/role:Role", name="worker", assumeRolePolicy="{}")
    assert aws.diff(named, path="/other/").deleteBeforeReplace, "its name is taken until it is gone"
    unnamed = aws.create("aws:iam/role:Role", "two", assumeRolePolicy="{}")
    assert not aws.diff(unnamed, path="/other/").deleteBeforeReplace
