"""One cloud's leader: what a service's database there is told to do for replication."""

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from services.runtime.connection import Connection
from services.runtime.migrations import Migrations
from services.runtime.replication.settings import Address, ReplicationSettings
from services.runtime.roles import roles_of

PUBLICATION = "platform"
_SERVICES = Path(__file__).resolve().parents[2]
_POLL_SECONDS = 0.1
_DROP_SECONDS = 30

_READ_ONLY = "default_transaction_read_only"
_CLOSED = "SELECT $2 = ANY(rolconfig) FROM pg_roles WHERE rolname = $1"
_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = ANY($1) AND datname = current_database() AND backend_type = 'client backend'
    AND backend_start < $2
"""
_TABLES = """
    SELECT relname, relrowsecurity, EXISTS (
        SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary) AS has_key
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND relpersistence = 'p' AND relname <> 'alembic_version' ORDER BY relname
"""
_PUBLISHED = "SELECT tablename FROM pg_publication_tables WHERE pubname = $1"
_POLICIES = "SELECT tablename FROM pg_policies WHERE policyname = 'replication'"
_READABLE = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND has_table_privilege($1, oid, 'SELECT')
"""
_SUBSCRIPTIONS = """
    SELECT oid, subname, subenabled, subslotname, obj_description(oid, 'pg_subscription') AS source
    FROM pg_subscription
    WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_RELATIONS = """
    SELECT relname, srsubstate = 'r' AS ready FROM pg_subscription_rel
    JOIN pg_class ON pg_class.oid = srrelid WHERE srsubid = $1 ORDER BY relname
"""
_SLOTS = """
    SELECT slot_name, active_pid, wal_status FROM pg_replication_slots
    WHERE database = current_database() AND NOT temporary
"""
_REACHED = (
    "SELECT confirmed_flush_lsn >= $2::text::pg_lsn FROM pg_replication_slots WHERE slot_name = $1"
)
_SEQUENCES = """
    SELECT sequencename AS name, coalesce(last_value, 0) AS value, data_type::text AS type
    FROM pg_sequences WHERE schemaname = 'public'
