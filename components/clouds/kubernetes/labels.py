"""Names, labels and ports of the platform's workloads: what objects find each other by.

Labels are the recommended ones (kubernetes.io/docs/concepts/overview/working-with-objects/
common-labels). Selectors take only those that never change over a workload's life.
"""

from dataclasses import dataclass
from typing import Literal

from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

NAMESPACE = "ai-platform"
"""Of everything that is the platform's own; also its ``part-of`` label."""

GRPC_PORT = 8443
METRICS_PORT = 9090
HTTPS_PORT = 8443
"""Of the gateway's listener in its pod; its Service has 443."""
METER_PORT = 9091
ADMIN_PORT = 9901
"""Of the gateway's Envoy, on the pod's loopback interface only."""

GRPC, HTTPS, METRICS, METER = "grpc", "https", "metrics", "meter"
"""Names of container ports; Services and monitors name ports and not numbers."""

_PREFIX = "app.kubernetes.io"

Component = Literal["service", "gateway", "job"]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Who a pod is.

    Attributes:
        name: unique within the namespace.
        component: what kind of part of the platform it is; network policies go by it.
        version: that is deployed.
    """

    name: str
    component: Component
    version: str

    @property
    def selector(self) -> dict[str, str]:
        """Labels that only this workload's pods carry, through all its versions."""
        return {f"{_PREFIX}/name": self.name, f"{_PREFIX}/part-of": NAMESPACE}

    @property
    def labels(self) -> dict[str, str]:
        """All labels of the workload's objects and pods."""
        return {
            **self.selector,
            f"{_PREFIX}/instance": self.name,
            f"{_PREFIX}/component": self.component,
            f"{_PREFIX}/version": self.version,
            f"{_PREFIX}/managed-by": "pulumi",
        }

    @property
    def metadata(self) -> ObjectMetaArgsDict:
        """Metadata of the objects that are named after the workload."""
        return {"name": self.name, "namespace": NAMESPACE, "labels": self.labels}


PLATFORM_PODS = {f"{_PREFIX}/part-of": NAMESPACE}
"""Labels that every pod of the platform carries."""

COMPONENT_LABEL = f"{_PREFIX}/component"


def host(service: str) -> str:
    """Returns the DNS name that gives the addresses of a service's ready pods."""
    return f"{service}.{NAMESPACE}.svc.cluster.local"
