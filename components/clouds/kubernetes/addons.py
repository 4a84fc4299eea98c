"""Makes a new cluster ready for workloads: namespaces, add-ons, and what connects these to a cloud.

Prometheus comes first, since the other charts bring monitors, which are resources of its operator.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.scheduling.v1 import PriorityClass

from components.clouds.cloud import DnsAccess, KubernetesCluster, Size, WorkloadIdentity
from components.clouds.kubernetes import charts
from components.clouds.kubernetes.labels import METER, METRICS, NAMESPACE, PLATFORM_PODS
from components.clouds.kubernetes.logs import logs
from components.clouds.kubernetes.namespaces import namespaces
from components.clouds.kubernetes.place import inside
from components.clouds.kubernetes.pods import PRIORITY_CLASS
from components.clouds.kubernetes.secrets import STORE
from components.clouds.kubernetes.sizes import sizing
from components.clouds.kubernetes.versions import (
    ARGO_ROLLOUTS,
    CERT_MANAGER,
    ECK,
    EXTERNAL_DNS,
    EXTERNAL_SECRETS,
    PROMETHEUS,
    AddOn,
)

ACME_ISSUER = "public"
"""Name of every cluster's ClusterIssuer of publicly trusted certificates."""

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"

_PRIORITY = 1_000_000
_TIMEOUT_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class BaseArgs:
    """What a cluster's add-ons need to know.

    Attributes:
        contact: e-mail address that the ACME account is in the name of.
        secret_store: ``spec.provider`` of the ClusterSecretStore.
        external_secrets: what external-secrets acts as.
        cert_manager: how cert-manager changes the zone.
        external_dns: how external-dns does.
        acme_server: directory of the ACME server, RFC 8555.
    """

    domain: str
    size: Size
    contact: str
    secret_store: Mapping[str, Any]
    external_secrets: WorkloadIdentity
    cert_manager: DnsAccess
    external_dns: DnsAccess
    acme_server: str = LETS_ENCRYPT


@dataclass(frozen=True, kw_only=True)
class Base:
    """A cluster that is ready for workloads.

    Attributes:
        cert_manager: what an Issuer in the platform's namespace waits for.
        ready: what every workload waits for.
    """

    cert_manager: pulumi.Resource
    ready: Sequence[pulumi.Resource]


def base(cluster: KubernetesCluster, args: BaseArgs, *, name: str, parent: pulumi.Resource) -> Base:
    """Makes a cluster ready for workloads.

    Args:
        cluster: a new cluster.
        args: how it is connected to its cloud.
        name: unique within the stack.
        parent: parent of what is made.
    """
    sizes = sizing(args.size)
    spaces = namespaces(name, cluster, sizes, parent=parent)
    everything = list(spaces.values())

    def release(add_on: AddOn, values: Mapping[str, Any], *depends_on: pulumi.Resource) -> Release:
        return Release(
            f"{name}-{add_on.chart}",
            name=add_on.chart,
            namespace=add_on.namespace,
            chart=add_on.chart,
            version=add_on.version,
            repository_opts={"repo": add_on.repository},
            values=values,
            atomic=True,
            cleanup_on_fail=True,
            max_history=3,
            timeout=_TIMEOUT_SECONDS,
            opts=inside(cluster, parent, *everything, *depends_on),
        )

    prometheus = release(PROMETHEUS, charts.prometheus(sizes, cluster.storage_class))
    cert_manager = release(
        CERT_MANAGER,
        charts.cert_manager(sizes, args.cert_manager),
        prometheus,
        args.cert_manager.resource,
    )
    external_secrets = release(
        EXTERNAL_SECRETS,
        charts.external_secrets(sizes, args.external_secrets),
        prometheus,
        args.external_secrets.resource,
    )
    external_dns = release(
        EXTERNAL_DNS,
        charts.external_dns(args.external_dns, domain=args.domain, owner=cluster.region),
        prometheus,
        args.external_dns.resource,
    )
    rollouts = release(ARGO_ROLLOUTS, charts.argo_rollouts(sizes), prometheus)
    eck = release(ECK, charts.eck(sizes), prometheus)
    logs(name, cluster, sizes, [eck, *everything], parent=parent)
    _monitor(name, cluster, [prometheus, spaces[NAMESPACE]], parent=parent)
    priority = PriorityClass(
        name,
        metadata={"name": PRIORITY_CLASS},
        value=_PRIORITY,
        description="The platform's own workloads, before whatever else is in the cluster.",
        opts=inside(cluster, parent),
    )
    issuer = _acme_issuer(name, cluster, args, cert_manager, parent=parent)
    store = CustomResource(
        f"{name}-secret-store",
        api_version="external-secrets.io/v1",
        kind="ClusterSecretStore",
        metadata={"name": STORE, "annotations": {"pulumi.com/waitFor": "condition=Ready"}},
        spec={
            "provider": dict(args.secret_store),
            # Secrets are for the platform's own namespace.
            "conditions": [{"namespaces": [NAMESPACE]}],
        },
        opts=inside(cluster, parent, external_secrets),
    )
    return Base(
        cert_manager=cert_manager,
        ready=[spaces[NAMESPACE], priority, store, issuer, external_dns, rollouts],
    )


def _acme_issuer(
    name: str,
    cluster: KubernetesCluster,
    args: BaseArgs,
    cert_manager: pulumi.Resource,
    *,
    parent: pulumi.Resource,
) -> CustomResource:
    return CustomResource(
        f"{name}-public-issuer",
        api_version="cert-manager.io/v1",
        kind="ClusterIssuer",
        metadata={
            "name": ACME_ISSUER,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        spec={
            "acme": {
                "server": args.acme_server,
                "email": args.contact,
                "privateKeySecretRef": {"name": "acme-account"},
                # Names of tenants are in zones of their own; each delegates its challenge to ours.
                "solvers": [
                    {
                        "dns01": {
                            **args.cert_manager.cert_manager_solver,
                            "cnameStrategy": "Follow",
                        }
                    }
                ],
            }
        },
        opts=inside(cluster, parent, cert_manager),
    )


def _monitor(
    name: str,
    cluster: KubernetesCluster,
    depends_on: Sequence[pulumi.Resource],
    *,
    parent: pulumi.Resource,
) -> None:
    """Has Prometheus look at every pod of the platform, those that come later included."""
    CustomResource(
        f"{name}-platform-monitor",
        api_version="monitoring.coreos.com/v1",
        kind="PodMonitor",
        metadata={"name": "platform", "namespace": NAMESPACE},
        spec={
            "selector": {"matchLabels": PLATFORM_PODS},
            "podMetricsEndpoints": [{"port": port, "interval": "30s"} for port in (METRICS, METER)],
        },
        opts=inside(cluster, parent, *depends_on),
    )
