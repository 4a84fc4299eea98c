"""What is known of the installed SDKs: their types, and what is wrong with inputs."""

from typing import Any

import pytest

from components.clouds.local.provider.values import UNKNOWN
from tools.simulation.sdk.catalogue import UnknownTokenError, catalogue
from tools.simulation.sdk.check import check

AWS = [
    ("ec2/vpc:Vpc", [], ["arn", "id", "defaultSecurityGroupId"]),
    ("ec2/subnet:Subnet", ["vpcId"], ["arn", "availabilityZone"]),
    ("ec2/securityGroup:SecurityGroup", [], ["arn", "ownerId"]),
    ("eks/cluster:Cluster", ["roleArn", "vpcConfig"], ["endpoint", "certificateAuthority"]),
    ("eks/addon:Addon", ["addonName", "clusterName"], ["arn"]),
    ("iam/role:Role", ["assumeRolePolicy"], ["arn", "uniqueId"]),
    ("rds/cluster:Cluster", ["engine"], ["endpoint", "readerEndpoint"]),
    ("rds/globalCluster:GlobalCluster", ["globalClusterIdentifier"], ["globalClusterMembers"]),
    ("elasticache/replicationGroup:ReplicationGroup", ["description"], ["primaryEndpointAddress"]),
    (
        "msk/cluster:Cluster",
        ["brokerNodeGroupInfo", "kafkaVersion", "numberOfBrokerNodes"],
        ["bootstrapBrokersTls"],
    ),
    ("s3/bucket:Bucket", [], ["arn", "bucketRegionalDomainName"]),
    ("kms/key:Key", [], ["arn", "keyId"]),
    ("route53/zone:Zone", [], ["nameServers", "zoneId"]),
]
GCP = [
    ("compute/network:Network", [], ["selfLink", "name"]),
    ("compute/subnetwork:Subnetwork", ["network"], ["gatewayAddress"]),
    ("compute/router:Router", [], ["selfLink"]),
    ("compute/routerNat:RouterNat", ["router", "sourceSubnetworkIpRangesToNat"], ["name"]),
    ("container/cluster:Cluster", [], ["endpoint", "masterAuth"]),
    ("container/nodePool:NodePool", ["cluster"], ["name"]),
    ("sql/databaseInstance:DatabaseInstance", ["databaseVersion"], ["connectionName"]),
    ("memorystore/instance:Instance", ["instanceId", "location", "shardCount"], ["uid"]),
    (
        "managedkafka/cluster:Cluster",
        ["capacityConfig", "clusterId", "gcpConfig", "location"],
        ["state"],
    ),
    ("storage/bucket:Bucket", ["location"], ["url"]),
    ("kms/cryptoKey:CryptoKey", ["keyRing"], ["primaries"]),
    ("secretmanager/secret:Secret", ["replication"], ["name"]),
    ("dns/managedZone:ManagedZone", ["dnsName"], ["nameServers"]),
]
AZURE = [
    ("resources:ResourceGroup", [], ["name"]),
    ("network:VirtualNetwork", ["resourceGroupName"], ["name", "provisioningState"]),
    ("network:Subnet", ["resourceGroupName", "virtualNetworkName"], ["name"]),
    ("network:NatGateway", ["resourceGroupName"], ["name"]),
    ("network:PrivateEndpoint", ["resourceGroupName"], ["networkInterfaces"]),
    ("containerservice:ManagedCluster", ["resourceGroupName"], ["fqdn"]),
    ("dbforpostgresql:Server", ["resourceGroupName"], ["fullyQualifiedDomainName"]),
    (
        "redisenterprise:RedisEnterprise",
        ["publicNetworkAccess", "resourceGroupName", "sku"],
        ["hostName"],
    ),
    ("eventhub:Namespace", ["resourceGroupName"], ["serviceBusEndpoint"]),
    ("storage:StorageAccount", ["kind", "resourceGroupName", "sku"], ["primaryEndpoints"]),
    ("keyvault:Vault", ["properties", "resourceGroupName"], ["properties"]),
    ("managedidentity:UserAssignedIdentity", ["resourceGroupName"], ["clientId", "principalId"]),
    ("containerregistry:Registry", ["resourceGroupName", "sku"], ["loginServer"]),
    ("authorization:RoleAssignment", ["principalId", "roleDefinitionId", "scope"], ["type"]),
]
TYPES = [
    (provider, f"{provider}:{token}", required, outputs)
    for provider, table in (("aws", AWS), ("gcp", GCP), ("azure-native", AZURE))
    for token, required, outputs in table
]