"""


class ReplicationError(Exception):
    """Replication cannot be brought to what is declared; says where, why and what to do."""


class CannotFollowError(Exception):
    """A server does not reach the one it is to follow; the message says which."""


@dataclass(frozen=True)
class Subscription:
    """A database's subscription.

    Attributes:
        name: Also of its slot: ``<database>_<from>_to_<to>``.
        active: Whether it is enabled and has its slot; one that has neither is only a record.
        source: Fingerprint of what it connects to.
        tables: Names of the tables it brings.
        copying: Those of them whose first copy is not done.
    """

    name: str
    active: bool
    source: str | None
    tables: frozenset[str]
    copying: list[str]

    @property
    def origin(self) -> str:
        """The cloud it takes data from."""
        return self.name.rsplit("_to_", 1)[0].rsplit("_", 1)[1]


class Leader:
    """A service's database on one cloud's leader.

    Args:
        settings: Of this program.
        address: Where the leader is.
        connections: As administrator, as owner of the tables, and as replication role.
    """

    def __init__(
        self,
        settings: ReplicationSettings,
        address: Address,
        connections: tuple[Connection, Connection, Connection],
    ) -> None:
        self.address = address
        self._settings = settings
        self._administrator, self._owner, self._replication = connections
        self._database = settings.database
        self._roles = roles_of(self._database)
        self._reader = f"{self._database}_replication"

    @property
    def cloud(self) -> str:
        """The cloud it leads in."""
        return self.address.cloud

    async def lock(self) -> None:
        """Waits until no other run of this program works on the database."""
        await self._administrator.fetchval(
            "SELECT pg_advisory_lock(hashtextextended('replication', 0))"
        )

    # --- whether services may write

    async def is_closed(self) -> bool:
        """Returns whether services may only read."""
        return bool(
            await self._administrator.fetchval(_CLOSED, self._roles.tenant, f"{_READ_ONLY}=on")
        )

    async def close(self) -> None:
        """Lets services only read, from now on: sessions that began before are ended."""
        roles = [self._roles.tenant, self._roles.system]
        async with self._administrator.transaction():
            for role in roles:
                await self._administrator.execute(f'ALTER ROLE "{role}" SET {_READ_ONLY} = on')
        closed_at = await self._administrator.fetchval("SELECT clock_timestamp()")
        while await self._administrator.fetch(_SESSIONS, roles, closed_at):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)

    async def open(self, *, instead_of: Subscription | None = None, keep: bool = False) -> None:
        """Lets services write.

        Args:
            instead_of: The subscription that ends in the same moment.
            keep: Leave it as the record of a leader whose last writes are not here.
        """
        if instead_of is not None:
            await self._detach(instead_of)
        async with self._administrator.transaction():
            for role in (self._roles.tenant, self._roles.system):
                await self._administrator.execute(f'ALTER ROLE "{role}" RESET {_READ_ONLY}')
            if instead_of is not None and not keep:
                await self._administrator.execute(f'DROP SUBSCRIPTION "{instead_of.name}"')

    # --- schema and publication

    async def migrate(self) -> None:
        """Brings the schema to the newest revision; seeds nothing."""
        folder = _SERVICES / self._settings.service / "migrations"
        await Migrations(self._settings.at(self.cloud), folder).upgrade()

    async def tables(self) -> list[str]:
        """Returns the names of the tables whose rows are replicated.

        Raises:
            ReplicationError: One has no primary key: then its rows could not be changed any more.
        """
        rows = await self._owner.fetch(_TABLES)
        if without := [row["relname"] for row in rows if not row["has_key"]]:
            message = (
                f"database {self._database}: table {', '.join(without)} has no primary key; give "
                "it one, or its rows cannot be replicated"
            )
            raise ReplicationError(message)
        return [row["relname"] for row in rows]

    async def publish(self) -> None:
        """Offers every table's rows to the replication role."""
        tables = await self.tables()
        role = self._reader
        published = {row["tablename"] for row in await self._owner.fetch(_PUBLISHED, PUBLICATION)}
        policies = {row["tablename"] for row in await self._owner.fetch(_POLICIES)}
        readable = {row["relname"] for row in await self._owner.fetch(_READABLE, role)}
        protected = [
            row["relname"] for row in await self._owner.fetch(_TABLES) if row["relrowsecurity"]
        ]
        async with self._owner.transaction():
            if not await self._may_use_schema():
                await self._owner.execute(f'GRANT USAGE ON SCHEMA public TO "{role}"')
            for table in sorted(set(tables) - readable):
                await self._owner.execute(f'GRANT SELECT ON "{table}" TO "{role}"')
            # Without a policy the role's copy of a protected table would be empty, with no error.
            for table in sorted(set(protected) - policies):
                await self._owner.execute(
                    f'CREATE POLICY replication ON "{table}" FOR SELECT TO "{role}" USING (true)'
                )
            names = ", ".join(f'"{table}"' for table in tables)
            if not await self.is_published():
                await self._owner.execute(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {names}")
            elif set(tables) != published:
                await self._owner.execute(f"ALTER PUBLICATION {PUBLICATION} SET TABLE {names}")

    async def is_published(self) -> bool:
        """Returns whether this is, or was last, the primary."""
        query = "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)"
        return bool(await self._owner.fetchval(query, PUBLICATION))

    async def unpublish(self) -> None:
        """Offers nothing any more."""
        if await self.is_published():
            await self._owner.execute(f"DROP PUBLICATION {PUBLICATION}")

    async def empty(self, tables: Collection[str]) -> None:
        """Deletes every row of tables."""
        if tables:
            names = ", ".join(f'"{table}"' for table in sorted(tables))
            await self._owner.execute(f"TRUNCATE {names}")

    async def _may_use_schema(self) -> bool:
        query = "SELECT has_schema_privilege($1, 'public', 'USAGE')"
        return bool(await self._owner.fetchval(query, self._reader))

    # --- subscriptions

    async def subscriptions(self) -> list[Subscription]:
        """Returns the database's subscriptions."""
        found: list[Subscription] = []
        for row in await self._administrator.fetch(_SUBSCRIPTIONS):
            tables = await self._administrator.fetch(_RELATIONS, row["oid"])
            found.append(
                Subscription(
                    name=row["subname"],
                    active=row["subenabled"] and row["subslotname"] is not None,
                    source=row["source"],
                    tables=frozenset(table["relname"] for table in tables),
                    copying=[table["relname"] for table in tables if not table["ready"]],
                )
            )
        return found

    async def subscription(self, name: str) -> Subscription | None:
        """Returns a subscription by its name."""
        return next((one for one in await self.subscriptions() if one.name == name), None)

    async def subscribe(self, name: str, source: Address, *, copy: bool) -> None:
        """Follows another leader.

        Args:
            name: Of the subscription and its slot.
            source: Where to take data from.
            copy: Begin with a copy of every table, at a slot that is made now; else go on from the
                slot, which is there.

        Raises:
            CannotFollowError: This server does not reach that one.
        """
        whole = "true" if copy else "false"
        target = self._settings.source(source)
        try:
            await self._administrator.execute(
                f'CREATE SUBSCRIPTION "{name}" CONNECTION {_literal(target)} '
                f"PUBLICATION {PUBLICATION} "
                f"WITH (copy_data = {whole}, create_slot = {whole}, failover = true)"
            )
        except asyncpg.ConnectionFailureError:
            # The server's own words are left out: they may quote the connection string.
            message = (
                f"{self.cloud}'s server cannot reach {source.cloud}'s at "
                f"{source.host}:{source.port}: open that way, or it stays empty"
            )
            raise CannotFollowError(message) from None
        await self._describe(name, target)

    async def reconnect(self, name: str, source: Address) -> None:
        """Gives a subscription another address or password."""
        target = self._settings.source(source)
        await self._administrator.execute(
            f'ALTER SUBSCRIPTION "{name}" CONNECTION {_literal(target)}'
        )
        await self._describe(name, target)

    def connects_to(self, subscription: Subscription, source: Address) -> bool:
        """Returns whether a subscription has this address and the password of now."""
        return subscription.source == _fingerprint(self._settings.source(source))

    async def refresh(self, name: str) -> None:
        """Takes over which tables are published, and copies those that are new."""
        await self._administrator.execute(f'ALTER SUBSCRIPTION "{name}" REFRESH PUBLICATION')

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Ends a subscription here; its slot stays where it is."""
        await self._detach(subscription)
        await self._administrator.execute(f'DROP SUBSCRIPTION "{subscription.name}"')

    async def _detach(self, subscription: Subscription) -> None:
        name = f'"{subscription.name}"'
        await self._administrator.execute(f"ALTER SUBSCRIPTION {name} DISABLE")
        await self._administrator.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")

    async def _describe(self, name: str, target: str) -> None:
        await self._administrator.execute(
            f"COMMENT ON SUBSCRIPTION \"{name}\" IS '{_fingerprint(target)}'"
        )

    # --- slots and sequences

    async def slots(self) -> dict[str, Mapping[str, Any]]:
        """Returns the database's replication slots by name."""
        return {row["slot_name"]: row for row in await self._replication.fetch(_SLOTS)}

    async def create_slot(self, name: str) -> None:
        """Makes a slot from which a follower goes on that has all there is now."""
        await self._replication.fetchval(
            "SELECT pg_create_logical_replication_slot($1, 'pgoutput', failover => true)", name
        )

    async def drop_slot(self, name: str) -> None:
        """Drops a slot if it is there; whoever still uses it is cut off.

        Raises:
            ReplicationError: It is taken again and again.
        """
        for _ in range(round(_DROP_SECONDS / _POLL_SECONDS)):
            slot = (await self.slots()).get(name)
            if slot is None:
                return
            if slot["active_pid"] is None:
                await self._replication.fetchval("SELECT pg_drop_replication_slot($1)", name)
                return
            await self._replication.fetchval("SELECT pg_terminate_backend($1)", slot["active_pid"])
            await asyncio.sleep(_POLL_SECONDS)
        raise ReplicationError(f"{self.cloud}: replication slot {name} stays in use")

    async def position(self) -> str:
        """Returns a position in the server's log (LSN) that no commit of before is behind."""
        await self._replication.execute("SET synchronous_commit = on")
        await self._replication.fetchval("SELECT pg_logical_emit_message(true, 'platform', '')")
        return str(await self._replication.fetchval("SELECT pg_current_wal_flush_lsn()::text"))

    async def has_sent(self, slot: str, position: str, seconds: float) -> bool:
        """Waits until a follower has all up to a position; returns whether it has in time."""
        try:
            async with asyncio.timeout(seconds):
                while not await self._replication.fetchval(_REACHED, slot, position):  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            return False
        return True

    async def sequences(self) -> dict[str, int]:
        """Returns the last value each sequence gave out, by its name; 0 for none.

        Raises:
            ReplicationError: One is not of type bigint, and could not skip what is not known.
        """
        rows = await self._owner.fetch(_SEQUENCES)
        if narrow := [row["name"] for row in rows if row["type"] != "bigint"]:
            message = f"database {self._database}: make the sequence {', '.join(narrow)} a bigint"
            raise ReplicationError(message)
        return {row["name"]: row["value"] for row in rows}

    async def advance(self, values: Mapping[str, int]) -> None:
        """Makes sequences go on after these values where they have not yet gone as far."""
        own = await self.sequences()
        for name, value in values.items():
            if name in own and own[name] < value:
                query = "SELECT setval(format('public.%I', $1::text)::regclass, $2)"
                await self._owner.fetchval(query, name, value)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _fingerprint(source: str) -> str:
    """Returns what tells connection strings apart; the password in it is too random to guess."""
    return hashlib.sha256(source.encode()).hexdigest()
