"""A new cluster: closed namespaces, pinned add-ons, nothing open and no password known."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.clouds.kubernetes.labels import NAMESPACE
from components.clouds.kubernetes.versions import ADD_ONS
from tests.components.clouds.kubernetes.world import REGION, World, outputs_of
from tests.components.recording import Recorder, recording
from tools.simulation.kubernetes.addons import ADD_ONS as SIMULATED

PRIVILEGED = "node-agents"


@pytest.fixture(scope="module")
def ready() -> Iterator[World]:
    with recording(Recorder(outputs_of)) as recorder:
        world = World(recorder)
        world.base()
        yield world


def values(world: World, chart: str) -> dict[str, Any]:
    releases = world.recorder.of("kubernetes:helm.sh/v3:Release")
    return releases[f"{REGION}-cluster-{chart}"].inputs["values"]


def test_namespaces_are_restricted_but_for_the_one_of_node_agents(ready: World) -> None:
    spaces = {
        one.inputs["metadata"]["name"]: one.inputs["metadata"]["labels"]
        for one in ready.recorder.of("kubernetes:core/v1:Namespace").values()
    }
    assert NAMESPACE in spaces
    for name, labels in spaces.items():
        level = "privileged" if name == PRIVILEGED else "restricted"
        assert labels["pod-security.kubernetes.io/enforce"] == level


def test_every_namespace_is_closed_by_default(ready: World) -> None:
    policies = {
        one.inputs["metadata"]["namespace"]: one.inputs["spec"]
        for one in ready.recorder.of("kubernetes:networking.k8s.io/v1:NetworkPolicy").values()
    }
    spaces = ready.recorder.of("kubernetes:core/v1:Namespace").values()
    assert policies.keys() == {one.inputs["metadata"]["name"] for one in spaces}
    for spec in policies.values():
        assert spec["podSelector"] == {}
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        # The API server keeps no empty list, so that a refresh would find it gone.
        assert [] not in spec.values()
    assert "ingress" not in policies[NAMESPACE]
    assert "egress" not in policies[NAMESPACE]


def test_add_ons_are_pinned_and_wait_for_their_namespace(ready: World) -> None:
    releases = ready.recorder.of("kubernetes:helm.sh/v3:Release")
    assert {one.inputs["chart"]: one.inputs["version"] for one in releases.values()} == {
        one.chart: one.version for one in ADD_ONS
    }
    for one in releases.values():
        assert one.inputs["repositoryOpts"]["repo"].startswith("https://")
        assert f"{REGION}-cluster-{one.inputs['namespace']}" in one.depends_on


def test_the_simulation_knows_the_same_add_ons() -> None:
    assert {one.name: one.version for one in SIMULATED} == {
        one.chart: one.version for one in ADD_ONS
    }


def test_charts_with_monitors_come_after_the_operator_that_knows_these(ready: World) -> None:
    releases = ready.recorder.of("kubernetes:helm.sh/v3:Release")
    prometheus = f"{REGION}-cluster-kube-prometheus-stack"
    for name, one in releases.items():
        assert (prometheus in one.depends_on) == (name != prometheus)


def test_add_ons_act_in_the_cloud_as_who_they_are(ready: World) -> None:
    for chart, role in (
        ("cert-manager", "dns"),
        ("external-dns", "dns"),
        ("external-secrets", "secrets"),
    ):
        account = values(ready, chart)["serviceAccount"]
        assert account == {"create": True, "name": chart, "annotations": {"cloud/role": role}}


def test_nothing_with_a_default_password_is_installed(ready: World) -> None:
    assert values(ready, "kube-prometheus-stack")["grafana"] == {"enabled": False}
    assert values(ready, "argo-rollouts")["dashboard"] == {"enabled": False}


def test_secrets_and_certificates_come_from_where_the_cloud_says(ready: World) -> None:
    stores = ready.recorder.of("kubernetes:external-secrets.io/v1:ClusterSecretStore")
    (store,) = stores.values()
    assert store.inputs["spec"]["provider"] == {
        "aws": {"service": "SecretsManager", "region": "eu-central-1"}
    }
    assert store.inputs["spec"]["conditions"] == [{"namespaces": [NAMESPACE]}]
    (issuer,) = ready.recorder.of("kubernetes:cert-manager.io/v1:ClusterIssuer").values()
    (solver,) = issuer.inputs["spec"]["acme"]["solvers"]
    assert solver == {"dns01": {"route53": {"region": "us-east-1"}, "cnameStrategy": "Follow"}}


def test_logs_and_metrics_are_kept_encrypted_by_the_regions_class(ready: World) -> None:
    search = ready.spec("elasticsearch.k8s.elastic.co/v1:Elasticsearch", f"{REGION}-cluster-logs")
    (claim,) = search["nodeSets"][0]["volumeClaimTemplates"]
    prometheus = values(ready, "kube-prometheus-stack")["prometheus"]["prometheusSpec"]
    for spec in (claim["spec"], prometheus["storageSpec"]["volumeClaimTemplate"]["spec"]):
        assert spec["storageClassName"] == "encrypted"


def test_the_platform_is_bounded_and_comes_first(ready: World) -> None:
    quota = ready.spec("core/v1:ResourceQuota", f"{REGION}-cluster")["hard"]
    assert {"requests.cpu", "requests.memory", "services.loadbalancers"} <= quota.keys()
    (priority,) = ready.recorder.of("kubernetes:scheduling.k8s.io/v1:PriorityClass").values()
    assert priority.inputs["value"] > 0


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_every_size_can_lose_a_pod(world: World, size: str) -> None:
    world.base(size=size)
    cert_manager = values(world, "cert-manager")
    replicas = cert_manager["replicaCount"]
    budget = cert_manager["podDisruptionBudget"]
    assert budget == (
        {"enabled": True, "minAvailable": replicas - 1} if replicas > 1 else {"enabled": False}
    )
