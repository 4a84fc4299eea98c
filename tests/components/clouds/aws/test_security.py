"""What a security reviewer looks for, on the resources as registered."""

import json
from typing import Any

import pytest

from components.clouds.aws.cluster import ClusterAccess
from tests.components.clouds.aws.platform import (
    ACCOUNT,
    FRANKFURT,
    IRELAND,
    SYDNEY,
    AwsRecorder,
    declare,
    environment,
    seen,
    statements,
)
from tests.components.recording import resolved, settle


def key_arn(region: str, kind: str) -> str:
    """Returns the ARN of one of a region's keys, as the recorder gives it."""
    location = region.removeprefix("aws-")
    return f"arn:aws:service:{location}:{ACCOUNT}:{region}-network-{kind}"


DATA_KEYS = {
    "aws:rds/cluster:Cluster": lambda one: one["kmsKeyId"],
    "aws:rds/clusterInstance:ClusterInstance": lambda one: one["performanceInsightsKmsKeyId"],
    "aws:elasticache/replicationGroup:ReplicationGroup": lambda one: one["kmsKeyId"],
    "aws:msk/cluster:Cluster": lambda one: one["encryptionInfo"]["encryptionAtRestKmsKeyArn"],
    "aws:secretsmanager/secret:Secret": lambda one: one["kmsKeyId"],
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        lambda one: one["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"]
    ),
}
OPERATIONAL_KEYS = {
    "aws:eks/cluster:Cluster": lambda one: one["encryptionConfig"]["provider"]["keyArn"],
    "aws:cloudwatch/logGroup:LogGroup": lambda one: one["kmsKeyId"],
    "aws:ebs/defaultKmsKey:DefaultKmsKey": lambda one: one["keyArn"],
    "aws:lambda/function:Function": lambda one: one["kmsKeyArn"],
    "kubernetes:storage.k8s.io/v1:StorageClass": lambda one: one["parameters"]["kmsKeyId"],
}


@pytest.mark.parametrize(
    ("kind", "key", "of"),
    [(kind, "data", of) for kind, of in DATA_KEYS.items()]
    + [(kind, "operational", of) for kind, of in OPERATIONAL_KEYS.items()],
)
def test_what_keeps_something_is_encrypted_with_its_own_regions_key(
    kind: str, key: str, of: Any
) -> None:
    recorder = seen(FRANKFURT, SYDNEY)
    found = recorder.of(kind)
    for region in (FRANKFURT, SYDNEY):
        of_region = [one for name, one in found.items() if name.startswith(region)]
        assert of_region
        assert {of(one.inputs) for one in of_region} == {key_arn(region, key)}


def test_stores_are_told_to_encrypt() -> None:
    recorder = seen(FRANKFURT)
    for one in recorder.of("aws:rds/cluster:Cluster").values():
        assert one.inputs["storageEncrypted"] is True
    assert recorder.of("aws:rds/globalCluster:GlobalCluster")["aws-database"].inputs[
        "storageEncrypted"
    ]
    for one in recorder.of("aws:elasticache/replicationGroup:ReplicationGroup").values():
        assert str(one.inputs["atRestEncryptionEnabled"]).lower() == "true"
    for one in recorder.of("aws:ebs/encryptionByDefault:EncryptionByDefault").values():
        assert one.inputs["enabled"] is True


def test_symmetric_keys_rotate_every_90_days() -> None:
    recorder = seen(FRANKFURT, SYDNEY)
    keys = recorder.of("aws:kms/key:Key")
    assert len(keys) == 7
    for name, one in keys.items():
        if name == "zone":  # signs; KMS rotates no asymmetric key
            assert one.inputs["customerMasterKeySpec"] == "ECC_NIST_P256"
            continue
        assert one.inputs["enableKeyRotation"] is True
        assert one.inputs["rotationPeriodInDays"] == 90
        assert one.inputs["deletionWindowInDays"] == 30


