"""Brings a service's database to the newest revision, as the owner role.

Revisions are Alembic's, in ``services/<name>/migrations/versions``. One transaction holds them all
and the seed, under an advisory lock: replicas that start at once migrate once, and a failure leaves
the database as it was.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from services.runtime.connection import connect_args
from services.runtime.database import url
from services.runtime.roles import roles_of
from services.runtime.settings import MigrationSettings

_ENVIRONMENT = Path(__file__).resolve().parent / "migration_environment"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('migrate', 0))")
_NO_TIMEOUT = text("SET LOCAL statement_timeout = 0")
_LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '10s'")


class Seed(Protocol):
    """Rows that a service cannot start without."""

    async def apply(self, connection: AsyncConnection) -> None:
        """Brings the rows up to date; changes nothing when they are."""
        ...

    async def pending(self, connection: AsyncConnection) -> list[str]:
        """Returns one sentence a row that ``apply`` would change."""
        ...


class Migrations:
    """The migrations of one service.

    Args:
        settings: Where its database is.
        folder: Holds ``versions/``.
        seed: Rows to bring up to date after the schema.
    """

    def __init__(self, settings: MigrationSettings, folder: Path, seed: Seed | None = None) -> None:
        self._settings = settings
        self._seed = seed
        self._config = Config()
        self._config.set_main_option("script_location", str(_ENVIRONMENT))
        self._config.set_main_option("version_locations", str(folder / "versions"))
        self._config.set_main_option("path_separator", "newline")

    async def upgrade(self) -> None:
        """Migrates to the newest revision and applies the seed.

        Raises:
            SystemExit: the database cannot be reached, or a revision fails.
        """
        async with self._transaction() as connection:
            await connection.execute(_LOCK_TIMEOUT)
            await connection.execute(_LOCK)
            await connection.run_sync(self._upgrade)
            if self._seed is not None:
                await self._seed.apply(connection)

    async def pending(self) -> list[str]:
        """Returns one sentence a thing that ``upgrade`` would do; empty when there is none."""
        async with self._transaction() as connection:
            if missing := await connection.run_sync(self._missing):
                return missing
            return await self._seed.pending(connection) if self._seed is not None else []

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[AsyncConnection]:
        settings = self._settings
        owner = roles_of(settings.database_name).owner
        server = (settings.database_host, settings.database_port)
        login = (owner, settings.owner_database_password.get_secret_value())
        engine = create_async_engine(
            url(server, login, settings.database_name),
            poolclass=NullPool,
            connect_args={
                **connect_args(settings, f"{settings.service} migrate"),
                "command_timeout": None,
            },
        )
        try:
            async with engine.begin() as connection:
                await connection.execute(_NO_TIMEOUT)
                yield connection
        except (DBAPIError, OSError) as error:
            where = f"{server[0]}:{server[1]}/{settings.database_name} as {owner}"
            what = error.orig if isinstance(error, DBAPIError) else error
            message = f"database {where}: {what}"
            raise SystemExit(message) from error
        finally:
            await engine.dispose()

    def _upgrade(self, connection: Connection) -> None:
        self._config.attributes["connection"] = connection
        command.upgrade(self._config, "head")

    def _missing(self, connection: Connection) -> list[str]:
        script = ScriptDirectory.from_config(self._config)
        current = set(MigrationContext.configure(connection).get_current_heads())
        return [f"revision {head} is not applied" for head in set(script.get_heads()) - current]


MakeMigrations = Callable[[], Migrations]
"""Makes a service's migrations from the settings of this process."""
