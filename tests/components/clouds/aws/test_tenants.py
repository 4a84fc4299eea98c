"""Dedicated tenants on AWS, in a cell told of the environment as its stack's outputs tell it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pulumi
import pytest

from components.clouds.aws.attach import attached, attached_zone
from components.clouds.aws.cloud import AwsCloud
from components.clouds.cloud import (
    CloudEnvironment,
    DirectorArgs,
    DnsZone,
    KubernetesCluster,
    RegionEndpoint,
    Size,
)
from components.clouds.tenancy import TenantDatabaseArgs, TenantStoreArgs
from tests.components.clouds.aws.platform import (
    ACCOUNT,
    FRANKFURT,
    SYDNEY,
    AwsRecorder,
    environment,
    statements,
)
from tests.components.recording import Made, recording, resolved, settle

ACME = "acme"
LONGEST = "a-tenant-whose-id-has-30-chars"
REGIONS = (FRANKFURT, SYDNEY)
CLUSTER = "aws:rds/cluster:Cluster"
INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
KEY = "aws:kms/key:Key"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
ROLE_ARN = f"arn:aws:service::{ACCOUNT}:aws-tenants"


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an environment tells its cells, as they read it: after JSON."""

    zone: Mapping[str, Any]
    regions: Mapping[str, Mapping[str, Any]]
    registered: AwsRecorder


@cache
def exported(size: Size = "large") -> Exported:
    """Declares an environment and returns its exports."""
    recorder = AwsRecorder()
    with recording(recorder):
        cloud = AwsCloud(environment(*REGIONS, size=size))
        root = pulumi.ComponentResource("test:Platform", "platform")
        zone = cloud.dns_zone("zone", "example.com", parent=root)
        clusters = {
            name: cloud.cluster(
                f"{name}-cluster",
                cloud.network(f"{name}-network", name, parent=root),
                parent=root,
            )
            for name in REGIONS
        }
        cloud.director("director", director_args(zone, "api.example.com"), parent=root)
        told = {
            "zone": cloud.export_zone(zone),
            "regions": {name: cloud.export(one) for name, one in clusters.items()},
        }
        values = json.loads(json.dumps(resolved(pulumi.Output.from_input(told))))
        settle()
    return Exported(zone=values["zone"], regions=values["regions"], registered=recorder)


def director_args(zone: DnsZone, host: str, regions: Sequence[str] = REGIONS) -> DirectorArgs:
    return DirectorArgs(
        zone=zone,
        host=host,
        endpoints=[
            RegionEndpoint(
                region=name,
                weight=100 // len(regions),
                host=f"{name}.example.com",
                addresses=[pulumi.Output.from_input("192.0.2.1")],
            )
            for name in regions
        ],
        health_path="/healthz",
    )


def output(value: Mapping[str, Any]) -> pulumi.Output[Mapping[str, Any]]:
    return pulumi.Output.from_input(value)


def attach(cloud: AwsCloud, name: str, root: pulumi.Resource) -> KubernetesCluster:
    return cloud.attach(name, name, output(exported().regions[name]), parent=root)


def declare(spec: CloudEnvironment, tenants: Sequence[str], regions: Sequence[str]) -> None:
    """Puts tenants into the regions, the first of which is their home."""
    cloud = AwsCloud(spec)
    root = pulumi.ComponentResource("test:Regions", "regions")
    zone = cloud.attach_zone("example.com", output(exported().zone))
    clusters = {name: attach(cloud, name, root) for name in regions}
    for tenant in tenants:
        parent = pulumi.ComponentResource("test:TenantInstance", tenant)
        stores = {
            name: cloud.tenant_store(
                f"{tenant}-{name}-store",
                TenantStoreArgs(cluster=cluster, tenant=tenant, namespace=f"tenant-{tenant}"),
                parent=parent,
            )
            for name, cluster in clusters.items()
        }
        server = cloud.tenant_database(
            f"{tenant}-database",
            TenantDatabaseArgs(
                cluster=clusters[regions[0]],
                tenant=tenant,
                key=stores[regions[0]].key,
                storage_gib=50,
                version="17",
                administrator_password=pulumi.Output.secret(f"password-of-{tenant}"),
            ),
            parent=parent,
        )
        assert (server.role, server.region, server.tls) == ("primary", regions[0], True)
        host = f"{tenant}.tenants.example.com"
        cloud.tenant_director(
            f"{tenant}-director", director_args(zone, host, regions), parent=parent
        )


