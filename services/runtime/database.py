"""Sessions on a service's database: tenant-bound by row-level security, or the system's.

Two roles and two servers: the tenant-bound role sees rows of the tenant set for the transaction
and no others, the system role sees what explicit grants and policies give it; the primary takes
writes, the replica (of this region) answers reads that must survive the loss of the primary.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from services.runtime.caller import current_user
from services.runtime.connection import connect_args
from services.runtime.errors import InvalidArgument, ServiceError, Unavailable
from services.runtime.settings import ServiceSettings

_POOL_TIMEOUT_SECONDS = 5
_SET_TENANT = text("SELECT set_config('app.tenant_id', :tenant, true)")

_CONFLICT = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
_DOWN_CLASSES = ("08", "57P", "53")  # connection, operator intervention, insufficient resources
_READ_ONLY = "25006"  # the primary has become a standby under this connection
_STATEMENT_TIMEOUT = "57014"
_NOT_TEXT = "22021"  # character_not_in_repertoire: a NUL, which UTF-8 has and PostgreSQL has not


class Database:
    """The engines of a process; connections are opened when first needed.

    Args:
        settings: Names the servers, the database and its roles.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        primary = (settings.database_host, settings.database_port)
        replica = (settings.replica_host, settings.replica_port)
        tenant = (settings.database_name, settings.database_password.get_secret_value())
        system = (
            f"{settings.database_name}_system",
            settings.system_database_password.get_secret_value(),
        )
        self._engines: dict[tuple[str, bool], AsyncEngine] = {
            (role, at_replica): _engine(settings, server, login)
            for role, login in (("tenant", tenant), ("system", system))
            for server, at_replica in ((primary, False), (replica, True))
        }

    def for_tenant(
        self, tenant: str | None = None, *, replica: bool = False
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """Opens a transaction that sees one tenant's rows; it commits unless an error leaves it.

        Args:
            tenant: Whose rows; the caller's own when None.
            replica: Read the region's copy, which may lag; writing there is an error.

        Raises:
            Unauthenticated: ``tenant`` is None and the call carries no token.
            Unavailable: the server is down, or the transaction lost against another.
        """
        if tenant is None:
            tenant = current_user().tenant
        return self._session(self._engines["tenant", replica], tenant)

    def as_system(self, *, replica: bool = False) -> AbstractAsyncContextManager[AsyncSession]:
        """Opens a transaction as the system role, for work that belongs to no one tenant.

        Raises:
            Unavailable: the server is down, or the transaction lost against another.
        """
        return self._session(self._engines["system", replica], None)

    async def close(self) -> None:
        """Closes every connection."""
        for engine in self._engines.values():
            await engine.dispose()

    @asynccontextmanager
    async def _session(
        self, engine: AsyncEngine, tenant: str | None
    ) -> AsyncGenerator[AsyncSession]:
        try:
            async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
                if tenant is not None:
                    await session.execute(_SET_TENANT, {"tenant": tenant})
                yield session
        except (DBAPIError, PoolTimeoutError, OSError) as error:
            if told := _told(error):
                raise told from error
            raise


def _engine(
    settings: ServiceSettings, server: tuple[str, int], login: tuple[str, str]
) -> AsyncEngine:
    return create_async_engine(
        url(server, login, settings.database_name),
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_size,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        pool_use_lifo=True,
        connect_args=connect_args(settings, settings.service),
    )


def url(server: tuple[str, int], login: tuple[str, str], database: str) -> URL:
    """Returns an engine's URL. It holds the password: SQLAlchemy masks it, never print it raw."""
    return URL.create("postgresql+asyncpg", *login, *server, database)


def _told(error: DBAPIError | PoolTimeoutError | OSError) -> ServiceError | None:
    """Returns what the caller is told of an error, or None where it is nobody's but ours."""
    state = str(getattr(error.orig, "sqlstate", "")) if isinstance(error, DBAPIError) else ""
    if state == _NOT_TEXT:
        return InvalidArgument("INVALID_CHARACTER", "A text contains a NUL character.")
    if state in _CONFLICT:
        return Unavailable(
            "TRANSACTION_CONFLICT", "The call met a concurrent one; retry it.", retry_after=0.1
        )
    if state == _STATEMENT_TIMEOUT:
        return Unavailable(
            "DATABASE_TIMEOUT", "The database took too long; retry later.", retry_after=1
        )
    lost = isinstance(error, DBAPIError) and (
        error.connection_invalidated
        or state == _READ_ONLY
        or state.startswith(_DOWN_CLASSES)
        or isinstance(error.orig, OSError | asyncio.TimeoutError)
    )
    if lost or not isinstance(error, DBAPIError):
        return Unavailable(
            "DATABASE_UNAVAILABLE", "The database cannot be reached now.", retry_after=1
        )
    return None
