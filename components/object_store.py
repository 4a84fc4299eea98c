"""An object store: a region's bucket, versioned, encrypted and replicated within its geography."""

from dataclasses import dataclass

import pulumi

from components.component import Component
from components.target import Cluster, Target
from components.target import ObjectStore as ObjectStoreHandle


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    """The cluster whose workloads use the store."""

    cluster: Cluster


class ObjectStore(Component):
    """A region's bucket; on one machine there is none and ``handle`` is None."""

    def __init__(
        self,
        name: str,
        args: ObjectStoreArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the bucket."""
        super().__init__(name, opts)
        self.handle: ObjectStoreHandle | None = target.object_store(name, args.cluster, parent=self)
        self.register_outputs({})
