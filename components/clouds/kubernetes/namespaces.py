"""The namespaces of a cluster: what pods in them may do, whom they may talk to, how much they get.

All are held to Pod Security ``restricted``, but for one: ``node-agents``, for what reads its node's
own files (log files, hardware counters) and runs no one else's code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi_kubernetes.core.v1 import LimitRange, Namespace, ResourceQuota
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicySpecArgsDict,
)

from components.clouds.cloud import KubernetesCluster
from components.clouds.kubernetes.labels import NAMESPACE
from components.clouds.kubernetes.network import (
    MONITORING_NAMESPACE,
    PRIVATE_RANGES,
    blocks,
    namespace,
    tcp,
    to_cloud_identity,
    to_dns,
    to_internet,
)
from components.clouds.kubernetes.place import inside
from components.clouds.kubernetes.sizes import Sizing
from components.clouds.kubernetes.versions import ADD_ONS, ECK

LOGGING_NAMESPACE = "logging"
NODE_AGENTS_NAMESPACE = "node-agents"

_SEARCH_PORT = 9200
_API_SERVER_PORTS = (443, 6443)

PodSecurity = Literal["restricted", "privileged"]


@dataclass(frozen=True, kw_only=True)
class _Rules:
    """What a namespace's pods may receive and send besides what is among themselves."""

    ingress: Sequence[NetworkPolicyIngressRuleArgsDict] = ()
    egress: Sequence[NetworkPolicyEgressRuleArgsDict] = ()

    def spec(self) -> NetworkPolicySpecArgsDict:
        """Returns what a policy of every pod says.

        The API server keeps no empty list: one that is declared is found gone by each refresh.
        """
        said: NetworkPolicySpecArgsDict = {
            "pod_selector": {},
            "policy_types": ["Ingress", "Egress"],
        }
        if self.ingress:
            said["ingress"] = list(self.ingress)
        if self.egress:
            said["egress"] = list(self.egress)
        return said


def namespaces(
    name: str, cluster: KubernetesCluster, sizing: Sizing, *, parent: pulumi.Resource
) -> Mapping[str, pulumi.Resource]:
    """Makes every namespace of a cluster, closed to the network but for what it needs.

    Returns:
        By namespace, what objects in it wait for.
    """
    made: dict[str, pulumi.Resource] = {}
    for space, rules in _namespaces().items():
        level: PodSecurity = "privileged" if space == NODE_AGENTS_NAMESPACE else "restricted"
        made[space] = Namespace(
            f"{name}-{space}",
            metadata={
                "name": space,
                "labels": {
                    f"pod-security.kubernetes.io/{mode}": level
                    for mode in ("enforce", "audit", "warn")
                },
            },
            opts=inside(cluster, parent),
        )
        NetworkPolicy(
            f"{name}-{space}",
            metadata={"name": "default", "namespace": space},
            spec=rules.spec(),
            opts=inside(cluster, parent, made[space]),
        )
    _limits(name, cluster, sizing, made[NAMESPACE], parent=parent)
    return made


def _namespaces() -> dict[str, _Rules]:
    add_ons = {one.namespace: _add_on(one.namespace, one.webhook_port) for one in ADD_ONS}
    return {
        # Denies everything: each workload opens what it needs in a policy of its own.
        NAMESPACE: _Rules(),
        **add_ons,
        LOGGING_NAMESPACE: _Rules(
            ingress=[
                _among(LOGGING_NAMESPACE),
                {
                    "from_": [namespace(NODE_AGENTS_NAMESPACE), namespace(ECK.namespace)],
                    "ports": tcp(_SEARCH_PORT),
                },
            ],
            egress=[to_dns(), {"to": [namespace(LOGGING_NAMESPACE)]}],
        ),
        NODE_AGENTS_NAMESPACE: _Rules(
            egress=[
                to_dns(),
                _to_api_server(),
                {"to": [namespace(LOGGING_NAMESPACE)], "ports": tcp(_SEARCH_PORT)},
            ],
        ),
    }


def _add_on(space: str, webhook_port: int | None) -> _Rules:
    """An add-on talks to the API server and to the cloud; its webhook is called by the former.

    Nothing tells the API server's addresses in advance, so the webhook's port is open to all.
    """
    egress: list[NetworkPolicyEgressRuleArgsDict] = [
        to_dns(),
        _to_api_server(),
        to_cloud_identity(),
        to_internet(443),
        {"to": [namespace(space)]},
    ]
    if space == MONITORING_NAMESPACE:
        # Looks at everything in the cluster, on whatever port that shows its metrics.
        egress.append({"to": [{"namespace_selector": {}}, *blocks(*PRIVATE_RANGES)]})
    if space == ECK.namespace:
        egress.append({"to": [namespace(LOGGING_NAMESPACE)], "ports": tcp(_SEARCH_PORT)})
    ingress = [_among(space, MONITORING_NAMESPACE)]
    if webhook_port is not None:
        ingress.append({"ports": tcp(webhook_port)})
    return _Rules(ingress=ingress, egress=egress)


def _among(*spaces: str) -> NetworkPolicyIngressRuleArgsDict:
    return {"from_": [namespace(one) for one in dict.fromkeys(spaces)]}


def _to_api_server() -> NetworkPolicyEgressRuleArgsDict:
    return {"to": blocks(*PRIVATE_RANGES), "ports": tcp(*_API_SERVER_PORTS)}


def _limits(
    name: str,
    cluster: KubernetesCluster,
    sizing: Sizing,
    waits_for: pulumi.Resource,
    *,
    parent: pulumi.Resource,
) -> None:
    """Bounds what the platform's own namespace takes of the cluster."""
    ResourceQuota(
        name,
        metadata={"name": "default", "namespace": NAMESPACE},
        spec={
            "hard": {
                "requests.cpu": sizing.quota_cpu,
                "requests.memory": sizing.quota_memory,
                "services.loadbalancers": "1",
            }
        },
        opts=inside(cluster, parent, waits_for),
    )
    LimitRange(
        name,
        metadata={"name": "default", "namespace": NAMESPACE},
        spec={
            "limits": [
                {
                    "type": "Container",
                    "default_request": {"cpu": "50m", "memory": "128Mi"},
                    "default": {"cpu": "500m", "memory": "256Mi"},
                }
            ]
        },
        opts=inside(cluster, parent, waits_for),
    )
