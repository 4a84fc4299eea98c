"""What other layers are given: addresses, identities, records and how to sign in."""

import base64
import json
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes
import pytest
import yaml

from components.clouds.azure.cloud import AzureCloud
from components.clouds.azure.cluster import kubeconfig
from components.clouds.azure.network import divide
from components.clouds.cloud import (
    CloudDatabaseArgs,
    KubernetesCluster,
    WorkloadIdentityArgs,
)
from components.clouds.locations import LOCATIONS, CloudName, Location
from components.target import Network
from tests.components.clouds.azure.subject import (
    GIVEN_KUBECONFIG,
    SUBSCRIPTION,
    TENANT,
    Component,
    environment,
    record,
    recorder,
)
from tests.components.recording import recording, settle


def test_endpoints_are_private_names_and_known_ports() -> None:
    values = record().values
    assert values["database"] == "azure-westeurope-database.postgres.database.azure.com"
    assert values["cache"] == "azure-westeurope-cache.redis.azure.net"
    assert values["bus"] == "azure-westeurope-bus.servicebus.windows.net:9093"
    account = record().one("azure-westeurope-objects").inputs["accountName"]
    assert values["objects"] == f"https://{account}.blob.core.windows.net/objects"


def test_the_caches_key_is_kept_secret() -> None:
    values = record().values
    assert values["cache password"] == "the-key-of-the-cache"
    assert values["cache password is secret"] is True


def test_the_clusters_provider_signs_in_as_whoever_runs_it() -> None:
    (provider,) = (
        one for one in record().made if one.name == "azure-westeurope-cluster-kubernetes"
    )
    config = json.loads(provider.inputs["kubeconfig"])
    (cluster,) = config["clusters"]
    assert cluster["cluster"] == GIVEN_KUBECONFIG["clusters"][0]["cluster"]
    assert config["users"][0]["user"]["exec"]["command"] == "kubelogin"
    assert "a-token-of-azure" not in provider.inputs["kubeconfig"]
    assert provider.inputs["enableServerSideApply"] in (True, "true")
    assert "azure-westeurope-cluster-administrator" in provider.depends_on


def test_a_kubeconfig_keeps_nothing_of_the_user_it_came_with() -> None:
    encoded = base64.b64encode(yaml.safe_dump(GIVEN_KUBECONFIG).encode()).decode()
    users = json.loads(kubeconfig(encoded))["users"]
    assert [list(one["user"]) for one in users] == [["exec"]]


def test_service_accounts_are_told_which_identity_they_take() -> None:
    assert record().values["annotations"] == {
        "azure.workload.identity/client-id": "azure-westeurope-security-identity-client",
        "azure.workload.identity/tenant-id": TENANT,
    }


def test_external_secrets_reads_the_regions_vault_as_its_own_service_account() -> None:
    vault = record().one("azure-westeurope-network-vault").inputs["vaultName"]
    assert record().values["secret store"] == {
        "azurekv": {
            "authType": "WorkloadIdentity",
            "vaultUrl": f"https://{vault}.vault.azure.net/",
            "serviceAccountRef": {"name": "external-secrets", "namespace": "external-secrets"},
        }
    }


def test_the_gateways_address_is_the_one_the_network_lets_in() -> None:
    values = record().values
    assert values["address"] == "203.0.113.7"
    assert values["address annotations"] == {
        "service.beta.kubernetes.io/azure-pip-name": "azure-westeurope-network-gateway-address",
        "service.beta.kubernetes.io/azure-load-balancer-resource-group": (
            "azure-westeurope-network-group"
        ),
    }
    granted = record().one("azure-westeurope-cluster-address-access").inputs["scope"]
    assert granted.endswith("/azure-westeurope-network-gateway-address-id")


def test_images_are_pulled_from_one_name_that_each_region_has_a_copy_of() -> None:
    assert record().values["repository"] == "images.azurecr.io/platform"


