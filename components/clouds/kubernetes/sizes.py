"""How much of a node each workload asks for, by the environment's size."""

from dataclasses import dataclass

from pulumi_kubernetes.core.v1 import ResourceRequirementsArgsDict

from components.clouds.cloud import Size


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a container is given.

    Memory is requested in full, since it cannot be taken back; a container may use idle cores up to
    its limit, which keeps one workload from starving a node.

    Attributes:
        cpu: cores that are kept for it, such as ``250m``.
        cpu_limit: cores it may use while they are idle.
        memory: such as ``256Mi``; more ends the container.
    """

    cpu: str
    cpu_limit: str
    memory: str

    def requirements(self) -> ResourceRequirementsArgsDict:
        """Returns it as a container's ``resources``."""
        return {
            "requests": {"cpu": self.cpu, "memory": self.memory},
            "limits": {"cpu": self.cpu_limit, "memory": self.memory},
        }


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """What an environment's size means inside a cluster.

    Attributes:
        service: a replica of a gRPC service; a Python process uses one core.
        gateway: Envoy; a worker thread for each core of its limit.
        gateway_replicas: fewest gateways of a region.
        growth: how many times the fewest replicas autoscaling may go up to.
        quota_cpu: cores that the platform's namespace may request.
        quota_memory: memory that it may request.
        log_nodes: of the region's Elasticsearch.
        log_memory: of each of them; half of it is Java's heap.
        log_storage: disk of each of them.
        metrics_retention: how long Prometheus keeps samples.
        metrics_storage: disk of each Prometheus.
        add_on_replicas: of the add-ons' controllers.
    """

    service: Share
    gateway: Share
    gateway_workers: int
    gateway_replicas: int
    growth: int
    quota_cpu: str
    quota_memory: str
    log_nodes: int
    log_memory: str
    log_storage: str
    metrics_retention: str
    metrics_storage: str
    add_on_replicas: int


METER = Share(cpu="50m", cpu_limit="500m", memory="128Mi")
JOB = Share(cpu="100m", cpu_limit="1", memory="256Mi")

_SIZINGS: dict[Size, Sizing] = {
    "small": Sizing(
        service=Share(cpu="100m", cpu_limit="1", memory="256Mi"),
        gateway=Share(cpu="200m", cpu_limit="1", memory="256Mi"),
        gateway_workers=1,
        gateway_replicas=1,
        growth=2,
        quota_cpu="8",
        quota_memory="16Gi",
        log_nodes=1,
        log_memory="2Gi",
        log_storage="20Gi",
        metrics_retention="2d",
        metrics_storage="10Gi",
        add_on_replicas=1,
    ),
    "medium": Sizing(
        service=Share(cpu="250m", cpu_limit="2", memory="384Mi"),
        gateway=Share(cpu="500m", cpu_limit="2", memory="512Mi"),
        gateway_workers=2,
        gateway_replicas=2,
        growth=4,
        quota_cpu="32",
        quota_memory="64Gi",
        log_nodes=3,
        log_memory="4Gi",
        log_storage="100Gi",
        metrics_retention="7d",
        metrics_storage="50Gi",
        add_on_replicas=2,
    ),
    "large": Sizing(
        service=Share(cpu="1", cpu_limit="2", memory="768Mi"),
        gateway=Share(cpu="2", cpu_limit="4", memory="1Gi"),
        gateway_workers=4,
        gateway_replicas=3,
        growth=8,
        quota_cpu="256",
        quota_memory="256Gi",
        log_nodes=3,
        log_memory="16Gi",
        log_storage="1Ti",
        metrics_retention="15d",
        metrics_storage="200Gi",
        add_on_replicas=2,
    ),
}


def sizing(size: Size) -> Sizing:
    """Returns what a size means."""
    return _SIZINGS[size]
