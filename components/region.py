"""A region: its network, what runs its workloads, its cache, event bus and object store.

It does not own the region's database, whose role is decided across regions
(``disaster_recovery.py``), nor the services and the gateway, which are placed into it.
"""

from dataclasses import dataclass

import pulumi

from components.cache import Cache, CacheArgs
from components.cluster import Cluster, ClusterArgs
from components.component import Component
from components.event_bus import EventBus, EventBusArgs
from components.network import Network, NetworkArgs
from components.object_store import ObjectStore, ObjectStoreArgs
from components.target import Target


@dataclass(frozen=True, kw_only=True)
class RegionArgs:
    """A region of an environment.

    Attributes:
        region: the region's name, for example ``eu-central-1``.
        cache_version: major version of Valkey.
    """

    region: str
    cache_version: str


class Region(Component):
    """One region of the platform."""

    def __init__(
        self,
        name: str,
        args: RegionArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes what every region has."""
        super().__init__(name, opts)
        inside = pulumi.ResourceOptions(parent=self)
        self.region = args.region
        self.network = Network(
            f"{name}-network", NetworkArgs(region=args.region), target=target, opts=inside
        )
        self.cluster = Cluster(
            f"{name}-cluster",
            ClusterArgs(network=self.network.handle),
            target=target,
            opts=inside,
        )
        self.cache = Cache(
            f"{name}-cache",
            CacheArgs(cluster=self.cluster.handle, version=args.cache_version),
            target=target,
            opts=inside,
        )
        self.event_bus = EventBus(
            f"{name}-event-bus",
            EventBusArgs(cluster=self.cluster.handle),
            target=target,
            opts=inside,
        )
        self.object_store = ObjectStore(
            f"{name}-object-store",
            ObjectStoreArgs(cluster=self.cluster.handle),
            target=target,
            opts=inside,
        )
        self.register_outputs({})
