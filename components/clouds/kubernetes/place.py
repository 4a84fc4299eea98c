"""Where workloads are put: a region's cluster, made ready for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.clouds.cloud import Cloud, KubernetesCluster, Size
from components.clouds.kubernetes.sizes import Sizing, sizing


@dataclass(frozen=True, kw_only=True)
class Place:
    """A region's cluster with its add-ons, and what every workload in it shares.

    Attributes:
        cloud: keeps the workloads' secrets.
        ready: what a workload waits for: add-ons, the namespace, the cluster's own authority.
        image: the platform's image, by digest.
        domain: the environment's public zone.
    """

    cloud: Cloud
    cluster: KubernetesCluster
    ready: Sequence[pulumi.Resource]
    image: pulumi.Output[str]
    size: Size
    domain: str

    @property
    def sizing(self) -> Sizing:
        """How much each workload is given."""
        return sizing(self.size)

    def child(
        self, parent: pulumi.Resource, *depends_on: pulumi.Resource
    ) -> pulumi.ResourceOptions:
        """Returns the options of an object in this cluster."""
        return inside(self.cluster, parent, *self.ready, *depends_on)


def inside(
    cluster: KubernetesCluster, parent: pulumi.Resource, *depends_on: pulumi.Resource
) -> pulumi.ResourceOptions:
    """Returns the options of an object in a cluster."""
    return pulumi.ResourceOptions(
        parent=parent, provider=cluster.provider, depends_on=[cluster.resource, *depends_on]
    )
