"""Transactional outbox: an event leaves if, and only if, the transaction it belongs to commits.

``emit`` writes the event in the caller's transaction; one relay a service moves committed events to
the bus. It deletes an event in the transaction in which it publishes it, so a relay killed at any
point repeats an event at worst, and the bus knows it by its id.
"""

import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.runtime.connection import Connection
from services.runtime.events import Event, EventBus
from services.runtime.settings import ServiceSettings
from services.runtime.standing_work import standing_work

CHANNEL = "outbox"
_BATCH = 200
_log = logging.getLogger(__name__)

_INSERT = text(
    "INSERT INTO outbox (event_id, tenant_id, topic, key, payload) VALUES (:id, "
    "coalesce(:tenant, current_setting('app.tenant_id', true)), :topic, :key, "
    "cast(:payload AS jsonb))"
)
_TAKE = """
    WITH batch AS (SELECT id FROM outbox ORDER BY id LIMIT $1)
    DELETE FROM outbox USING batch WHERE outbox.id = batch.id
    RETURNING outbox.id, event_id, tenant_id, topic, key, payload
"""


async def emit(
    session: AsyncSession,
    topic: str,
    key: str,
    payload: Mapping[str, Any],
    *,
    tenant: str | None = None,
) -> uuid.UUID:
    """Emits an event as part of the session's transaction.

    Args:
        session: An open transaction of ``Database``.
        topic: What happened, for example ``user.created``.
        key: Events of one key are delivered in order.
        payload: Facts as JSON; never a secret.
        tenant: Whose event it is; needed in a system session, else the session's tenant.

    Returns:
        The event's id.
    """
    identifier = uuid.uuid4()
    values = {"id": identifier, "tenant": tenant, "topic": topic, "key": key}
    await session.execute(_INSERT, {**values, "payload": json.dumps(payload)})
    return identifier


class Relay:
    """Moves a service's events from its outbox to the bus.

    Args:
        settings: Where the outbox is.
        bus: Where the events go.
    """

    def __init__(self, settings: ServiceSettings, bus: EventBus) -> None:
        self._settings = settings
        self._bus = bus

    async def run(self) -> None:
        """Moves events for ever; a background task. Of several processes one is active."""
        await standing_work(self._settings, "outbox relay", CHANNEL, self._move)

    async def _move(self, connection: Connection) -> bool:
        async with connection.transaction():
            rows = await connection.fetch(_TAKE, _BATCH)
            if not rows:
                return False
            events = [
                Event(row["event_id"], row["tenant_id"], row["topic"], row["key"], payload)
                for row in sorted(rows, key=lambda row: row["id"])
                for payload in [json.loads(row["payload"])]
            ]
            await self._bus.publish(events)
        _log.debug("events moved", extra={"fields": {"count": len(rows)}})
        return len(rows) == _BATCH
