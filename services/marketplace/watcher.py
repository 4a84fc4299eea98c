"""Keeps the control plane's snapshot of the catalogue fresh.

It reads the region's own copy of the database, so that a gateway can be configured while the
primary region is gone, and serves the last snapshot it read while both are. A NOTIFY of the primary
makes it look at once, and a poll every second makes up for one that was missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any, Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from services.marketplace import catalogue
from services.marketplace.gateway.discovery import SnapshotHolder
from services.marketplace.gateway.resources import CatalogueSnapshot
from services.marketplace.gateway.routes import Timeouts
from services.marketplace.settings import MarketplaceSettings
from services.runtime.connection import Connection, connect_as_system
from services.runtime.database import Database
from services.runtime.settings import ServiceSettings

_log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
# How often the copy is asked for a revision that the primary has announced and it has not replayed.
_CATCH_UP_SECONDS: Final = 0.02
# And for how long: a revision that was lost with a failed primary never comes.
_HURRY_SECONDS: Final = 2.0
_RECONNECT_SECONDS: Final = 1.0


class CatalogueWatcher:
    """Publishes a snapshot whenever the catalogue's revision changes.

    Args:
        settings: Where the primary is, to listen.
        database: Sessions on the region's copy.
        snapshots: Where snapshots go.
        meter: For the revision and the age of the last successful read.
    """

    def __init__(
        self,
        settings: MarketplaceSettings,
        database: Database,
        snapshots: SnapshotHolder,
        meter: Meter,
    ) -> None:
        self._settings = settings
        self._timeouts = Timeouts(settings.call_timeout_seconds, settings.stream_idle_seconds)
        self._database = database
        self._snapshots = snapshots
        self._announced = 0
        self._hurry_until = float("-inf")
        self._woken = asyncio.Event()
        self._read_at = time.monotonic()
        self._failing = False
        meter.create_observable_gauge(
            "catalogue_revision",
            callbacks=[self._observe_revision],
            description="Revision of the catalogue that gateways are configured from",
        )
        meter.create_observable_gauge(
            "catalogue_age",
            callbacks=[self._observe_age],
            unit="s",
            description="Time since the catalogue was last read",
        )

    async def watch(self) -> None:
        """Reads for ever; a background task. A lost database is logged once, and waited for."""
        while True:
            self._woken.clear()
            try:
                behind = await self._read()
            except Exception as error:  # noqa: BLE001  (the last snapshot must go on being served)
                behind = False
                self._note_failure(error)
            pause = _CATCH_UP_SECONDS if behind else POLL_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)

    async def listen(self) -> None:
        """Listens to the primary for ever; a background task."""
        while True:
            try:
                await self._listen_once()
            except Exception as error:  # noqa: BLE001  (whatever it is, the poll makes up for it)
                _log.info("not listening to the catalogue", extra={"fields": {"error": str(error)}})
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _read(self) -> bool:
        """Reads the catalogue if it changed; True while the copy is behind what was announced."""
        current = self._snapshots.snapshot
        async with self._database.as_system(replica=True) as session:
            # The revision first: services that are newer than it are only read twice.
            revision = await catalogue.revision(session)
            changed = current is None or revision != current.revision
            services = await catalogue.everything(session) if changed else []
        self._read_at = time.monotonic()
        if self._failing:
            self._failing = False
            _log.info("catalogue is read again", extra={"fields": {"revision": revision}})
        if changed:
            started = time.perf_counter()
            self._snapshots.publish(CatalogueSnapshot.build(revision, services, self._timeouts))
            fields = {
                "revision": revision,
                "services": len(services),
                "build_ms": round((time.perf_counter() - started) * 1000, 1),
            }
            _log.info("catalogue changed", extra={"fields": fields})
        return revision < self._announced and self._read_at < self._hurry_until

    async def _listen_once(self) -> None:
        connection = await _connect(self._settings)
        lost = asyncio.Event()

        def heard(_connection: object, _pid: int, _channel: str, payload: str) -> None:
            self._announced = max(self._announced, int(payload))
            self._hurry_until = time.monotonic() + _HURRY_SECONDS
            self._woken.set()

        def ended(*_: Any) -> None:
            lost.set()

        try:
            connection.add_termination_listener(ended)
            await connection.add_listener(catalogue.CHANNEL, heard)
            self._woken.set()
            await lost.wait()
        finally:
            connection.terminate()

    def _note_failure(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            _log.warning(
                "catalogue cannot be read; the last snapshot stays in use",
                extra={"fields": {"error": repr(error)}},
            )

    def _observe_revision(self, _: CallbackOptions) -> list[Observation]:
        snapshot = self._snapshots.snapshot
        return [] if snapshot is None else [Observation(snapshot.revision)]

    def _observe_age(self, _: CallbackOptions) -> list[Observation]:
        return [Observation(time.monotonic() - self._read_at)]


async def _connect(settings: ServiceSettings) -> Connection:
    password = settings.system_database_password.get_secret_value()
    return await connect_as_system(settings, password, f"{settings.service} catalogue")
