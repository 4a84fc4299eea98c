"""A network: a region's private address space and the keys its data is encrypted with."""

from dataclasses import dataclass

import pulumi

from components.component import Component
from components.target import Network as NetworkHandle
from components.target import Target


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Where the network is."""

    region: str


class Network(Component):
    """Holds a region's cluster, database and cache, none of which has a public address."""

    def __init__(
        self,
        name: str,
        args: NetworkArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the network."""
        super().__init__(name, opts)
        self.handle: NetworkHandle = target.network(name, args.region, parent=self)
        self.register_outputs({})
