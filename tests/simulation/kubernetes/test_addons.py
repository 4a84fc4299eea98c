"""Helm releases of add-ons, and the objects whose kinds they bring."""

from tests.simulation.kubernetes.engine import Engine
from tools.simulation.kubernetes.addons import ADD_ONS
from tools.simulation.kubernetes.provider import KubernetesProvider

RELEASE = """
opts = cluster()
space = namespace(opts)
release = k8s.helm.v3.Release(
    "cert-manager", name="cert-manager", namespace=space.metadata.name, chart="cert-manager",
    version=VERSION, repository_opts={"repo": "https://charts.example"},
    values={"crds": {"enabled": True}}, opts=opts,
)
after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[release]))
"""
PINNED = next(one.version for one in ADD_ONS if one.name == "cert-manager")
OBJECTS = """
CustomResource(
    "issuer", api_version="cert-manager.io/v1", kind="Issuer",
    metadata={"name": "internal", "namespace": "platform"}, spec={"selfSigned": {}}, opts=after,
)
CustomResource(
    "certificate", api_version="cert-manager.io/v1", kind="Certificate",
    metadata={"name": "api", "namespace": "platform"}, opts=after,
    spec={"secretName": "api-tls", "issuerRef": {"name": ISSUER}, "uris": ["spiffe://x/api"]},
)
deployment(
    after, space, pod={"volumes": [{"name": "tls", "secret": {"secret_name": "api-tls"}}]}
)
pulumi.export("status", release.status.status)
"""
PROGRAM = (RELEASE + OBJECTS).replace("VERSION", f"'{PINNED}'").replace("ISSUER", "'internal'")


def test_a_release_brings_its_kinds_and_a_certificate_its_secret(
    engine: Engine, provider: KubernetesProvider
) -> None:
    engine.preview(PROGRAM)
    engine.up()
    assert engine.outputs()["status"] == "deployed"
    api = provider.clusters.live("https://east.example.internal").api
    made = api.get("v1", "Secret", "platform", "api-tls")
    assert made
    assert set(made["data"]) == {"tls.crt", "tls.key", "ca.crt"}
    assert engine.changes() == {"same": 7}
    engine.destroy()
    assert api.get("v1", "Secret", "platform", "api-tls") is None


def test_a_version_that_is_not_pinned_is_refused(engine: Engine) -> None:
    said = engine.preview(RELEASE.replace("VERSION", '"~1.2"'), fails=True)
    assert f"version: '~1.2' is no exact version; pin one, such as '{PINNED}'" in said


def test_an_issuer_that_is_nowhere_is_refused(engine: Engine) -> None:
    said = engine.preview(PROGRAM.replace("'internal'}", "'external'}"), fails=True)
    assert "Certificate platform/api: spec.issuerRef.name: there is no Issuer external" in said


def test_a_kind_is_not_served_before_its_release_is_made(engine: Engine) -> None:
    said = engine.up(
        """
opts = cluster("bare")
space = namespace(opts)
CustomResource(
    "issuer", api_version="cert-manager.io/v1", kind="Issuer",
    metadata={"name": "internal", "namespace": "default"}, spec={"selfSigned": {}}, opts=opts,
)
""",
        fails=True,
    )
    assert 'no matches for kind "Issuer"' in said
