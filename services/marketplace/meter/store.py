"""Writes usage records and the position they reach to, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from services.marketplace.meter.call_log import Position
from services.marketplace.meter.records import UsageRecord
from services.marketplace.meter.settings import MeterSettings
from services.runtime.connection import Connection, connect_as_system

_TYPES: Final = {
    "id": "uuid",
    "tenant_id": "text",
    "subject": "text",
    "service_id": "uuid",
    "endpoint": "text",
    "region": "text",
    "method": "text",
    "status": "int2",
    "flags": "text",
    "request_bytes": "int8",
    "response_bytes": "int8",
    "duration_ms": "int8",
    "upstream_ms": "int8",
    "request_id": "text",
    "start_time": "timestamptz",
    "end_time": "timestamptz",
}
_COLUMNS: Final = tuple(field.name for field in fields(UsageRecord))
_INSERT: Final = (
    f"INSERT INTO usage_record ({', '.join(_COLUMNS)}) SELECT * FROM unnest("  # noqa: S608
    + ", ".join(f"${number}::{_TYPES[name]}[]" for number, name in enumerate(_COLUMNS, 1))
    + ") ON CONFLICT DO NOTHING"
)
_READ_POSITION: Final = "SELECT device, inode, position, head FROM meter_position WHERE region = $1"
_WRITE_POSITION: Final = (
    "INSERT INTO meter_position (region, device, inode, position, head) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (region) DO UPDATE SET device = excluded.device, "
    "inode = excluded.inode, position = excluded.position, head = excluded.head"
)


class UsageStore:
    """A connection to the primary database, as the system role.

    Args:
        connection: An open connection.
        log_name: Which gateway's log is read; its position is kept under this name.
    """

    def __init__(self, connection: Connection, log_name: str) -> None:
        self._connection = connection
        self._log_name = log_name

    @classmethod
    async def open(cls, settings: MeterSettings) -> UsageStore:
        """Connects.

        Raises:
            OSError: The server cannot be reached.
            asyncpg.PostgresError: It refuses.
        """
        password = settings.system_database_password.get_secret_value()
        connection = await connect_as_system(settings, password, f"meter {settings.region}")
        return cls(connection, settings.log_name)

    async def position(self) -> Position | None:
        """Returns how far this log was read; None when it never was."""
        row = await self._connection.fetchrow(_READ_POSITION, self._log_name)
        if row is None:
            return None
        return Position(row["device"], row["inode"], row["position"], row["head"])

    async def write(self, records: Sequence[UsageRecord], position: Position) -> int:
        """Stores records and the position after them, both or neither.

        Returns:
            How many records were new.
        """
        async with self._connection.transaction():
            new = 0
            if records:
                columns = [[getattr(record, name) for record in records] for name in _COLUMNS]
                tag = await self._connection.execute(_INSERT, *columns)
                new = int(tag.rsplit(" ", 1)[1])
            await self._connection.execute(
                _WRITE_POSITION,
                self._log_name,
                position.device,
                position.inode,
                position.offset,
                position.head,
            )
        return new

    def close(self) -> None:
        """Drops the connection."""
        self._connection.terminate()
