"""Pods: isolated, probed, sized, spread and enough of them."""

from policies.infrastructure.conditions import AtLeast, Has, Is, NoneOf, OneOf, Set
from policies.infrastructure.rule import Must, Rule

_WORKLOADS = ("SOC 2 CC6.8", "CIS Kubernetes 5.2", "Pod Security Standards: restricted")
_AVAILABILITY = ("SOC 2 A1.2", "ISO 27001 A.8.14")
_CONTAINERS = "spec.template.spec.containers[*]"

RULES = (
    Rule(
        name="pod-not-root",
        about="Pods run as an ordinary user, under the runtime's own seccomp profile.",
        kinds=("kubernetes:apps/v1:Deployment",),
        holds=(
            Must("spec.template.spec.securityContext.runAsNonRoot", Is(True)),
            Must("spec.template.spec.securityContext.seccompProfile.type", Is("RuntimeDefault")),
            Must("spec.template.spec.hostNetwork", NoneOf((True,))),
            Must("spec.template.spec.hostPID", NoneOf((True,))),
        ),
        severity="high",
        frameworks=_WORKLOADS,
        remedy="set the pod's security context; share nothing of the host",
    ),
    Rule(
        name="container-confined",
        about="Containers gain no rights and write to no image.",
        kinds=("kubernetes:apps/v1:Deployment",),
        each=_CONTAINERS,
        holds=(
            Must("securityContext.allowPrivilegeEscalation", Is(False)),
            Must("securityContext.readOnlyRootFilesystem", Is(True)),
            Must("securityContext.privileged", NoneOf((True,))),
            Must("securityContext.capabilities.drop", Has("ALL")),
        ),
        severity="high",
        frameworks=_WORKLOADS,
        remedy="set the container's security context as pods.py does",
    ),
    Rule(
        name="pod-no-token",
        about="Pods have no token for the cluster's API unless they ask for one.",
        kinds=("kubernetes:apps/v1:Deployment",),
        holds=(Must("spec.template.spec.automountServiceAccountToken", Is(False)),),
        severity="medium",
        frameworks=_WORKLOADS,
        remedy="set automount_service_account_token to false",
    ),
    Rule(
        name="container-probed",
        about="Kubernetes knows when a container can take calls, and when it hangs.",
        kinds=("kubernetes:apps/v1:Deployment",),
        each=_CONTAINERS,
        holds=(Must("readinessProbe", Set()), Must("livenessProbe", Set())),
        severity="medium",
        frameworks=_AVAILABILITY,
        remedy="set readiness_probe and liveness_probe",
    ),
    Rule(
        name="container-sized",
        about="Containers say what they need and take no more memory than that.",
        kinds=("kubernetes:apps/v1:Deployment",),
        each=_CONTAINERS,
        holds=(
            Must("resources.requests.cpu", Set()),
            Must("resources.requests.memory", Set()),
            Must("resources.limits.memory", Set()),
        ),
        severity="medium",
        frameworks=_AVAILABILITY,
        remedy="set requests of CPU and memory, and a limit of memory",
    ),
    Rule(
        name="pod-spread",
        about="Pods of a workload are spread over zones and nodes.",
        kinds=("kubernetes:apps/v1:Deployment",),
        holds=(Must("spec.template.spec.topologySpreadConstraints", Set()),),
        severity="medium",
        frameworks=_AVAILABILITY,
        remedy="set topology_spread_constraints",
        smallest="medium",
    ),
    Rule(
        name="workload-rolled",
        about="An update takes no pod away before the next is ready.",
        kinds=("kubernetes:apps/v1:Deployment",),
        where=(Must("spec.strategy.type", NoneOf(("Recreate",))),),
        holds=(Must("spec.strategy.rollingUpdate.maxUnavailable", OneOf((0, "0%"))),),
        severity="medium",
        frameworks=_AVAILABILITY,
        remedy="set rolling_update.max_unavailable to 0",
        smallest="medium",
    ),
    Rule(
        name="workload-replicas",
        about="A workload has three pods, one a zone, before it scales.",
        kinds=("kubernetes:autoscaling/v2:HorizontalPodAutoscaler",),
        holds=(Must("spec.minReplicas", AtLeast(3)),),
        severity="high",
        frameworks=_AVAILABILITY,
        remedy="set min_replicas to 3 or more",
        smallest="large",
    ),
    Rule(
        name="disruption-possible",
        about="A node can be drained: a disruption budget lets a pod go.",
        kinds=("kubernetes:policy/v1:PodDisruptionBudget",),
        holds=(Must("spec.maxUnavailable", NoneOf((0, "0", "0%"))),),
        severity="medium",
        frameworks=_AVAILABILITY,
        remedy="set max_unavailable to 1 or more",
    ),
)
