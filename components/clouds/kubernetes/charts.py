"""Values of the add-ons' charts: who they act as, how many they are, what they may use.

The charts' own defaults hold where nothing is said; all of them are ``restricted`` by default, or
made so here.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.clouds.cloud import DnsAccess, WorkloadIdentity
from components.clouds.kubernetes.namespaces import NODE_AGENTS_NAMESPACE
from components.clouds.kubernetes.sizes import Sizing
from components.clouds.kubernetes.versions import (
    CERT_MANAGER,
    EXTERNAL_DNS,
    EXTERNAL_SECRETS,
    AddOn,
)

Values = dict[str, Any]

_SMALL: Values = {
    "requests": {"cpu": "25m", "memory": "128Mi"},
    "limits": {"memory": "256Mi"},
}
_CONTAINER: Values = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
}
_POD: Values = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_MONITORED: Values = {"enabled": True}


def prometheus(sizing: Sizing, storage_class: str | None) -> Values:
    """Prometheus with its operator, Alertmanager and exporters; no Grafana, so no password."""
    volume: Values = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": sizing.metrics_storage}},
        **({"storageClassName": storage_class} if storage_class else {}),
    }
    # Every monitor of the cluster counts, not only those that this release brings.
    selectors = ("podMonitor", "probe", "rule", "scrapeConfig", "serviceMonitor")
    return {
        "grafana": {"enabled": False},
        # Of a managed control plane; nobody outside the cloud reaches them.
        "kubeControllerManager": {"enabled": False},
        "kubeEtcd": {"enabled": False},
        "kubeProxy": {"enabled": False},
        "kubeScheduler": {"enabled": False},
        "prometheus": {
            "podDisruptionBudget": _budget(sizing),
            "prometheusSpec": {
                "replicas": sizing.add_on_replicas,
                "retention": sizing.metrics_retention,
                "podAntiAffinityTopologyKey": "topology.kubernetes.io/zone",
                "storageSpec": {"volumeClaimTemplate": {"spec": volume}},
                "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}},
                **{f"{one}SelectorNilUsesHelmValues": False for one in selectors},
            },
        },
        "alertmanager": {
            "podDisruptionBudget": _budget(sizing),
            "alertmanagerSpec": {"replicas": sizing.add_on_replicas, "resources": _SMALL},
        },
        "prometheusOperator": {"resources": _SMALL},
        "kube-state-metrics": {"resources": _SMALL},
        # Reads its node's counters, which takes host paths: see namespaces.py.
        "prometheus-node-exporter": {
            "namespaceOverride": NODE_AGENTS_NAMESPACE,
            "resources": _SMALL,
        },
    }


def cert_manager(sizing: Sizing, access: DnsAccess) -> Values:
    """cert-manager; it proves to ACME that the zone is ours by changing it."""
    return {
        "crds": {"enabled": True, "keep": True},
        "global": {"leaderElection": {"namespace": CERT_MANAGER.namespace}},
        "replicaCount": sizing.add_on_replicas,
        "podDisruptionBudget": _budget(sizing),
        "resources": _SMALL,
        "serviceAccount": _account(CERT_MANAGER, access.service_account_annotations),
        "podLabels": dict(access.pod_labels),
        "prometheus": {"servicemonitor": _MONITORED},
        # Asks the zone's own servers whether the proof is there, not a resolver that remembers.
        "dns01RecursiveNameserversOnly": False,
        "webhook": {
            "replicaCount": sizing.add_on_replicas,
            "podDisruptionBudget": _budget(sizing),
            "resources": _SMALL,
        },
        "cainjector": {"replicaCount": sizing.add_on_replicas, "resources": _SMALL},
    }


def external_secrets(sizing: Sizing, identity: WorkloadIdentity) -> Values:
    """external-secrets; it reads the region's secrets as the identity given."""
    return {
        "installCRDs": True,
        "replicaCount": sizing.add_on_replicas,
        "leaderElect": True,
        "podDisruptionBudget": _budget(sizing),
        "resources": _SMALL,
        "serviceAccount": _account(EXTERNAL_SECRETS, identity.service_account_annotations),
        "podLabels": dict(identity.pod_labels),
        "serviceMonitor": _MONITORED,
        "webhook": {
            "replicaCount": sizing.add_on_replicas,
            "podDisruptionBudget": _budget(sizing),
            "resources": _SMALL,
        },
        "certController": {"resources": _SMALL},
    }


def external_dns(access: DnsAccess, *, domain: str, owner: str) -> Values:
    """external-dns; it keeps the names of this cluster's Services and touches no others.

    It is always one: it has no leader election, and being away for a while does no harm.
    """
    return {
        "sources": ["service"],
        "domainFilters": [domain],
        "policy": "sync",
        "registry": "txt",
        "txtOwnerId": owner,
        "resources": _SMALL,
        "serviceAccount": _account(EXTERNAL_DNS, access.service_account_annotations),
        "podLabels": dict(access.pod_labels),
        "serviceMonitor": _MONITORED,
        **access.external_dns_values,
    }


def argo_rollouts(sizing: Sizing) -> Values:
    """Argo Rollouts, without its dashboard, which knows no login."""
    return {
        "installCRDs": True,
        "dashboard": {"enabled": False},
        "podSecurityContext": _POD,
        "containerSecurityContext": {**_CONTAINER, "seccompProfile": {"type": "RuntimeDefault"}},
        "controller": {
            "replicas": sizing.add_on_replicas,
            "resources": _SMALL,
            "pdb": {"enabled": sizing.add_on_replicas > 1, "maxUnavailable": 1},
            "metrics": {"enabled": True, "serviceMonitor": _MONITORED},
        },
    }


def eck(sizing: Sizing) -> Values:
    """Elastic's operator; it sends nothing to its maker."""
    return {
        "installCRDs": True,
        "replicaCount": sizing.add_on_replicas,
        "resources": _SMALL,
        "podDisruptionBudget": {"enabled": sizing.add_on_replicas > 1},
        "telemetry": {"disabled": True},
        "config": {"metrics": {"port": 8080}},
        "podMonitor": _MONITORED,
    }


def _account(add_on: AddOn, annotations: Mapping[str, pulumi.Input[str]]) -> Values:
    return {"create": True, "name": add_on.service_account, "annotations": dict(annotations)}


def _budget(sizing: Sizing) -> Values:
    """One may be away at a time; of a single one, that it may is what no budget says."""
    if sizing.add_on_replicas == 1:
        return {"enabled": False}
    return {"enabled": True, "minAvailable": sizing.add_on_replicas - 1}
