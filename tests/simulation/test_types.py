"""Every output that an SDK promises has a value of its type, in the cloud's own form."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.calls import Caller, RefusedError, calling
from tests.simulation.test_sdk import TYPES
from tools.simulation.outputs import by_type, fill
from tools.simulation.sdk import types
from tools.simulation.sdk.catalogue import Catalogue, catalogue

_FITTING = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "list": list,
    "map": dict,
    "object": dict,
}


def _wrong(sdk: Catalogue, kind: types.Type, value: Any, path: str) -> Iterator[str]:
    if kind.kind not in _FITTING:
        return
    if not isinstance(value, _FITTING[kind.kind]):
        yield f"{path} is {value!r}, not {kind.kind}"
    elif kind.kind == "list":
        for item in value:
            yield from _wrong(sdk, kind.items[0], item, f"{path}[]")
    elif kind.kind == "object":
        for name, one in sdk.nested(kind.reference).items():
            if one.required:
                yield from _wrong(sdk, one.type, value.get(name), f"{path}.{name}")


@pytest.mark.parametrize(("provider", "token"), [(one[0], one[1]) for one in TYPES])
def test_outputs_have_values_of_their_types(provider: str, token: str) -> None:
    sdk = catalogue(provider)
    declared = sdk.find(token).outputs
    made = fill(sdk, declared, {}, by_type)
    wrong = [
        problem
        for name, one in declared.items()
        if one.required
        for problem in _wrong(sdk, one.type, made.get(name), name)
    ]
    assert not wrong


def test_aws_ids_and_arns(aws: Caller) -> None:
    vpc = aws.create("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")
    assert re.fullmatch(r"vpc-[0-9a-f]{17}", vpc.id)
    assert vpc["arn"] == f"arn:aws:ec2:eu-central-1:111122223333:vpc/{vpc.id}"
    other = aws.create("aws:ec2/vpc:Vpc", "two", cidrBlock="10.0.0.0/16", region="us-east-1")
    assert other["arn"].startswith("arn:aws:ec2:us-east-1:")
    role = aws.create("aws:iam/role:Role", "worker", assumeRolePolicy="{}")
    assert re.fullmatch(r"worker-[0-9a-f]{7}", role.id)
    assert role["arn"] == f"arn:aws:iam::111122223333:role/{role.id}"
    secret = aws.create("aws:secretsmanager/secret:Secret", name="a/b")
    assert re.fullmatch(r"arn:aws:secretsmanager:.*:secret:a/b-[A-Za-z]{6}", secret.id)
    assert secret.id == secret["arn"]


def test_aws_tags_follow_the_provider_and_the_resource(aws: Caller) -> None:
    aws.configure(region="eu-central-1", defaultTags='{"tags": {"a": "1", "b": "1"}}')
    vpc = aws.create("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16", tags={"b": "2"})
    assert vpc["tagsAll"] == {"a": "1", "b": "2"}
    assert vpc["tags"] == {"b": "2"}


def test_gcp_ids_and_links(gcp: Caller) -> None:
    for name in ("compute", "storage"):
        gcp.create("gcp:projects/service:Service", name, service=f"{name}.googleapis.com")
    network = gcp.create("gcp:compute/network:Network", name="main", autoCreateSubnetworks=False)
    assert network.id == "projects/ai-platform-simulated/global/networks/main"
    assert network["selfLink"] == f"https://www.googleapis.com/compute/v1/{network.id}"
    subnetwork = gcp.create(
        "gcp:compute/subnetwork:Subnetwork", name="s", network=network.id, ipCidrRange="10.0.0.0/20"
    )
    assert subnetwork.id.endswith("/regions/europe-west3/subnetworks/s")
    account = gcp.create("gcp:serviceaccount/account:Account", accountId="worker")
    assert account["member"].startswith("serviceAccount:worker@ai-platform-simulated.iam.")


def test_azure_ids(azure: Caller) -> None:
    azure.create(
        "azure-native:resources:ResourceGroup", resourceGroupName="g", location="West Europe"
    )
    root = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/g"
    network = azure.create(
        "azure-native:network:VirtualNetwork",
        resourceGroupName="g",
        virtualNetworkName="net",
        addressSpace={"addressPrefixes": ["10.0.0.0/16"]},
    )
    assert network.id == f"{root}/providers/Microsoft.Network/virtualNetworks/net"
    assert network["type"] == "Microsoft.Network/virtualNetworks"
    assert network["location"] == "West Europe", "the group's, since none was said"
    account = azure.create(
        "azure-native:storage:StorageAccount",
        "data",
        resourceGroupName="g",
        kind="StorageV2",
        sku={"name": "Standard_ZRS"},
    )
    assert re.fullmatch(r"data[0-9a-f]{8}", account["name"])
    assert (
        account["primaryEndpoints"]["blob"] == f"https://{account['name']}.blob.core.windows.net/"
    )


def test_a_preview_promises_what_is_known_and_nothing_else(aws: Caller) -> None:
    promised = aws.preview("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16", tags={"a": "b"})
    assert promised["cidrBlock"] == "10.0.0.0/16"
    assert promised["region"] == "eu-central-1"
    assert promised["tagsAll"] == {"a": "b"}
    for name in ("arn", "defaultSecurityGroupId", "ownerId"):
        assert repr(promised[name]) == "<known after up>"
    assert aws.cloud.resources() == []


def test_the_cloud_outlives_whoever_serves_it(aws: Caller, tmp_path: Path) -> None:
    vpc = aws.create("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")
    with calling(tmp_path / "clouds", "aws", region="eu-central-1") as other:
        assert other.read(vpc) == vpc.outputs
        other.cloud.lose(vpc.id)
    assert aws.read(vpc) is None


def test_what_the_cloud_adds_within_an_object_is_there_and_stays(aws: Caller) -> None:
    vpc = aws.create("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")
    subnets = [
        aws.create(
            "aws:ec2/subnet:Subnet",
            zone,
            vpcId=vpc.id,
            cidrBlock=f"10.0.{number}.0/24",
            availabilityZone=f"eu-central-1{zone}",
        ).id
        for number, zone in enumerate("ab")
    ]
    role = aws.create("aws:iam/role:Role", assumeRolePolicy="{}")
    cluster = aws.create(
        "aws:eks/cluster:Cluster", roleArn=role["arn"], vpcConfig={"subnetIds": subnets}
    )
    group = cluster["vpcConfig"]["clusterSecurityGroupId"]
    assert re.fullmatch(r"sg-[0-9a-f]{17}", group)
    assert cluster["vpcConfig"]["subnetIds"] == subnets
    changed = aws.update(cluster, vpcConfig={"subnetIds": subnets, "endpointPublicAccess": False})
    assert changed["vpcConfig"]["clusterSecurityGroupId"] == group
    rule = aws.create(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        securityGroupId=group,
        ipProtocol="-1",
        cidrIpv4="10.0.0.0/8",
    )
    assert rule.id.startswith("sgr-")


def test_an_update_leaves_alone_what_the_cloud_has_changed_meanwhile(azure: Caller) -> None:
    azure.create(
        "azure-native:resources:ResourceGroup", resourceGroupName="g", location="westeurope"
    )
    server = azure.create(
        "azure-native:dbforpostgresql:Server",
        resourceGroupName="g",
        serverName="data",
        administratorLogin="root",
        administratorLoginPassword="long-enough-1",
    )
    azure.cloud.tamper(server.id, replicationRole="AsyncReplica", sourceServerResourceId="other")
    changed = azure.update(server, tags={"a": "b"})
    assert changed["replicationRole"] == "AsyncReplica"
    assert changed["sourceServerResourceId"] == "other"
    assert changed["tags"] == {"a": "b"}
    assert "tags" not in azure.update(changed, tags=None).outputs


def test_a_secret_is_not_read_back_from_a_vault(azure: Caller) -> None:
    azure.create(
        "azure-native:resources:ResourceGroup", resourceGroupName="g", location="westeurope"
    )
    azure.create(
        "azure-native:keyvault:Vault",
        resourceGroupName="g",
        vaultName="vault",
        properties={"tenantId": "t", "sku": {"family": "A", "name": "standard"}},
    )
    secret = azure.create(
        "azure-native:keyvault:Secret",
        resourceGroupName="g",
        vaultName="vault",
        secretName="s",
        properties={"value": "hunter2"},
    )
    assert "hunter2" not in str(secret.outputs)
    assert secret["properties"]["secretUri"] == "https://vault.vault.azure.net/secrets/s"


def test_identities_come_back_as_azure_answers_them(azure: Caller) -> None:
    azure.create(
        "azure-native:resources:ResourceGroup", resourceGroupName="g", location="westeurope"
    )
    identity = azure.create(
        "azure-native:managedidentity:UserAssignedIdentity",
        resourceGroupName="g",
        resourceName="id1",
    )
    asked: dict[str, Any] = {
        "resourceGroupName": "g",
        "kind": "StorageV2",
        "sku": {"name": "Standard_ZRS"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [identity.id]},
    }
    token = "azure-native:storage:StorageAccount"
    principals = {"clientId": identity["clientId"], "principalId": identity["principalId"]}
    for outputs in (azure.preview(token, **asked), azure.create(token, **asked).outputs):
        listed = outputs["identity"]["userAssignedIdentities"]
        assert list(listed) == [identity.id]
    assert listed[identity.id] == principals


def test_a_preview_knows_no_output_within_what_is_declared(azure: Caller, gcp: Caller) -> None:
    promised = azure.preview(
        "azure-native:containerservice:ManagedCluster",
        resourceGroupName="g",
        oidcIssuerProfile={"enabled": True},
    )
    assert promised["oidcIssuerProfile"]["enabled"] is True
    assert repr(promised["oidcIssuerProfile"]["issuerURL"]) == "<known after up>"
    endpoints = {"dnsEndpointConfig": {"allowExternalTraffic": True}}
    promised = gcp.preview("gcp:container/cluster:Cluster", controlPlaneEndpointsConfig=endpoints)
    found = promised["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]
    assert found["allowExternalTraffic"] is True
    assert repr(found["endpoint"]) == "<known after up>"


def test_a_cluster_says_where_it_is_and_who_vouches_for_its_pods(azure: Caller) -> None:
    azure.create(
        "azure-native:resources:ResourceGroup", resourceGroupName="g", location="westeurope"
    )
    cluster = azure.create(
        "azure-native:containerservice:ManagedCluster",
        resourceGroupName="g",
        resourceName="one",
        oidcIssuerProfile={"enabled": True},
    )
    assert cluster["oidcIssuerProfile"]["issuerURL"].startswith("https://westeurope.oic.")
    credentials = azure.invoke(
        "azure-native:containerservice:listManagedClusterUserCredentials",
        resourceGroupName="g",
        resourceName="one",
    )
    again = azure.invoke(
        "azure-native:containerservice:listManagedClusterUserCredentials",
        resourceGroupName="g",
        resourceName="one",
    )
    config = base64.b64decode(credentials["kubeconfigs"][0]["value"]).decode()
    assert f"https://{cluster['fqdn']}:443" in config
    assert credentials == again, "a second up has nothing to do"


def test_grants_differ_by_role_member_and_condition(gcp: Caller) -> None:
    token = "gcp:projects/iAMMember:IAMMember"
    grant = {"project": "p", "role": "roles/viewer", "member": "user:a@example.com"}
    ids = {
        gcp.create(token, "one", **grant).id,
        gcp.create(token, "two", **(grant | {"member": "user:b@example.com"})).id,
        gcp.create(token, "three", **grant, condition={"title": "day", "expression": "true"}).id,
    }
    assert ids == {
        "p/roles/viewer/user:a@example.com",
        "p/roles/viewer/user:b@example.com",
        "p/roles/viewer/user:a@example.com/day",
    }
    with pytest.raises(RefusedError, match="already exists"):
        gcp.create(token, "four", **grant)