@cache
def cell(
    *tenants: str,
    regions: Sequence[str] = (FRANKFURT,),
    size: Size = "large",
    protect: bool = True,
) -> AwsRecorder:
    """Returns what the engine is told of a cell; each is declared once for all tests."""
    exported()
    recorder = AwsRecorder()
    with recording(recorder):
        declare(environment(*REGIONS, size=size, protect=protect), tenants, regions)
        settle()
    recorder.made = [one for one in recorder.made if one.type != "pulumi:pulumi:Stack"]
    return recorder


def of_tenant(recorder: AwsRecorder, tenant: str) -> list[Made]:
    return [one for one in recorder.aws() if one.name.startswith(f"{tenant}-")]


def key_of(name: str, location: str = "eu-central-1") -> str:
    return f"arn:aws:service:{location}:{ACCOUNT}:{name}"


def test_what_is_exported_survives_json_and_comes_back_with_the_same_ids() -> None:
    told = exported()
    with recording(AwsRecorder()) as recorder:
        cloud = AwsCloud(environment(*REGIONS))
        root = pulumi.ComponentResource("test:Regions", "regions")
        cluster = attached(attach(cloud, FRANKFURT, root))
        zone = attached_zone(cloud.attach_zone("example.com", output(told.zone)))
        assert resolved(cluster.network.vpc_id) == f"{FRANKFURT}-network-id"
        assert resolved(cluster.network.data_subnet_ids) == [
            f"{FRANKFURT}-network-data-eu-central-1{letter}-id" for letter in "abc"
        ]
        assert resolved(cluster.security_group) == f"sg-{FRANKFURT}-cluster"
        issuer = f"https://oidc.eks.eu-central-1.amazonaws.com/id/{FRANKFURT}-cluster"
        assert resolved(cluster.oidc_issuer) == issuer
        assert (cluster.name, cluster.region) == ("production-eu-central-1", FRANKFURT)
        assert resolved(zone.zone_id) == "Z1"
        assert resolved(zone.name_servers) == ["ns-1.example", "ns-2.example"]
        settle()
    (own,) = recorder.of("pulumi:providers:kubernetes").values()
    environments = told.registered.of("pulumi:providers:kubernetes")[
        f"{FRANKFURT}-cluster-kubernetes"
    ]
    assert own.inputs == environments.inputs


def test_attaching_makes_nothing_in_aws() -> None:
    exported()
    with recording(AwsRecorder()) as recorder:
        assert isinstance(recorder, AwsRecorder)
        cloud = AwsCloud(environment(*REGIONS))
        root = pulumi.ComponentResource("test:Regions", "regions")
        attach(cloud, FRANKFURT, root)
        cloud.attach_zone("example.com", output(exported().zone))
        settle()
    assert not recorder.aws()
    assert set(recorder.of("pulumi:providers:kubernetes")) == {f"{FRANKFURT}-kubernetes"}


def test_what_a_cell_is_told_holds_no_credential() -> None:
    assert set(exported().regions[FRANKFURT]) == {
        "endpoint",
        "certificate_authority",
        "oidc_issuer",
        "security_group",
        "vpc_id",
        "data_subnet_ids",
    }


def test_a_tenants_data_is_under_its_own_key() -> None:
    recorder = cell(ACME, regions=REGIONS)
    own = key_of(f"{ACME}-{FRANKFURT}-store")
    (database,) = recorder.of(CLUSTER).values()
    assert database.inputs["storageEncrypted"] is True
    assert database.inputs["kmsKeyId"] == own
    assert {
        one.inputs["performanceInsightsKmsKeyId"] for one in recorder.of(INSTANCE).values()
    } == {own}
    (log,) = recorder.of("aws:cloudwatch/logGroup:LogGroup").values()
    assert log.inputs["kmsKeyId"] == own
    buckets = recorder.of(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    )
    for region in REGIONS:
        (rule,) = buckets[f"{ACME}-{region}-store"].inputs["rules"]
        assert rule["applyServerSideEncryptionByDefault"] == {
            "sseAlgorithm": "aws:kms",
            "kmsMasterKeyId": key_of(f"{ACME}-{region}-store", region.removeprefix("aws-")),
        }


