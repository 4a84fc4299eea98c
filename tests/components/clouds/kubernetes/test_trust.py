"""Identities: one root, an intermediate in each cluster, short-lived leaves."""

from tests.components.clouds.kubernetes.world import REGION, World
from tests.components.recording import resolved, settle


def test_the_root_signs_authorities_and_these_sign_leaves_only(world: World) -> None:
    settle()
    (root,) = world.recorder.of("tls:index/selfSignedCert:SelfSignedCert").values()
    (own,) = world.recorder.of("tls:index/locallySignedCert:LocallySignedCert").values()
    assert root.inputs["isCaCertificate"] is True
    assert root.inputs["maxPathLength"] == 1
    assert own.inputs["isCaCertificate"] is True
    assert own.inputs["maxPathLength"] == 0
    assert 0 < own.inputs["earlyRenewalHours"] < own.inputs["validityPeriodHours"]
    for key in world.recorder.of("tls:index/privateKey:PrivateKey").values():
        assert key.inputs == {"algorithm": "ECDSA", "ecdsaCurve": "P256"}


def test_the_cluster_holds_its_own_key_and_the_chain_up_to_the_root(world: World) -> None:
    settle()
    (secret,) = world.recorder.of("kubernetes:core/v1:Secret").values()
    assert secret.inputs["stringData"] == {
        # cert-manager gives leaves the first with them, and the last as ca.crt.
        "tls.crt": f"certificate of {REGION}-authority\ncertificate of authority\n",
        "tls.key": f"key of {REGION}-authority-key\n",
    }
    (issuer,) = world.recorder.of("kubernetes:cert-manager.io/v1:Issuer").values()
    assert issuer.inputs["spec"]["ca"]["secretName"] == secret.inputs["metadata"]["name"]


def test_a_workload_is_who_its_spiffe_id_says_and_answers_to_its_name(world: World) -> None:
    args = world.service_args()
    settle()
    certificates = world.recorder.of("kubernetes:cert-manager.io/v1:Certificate")
    spec = certificates[f"{REGION}-marketplace-identity"].inputs["spec"]
    assert spec["uris"] == [f"spiffe://platform.example/{REGION}/marketplace"]
    assert spec["uris"] == [args.identity.spiffe_id]
    assert spec["dnsNames"] == ["marketplace.ai-platform.svc.cluster.local"]
    assert spec["privateKey"] == {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}
    assert {"client auth", "server auth"} <= set(spec["usages"])
    assert resolved(args.identity.key_file) == "/var/run/identity/tls.key"
