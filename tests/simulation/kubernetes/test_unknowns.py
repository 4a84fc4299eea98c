"""Previews in which something is known only after the update."""

from tests.simulation.kubernetes.engine import Engine
from tools.simulation.kubernetes.provider import KubernetesProvider

UNKNOWN = """
opts = cluster()
space = namespace(opts)
later = space.metadata.uid


"""


def test_a_cluster_that_is_still_to_be_made_is_previewed_too(
    engine: Engine, provider: KubernetesProvider
) -> None:
    program = (
        UNKNOWN
        + """
made = k8s.Provider("west", kubeconfig=later.apply(lambda _: kubeconfig("west")))
deployment(
    pulumi.ResourceOptions(provider=made),
    k8s.core.v1.Namespace(
        "there", metadata={"name": "there"}, opts=pulumi.ResourceOptions(provider=made)
    ),
    image=IMAGE,
)
"""
    )
    said = engine.preview(program.replace("IMAGE", '""'), fails=True)
    assert "Deployment there/api" in said
    assert "spec.template.spec.containers[0].image: Required value" in said
    engine.preview(program.replace("IMAGE", '"api:1"'))
    engine.up()
    west = provider.clusters.live("https://west.example.internal").api
    assert west.get("apps/v1", "Deployment", "there", "api")
    assert engine.changes() == {"same": 6}


def test_unknown_values_never_fail_an_object(engine: Engine) -> None:
    engine.preview(
        UNKNOWN
        + """
deployment(
    opts, space, image=later,
    env=[{"name": "A", "value": later}],
    resources={"limits": {"cpu": later, "memory": later}},
    ports=[{"name": "http", "container_port": later.apply(lambda _: 8080)}],
    readiness_probe={"http_get": {"port": later.apply(lambda _: 8080)}},
    pod={"restart_policy": later.apply(lambda _: "Always"), "hostname": later},
)
k8s.autoscaling.v2.HorizontalPodAutoscaler(
    # A placeholder of the right type is not always a right value: 1 is below the minimum.
    "api", metadata={"name": "api", "namespace": space.metadata.name}, opts=opts,
    spec={
        "min_replicas": 3, "max_replicas": later.apply(lambda _: 9),
        "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": "api"},
    },
)
k8s.core.v1.ConfigMap(
    "settings", metadata={"namespace": "platform", "labels": {"a": later}},
    data={"key": later}, opts=opts,
)
"""
    )


def test_what_is_known_beside_an_unknown_is_still_judged(engine: Engine) -> None:
    said = engine.preview(
        UNKNOWN + 'deployment(opts, space, image=later, image_pull_policy="Sometimes")', fails=True
    )
    assert 'imagePullPolicy: Unsupported value: "Sometimes"' in said


def test_an_output_that_only_the_server_makes_is_unknown(engine: Engine) -> None:
    printed = engine.preview(
        UNKNOWN
        + """
made = service(opts, space)
pulumi.export("address", made.spec.cluster_ip)
pulumi.export("port", made.spec.ports[0].port)
"""
    )
    assert "address: [unknown]" in printed or "address: output<string>" in printed
    assert "port   : 80" in printed
