"""Where logs go: Filebeat on every node, Elasticsearch in the region, run by Elastic's operator.

Logs stay in their region, as the data they may mention must.
"""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding

from components.clouds.cloud import KubernetesCluster
from components.clouds.kubernetes.namespaces import LOGGING_NAMESPACE, NODE_AGENTS_NAMESPACE
from components.clouds.kubernetes.place import inside
from components.clouds.kubernetes.sizes import Sizing
from components.clouds.kubernetes.versions import ELASTIC_STACK

_SEARCH = "logs"
_SHIPPER = "filebeat"
_ELASTIC_USER = 1000
"""User and group of Elasticsearch's image."""


def logs(
    name: str,
    cluster: KubernetesCluster,
    sizing: Sizing,
    ready: Sequence[pulumi.Resource],
    *,
    parent: pulumi.Resource,
) -> None:
    """Collects the logs of every pod of a cluster.

    Args:
        name: unique within the stack.
        cluster: where.
        sizing: how much Elasticsearch is given.
        ready: the operator and the namespaces.
        parent: parent of what is made.
    """
    search = CustomResource(
        f"{name}-{_SEARCH}",
        api_version="elasticsearch.k8s.elastic.co/v1",
        kind="Elasticsearch",
        metadata={"name": _SEARCH, "namespace": LOGGING_NAMESPACE},
        spec=_elasticsearch(sizing, cluster.storage_class),
        opts=inside(cluster, parent, *ready),
    )
    account = _may_look_at_pods(name, cluster, ready, parent=parent)
    CustomResource(
        f"{name}-{_SHIPPER}",
        api_version="beat.k8s.elastic.co/v1beta1",
        kind="Beat",
        metadata={"name": _SHIPPER, "namespace": NODE_AGENTS_NAMESPACE},
        spec=_filebeat(),
        opts=inside(cluster, parent, search, account),
    )


def _elasticsearch(sizing: Sizing, storage_class: str | None) -> dict[str, Any]:
    memory = {"memory": sizing.log_memory}
    return {
        "version": ELASTIC_STACK,
        "volumeClaimDeletePolicy": "DeleteOnScaledownOnly",
        "nodeSets": [
            {
                "name": "default",
                "count": sizing.log_nodes,
                # Memory maps need a kernel setting that only a privileged pod could change.
                "config": {"node.store.allow_mmap": False},
                "podTemplate": {
                    "spec": {
                        "automountServiceAccountToken": False,
                        "securityContext": {
                            "runAsNonRoot": True,
                            "runAsUser": _ELASTIC_USER,
                            "fsGroup": _ELASTIC_USER,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [
                            {
                                "name": "elasticsearch",
                                "resources": {
                                    "requests": {"cpu": "500m", **memory},
                                    "limits": memory,
                                },
                            }
                        ],
                        "topologySpreadConstraints": [
                            {
                                "topologyKey": "topology.kubernetes.io/zone",
                                "maxSkew": 1,
                                "whenUnsatisfiable": "ScheduleAnyway",
                                "labelSelector": {
                                    "matchLabels": {
                                        "elasticsearch.k8s.elastic.co/cluster-name": _SEARCH
                                    }
                                },
                            }
                        ],
                    }
                },
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "elasticsearch-data"},
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "resources": {"requests": {"storage": sizing.log_storage}},
                            **({"storageClassName": storage_class} if storage_class else {}),
                        },
                    }
                ],
            }
        ],
    }


def _filebeat() -> dict[str, Any]:
    return {
        "type": "filebeat",
        "version": ELASTIC_STACK,
        "elasticsearchRef": {"name": _SEARCH, "namespace": LOGGING_NAMESPACE},
        "config": {
            "filebeat.inputs": [
                {
                    "type": "filestream",
                    "id": "pods",
                    "paths": ["/var/log/containers/*.log"],
                    "parsers": [{"container": {}}],
                    "prospector.scanner.symlinks": True,
                }
            ],
            "processors": [
                {
                    "add_kubernetes_metadata": {
                        "host": "${NODE_NAME}",
                        "matchers": [{"logs_path": {"logs_path": "/var/log/containers/"}}],
                    }
                },
                # The services log JSON; what others log stays as it is.
                {"decode_json_fields": {"fields": ["message"], "target": "json"}},
            ],
        },
        "daemonSet": {
            "podTemplate": {
                "spec": {
                    "serviceAccountName": _SHIPPER,
                    "automountServiceAccountToken": True,
                    # Log files belong to root.
                    "securityContext": {"runAsUser": 0},
                    "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
                    "containers": [
                        {
                            "name": _SHIPPER,
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]},
                            },
                            "resources": {
                                "requests": {"cpu": "50m", "memory": "200Mi"},
                                "limits": {"memory": "200Mi"},
                            },
                            "env": [
                                {
                                    "name": "NODE_NAME",
                                    "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}},
                                }
                            ],
                            "volumeMounts": [
                                {"name": "log", "mountPath": "/var/log", "readOnly": True}
                            ],
                        }
                    ],
                    "volumes": [{"name": "log", "hostPath": {"path": "/var/log"}}],
                }
            }
        },
    }


def _may_look_at_pods(
    name: str,
    cluster: KubernetesCluster,
    ready: Sequence[pulumi.Resource],
    *,
    parent: pulumi.Resource,
) -> pulumi.Resource:
    """Lets Filebeat find out which pod a log file is of."""
    account = ServiceAccount(
        f"{name}-{_SHIPPER}",
        metadata={"name": _SHIPPER, "namespace": NODE_AGENTS_NAMESPACE},
        automount_service_account_token=False,
        opts=inside(cluster, parent, *ready),
    )
    role = ClusterRole(
        f"{name}-{_SHIPPER}",
        metadata={"name": _SHIPPER},
        rules=[
            {
                "api_groups": [""],
                "resources": ["namespaces", "nodes", "pods"],
                "verbs": ["get", "list", "watch"],
            },
            {
                "api_groups": ["apps", "batch"],
                "resources": ["jobs", "replicasets"],
                "verbs": ["get", "list", "watch"],
            },
        ],
        opts=inside(cluster, parent),
    )
    return ClusterRoleBinding(
        f"{name}-{_SHIPPER}",
        metadata={"name": _SHIPPER},
        role_ref={
            "api_group": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": _SHIPPER,
        },
        subjects=[{"kind": "ServiceAccount", "name": _SHIPPER, "namespace": NODE_AGENTS_NAMESPACE}],
        opts=inside(cluster, parent, account, role),
    )