def test_a_tenants_keys_rotate_every_90_days() -> None:
    keys = cell(ACME, regions=REGIONS).of(KEY)
    assert len(keys) == 2
    for one in keys.values():
        assert one.inputs["enableKeyRotation"] is True
        assert one.inputs["rotationPeriodInDays"] == 90
        assert one.inputs["deletionWindowInDays"] == 30


def test_a_tenants_key_serves_its_database_its_log_and_its_workload_alone() -> None:
    recorder = cell(ACME)
    policy = recorder.of(KEY)[f"{ACME}-{FRANKFURT}-store"].inputs["policy"]
    administers, through_rds, grants, logs, workload = statements(policy)
    assert administers["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert not {"kms:*", "kms:Decrypt", "kms:CreateGrant"} & set(administers["Action"])
    for one in (through_rds, grants):
        assert one["Condition"]["StringEquals"] == {
            "kms:CallerAccount": ACCOUNT,
            "kms:ViaService": ["rds.eu-central-1.amazonaws.com"],
        }
    (database,) = recorder.of(CLUSTER).values()
    identifier = database.inputs["clusterIdentifier"]
    log = f"log-group:/aws/rds/cluster/{identifier}/postgresql"
    assert logs["Condition"]["ArnLike"] == {
        "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:eu-central-1:{ACCOUNT}:{log}"
    }
    assert workload["Principal"] == {"AWS": ROLE_ARN}
    assert workload["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert workload["Condition"]["StringEquals"] == sessions(ACME) | {
        "kms:ViaService": "s3.eu-central-1.amazonaws.com"
    }


def sessions(tenant: str) -> dict[str, str]:
    """Returns the tags that EKS gives the sessions of a tenant's workload in Frankfurt."""
    cluster = f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/production-eu-central-1"
    return {
        "aws:PrincipalTag/eks-cluster-arn": cluster,
        "aws:PrincipalTag/kubernetes-namespace": f"tenant-{tenant}",
        "aws:PrincipalTag/kubernetes-service-account": "workload",
    }


def test_a_bucket_lets_in_its_own_tenants_workload_alone() -> None:
    recorder = cell(ACME, LONGEST)
    for tenant in (ACME, LONGEST):
        name = f"{tenant}-{FRANKFURT}-store"
        bucket = recorder.of("aws:s3/bucket:Bucket")[name].inputs["bucket"]
        found = statements(recorder.of(POLICY)[name].inputs["policy"])
        allowed = [one for one in found if one["Effect"] == "Allow"]
        assert [one["Resource"] for one in allowed] == [
            [f"arn:aws:s3:::{bucket}"],
            [f"arn:aws:s3:::{bucket}/*"],
        ]
        for one in allowed:
            assert one["Principal"] == {"AWS": ROLE_ARN}
            assert one["Condition"] == {"StringEquals": sessions(tenant)}
        assert not [action for one in allowed for action in one["Action"] if "*" in action]


def test_the_role_has_no_rights_of_its_own_and_is_taken_by_workloads_alone() -> None:
    recorder = cell(ACME, LONGEST)
    (role,) = recorder.of("aws:iam/role:Role").values()
    assert not [one for one in recorder.aws() if one.type.startswith("aws:iam/rolePolicy")]
    assert not {"inlinePolicies", "managedPolicyArns"} & role.inputs.keys()
    (trust,) = statements(role.inputs["assumeRolePolicy"])
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": ACCOUNT,
            "aws:RequestTag/kubernetes-service-account": "workload",
        },
        "ArnLike": {"aws:SourceArn": f"arn:aws:eks:*:{ACCOUNT}:cluster/production-*"},
    }
    associations = recorder.of("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert {one.inputs["namespace"] for one in associations.values()} == {
        f"tenant-{ACME}",
        f"tenant-{LONGEST}",
    }
    for one in associations.values():
        assert one.inputs["serviceAccount"] == "workload"
        assert one.inputs["clusterName"] == "production-eu-central-1"
        assert one.inputs["disableSessionTags"] is False
        assert one.name in one.depends_on  # the bucket's policy, which has the same name


