"""Route 53: the signed zone, who may change it, and how clients are spread over regions."""

import dataclasses

import pulumi
import pulumi_kubernetes
import pytest

from components.clouds.aws.cloud import AwsCloud
from components.clouds.aws.network import own
from components.clouds.cloud import DnsZone, KubernetesCluster
from tests.components.clouds.aws.platform import (
    FRANKFURT,
    IRELAND,
    AwsRecorder,
    declare,
    environment,
    seen,
    statements,
)
from tests.components.recording import resolved, settle


def test_the_zone_is_signed() -> None:
    recorder = seen(FRANKFURT)
    (key,) = recorder.of("aws:route53/keySigningKey:KeySigningKey").values()
    assert key.inputs["keyManagementServiceArn"].endswith(":zone")
    (signing,) = recorder.of("aws:route53/hostedZoneDnsSec:HostedZoneDnsSec").values()
    assert "zone" in signing.depends_on
    assert recorder.of("aws:kms/key:Key")["zone"].inputs["region"] == "us-east-1"


def test_clients_are_spread_by_weight_over_healthy_regions(recorder: AwsRecorder) -> None:
    made = declare(environment(FRANKFURT, IRELAND))
    settle()
    records = recorder.of("aws:route53/record:Record")
    checks = recorder.of("aws:route53/healthCheck:HealthCheck")
    for region in (FRANKFURT, IRELAND):
        check = checks[f"director-{region}"].inputs
        assert (check["type"], check["port"], check["resourcePath"]) == ("HTTPS", 443, "/healthz")
        assert check["fqdn"] == f"{region}.example.com"
        assert check["enableSni"] is True
        own_name = records[f"director-{region}"].inputs
        assert own_name["name"] == f"{region}.example.com"
        share = records[f"director-{region}-share"].inputs
        assert share["name"] == "api.example.com"
        assert share["weightedRoutingPolicies"] == [{"weight": 50}]
        assert share["setIdentifier"] == region
        assert share["healthCheckId"] == f"director-{region}-id"
        assert share["records"] == own_name["records"]
        assert len(share["records"]) == 3
    assert resolved(made.balancer.url) == "https://api.example.com"
    assert resolved(made.balancer.grpc_address) == "api.example.com:443"


def test_a_cluster_is_trusted_once_and_each_service_account_by_itself() -> None:
    recorder = seen(FRANKFURT)
    (issuer,) = recorder.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider").values()
    host = f"oidc.eks.eu-central-1.amazonaws.com/id/{FRANKFURT}-cluster"
    assert issuer.inputs["url"] == f"https://{host}"
    roles = recorder.of("aws:iam/role:Role")
    for one in ("external-dns", "cert-manager"):
        (trust,) = statements(roles[f"{FRANKFURT}-{one}-dns"].inputs["assumeRolePolicy"])
        assert trust["Condition"]["StringEquals"] == {
            f"{host}:aud": "sts.amazonaws.com",
            f"{host}:sub": f"system:serviceaccount:{one}:{one}",
        }


def test_access_is_to_addresses_in_one_zone() -> None:
    recorder = seen(FRANKFURT)
    (zone,) = recorder.of("aws:route53/zone:Zone").values()
    policy = recorder.of("aws:iam/rolePolicy:RolePolicy")[f"{FRANKFURT}-cert-manager-dns"]
    change = statements(policy.inputs["policy"])[0]
    assert change["Action"] == ["route53:ChangeResourceRecordSets"]
    assert [one.rpartition(":")[2] for one in change["Resource"]] == [zone.name]
    types = change["Condition"]["ForAllValues:StringEquals"]
    assert "NS" not in types["route53:ChangeResourceRecordSetsRecordTypes"]


def test_a_cluster_of_another_cloud_gets_access_by_its_own_tokens(recorder: AwsRecorder) -> None:
    cloud = AwsCloud(environment(FRANKFURT))
    root = pulumi.ComponentResource("test:Platform", "platform")
    zone = cloud.dns_zone("zone", "example.com", parent=root)
    network = cloud.network("network", FRANKFURT, parent=root)
    cluster = KubernetesCluster(
        cloud="gcp",
        network=dataclasses.replace(own(network), region="gcp-europe-west4"),
        name="elsewhere",
        provider=pulumi_kubernetes.Provider("elsewhere"),
        oidc_issuer=pulumi.Output.from_input("https://container.googleapis.com/v1/projects/p"),
        resource=root,
    )
    access = cloud.dns_access(
        "access",
        zone,
        cluster,
        namespace="external-dns",
        service_account="external-dns",
        parent=root,
    )
    settle()
    (trust,) = statements(recorder.of("aws:iam/role:Role")["access"].inputs["assumeRolePolicy"])
    subject = "container.googleapis.com/v1/projects/p:sub"
    assert subject in trust["Condition"]["StringEquals"]
    variables = {one["name"]: one["value"] for one in access.external_dns_values["env"]}
    assert resolved(variables["AWS_ROLE_ARN"]).endswith(":access")
    (volume,) = access.external_dns_values["extraVolumes"]
    token = volume["projected"]["sources"][0]["serviceAccountToken"]
    assert token["audience"] == "sts.amazonaws.com"
    solver = access.cert_manager_solver["route53"]
    assert resolved(solver["hostedZoneID"]) == "Z1"
    assert solver["auth"]["kubernetes"]["serviceAccountRef"] == {"name": "external-dns"}
    assert not [key for key in solver if "secret" in key.lower()]


def test_a_zone_of_another_cloud_is_refused(recorder: AwsRecorder) -> None:
    del recorder
    cloud = AwsCloud(environment(FRANKFURT))
    root = pulumi.ComponentResource("test:Platform", "platform")
    zone = DnsZone(domain="example.com", name_servers=pulumi.Output.from_input([]), handle=root)
    made = declare(environment(FRANKFURT))
    settle()
    with pytest.raises(TypeError, match=r"example\.com was made by another cloud"):
        cloud.dns_access(
            "access",
            zone,
            made.regions[FRANKFURT].cluster,
            namespace="x",
            service_account="x",
            parent=root,
        )
