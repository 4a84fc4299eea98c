"""A dedicated tenant's namespace: its quotas, who it may talk to, and its certificate.

The name the tenant's users call is in a zone of its own that we don't manage, so its certificate is
issued by a delegated DNS challenge: the tenant points ``_acme-challenge.<domain>`` at a name in the
environment's zone, once, and cert-manager follows that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import LimitRange, Namespace, ResourceQuota, ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from components.clouds.cloud import KubernetesCluster
from components.clouds.kubernetes.addons import ACME_ISSUER
from components.clouds.kubernetes.labels import NAMESPACE as PLATFORM
from components.clouds.kubernetes.network import (
    namespace,
    to_cloud_identity,
    to_dns,
    to_internet,
    to_private,
)
from components.clouds.kubernetes.place import inside

_CERTIFICATE_SECRET = "public-certificate"  # noqa: S105 - its name
_HTTPS = 443
_POSTGRESQL = 5432


@dataclass(frozen=True, kw_only=True)
class TenantNamespaceArgs:
    """What a tenant's namespace is given.

    Attributes:
        cpu: cores its pods may request in all.
        memory_gib: memory its pods may request in all, GiB.
        pods: how many there may be.
    """

    cluster: KubernetesCluster
    tenant: str
    domain: str
    cpu: int
    memory_gib: int
    pods: int


@dataclass(frozen=True, kw_only=True)
class TenantNamespace:
    """A tenant's namespace."""

    name: str
    resource: Namespace


def namespace_name(tenant: str) -> str:
    """Returns the name of a tenant's namespace."""
    return f"tenant-{tenant}"


def tenant_namespace(
    name: str, args: TenantNamespaceArgs, *, parent: pulumi.Resource
) -> TenantNamespace:
    """Makes the namespace; nothing in it may run before what bounds it is there."""
    labels = {
        "app.kubernetes.io/part-of": PLATFORM,
        "app.kubernetes.io/managed-by": "pulumi",
        "ai-platform/tenant": args.tenant,
    }
    made = Namespace(
        name,
        metadata={
            "name": namespace_name(args.tenant),
            "labels": {
                **labels,
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/enforce-version": "latest",
            },
        },
        opts=inside(args.cluster, parent),
    )
    metadata: ObjectMetaArgsDict = {
        "name": "tenant",
        "namespace": namespace_name(args.tenant),
        "labels": labels,
    }
    within = inside(args.cluster, parent, made)
    ResourceQuota(
        name,
        metadata=metadata,
        spec={
            "hard": {
                "requests.cpu": str(args.cpu),
                "limits.cpu": str(2 * args.cpu),
                "requests.memory": f"{args.memory_gib}Gi",
                "limits.memory": f"{args.memory_gib}Gi",
                "pods": str(args.pods),
                "services.loadbalancers": "0",
                "services.nodeports": "0",
            }
        },
        opts=within,
    )
    LimitRange(
        name,
        metadata=metadata,
        spec={
            "limits": [
                {
                    "type": "Container",
                    "default_request": {"cpu": "100m", "memory": "128Mi"},
                    "default": {"cpu": "500m", "memory": "256Mi"},
                }
            ]
        },
        opts=within,
    )
    NetworkPolicy(
        name,
        metadata=metadata,
        spec={
            "pod_selector": {},
            "policy_types": ["Ingress", "Egress"],
            # Its own pods, and the gateway that its users come through.
            "ingress": [{"from_": [{"pod_selector": {}}, namespace(PLATFORM)]}],
            "egress": [
                {"to": [{"pod_selector": {}}]},
                to_dns(),
                to_cloud_identity(),
                to_internet(_HTTPS),
                # Its database, and its bucket where the cloud has a private endpoint for it.
                to_private([str(_POSTGRESQL), str(_HTTPS)]),
            ],
        },
        opts=within,
    )
    CustomResource(
        name,
        api_version="cert-manager.io/v1",
        kind="Certificate",
        metadata={
            **metadata,
            "name": _CERTIFICATE_SECRET,
            # Not waited for: it cannot be issued before the tenant has pointed its names at us.
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        spec={
            "secretName": _CERTIFICATE_SECRET,
            "dnsNames": [args.domain],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "revisionHistoryLimit": 1,
            "issuerRef": {
                "group": "cert-manager.io",
                "kind": "ClusterIssuer",
                "name": ACME_ISSUER,
            },
        },
        opts=within,
    )
    return TenantNamespace(name=namespace_name(args.tenant), resource=made)


def tenant_account(
    name: str,
    cluster: KubernetesCluster,
    made: TenantNamespace,
    annotations: Mapping[str, pulumi.Input[str]],
    depends_on: Sequence[pulumi.Resource],
    *,
    parent: pulumi.Resource,
) -> ServiceAccount:
    """Makes the account that the tenant's workloads run as, which may use the tenant's bucket."""
    return ServiceAccount(
        name,
        metadata={
            "name": "workload",
            "namespace": made.name,
            "annotations": annotations,
        },
        automount_service_account_token=False,
        opts=inside(cluster, parent, made.resource, *depends_on),
    )
