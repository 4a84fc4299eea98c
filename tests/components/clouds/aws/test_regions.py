"""What a region is made of, and what workloads of it may do."""

from ipaddress import IPv4Network
from typing import Any

import pulumi
import pytest

from components.clouds.aws.cache import cache
from components.clouds.cloud import PublicAddress
from tests.components.clouds.aws.platform import (
    ACCOUNT,
    FRANKFURT,
    IRELAND,
    SYDNEY,
    AwsRecorder,
    Declared,
    declare,
    environment,
    seen,
    statements,
)
from tests.components.recording import resolved, settle

DUBAI = "aws-me-central-1"


def declared(*regions: str, **keywords: Any) -> Declared:
    made = declare(environment(*regions, **keywords))
    settle()
    return made


def annotation(address: PublicAddress, key: str) -> str:
    return resolved(pulumi.Output.from_input(address.service_annotations[key]))


def test_subnets_fill_the_regions_addresses_without_overlap() -> None:
    recorder = seen(FRANKFURT)
    subnets = recorder.of("aws:ec2/subnet:Subnet").values()
    blocks = [IPv4Network(one.inputs["cidrBlock"]) for one in subnets]
    assert len(blocks) == 9
    assert all(block.subnet_of(IPv4Network("10.11.0.0/16")) for block in blocks)
    assert not any(a.overlaps(b) for i, a in enumerate(blocks) for b in blocks[:i])
    zones = [one.inputs["availabilityZone"] for one in subnets]
    assert {zone: zones.count(zone) for zone in zones} == {
        f"eu-central-1{letter}": 3 for letter in "abc"
    }


def test_private_subnets_go_out_through_nat_and_public_ones_directly() -> None:
    recorder = seen(FRANKFURT)
    routes = recorder.of("aws:ec2/route:Route")
    assert set(routes) == {f"{FRANKFURT}-network-public", f"{FRANKFURT}-network-private"}
    assert routes[f"{FRANKFURT}-network-public"].inputs["gatewayId"]
    assert routes[f"{FRANKFURT}-network-private"].inputs["natGatewayId"]
    (nat,) = recorder.of("aws:ec2/natGateway:NatGateway").values()
    assert nat.inputs["availabilityMode"] == "regional"


def test_a_small_region_has_one_of_everything() -> None:
    recorder = seen(FRANKFURT, size="small", protect=False)
    (nat,) = recorder.of("aws:ec2/natGateway:NatGateway").values()
    assert nat.inputs["subnetId"] == f"{FRANKFURT}-network-public-eu-central-1a-id"
    assert len(recorder.of("aws:rds/clusterInstance:ClusterInstance")) == 1
    (cache,) = recorder.of("aws:elasticache/replicationGroup:ReplicationGroup").values()
    assert cache.inputs["numCacheClusters"] == 1
    assert cache.inputs["multiAzEnabled"] is False


def test_a_large_region_survives_a_zone() -> None:
    recorder = seen(FRANKFURT)
    assert len(recorder.of("aws:rds/clusterInstance:ClusterInstance")) == 2
    (cache,) = recorder.of("aws:elasticache/replicationGroup:ReplicationGroup").values()
    assert cache.inputs["numCacheClusters"] == 3
    assert cache.inputs["multiAzEnabled"] is True
    assert cache.inputs["automaticFailoverEnabled"] is True
    (bus,) = recorder.of("aws:msk/cluster:Cluster").values()
    assert bus.inputs["numberOfBrokerNodes"] == 3
    endpoints = recorder.of("aws:ec2/vpcEndpoint:VpcEndpoint")
    for one in endpoints.values():
        if one.inputs["vpcEndpointType"] == "Interface":
            assert len(one.inputs["subnetIds"]) == 3


@pytest.mark.usefixtures("recorder")
def test_a_cache_version_that_is_not_sold_is_refused() -> None:
    made = declared(FRANKFURT)
    parent = made.regions[FRANKFURT].cluster.resource
    with pytest.raises(ValueError, match=r"versions\.valkey: ElastiCache has no Valkey '5'"):
        cache(made.regions[FRANKFURT].cluster, "cache", version="5", parent=parent)


