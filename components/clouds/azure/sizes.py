"""What each size of environment means on Azure.

Machine types are ones that every location with three zones sells. Replicas of PostgreSQL need the
General Purpose tier (learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas), so
that is the least there is, in `small` too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from components.clouds.cloud import Size


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """How much a region is given.

    Attributes:
        zones: how many of the location's zones nodes and NAT gateways are spread over.
        redundant: whether the database and the cache have a second instance in another zone.
        nodes: least and greatest number of nodes in a zone.
        database_storage: of the database, in GiB.
        event_hubs_units: processing units of the event bus.
        log_days: how long logs are kept.
        defender: whether Microsoft Defender watches the nodes.
    """

    zones: int
    redundant: bool
    node_size: str
    nodes: tuple[int, int]
    cluster_tier: str
    database_size: str
    database_storage: int
    cache_size: str
    event_hubs_units: int
    storage_replicated: bool
    log_days: int
    defender: bool


SIZES: Mapping[Size, Sizing] = {
    "small": Sizing(
        zones=1,
        redundant=False,
        node_size="Standard_D4ds_v5",
        nodes=(2, 4),
        cluster_tier="Free",
        database_size="Standard_D2ds_v5",
        database_storage=64,
        cache_size="Balanced_B0",
        event_hubs_units=1,
        storage_replicated=False,
        log_days=30,
        defender=False,
    ),
    "medium": Sizing(
        zones=3,
        redundant=True,
        node_size="Standard_D4ds_v5",
        nodes=(1, 4),
        cluster_tier="Standard",
        database_size="Standard_D4ds_v5",
        database_storage=128,
        cache_size="Balanced_B1",
        event_hubs_units=1,
        storage_replicated=True,
        log_days=90,
        defender=True,
    ),
    "large": Sizing(
        zones=3,
        redundant=True,
        node_size="Standard_D8ds_v5",
        nodes=(2, 20),
        cluster_tier="Standard",
        database_size="Standard_D16ds_v5",
        database_storage=1024,
        cache_size="Balanced_B20",
        event_hubs_units=2,
        storage_replicated=True,
        log_days=365,
        defender=True,
    ),
}