def test_the_data_key_is_used_through_the_services_of_its_region_alone() -> None:
    recorder = seen(FRANKFURT)
    policy = recorder.of("aws:kms/key:Key")[f"{FRANKFURT}-network-data"].inputs["policy"]
    cryptographic = {
        "kms:*",
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:CreateGrant",
    }
    checked = 0
    for one in statements(policy):
        if cryptographic & set(one["Action"]):
            condition = one["Condition"]["StringEquals"]
            assert condition["kms:CallerAccount"] == ACCOUNT
            assert all(".eu-central-1." in via for via in condition["kms:ViaService"])
            checked += 1
    assert checked == 2


def test_no_key_nor_bucket_nor_role_is_open_to_strangers() -> None:
    recorder = seen(FRANKFURT, IRELAND)
    for one in recorder.aws():
        policy = one.inputs.get("policy") or one.inputs.get("assumeRolePolicy")
        for statement in statements(policy) if policy else ():
            principal = statement.get("Principal")
            if statement["Effect"] == "Allow" and principal in ("*", {"AWS": "*"}):
                condition = statement["Condition"]["StringEquals"]
                assert condition["kms:CallerAccount"] == ACCOUNT, one.name


def test_rights_of_roles_name_what_they_are_over() -> None:
    recorder = seen(FRANKFURT, IRELAND)
    narrowest = {
        "logs:DescribeLogGroups",
        "rds:DescribeDBClusters",
        "rds:DescribeGlobalClusters",
        "route53:ListHostedZones",
        "route53:ListHostedZonesByName",
    }
    policies = recorder.of("aws:iam/rolePolicy:RolePolicy")
    assert policies
    for name, one in policies.items():
        for statement in statements(one.inputs["policy"]):
            assert not {action for action in statement["Action"] if action.endswith(":*")}, name
            if "*" in statement["Resource"]:
                assert set(statement["Action"]) <= narrowest, name


def test_only_private_addresses_reach_anything() -> None:
    recorder = seen(FRANKFURT, IRELAND)
    groups = recorder.of("aws:ec2/securityGroup:SecurityGroup")
    assert len(groups) == 8
    for name, one in groups.items():
        assert one.inputs["ingress"], name
        calls = one.inputs.get("egress", [])
        # A database may follow another cloud's leader; nothing else calls anybody.
        assert bool(calls) == name.endswith("-database"), name
        assert all(rule["fromPort"] == rule["toPort"] == 5432 for rule in calls)
        for rule in [*one.inputs["ingress"], *calls]:
            assert rule["fromPort"] == rule["toPort"] != 0
            assert all(cidr.startswith("10.") for cidr in rule.get("cidrBlocks", []))
    for one in recorder.of("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup").values():
        assert not one.inputs.get("ingress")
        assert not one.inputs.get("egress")


def test_cache_and_bus_are_reached_by_their_own_cluster_alone() -> None:
    recorder = seen(FRANKFURT)
    groups = recorder.of("aws:ec2/securityGroup:SecurityGroup")
    for part in ("cache", "event-bus"):
        (rule,) = groups[f"{FRANKFURT}-{part}"].inputs["ingress"]
        assert rule["securityGroups"] == [f"sg-{FRANKFURT}-cluster"]
        assert "cidrBlocks" not in rule


