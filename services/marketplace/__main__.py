"""The marketplace service: `python -m services.marketplace [migrate [--check]]`."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from aiplatform.marketplace.v1.marketplace_pb2_grpc import (
    add_MarketplaceServiceServicer_to_server,  # pyright: ignore[reportUnknownVariableType]
)
from services.marketplace.gateway.discovery import (
    DiscoveryMetrics,
    DiscoveryServicer,
    SnapshotHolder,
    add_discovery_to_server,
)
from services.marketplace.page_tokens import PageTokens
from services.marketplace.servicer import MarketplaceServicer
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.watcher import CatalogueWatcher
from services.runtime.database import Database
from services.runtime.outbox import Relay
from services.runtime.postgres_bus import PostgresBus
from services.runtime.process import main
from services.runtime.remote_keys import RemoteKeys
from services.runtime.server import Service, Servicer
from services.runtime.settings import MigrationSettings
from services.runtime.telemetry import Metrics

if TYPE_CHECKING:
    from services.runtime.migrations import Migrations


def build(settings: MarketplaceSettings, metrics: Metrics, resources: AsyncExitStack) -> Service:
    """Wires the service."""
    database = Database(settings)
    resources.push_async_callback(database.close)
    snapshots = SnapshotHolder()
    watcher = CatalogueWatcher(settings, database, snapshots, metrics.meter)
    # Every replica has this password, and a page token that outlives its change is only refused.
    tokens = PageTokens(settings.system_database_password.get_secret_value().encode())
    return Service(
        settings=settings,
        metrics=metrics,
        servicers=[
            Servicer(
                add_MarketplaceServiceServicer_to_server,  # pyright: ignore[reportUnknownArgumentType]
                MarketplaceServicer(database, tokens),
            ),
            Servicer(
                add_discovery_to_server,
                DiscoveryServicer(snapshots, DiscoveryMetrics(metrics.meter)),
            ),
        ],
        keys=RemoteKeys(settings),
        background={
            "catalogue": watcher.watch,
            "catalogue listener": watcher.listen,
            "outbox": Relay(settings, PostgresBus(settings, database)).run,
        },
    )


def migrations() -> Migrations:
    """Makes the service's migrations."""
    from services.runtime.migrations import Migrations  # noqa: PLC0415  (serving has no Alembic)

    return Migrations(MigrationSettings.load(), Path(__file__).parent / "migrations")


if __name__ == "__main__":
    main("marketplace", MarketplaceSettings, build, migrations)
