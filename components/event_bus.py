"""An event bus: what a region's services publish to and consume from, by the Kafka protocol."""

from dataclasses import dataclass

import pulumi

from components.component import Component
from components.target import Cluster, Target
from components.target import EventBus as EventBusHandle


@dataclass(frozen=True, kw_only=True)
class EventBusArgs:
    """The cluster whose workloads use the bus."""

    cluster: Cluster


class EventBus(Component):
    """A region's Kafka; on one machine PostgreSQL is the bus and ``handle`` is None."""

    def __init__(
        self,
        name: str,
        args: EventBusArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the bus."""
        super().__init__(name, opts)
        self.handle: EventBusHandle | None = target.event_bus(name, args.cluster, parent=self)
        self.register_outputs({})