def test_no_store_has_a_public_address() -> None:
    recorder = seen(FRANKFURT)
    for one in recorder.of("aws:rds/clusterInstance:ClusterInstance").values():
        assert one.inputs["publiclyAccessible"] is False
    for one in recorder.of("aws:ec2/subnet:Subnet").values():
        assert one.inputs["mapPublicIpOnLaunch"] is False
    for one in recorder.of("aws:msk/cluster:Cluster").values():
        connectivity = one.inputs["brokerNodeGroupInfo"]["connectivityInfo"]
        assert connectivity["publicAccess"]["type"] == "DISABLED"
    block = recorder.of("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    for one in block.values():
        for key in (
            "blockPublicAcls",
            "blockPublicPolicy",
            "ignorePublicAcls",
            "restrictPublicBuckets",
        ):
            assert one.inputs[key] is True


def test_stores_are_in_subnets_that_reach_nothing_outside() -> None:
    recorder = seen(FRANKFURT)
    data = {f"{FRANKFURT}-network-data-eu-central-1{zone}-id" for zone in "abc"}
    for kind in ("aws:rds/subnetGroup:SubnetGroup", "aws:elasticache/subnetGroup:SubnetGroup"):
        (one,) = recorder.of(kind).values()
        assert set(one.inputs["subnetIds"]) == data
    (bus,) = recorder.of("aws:msk/cluster:Cluster").values()
    assert set(bus.inputs["brokerNodeGroupInfo"]["clientSubnets"]) == data
    associations = recorder.of("aws:ec2/routeTableAssociation:RouteTableAssociation")
    assert associations
    assert not data & {one.inputs["subnetId"] for one in associations.values()}


def test_stores_take_tls_only(recorder: AwsRecorder) -> None:
    everything = declare(environment(FRANKFURT))
    settle()
    (group,) = recorder.of("aws:rds/clusterParameterGroup:ClusterParameterGroup").values()
    parameters = {one["name"]: one["value"] for one in group.inputs["parameters"]}
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["rds.logical_replication"] == "1"
    assert parameters["max_logical_replication_workers"] == "32"
    (cache,) = recorder.of("aws:elasticache/replicationGroup:ReplicationGroup").values()
    assert cache.inputs["transitEncryptionEnabled"] is True
    assert cache.inputs["transitEncryptionMode"] == "required"
    (bus,) = recorder.of("aws:msk/cluster:Cluster").values()
    in_transit = bus.inputs["encryptionInfo"]["encryptionInTransit"]
    assert in_transit == {"clientBroker": "TLS", "inCluster": True}
    (policy,) = recorder.of("aws:s3/bucketPolicy:BucketPolicy").values()
    refused = [one["Condition"] for one in statements(policy.inputs["policy"])]
    assert {"Bool": {"aws:SecureTransport": "false"}} in refused
    assert {"NumericLessThan": {"s3:TlsVersion": "1.2"}} in refused
    assert everything.regions[FRANKFURT].cache.tls
    assert everything.databases[FRANKFURT].tls


def test_who_comes_is_asked_who_it_is(recorder: AwsRecorder) -> None:
    made = declare(environment(FRANKFURT))
    settle()
    (bus,) = recorder.of("aws:msk/cluster:Cluster").values()
    assert bus.inputs["clientAuthentication"] == {"sasl": {"iam": True}, "unauthenticated": False}
    (user,) = recorder.of("aws:elasticache/user:User").values()
    password = f"generated-{FRANKFURT}-cache-password"
    assert user.inputs["authenticationMode"] == {"type": "password", "passwords": [password]}
    assert resolved(made.regions[FRANKFURT].cache.password) == password


def test_clusters_answer_inside_the_network_alone() -> None:
    recorder = seen(FRANKFURT)
    (cluster,) = recorder.of("aws:eks/cluster:Cluster").values()
    config = cluster.inputs["vpcConfig"]
    assert config["endpointPrivateAccess"] is True
    assert config["endpointPublicAccess"] is False
    assert all("-private-" in one for one in config["subnetIds"])


def test_clusters_answer_named_runners_where_the_environment_names_some() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/operators"
    recorder = seen(
        FRANKFURT, access=ClusterAccess(cidrs=("198.51.100.7/32",), administrators=(role,))
    )
    (cluster,) = recorder.of("aws:eks/cluster:Cluster").values()
    assert cluster.inputs["vpcConfig"]["publicAccessCidrs"] == ["198.51.100.7/32"]
    (entry,) = recorder.of("aws:eks/accessEntry:AccessEntry").values()
    assert entry.inputs["principalArn"] == role
    (policy,) = recorder.of("aws:eks/accessPolicyAssociation:AccessPolicyAssociation").values()
    assert policy.inputs["principalArn"] == role


def test_clusters_log_everything_and_authorize_by_their_own_api() -> None:
    recorder = seen(FRANKFURT)
    (cluster,) = recorder.of("aws:eks/cluster:Cluster").values()
    assert set(cluster.inputs["enabledClusterLogTypes"]) == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    assert cluster.inputs["accessConfig"]["authenticationMode"] == "API"
    assert cluster.inputs["encryptionConfig"]["resources"] == ["secrets"]
    assert cluster.inputs["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster.inputs["version"] == "1.34"


def test_no_token_is_kept_to_reach_a_cluster() -> None:
    recorder = seen(FRANKFURT)
    (provider,) = recorder.of("pulumi:providers:kubernetes").values()
    config = json.loads(provider.inputs["kubeconfig"])
    (user,) = config["users"]
    assert user["user"].keys() == {"exec"}
    arguments = user["user"]["exec"]["args"]
    assert arguments[:2] == ["--region", "eu-central-1"]
    assert "get-token" in arguments


@pytest.mark.parametrize("protect", [True, False])
def test_what_is_protected_cannot_be_deleted_and_the_rest_leaves_nothing(*, protect: bool) -> None:
    recorder = seen(FRANKFURT, protect=protect)
    for kind in (
        "aws:eks/cluster:Cluster",
        "aws:rds/cluster:Cluster",
        "aws:rds/globalCluster:GlobalCluster",
    ):
        for one in recorder.of(kind).values():
            assert one.inputs["deletionProtection"] is protect
    for kind in ("aws:s3/bucket:Bucket", "aws:route53/zone:Zone"):
        for one in recorder.of(kind).values():
            assert one.inputs["forceDestroy"] is not protect
    for one in recorder.of("aws:ecr/repository:Repository").values():
        assert one.inputs["forceDelete"] is not protect
    for one in recorder.of("aws:secretsmanager/secret:Secret").values():
        assert one.inputs["recoveryWindowInDays"] == (30 if protect else 0)
    (database,) = recorder.of("aws:rds/cluster:Cluster").values()
    assert database.inputs["skipFinalSnapshot"] is not protect
    assert ("finalSnapshotIdentifier" in database.inputs) is protect
    assert database.inputs["backupRetentionPeriod"] == (35 if protect else 7)


def test_logs_are_kept_for_a_while() -> None:
    recorder = seen(FRANKFURT)
    groups = recorder.of("aws:cloudwatch/logGroup:LogGroup")
    assert len(groups) == 5
    assert {one.inputs["retentionInDays"] for one in groups.values()} == {365}
    (flow,) = recorder.of("aws:ec2/flowLog:FlowLog").values()
    assert flow.inputs["trafficType"] == "ALL"
    assert flow.inputs["logDestination"].endswith("flow-logs")


def test_images_cannot_be_changed_and_are_scanned() -> None:
    recorder = seen(FRANKFURT)
    for name, one in recorder.of("aws:ecr/repository:Repository").items():
        assert one.inputs["imageTagMutability"] == "IMMUTABLE"
        assert one.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        (encryption,) = one.inputs["encryptionConfigurations"]
        assert encryption["encryptionType"] == "KMS"
        assert encryption["kmsKey"].endswith(f":{name}")


def test_secret_values_are_registered_as_secrets_alone() -> None:
    recorder = seen(FRANKFURT)
    versions = recorder.of("aws:secretsmanager/secretVersion:SecretVersion")
    (version,) = versions.values()
    assert json.loads(version.inputs["secretString"]) == {"aip_database_password": "hunter2"}
    shown = json.dumps([one.inputs for one in recorder.made if one is not version])
    assert "hunter2" not in shown