def test_objects_are_copied_within_their_jurisdiction_alone() -> None:
    recorder = seen(FRANKFURT, SYDNEY, IRELAND, DUBAI)
    replications = recorder.of("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    to = {
        one.inputs["bucket"]: one.inputs["rules"][0]["destination"] for one in replications.values()
    }
    # EU: Frankfurt and Dublin. Nobody else of the four shares a law.
    assert set(to) == {f"production-eu-{one}-{ACCOUNT}" for one in ("central-1", "west-1")}
    back = to[f"production-eu-central-1-{ACCOUNT}"]
    assert back["bucket"].endswith(f"{IRELAND}-object-store")
    assert back["encryptionConfiguration"]["replicaKmsKeyId"].endswith(f"{IRELAND}-network-data")
    for one in replications.values():
        region = one.name.removesuffix("-object-store-replication")
        assert one.parent == region
        assert one.inputs["region"] == region.removeprefix("aws-")
    versioning = recorder.of("aws:s3/bucketVersioning:BucketVersioning")
    assert len(versioning) == 4
    for one in versioning.values():
        assert one.inputs["versioningConfiguration"]["status"] == "Enabled"


def test_what_a_workload_may_do_is_over_its_own_region_alone() -> None:
    recorder = seen(FRANKFURT, IRELAND)
    policies = recorder.of("aws:iam/rolePolicy:RolePolicy")
    secrets = statements(policies[f"{FRANKFURT}-external-secrets"].inputs["policy"])
    assert secrets[0]["Resource"] == [
        f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:production/*"
    ]
    marketplace = statements(policies[f"{FRANKFURT}-marketplace"].inputs["policy"])
    over = [resource for one in marketplace for resource in one["Resource"]]
    assert f"arn:aws:s3:::production-eu-central-1-{ACCOUNT}/*" in over
    assert f"arn:aws:kafka:eu-central-1:{ACCOUNT}:cluster/production-eu-central-1/*" in over
    assert not [one for one in over if "eu-west-1" in one]
    assert f"{FRANKFURT}-gateway" not in policies


def test_a_role_is_taken_by_one_service_account_of_one_cluster() -> None:
    recorder = seen(FRANKFURT)
    role = recorder.of("aws:iam/role:Role")[f"{FRANKFURT}-marketplace"]
    (statement,) = statements(role.inputs["assumeRolePolicy"])
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert (
        statement["Condition"]["StringEquals"]
        | {
            "aws:RequestTag/kubernetes-namespace": "ai-platform",
            "aws:RequestTag/kubernetes-service-account": "marketplace",
        }
        == statement["Condition"]["StringEquals"]
    )
    assert statement["Condition"]["ArnEquals"] == {
        "aws:SourceArn": f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/production-eu-central-1"
    }
    associations = recorder.of("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert associations[f"{FRANKFURT}-marketplace"].inputs["serviceAccount"] == "marketplace"


def test_stored_secrets_are_where_external_secrets_may_read(recorder: AwsRecorder) -> None:
    made = declared(FRANKFURT)
    (secret,) = recorder.of("aws:secretsmanager/secret:Secret").values()
    assert secret.inputs["namePrefix"].startswith("production/")
    assert made.regions[FRANKFURT].secret_store == {
        "aws": {"service": "SecretsManager", "region": "eu-central-1"}
    }
    assert resolved(made.regions[FRANKFURT].secret.name).startswith(secret.name)


@pytest.mark.usefixtures("recorder")
def test_addresses_are_one_a_zone_and_given_to_the_load_balancer() -> None:
    made = declared(FRANKFURT)
    address = made.regions[FRANKFURT].address
    assert len(address.addresses) == 3
    assert address.load_balancer_class == "eks.amazonaws.com/nlb"
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    allocations = annotation(address, f"{prefix}-eip-allocations")
    assert allocations == ",".join(f"eip-{FRANKFURT}-address-eu-central-1{zone}" for zone in "abc")
    subnets = annotation(address, f"{prefix}-subnets")
    assert subnets.count("-public-") == 3


def test_every_region_pulls_from_its_own_repository(recorder: AwsRecorder) -> None:
    made = declared(SYDNEY, FRANKFURT, IRELAND)
    hosts = {
        region: resolved(url).partition("/")[0]
        for region, url in made.registry.repositories.items()
    }
    assert hosts == {
        region: f"{ACCOUNT}.dkr.ecr.{region.removeprefix('aws-')}.amazonaws.com"
        for region in (SYDNEY, FRANKFURT, IRELAND)
    }
    # Dublin has the lowest number of the three.
    assert resolved(made.registry.server) == hosts[IRELAND]
    (replication,) = recorder.of(
        "aws:ecr/replicationConfiguration:ReplicationConfiguration"
    ).values()
    assert replication.inputs["region"] == "eu-west-1"
    (rule,) = replication.inputs["replicationConfiguration"]["rules"]
    assert [one["region"] for one in rule["destinations"]] == ["ap-southeast-2", "eu-central-1"]


def test_one_region_needs_no_replication() -> None:
    recorder = seen(FRANKFURT)
    assert not recorder.of("aws:ecr/replicationConfiguration:ReplicationConfiguration")
    assert not recorder.of("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
