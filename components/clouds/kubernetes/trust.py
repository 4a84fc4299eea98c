"""Who the workloads are to each other: one root for the environment, an authority in each cluster.

The root's key never leaves Pulumi's state, where it is encrypted. Each cluster holds the key of an
intermediate that can sign leaves and nothing else, so that a cluster that is broken into can be
cut off by renewing one certificate. cert-manager signs the workloads' certificates with it, and
renews them with a new key long before they end.

Every workload trusts the root alone: its peers in other clusters show their intermediate with
their leaf. cert-manager makes it so where the authority's ``tls.crt`` is the chain up to a
self-signed root: leaves then come with the intermediate, ``ca.crt`` is the root.

Source of the identities: the SPIFFE X.509-SVID standard.
"""

import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_tls as tls
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Secret

from components.clouds.cloud import KubernetesCluster
from components.clouds.kubernetes.labels import NAMESPACE, host
from components.clouds.kubernetes.place import inside
from components.clouds.kubernetes.pods import IDENTITY_FOLDER
from components.target import Identity, Trust

ISSUER = "ai-platform"
"""Name of every cluster's own Issuer, in the platform's namespace."""

CERTIFICATE_FILE = f"{IDENTITY_FOLDER}/tls.crt"
KEY_FILE = f"{IDENTITY_FOLDER}/tls.key"
CA_FILE = f"{IDENTITY_FOLDER}/ca.crt"

_SIGNING = ("cert_signing", "crl_signing", "digital_signature")
_DAY_HOURS = 24
_ROOT_HOURS = 20 * 365 * _DAY_HOURS
_INTERMEDIATE_HOURS = 365 * _DAY_HOURS
_INTERMEDIATE_RENEWAL_HOURS = 180 * _DAY_HOURS
"""Renewed by the first ``pulumi up`` of its second half: half a year without one is survived."""

_LEAF_LIFETIME = "72h0m0s"
_LEAF_RENEWAL = "48h0m0s"
"""Before the end. A cluster whose cert-manager is down works for two days more."""


@dataclass(frozen=True, kw_only=True)
class KubernetesTrust:
    """An environment's root; implements ``components.target.Trust``.

    Attributes:
        ca_certificate: PEM of the root.
        key: PEM of the root's key, secret.
    """

    trust_domain: str
    ca_certificate: pulumi.Output[str]
    key: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class ClusterAuthority:
    """A cluster's own intermediate, and the Issuer that signs with it.

    Attributes:
        fingerprint: SHA-256 of the intermediate's certificate.
    """

    cluster: KubernetesCluster
    trust_domain: str
    fingerprint: pulumi.Output[str]
    resource: pulumi.Resource


def trust(name: str, trust_domain: str, *, parent: pulumi.Resource) -> KubernetesTrust:
    """Makes the root of a trust domain."""
    inside_parent = pulumi.ResourceOptions(parent=parent)
    key = tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=inside_parent)
    root = tls.SelfSignedCert(
        name,
        private_key_pem=key.private_key_pem,
        subject={"common_name": f"ai-platform {trust_domain}"},
        uris=[f"spiffe://{trust_domain}"],
        is_ca_certificate=True,
        max_path_length=1,
        set_subject_key_id=True,
        set_authority_key_id=True,
        allowed_uses=_SIGNING,
        validity_period_hours=_ROOT_HOURS,
        opts=inside_parent,
    )
    return KubernetesTrust(
        trust_domain=trust_domain, ca_certificate=root.cert_pem, key=key.private_key_pem
    )


def cluster_authority(
    name: str,
    trusted: Trust,
    cluster: KubernetesCluster,
    cert_manager: pulumi.Resource,
    *,
    parent: pulumi.Resource,
) -> ClusterAuthority:
    """Makes a cluster's intermediate and its Issuer.

    Args:
        name: unique within the stack.
        trusted: the root, made by ``trust``.
        cluster: where to.
        cert_manager: cert-manager in that cluster, and the platform's namespace.
        parent: parent of what is made.

    Raises:
        TypeError: another target made ``trusted``.
    """
    if not isinstance(trusted, KubernetesTrust):
        raise TypeError(f"{type(trusted).__name__} was made by a target without Kubernetes")
    inside_parent = pulumi.ResourceOptions(parent=parent)
    key = tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=inside_parent)
    request = tls.CertRequest(
        f"{name}-request",
        private_key_pem=key.private_key_pem,
        subject={"common_name": f"ai-platform {trusted.trust_domain} {cluster.region}"},
        uris=[f"spiffe://{trusted.trust_domain}"],
        opts=inside_parent,
    )
    certificate = tls.LocallySignedCert(
        name,
        cert_request_pem=request.cert_request_pem,
        ca_cert_pem=trusted.ca_certificate,
        ca_private_key_pem=trusted.key,
        is_ca_certificate=True,
        max_path_length=0,
        set_subject_key_id=True,
        allowed_uses=_SIGNING,
        validity_period_hours=_INTERMEDIATE_HOURS,
        early_renewal_hours=_INTERMEDIATE_RENEWAL_HOURS,
        opts=inside_parent,
    )
    secret = Secret(
        name,
        type="kubernetes.io/tls",
        metadata={"name": f"{ISSUER}-authority", "namespace": NAMESPACE},
        string_data={
            "tls.crt": pulumi.Output.concat(certificate.cert_pem, trusted.ca_certificate),
            "tls.key": key.private_key_pem,
        },
        opts=inside(cluster, parent, cert_manager),
    )
    issuer = CustomResource(
        name,
        api_version="cert-manager.io/v1",
        kind="Issuer",
        metadata={
            "name": ISSUER,
            "namespace": NAMESPACE,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        spec={"ca": {"secretName": f"{ISSUER}-authority"}},
        opts=inside(cluster, parent, cert_manager, secret),
    )
    return ClusterAuthority(
        cluster=cluster,
        trust_domain=trusted.trust_domain,
        fingerprint=certificate.cert_pem.apply(_fingerprint),
        resource=issuer,
    )


def identity(
    name: str,
    authority: ClusterAuthority,
    *,
    region: str,
    workload: str,
    parent: pulumi.Resource,
) -> Identity:
    """Makes the certificate of ``spiffe://<trust domain>/<region>/<workload>``.

    Peers that go by names, as gRPC clients do, find the workload's Service in it.
    """
    spiffe_id = f"spiffe://{authority.trust_domain}/{region}/{workload}"
    certificate = CustomResource(
        name,
        api_version="cert-manager.io/v1",
        kind="Certificate",
        metadata={
            "name": identity_secret(workload),
            "namespace": NAMESPACE,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        spec={
            "secretName": identity_secret(workload),
            "uris": [spiffe_id],
            "dnsNames": [host(workload)],
            "usages": ["digital signature", "client auth", "server auth"],
            "duration": _LEAF_LIFETIME,
            "renewBefore": _LEAF_RENEWAL,
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "revisionHistoryLimit": 1,
            "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": ISSUER},
        },
        opts=inside(authority.cluster, parent, authority.resource),
    )

    def once_issued(path: str) -> pulumi.Output[str]:
        return certificate.urn.apply(lambda _: path)

    return Identity(
        spiffe_id=spiffe_id,
        certificate_file=once_issued(CERTIFICATE_FILE),
        key_file=once_issued(KEY_FILE),
        ca_file=once_issued(CA_FILE),
        fingerprint=authority.fingerprint,
    )


def identity_secret(workload: str) -> str:
    """Returns the name of the Secret with a workload's certificate."""
    return f"{workload}-identity"


def _fingerprint(pem: str) -> str:
    return hashlib.sha256(pem.encode()).hexdigest()
