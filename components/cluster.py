"""A cluster: what runs a region's workloads."""

from dataclasses import dataclass

import pulumi

from components.component import Component
from components.target import Cluster as ClusterHandle
from components.target import Network, Target


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """The network the cluster is in."""

    network: Network


class Cluster(Component):
    """Runs workloads: a Kubernetes cluster on a cloud, a process supervisor on one machine."""

    def __init__(
        self,
        name: str,
        args: ClusterArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the cluster."""
        super().__init__(name, opts)
        self.handle: ClusterHandle = target.cluster(name, args.network, parent=self)
        self.register_outputs({})