def test_records_are_changed_as_an_identity_limited_to_the_zone() -> None:
    solver = record().values["solver"]["azureDNS"]
    assert solver["hostedZoneName"] == "platform.example"
    assert solver["managedIdentity"] == {"clientID": "azure-westeurope-dns-client"}
    settings = record().values["external-dns"]["secretConfiguration"]["data"]["azure.json"]
    assert json.loads(settings) == {
        "tenantId": TENANT,
        "subscriptionId": SUBSCRIPTION,
        "resourceGroup": "azure-global",
        "useWorkloadIdentityExtension": True,
    }
    granted = record().one("azure-westeurope-dns-zone-access").inputs["scope"]
    assert granted.endswith("/zone-id")


def test_clients_are_spread_by_weight_over_healthy_regions() -> None:
    profile = record().one("director").inputs
    assert profile["trafficRoutingMethod"] == "Weighted"
    monitor = profile["monitorConfig"]
    assert (monitor["protocol"], monitor["path"]) == ("HTTPS", "/healthz")
    assert {"name": "host", "value": "api.platform.example"} in monitor["customHeaders"]
    endpoints = record().of("trafficmanager:Endpoint")
    assert {
        (one.inputs["target"], one.inputs["weight"], one.inputs["endpointStatus"])
        for one in endpoints.values()
    } == {("203.0.113.7", 300, "Enabled")}
    record_set = record().one("director-record").inputs
    assert record_set["relativeRecordSetName"] == "api"
    assert record_set["targetResource"]["id"].endswith("/director-id")
    assert record().values["url"] == "https://api.platform.example"


def test_a_region_of_no_weight_gets_nobody() -> None:
    drained = record(weights=(("azure-westeurope", 0), ("azure-northeurope", 100)))
    endpoints = drained.of("trafficmanager:Endpoint")
    assert endpoints["director-azure-westeurope-1"].inputs["endpointStatus"] == "Disabled"
    assert endpoints["director-azure-northeurope-1"].inputs["weight"] == 600


@pytest.mark.parametrize("location", [one for one in LOCATIONS if one.cloud == "azure"])
def test_subnets_are_of_the_region_and_do_not_overlap(location: Location) -> None:
    cidr = location.cidr
    subnets = divide(cidr)
    every = [*subnets.nodes, subnets.data, subnets.api_server]
    assert all(one.subnet_of(cidr) for one in every)
    assert not any(one.overlaps(other) for one in every for other in every if one is not other)


@dataclass(frozen=True)
class Elsewhere:
    """A network that Azure did not make."""

    region: str = "aws-eu-central-1"


def cluster_in(network: Network, cloud: CloudName) -> KubernetesCluster:
    part = Component("cluster")
    return KubernetesCluster(
        cloud=cloud,
        network=network,
        name="cluster",
        provider=pulumi_kubernetes.Provider("kubernetes"),
        oidc_issuer=pulumi.Output.from_input("https://issuer"),
        resource=part,
    )


def test_a_cluster_of_another_cloud_is_refused() -> None:
    with recording(recorder()):
        part = Component("part")
        with pytest.raises(TypeError, match="another cloud than azure"):
            AzureCloud(environment()).cache(
                "cache", cluster_in(Elsewhere(), "aws"), version="9", parent=part
            )
        settle()


def test_a_grant_on_what_is_not_there_is_refused() -> None:
    with recording(recorder()):
        cloud, part = AzureCloud(environment()), Component("part")
        network = cloud.network("network", "azure-westeurope", parent=part)
        args = WorkloadIdentityArgs(
            cluster=cluster_in(network, "azure"),
            namespace="ai-platform",
            service_account="security",
            grants=["event-bus"],
        )
        with pytest.raises(ValueError, match="'azure-westeurope' has no event-bus"):
            cloud.workload_identity("identity", args, parent=part)
        settle()


def test_more_followers_than_azure_allows_are_refused() -> None:
    with recording(recorder()):
        cloud, part = AzureCloud(environment()), Component("part")
        network = cloud.network("network", "azure-westeurope", parent=part)
        args = CloudDatabaseArgs(
            region="azure-westeurope",
            cluster=cluster_in(network, "azure"),
            leader="azure-westeurope",
            followers=[f"region-{number}" for number in range(6)],
            leader_server=None,
            version="17",
            role="primary",
            administrator_password=pulumi.Output.secret("unused"),
        )
        with pytest.raises(ValueError, match="at most 5 replicas"):
            cloud.database_server("database", args, parent=part)
        settle()
