"""A cache: Valkey, for what may be lost."""

from dataclasses import dataclass

import pulumi

from components.component import Component
from components.target import CacheServer, Cluster, Target


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """Where the cache is and which major version of Valkey it runs."""

    cluster: Cluster
    version: str


class Cache(Component):
    """A region's Valkey; it keeps nothing over a restart."""

    def __init__(
        self,
        name: str,
        args: CacheArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the cache."""
        super().__init__(name, opts)
        self.server: CacheServer = target.cache(
            name, args.cluster, version=args.version, parent=self
        )
        self.register_outputs({"endpoint": self.server.endpoint.host})
