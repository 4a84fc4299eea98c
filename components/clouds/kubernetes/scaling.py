"""How many pods a workload has, and how many of them may be away at once."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.clouds.kubernetes.labels import Workload
from components.clouds.kubernetes.place import Place

_CPU_PERCENT = 65
_SHRINK_AFTER_SECONDS = 300


def autoscaled(
    place: Place, name: str, workload: Workload, *, replicas: int, parent: pulumi.Resource
) -> Sequence[pulumi.Resource]:
    """Lets a Deployment of the workload's name grow with its load and lose one pod at a time.

    Args:
        place: where it is.
        name: unique within the stack.
        workload: whose Deployment.
        replicas: how many there are at least.
        parent: parent of what is made.
    """
    autoscaler = HorizontalPodAutoscaler(
        name,
        metadata=workload.metadata,
        spec={
            "scale_target_ref": {
                "api_version": "apps/v1",
                "kind": "Deployment",
                "name": workload.name,
            },
            "min_replicas": replicas,
            "max_replicas": replicas * place.sizing.growth,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "average_utilization": _CPU_PERCENT},
                    },
                }
            ],
            "behavior": {"scale_down": {"stabilization_window_seconds": _SHRINK_AFTER_SECONDS}},
        },
        opts=place.child(parent),
    )
    budget = PodDisruptionBudget(
        name,
        metadata=workload.metadata,
        spec={
            "selector": {"match_labels": workload.selector},
            "max_unavailable": 1,
            # A pod that is broken anyway does not hold up a node's upgrade.
            "unhealthy_pod_eviction_policy": "AlwaysAllow",
        },
        opts=place.child(parent),
    )
    return [autoscaler, budget]
