"""Follows the call log for ever.

Exactly once: a batch and the position after it are stored in one transaction, so a meter killed at
any point goes on where the last transaction ended; and the gateway gives each call an id of its
own, the primary key, so that lines read twice change nothing. After every loss of the database
the position is read from it again, because a failover may have taken it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.marketplace.meter.call_log import CallLog, Position
from services.marketplace.meter.records import GarbageLineError, UsageRecord, parse
from services.marketplace.meter.settings import MeterSettings
from services.marketplace.meter.store import UsageStore

_log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.2
_BACKOFF_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_STALLED_SECONDS: Final = 60.0
_SHOWN_BYTES: Final = 200
_REOPEN_TIMEOUT_SECONDS: Final = 2.0


class Meter:
    """Reads one gateway's call log into the database.

    Args:
        settings: Where log, gateway and database are.
        registry: Where its metrics go.
    """

    def __init__(self, settings: MeterSettings, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._call_log = CallLog(settings.call_log, settings.call_log_rotate_bytes)
        self._alive_at = time.monotonic()
        self._finishing = asyncio.Event()
        self._records = Counter("meter_records", "Calls recorded", registry=registry)
        self._repeated = Counter(
            "meter_repeated_records", "Calls that were on record already", registry=registry
        )
        self._garbage = Counter(
            "meter_garbage_lines", "Lines of the call log that are no record", registry=registry
        )
        self._lag = Gauge(
            "meter_lag_bytes", "Bytes of the call log that are not on record", registry=registry
        )
        self._connected = Gauge(
            "meter_database_connected", "1 while the database answers", registry=registry
        )

    @property
    def healthy(self) -> bool:
        """Whether the meter is at work, be it only at trying to reach the database."""
        return time.monotonic() - self._alive_at < _STALLED_SECONDS

    def finish(self) -> None:
        """Makes `run` return as soon as all that is in the log is on record."""
        self._finishing.set()

    async def run(self) -> None:
        """Meters until cancelled, or until all is on record after `finish`."""
        failures = 0
        while True:
            self._alive_at = time.monotonic()
            self._lag.set(self._call_log.unread_bytes(None))
            try:
                store = await UsageStore.open(self._settings)
                try:
                    position = await store.position()
                    self._connected.set(1)
                    if failures:
                        _log.info("usage is recorded again")
                    failures = 0
                    await self._follow(store, position)
                    return
                finally:
                    self._connected.set(0)
                    store.close()
            except Exception as error:  # noqa: BLE001  (nothing may end the meter)
                pause = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
                if failures == 0:
                    _log.warning(
                        "usage cannot be recorded now; it stays in the call log",
                        extra={"fields": {"error": repr(error)}},
                    )
                failures += 1
                await asyncio.sleep(pause)

    async def _follow(self, store: UsageStore, position: Position | None) -> None:
        while True:
            self._alive_at = time.monotonic()
            self._call_log.forget_full(position)
            batch = self._call_log.next_batch(position)
            if batch is not None:
                records = self._parsed(batch.lines)
                new = await store.write(records, batch.position)
                self._records.inc(new)
                self._repeated.inc(len(records) - new)
                position = batch.position
            self._lag.set(self._call_log.unread_bytes(position))
            rotated = self._call_log.rotate()
            if rotated or self._call_log.waits_for_gateway:
                await self._reopen()
            if batch is None and self._finishing.is_set():
                return
            if batch is None or not batch.more:
                await self._pause(POLL_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Waits, but no longer than until it is to finish."""
        if self._finishing.is_set():
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finishing.wait(), seconds)

    def _parsed(self, lines: Sequence[bytes]) -> list[UsageRecord]:
        records: list[UsageRecord] = []
        for line in lines:
            try:
                records.append(parse(line))
            except GarbageLineError as error:
                self._garbage.inc()
                _log.warning(
                    "a line of the call log is no record",
                    extra={
                        "fields": {
                            "error": str(error),
                            "line": line[:_SHOWN_BYTES].decode(errors="replace"),
                        }
                    },
                )
        return records

    async def _reopen(self) -> None:
        """Asks the gateway to begin a new log; a gateway that is down does so when it starts."""
        settings = self._settings
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_REOPEN_TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    settings.gateway_admin_address, settings.gateway_admin_port
                )
                writer.write(
                    b"POST /reopen_logs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
                    b"Connection: close\r\n\r\n"
                )
                await reader.read()
                writer.close()
