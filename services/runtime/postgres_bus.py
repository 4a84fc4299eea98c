"""The event bus of one machine: a table, NOTIFY, and one offset a consumer group."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import text

from services.runtime.connection import Connection
from services.runtime.database import Database
from services.runtime.events import Event, EventBus, EventHandler
from services.runtime.settings import ServiceSettings
from services.runtime.standing_work import standing_work

CHANNEL = "event"
_BATCH = 100

# Positions are given out before commit: the lock makes them visible in order, so that a consumer
# that has seen a position has seen all before it.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('event', 0))")
_INSERT = text(
    "INSERT INTO event (event_id, tenant_id, topic, key, payload) "
    "VALUES (:id, :tenant, :topic, :key, cast(:payload AS jsonb)) ON CONFLICT (event_id) DO NOTHING"
)
RETENTION_DAYS = 7
"""Events older than this are deleted, whether or not every group has seen them."""

# Bounded by position, which is the key, so that publishing never scans the table.
_DELETE_OLD = text(
    "DELETE FROM event WHERE publish_time < now() - make_interval(days => :days) "
    "AND position < (SELECT min(position) FROM event) + 1000"
)
_JOIN = "INSERT INTO event_offset (consumer_group) VALUES ($1) ON CONFLICT DO NOTHING"
_READ = """
    SELECT position, event_id, tenant_id, topic, key, payload FROM event
    WHERE position > (SELECT position FROM event_offset WHERE consumer_group = $1)
    ORDER BY position LIMIT $2
"""
_ADVANCE = "UPDATE event_offset SET position = $2 WHERE consumer_group = $1"


class PostgresBus(EventBus):
    """Driver of the bus on a service's own PostgreSQL.

    Args:
        settings: Where the database is.
        database: Sessions on it.
    """

    def __init__(self, settings: ServiceSettings, database: Database) -> None:
        self._settings = settings
        self._database = database

    async def publish(self, events: Sequence[Event]) -> None:
        """Writes events; those already there are left as they are."""
        rows = [
            {
                "id": event.id,
                "tenant": event.tenant,
                "topic": event.topic,
                "key": event.key,
                "payload": json.dumps(event.payload),
            }
            for event in events
        ]
        async with self._database.as_system() as session:
            await session.execute(_LOCK)
            await session.execute(_INSERT, rows)
            await session.execute(_DELETE_OLD, {"days": RETENTION_DAYS})

    async def subscribe(
        self, group: str, handler: EventHandler, *, topics: Collection[str] = ()
    ) -> None:
        """Delivers events for ever; after a restart from the first one not yet handled."""

        async def deliver(connection: Connection) -> bool:
            await connection.execute(_JOIN, group)
            rows = await connection.fetch(_READ, group, _BATCH)
            handled: int | None = None
            try:
                for row in rows:
                    if not topics or row["topic"] in topics:
                        await handler(_event(row))
                    handled = row["position"]
            finally:
                if handled is not None:
                    await connection.execute(_ADVANCE, group, handled)
            return len(rows) == _BATCH

        await standing_work(self._settings, f"events for {group}", CHANNEL, deliver)


def _event(row: Mapping[str, Any]) -> Event:
    return Event(
        id=row["event_id"],
        tenant=row["tenant_id"],
        topic=row["topic"],
        key=row["key"],
        payload=json.loads(row["payload"]),
    )