def test_a_bucket_is_private_versioned_and_reached_by_tls_alone() -> None:
    recorder = cell(ACME)
    name = f"{ACME}-{FRANKFURT}-store"
    block = recorder.of("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")[name].inputs
    for key in (
        "blockPublicAcls",
        "blockPublicPolicy",
        "ignorePublicAcls",
        "restrictPublicBuckets",
    ):
        assert block[key] is True
    versioning = recorder.of("aws:s3/bucketVersioning:BucketVersioning")[name].inputs
    assert versioning["versioningConfiguration"]["status"] == "Enabled"
    found = statements(recorder.of(POLICY)[name].inputs["policy"])
    refused = [one["Condition"] for one in found if one["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in refused
    assert {"NumericLessThan": {"s3:TlsVersion": "1.2"}} in refused
    lifecycles = recorder.of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    (rule,) = lifecycles[name].inputs["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 90}


def test_a_database_is_private_takes_tls_only_and_is_in_no_global_one() -> None:
    recorder = cell(ACME)
    (database,) = recorder.of(CLUSTER).values()
    inputs = database.inputs
    assert "globalClusterIdentifier" not in inputs
    assert inputs["dbSubnetGroupName"].startswith(f"{FRANKFURT}-tenants")
    assert inputs["vpcSecurityGroupIds"] == [f"{FRANKFURT}-tenants-id"]
    (subnets,) = recorder.of("aws:rds/subnetGroup:SubnetGroup").values()
    assert all("-data-" in one for one in subnets.inputs["subnetIds"])
    (firewall,) = recorder.of("aws:ec2/securityGroup:SecurityGroup").values()
    assert firewall.inputs["vpcId"] == f"{FRANKFURT}-network-id"
    assert not firewall.inputs.get("egress")
    own, others = firewall.inputs["ingress"]
    assert own["securityGroups"] == [f"sg-{FRANKFURT}-cluster"]
    assert others["cidrBlocks"] == ["10.0.0.0/8"]
    assert {own["toPort"], own["fromPort"], others["toPort"], others["fromPort"]} == {5432}
    (group,) = recorder.of("aws:rds/clusterParameterGroup:ClusterParameterGroup").values()
    assert inputs["dbClusterParameterGroupName"].startswith(group.name)
    parameters = {one["name"]: one["value"] for one in group.inputs["parameters"]}
    assert parameters["rds.force_ssl"] == "1"
    assert inputs["masterPassword"] == f"password-of-{ACME}"
    for one in recorder.of(INSTANCE).values():
        assert one.inputs["publiclyAccessible"] is False


@pytest.mark.parametrize("protect", [True, False])
def test_what_is_protected_cannot_be_deleted_and_the_rest_leaves_nothing(*, protect: bool) -> None:
    recorder = cell(ACME, protect=protect)
    (database,) = recorder.of(CLUSTER).values()
    assert database.inputs["deletionProtection"] is protect
    assert database.inputs["skipFinalSnapshot"] is not protect
    assert ("finalSnapshotIdentifier" in database.inputs) is protect
    assert database.inputs["backupRetentionPeriod"] == (35 if protect else 7)
    (bucket,) = recorder.of("aws:s3/bucket:Bucket").values()
    assert bucket.inputs["forceDestroy"] is not protect


def test_a_small_database_pauses_and_others_survive_a_zone() -> None:
    assert len(cell(ACME).of(INSTANCE)) == 2
    small = cell(ACME, size="small", protect=False)
    assert len(small.of(INSTANCE)) == 1
    (database,) = small.of(CLUSTER).values()
    assert database.inputs["serverlessv2ScalingConfiguration"]["minCapacity"] == 0


def test_a_tenants_name_is_its_regions_by_weight_and_the_environments_checks() -> None:
    recorder = cell(ACME, regions=REGIONS)
    records = recorder.of("aws:route53/record:Record")
    assert set(records) == {f"{ACME}-director-{region}" for region in REGIONS}
    for region in REGIONS:
        inputs = records[f"{ACME}-director-{region}"].inputs
        assert inputs["name"] == f"{ACME}.tenants.example.com"
        assert inputs["zoneId"] == "Z1"
        assert inputs["records"] == ["192.0.2.1"]
        assert inputs["weightedRoutingPolicies"] == [{"weight": 50}]
        assert inputs["healthCheckId"] == exported().zone["health_checks"][region]
        assert inputs["healthCheckId"] == f"director-{region}-id"


def test_a_tenants_resources_are_few() -> None:
    recorder = cell(ACME, regions=REGIONS)
    for region in REGIONS:
        assert len(of_tenant(recorder, f"{ACME}-{region}")) <= 8
    assert len(of_tenant(recorder, f"{ACME}-database")) <= 6


def test_every_resource_says_whose_it_is() -> None:
    recorder = cell(ACME, regions=REGIONS)
    tagged = [one for one in of_tenant(recorder, ACME) if "tags" in one.inputs]
    kinds = {one.type.rpartition(":")[2] for one in tagged}
    assert kinds == {
        "Bucket",
        "Cluster",
        "ClusterInstance",
        "Key",
        "LogGroup",
        "PodIdentityAssociation",
    }
    for one in tagged:
        tags = one.inputs["tags"]
        assert (tags["tenant"], tags["environment"]) == (ACME, "production"), one.name
        region = SYDNEY if SYDNEY in one.name else FRANKFURT
        assert tags["region"] == region, one.name
        assert one.inputs["region"] == region.removeprefix("aws-"), one.name
        if one.type in (CLUSTER, INSTANCE, "aws:s3/bucket:Bucket"):
            assert tags["data-class"] == "customer", one.name


def test_tenants_do_not_clash_and_one_more_changes_nobody_else() -> None:
    alone, both = cell(ACME), cell(LONGEST, ACME)
    assert {(one.type, one.name): one for one in alone.made}.items() <= {
        (one.type, one.name): one for one in both.made
    }.items()
    for kind, key in ((CLUSTER, "clusterIdentifier"), ("aws:s3/bucket:Bucket", "bucket")):
        names = [one.inputs[key] for one in both.of(kind).values()]
        assert len(set(names)) == 2
    assert len({(one.type, one.name) for one in both.made}) == len(both.made)


def test_names_fit_the_longest_tenant_and_location_and_say_whose_they_are() -> None:
    assert len(LONGEST) == 30
    recorder = cell(LONGEST, regions=(SYDNEY,))
    (bucket,) = recorder.of("aws:s3/bucket:Bucket").values()
    (database,) = recorder.of(CLUSTER).values()
    for name in (bucket.inputs["bucket"], database.inputs["clusterIdentifier"]):
        assert len(name) <= 63
        assert name.startswith(f"{LONGEST}-ap-southeast-2-")
    for one in recorder.of(INSTANCE).values():
        assert len(one.name) + len("-1a2b3c4") <= 63


@pytest.mark.usefixtures("recorder")
def test_what_was_made_in_the_same_stack_is_refused() -> None:
    cloud = AwsCloud(environment(FRANKFURT))
    root = pulumi.ComponentResource("test:Platform", "platform")
    zone = cloud.dns_zone("zone", "example.com", parent=root)
    network = cloud.network("network", FRANKFURT, parent=root)
    cluster = cloud.cluster("cluster", network, parent=root)
    with pytest.raises(TypeError, match=rf"{FRANKFURT}: .*another stack exported"):
        cloud.tenant_store(
            "store", TenantStoreArgs(cluster=cluster, tenant=ACME, namespace="x"), parent=root
        )
    with pytest.raises(TypeError, match=r"example\.com: .*attach_zone"):
        cloud.tenant_director("director", director_args(zone, "x.example.com"), parent=root)
    with pytest.raises(ValueError, match=r"example\.com has no director yet"):
        cloud.export_zone(zone)
    settle()


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_gateway_has_as_many_addresses_as_are_counted(size: Size) -> None:
    with recording(AwsRecorder()):
        cloud = AwsCloud(environment(FRANKFURT, size=size))
        root = pulumi.ComponentResource("test:Platform", "platform")
        network = cloud.network("network", FRANKFURT, parent=root)
        cluster = cloud.cluster("cluster", network, parent=root)
        made = cloud.public_address("address", cluster, parent=root)
        settle()
    assert len(made.addresses) == cloud.address_count == (1 if size == "small" else 3)
