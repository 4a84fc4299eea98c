"""What a preview refuses, as the real cluster would."""

import pytest

from tests.simulation.kubernetes.engine import Engine
from tools.simulation.kubernetes.provider import KubernetesProvider

RAW = """
opts = cluster()
space = namespace(opts, **{"pod-security.kubernetes.io/enforce": "restricted"})
after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[space]))


def raw(api_version, kind, **fields):
    return CustomResource(
        kind.lower(), api_version=api_version, kind=kind,
        metadata={"name": "one", "namespace": "platform"}, opts=after, **fields,
    )


"""


def test_an_unknown_field_is_named(engine: Engine) -> None:
    said = engine.preview(
        RAW + 'raw("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelctor": {}})', fails=True
    )
    assert "NetworkPolicy platform/one" in said
    assert ".spec.podSelctor: field not declared in schema" in said


def test_a_wrong_value_is_named(engine: Engine) -> None:
    said = engine.preview(
        RAW + 'raw("v1", "Service", spec={"ports": [{"port": 70000}]})', fails=True
    )
    assert "Service platform/one" in said
    assert "spec.ports[0].port: Invalid value: 70000" in said


def test_a_kind_that_no_release_brings_is_refused(engine: Engine) -> None:
    said = engine.preview(
        RAW + 'raw("cert-manager.io/v1", "Issuer", spec={"selfSigned": {}})', fails=True
    )
    assert 'no matches for kind "Issuer" in version "cert-manager.io/v1"' in said
    assert "a Helm release of cert-manager brings it" in said


def test_a_privileged_pod_is_refused_where_pods_are_restricted(engine: Engine) -> None:
    program = RAW + "deployment(opts, space, security_context={})"
    said = engine.preview(program.replace("{})", '{"privileged": True})'), fails=True)
    assert "Deployment platform/api: spec.template" in said
    assert 'violates PodSecurity "restricted:latest": privileged' in said
    assert "platform-" not in said  # the namespace keeps the name that the program gave it
    engine.preview(program.replace("{})", "RESTRICTED)"))


@pytest.mark.parametrize(
    ("pod", "refusal"),
    [
        (
            'pod={"service_account_name": "robot"}',
            "serviceAccountName: there is no ServiceAccount robot",
        ),
        (
            'pod={"volumes": [{"name": "v", "secret": {"secret_name": "tls"}}]}',
            "volumes[0].secret.secretName: there is no Secret tls",
        ),
        (
            'env_from=[{"config_map_ref": {"name": "settings"}}]',
            "containers[0].envFrom[0].configMapRef.name: there is no ConfigMap settings",
        ),
    ],
)
def test_what_a_pod_names_must_exist(engine: Engine, pod: str, refusal: str) -> None:
    program = f"opts = cluster()\nspace = namespace(opts)\ndeployment(opts, space, {pod})\n"
    said = engine.preview(program, fails=True)
    assert f"Deployment platform/api: spec.template.spec.{refusal} in namespace platform" in said


def test_an_entry_that_a_pod_names_must_exist(engine: Engine) -> None:
    program = """
opts = cluster()
space = namespace(opts)
k8s.core.v1.Secret(
    "database", metadata={"name": "database", "namespace": space.metadata.name},
    string_data={"password": "x"}, opts=opts,
)
deployment(opts, space, env=[{"name": "PASSWORD", "value_from": {
    "secret_key_ref": {"name": "database", "key": "KEY"}}}])
"""
    engine.preview(program.replace("KEY", "password"))
    said = engine.preview(program.replace("KEY", "passwort"), fails=True)
    assert "there is no entry 'passwort' of Secret database" in said


def test_selectors_that_match_nothing_are_reported(
    engine: Engine, provider: KubernetesProvider
) -> None:
    program = """
opts = cluster()
space = namespace(opts)
deployment(opts, space, ports=[{"name": "grpc", "container_port": 8080}])
service(opts, space, LABELS, PORT)
"""
    engine.preview(program.replace("PORT", '"grpc"'))
    assert provider.dangling() == []
    engine.preview(program.replace("PORT", '"http"'))
    (said,) = provider.dangling()
    assert said.startswith("https://east.example.internal: Service platform/api: ")
    assert said.endswith(
        "spec.ports[0].targetPort 'http' is no port of the selected pods; named: grpc"
    )
    engine.preview(program.replace("LABELS, PORT", '{"app": "web"}'))
    (said,) = provider.dangling()
    assert said.endswith(
        "Service platform/api: spec.selector app=web matches no pod of the namespace"
    )


def test_an_update_refuses_too(engine: Engine, provider: KubernetesProvider) -> None:
    said = engine.up(
        'opts = cluster()\nspace = namespace(opts)\ndeployment(opts, space, image="")', fails=True
    )
    assert "Deployment platform/api" in said
    assert "spec.template.spec.containers[0].image: Required value" in said
    api = provider.clusters.live("https://east.example.internal").api
    assert api.get("apps/v1", "Deployment", "platform", "api") is None


def test_a_kubeconfig_that_leads_nowhere_is_refused_without_being_shown(engine: Engine) -> None:
    said = engine.preview(
        """
config = kubeconfig("east").replace('"current-context": "east"', '"current-context": "west"')
namespace(pulumi.ResourceOptions(provider=k8s.Provider("east", kubeconfig=config)))
""",
        fails=True,
    )
    assert "current-context 'west' is none of its contexts" in said
    assert "not-to-be-shown" not in said.split("kubeconfig:", 1)[1].split("\n", 1)[0]
