"""What every workload of the platform is held to, whichever it is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.clouds.kubernetes.labels import NAMESPACE
from components.clouds.kubernetes.pods import USER
from tests.components.clouds.kubernetes.world import (
    DOMAIN,
    IMAGE,
    REGION,
    SECRETS,
    World,
    outputs_of,
)
from tests.components.recording import Recorder, recording

SERVICE = ("apps/v1:Deployment", f"{REGION}-marketplace")
MIGRATION = ("batch/v1:Job", "marketplace-migrations")
GATEWAY = ("apps/v1:Deployment", f"{REGION}-gateway")
EVERY = (SERVICE, MIGRATION, GATEWAY)


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with recording(Recorder(outputs_of)) as recorder:
        world = World(recorder)
        world.service()
        world.gateway()
        yield world


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


@pytest.mark.parametrize("workload", EVERY)
def test_pods_are_restricted_and_more(running: World, workload: tuple[str, str]) -> None:
    pod = running.pod(*workload)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == USER
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not [one for one in pod["volumes"] if "hostPath" in one]
    for container in containers(pod):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["image"] == IMAGE
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("workload", EVERY)
def test_what_a_pod_mounts_is_there_and_read_only_but_for_scratch(
    running: World, workload: tuple[str, str]
) -> None:
    pod = running.pod(*workload)
    volumes = {one["name"]: one for one in pod["volumes"]}
    for container in containers(pod):
        for mount in container["volumeMounts"]:
            assert mount.get("readOnly") or "emptyDir" in volumes[mount["name"]]
    mounted = {mount["name"] for one in containers(pod) for mount in one["volumeMounts"]}
    assert mounted == volumes.keys()


@pytest.mark.parametrize("workload", EVERY)
def test_no_secret_is_in_an_object(running: World, workload: tuple[str, str]) -> None:
    kind, name = workload
    text = json.dumps(running.recorder.of(f"kubernetes:{kind}")[name].inputs)
    for word in (*SECRETS.values(), "owner-password"):
        assert word not in text


def test_secrets_are_files_named_as_the_services_look_for_them(running: World) -> None:
    kept = running.secrets.kept
    assert kept[f"{REGION}-marketplace-secrets"].keys() == {key.lower() for key in SECRETS}
    assert "aip_owner_database_password" not in kept[f"{REGION}-marketplace-secrets"]
    assert "aip_owner_database_password" in kept[f"{REGION}-marketplace-migrations-secrets"]


def test_pods_use_the_secret_that_their_external_secret_makes(running: World) -> None:
    externals = running.recorder.of("kubernetes:external-secrets.io/v1:ExternalSecret")
    made = {one.inputs["spec"]["target"]["name"] for one in externals.values()}
    assert made == {running.mounted_secret(*workload) for workload in EVERY}
    for one in externals.values():
        assert one.inputs["spec"]["dataFrom"] == [{"extract": {"key": f"store/{one.name}"}}]


@pytest.mark.parametrize("workload", [SERVICE, GATEWAY])
def test_selectors_find_the_pods_and_only_these(running: World, workload: tuple[str, str]) -> None:
    _, name = workload
    labels = running.spec(*workload)["template"]["metadata"]["labels"]
    other = GATEWAY if workload == SERVICE else SERVICE
    others = [running.spec(*one)["template"]["metadata"]["labels"] for one in (other, MIGRATION)]
    selectors = [
        running.spec(*workload)["selector"]["matchLabels"],
        running.spec("core/v1:Service", name)["selector"],
        running.spec("policy/v1:PodDisruptionBudget", name)["selector"]["matchLabels"],
        running.spec("networking.k8s.io/v1:NetworkPolicy", name)["podSelector"]["matchLabels"],
        *(
            one["labelSelector"]["matchLabels"]
            for one in running.pod(*workload)["topologySpreadConstraints"]
        ),
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        for wrong in others:
            assert not selector.items() <= wrong.items()


@pytest.mark.parametrize("workload", [SERVICE, GATEWAY])
def test_ports_are_named_once_and_found_by_name(running: World, workload: tuple[str, str]) -> None:
    _, name = workload
    pod = running.pod(*workload)
    ports = [port["name"] for one in containers(pod) for port in one["ports"]]
    assert len(ports) == len(set(ports))
    for port in running.spec("core/v1:Service", name)["ports"]:
        assert port["targetPort"] in ports
    rules = running.spec("networking.k8s.io/v1:NetworkPolicy", name)["ingress"]
    assert {port["port"] for rule in rules for port in rule["ports"]} == set(ports)


@pytest.mark.parametrize("workload", [SERVICE, GATEWAY])
def test_a_workload_survives_a_zone_an_upgrade_and_load(
    running: World, workload: tuple[str, str]
) -> None:
    _, name = workload
    spec = running.spec(*workload)
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in spec  # the autoscaler's
    autoscaler = running.spec("autoscaling/v2:HorizontalPodAutoscaler", name)
    assert autoscaler["scaleTargetRef"]["name"] == name.removeprefix(f"{REGION}-")
    assert autoscaler["minReplicas"] == 3
    assert autoscaler["maxReplicas"] > 3
    assert running.spec("policy/v1:PodDisruptionBudget", name)["maxUnavailable"] == 1
    pod = running.pod(*workload)
    spread = {one["topologyKey"]: one for one in pod["topologySpreadConstraints"]}
    assert spread["topology.kubernetes.io/zone"]["whenUnsatisfiable"] == "DoNotSchedule"
    assert "kubernetes.io/hostname" in spread
    (serving,) = pod["containers"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= serving.keys()


def test_a_service_drains_within_its_grace(running: World) -> None:
    pod = running.pod(*SERVICE)
    variables = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    drain = float(variables["AIP_DRAIN_NOTICE_SECONDS"]) + float(
        variables["AIP_DRAIN_GRACE_SECONDS"]
    )
    assert drain < pod["terminationGracePeriodSeconds"]


def test_migrations_come_before_the_replicas(running: World) -> None:
    deployment = running.recorder.of("kubernetes:apps/v1:Deployment")[f"{REGION}-marketplace"]
    assert "marketplace-migrations" in deployment.depends_on
    job = running.recorder.of("kubernetes:batch/v1:Job")["marketplace-migrations"]
    assert "name" not in job.inputs["metadata"]  # a new one for each change
    assert running.pod(*MIGRATION)["containers"][0]["args"] == ["services.marketplace", "migrate"]


def test_only_the_gateway_and_services_reach_grpc(running: World) -> None:
    policy = running.spec("networking.k8s.io/v1:NetworkPolicy", f"{REGION}-marketplace")
    (rule,) = [one for one in policy["ingress"] if one["ports"][0]["port"] == "grpc"]
    callers = [one["podSelector"]["matchLabels"] for one in rule["from"]]
    assert {one["app.kubernetes.io/component"] for one in callers} == {"gateway", "service"}
    assert {one["app.kubernetes.io/part-of"] for one in callers} == {NAMESPACE}


def test_stores_are_reached_on_the_ports_that_settings_name(running: World) -> None:
    policy = running.spec("networking.k8s.io/v1:NetworkPolicy", f"{REGION}-marketplace")
    opened = [{port["port"] for port in rule["ports"]} for rule in policy["egress"]]
    assert {5432, 5433, 6379} in opened
    for rule in policy["egress"]:
        assert rule["to"]  # never to everywhere
        assert rule["ports"]


def test_the_gateway_takes_calls_from_everywhere_at_its_static_address(running: World) -> None:
    service = running.recorder.of("kubernetes:core/v1:Service")[f"{REGION}-gateway"].inputs
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["externalTrafficPolicy"] == "Local"
    assert service["spec"]["loadBalancerClass"] == "cloud/lb"
    annotations = service["metadata"]["annotations"]
    assert annotations["load-balancer/addresses"] == "203.0.113.7"
    assert not any("external-dns" in key for key in annotations)  # its name is the director's


def test_the_gateway_reaches_no_private_address_but_stores(running: World) -> None:
    policy = running.spec("networking.k8s.io/v1:NetworkPolicy", f"{REGION}-gateway")
    for rule in policy["egress"]:
        for peer in rule["to"]:
            block = peer.get("ipBlock", {})
            if block.get("cidr") == "0.0.0.0/0":
                assert "10.0.0.0/8" in block["except"]
                assert "169.254.0.0/16" in block["except"]


def test_the_meter_outlives_envoy_and_knows_its_gateway(running: World) -> None:
    pod = running.pod(*GATEWAY)
    (meter,) = pod["initContainers"]
    assert meter["restartPolicy"] == "Always"  # a sidecar: starts first, ends last
    variables = {one["name"]: one for one in meter["env"]}
    assert variables["AIP_GATEWAY"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    log = {mount["mountPath"] for mount in meter["volumeMounts"] if mount["name"] == "log"}
    assert [variables["AIP_CALL_LOG"]["value"].startswith(one) for one in log] == [True]


def test_the_public_certificate_names_the_region_and_the_front_door(running: World) -> None:
    certificates = running.recorder.of("kubernetes:cert-manager.io/v1:Certificate")
    spec = certificates[f"{REGION}-gateway-public-certificate"].inputs["spec"]
    assert spec["dnsNames"] == [f"api.{DOMAIN}", f"{REGION}.{DOMAIN}"]
    assert spec["issuerRef"]["kind"] == "ClusterIssuer"