@pytest.mark.parametrize(("provider", "token", "required", "outputs"), TYPES)
def test_types_have_the_properties_their_sdk_declares(
    provider: str, token: str, required: list[str], outputs: list[str]
) -> None:
    found = catalogue(provider).find(token)
    assert sorted(one.name for one in found.inputs.values() if one.required) == sorted(required)
    assert {*outputs} - {"id"} <= found.outputs.keys()


def mistakes(token: str, **inputs: Any) -> dict[str, str]:
    sdk = catalogue(token.partition(":")[0])
    return {one.path: one.reason for one in check(sdk, sdk.find(token).inputs, inputs)}


def test_every_mistake_is_found_with_its_path_and_what_would_be_right() -> None:
    found = mistakes(
        "aws:eks/cluster:Cluster",
        rolArn="arn",
        version=1.34,
        vpcConfig={"subnetIds": ["subnet-1", 3], "endpointPublicAcces": True},
    )
    assert found == {
        "rolArn": "there is no such property; did you mean roleArn?",
        "version": "must be a string, not the number 1.34",
        "vpcConfig.subnetIds[1]": "must be a string, not the number 3",
        "vpcConfig.endpointPublicAcces": (
            "there is no such property; did you mean endpointPublicAccess?"
        ),
        "roleArn": "is missing; it is a string",
    }


def test_what_only_up_knows_passes_anywhere() -> None:
    config = {"subnetIds": [UNKNOWN, UNKNOWN], "endpointPublicAccess": UNKNOWN}
    assert mistakes("aws:eks/cluster:Cluster", roleArn=UNKNOWN, vpcConfig=config) == {}
    assert mistakes("aws:eks/cluster:Cluster", roleArn="arn", vpcConfig=UNKNOWN) == {}


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"enableDnsSupport": "true"}, "enableDnsSupport"),
        ({"tags": {"a": 1}}, "tags.a"),
        ({"tags": ["a"]}, "tags"),
        ({"ipv4NetmaskLength": "16"}, "ipv4NetmaskLength"),
    ],
)
def test_a_wrong_type_is_refused(wrong: dict[str, Any], path: str) -> None:
    assert list(mistakes("aws:ec2/vpc:Vpc", **wrong)) == [path]


def test_a_secret_of_a_wrong_kind_is_not_shown() -> None:
    found = mistakes("aws:rds/cluster:Cluster", engine="aurora-postgresql", port="hunter2")
    assert "hunter2" not in str(found)


def test_azures_enumerations_are_kept_whatever_the_case() -> None:
    group = {"resourceGroupName": "group", "kind": "StorageV2"}
    token = "azure-native:storage:StorageAccount"
    assert mistakes(token, **group, sku={"name": "standard_zrs"}) == {}
    found = mistakes(token, **group, sku={"name": "Standard_ZRZ"})
    assert "did you mean Standard_" in found["sku.name"]


def test_an_instance_class_newer_than_the_sdk_is_taken() -> None:
    found = mistakes(
        "aws:rds/clusterInstance:ClusterInstance",
        clusterIdentifier="one",
        engine="aurora-postgresql",
        instanceClass="db.r9g.large",
    )
    assert found == {}


def test_an_unknown_type_is_told_the_nearest() -> None:
    with pytest.raises(UnknownTokenError, match=r"aws:ec2/subnet:Subnet"):
        catalogue("aws").find("aws:ec2/subnett:Subnett")


def test_functions_are_known_with_what_they_must_be_given() -> None:
    found = catalogue("azure-native").find("azure-native:network:getSubnet").inputs
    required = [one.name for one in found.values() if one.required]
    assert required == ["resourceGroupName", "subnetName", "virtualNetworkName"]


def test_outputs_that_the_sdk_marks_secret_are_known() -> None:
    assert (
        "result" in catalogue("random").find("random:index/randomPassword:RandomPassword").secrets
    )
    assert "privateKeyPem" in catalogue("tls").find("tls:index/privateKey:PrivateKey").secrets
