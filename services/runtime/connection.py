"""How anything of the platform connects to PostgreSQL: address, role, TLS, time limits.

Pooled sessions (``database``) and single connections share the arguments made here, so that no
place can forget one.
"""

import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from services.runtime.roles import roles_of
from services.runtime.settings import DatabaseSettings, ServerSettings

STATEMENT_TIMEOUT_SECONDS = 8
_ANSWER_SECONDS = 2  # how much longer than the statement its answer may take
_CONNECT_TIMEOUT_SECONDS = 5
_ASYNCPG: Any = asyncpg  # it carries no types of its own


class Connection(Protocol):
    """What the platform uses of an asyncpg connection, which carries no types of its own."""

    async def execute(self, query: str, *args: object) -> str:
        """Runs a statement and returns its tag."""
        ...

    async def fetch(self, query: str, *args: object) -> list[Mapping[str, Any]]:
        """Returns the rows of a query."""
        ...

    async def fetchrow(self, query: str, *args: object) -> Mapping[str, Any] | None:
        """Returns the first row, None when there is none."""
        ...

    async def fetchval(self, query: str, *args: object) -> Any:
        """Returns the first column of the first row."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Opens a transaction."""
        ...

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """Calls ``callback`` at each NOTIFY on the channel."""
        ...

    def add_termination_listener(self, callback: Callable[..., None]) -> None:
        """Calls ``callback`` when the connection is lost."""
        ...

    def terminate(self) -> None:
        """Closes the connection without waiting for the server."""
        ...


def tls_context(authority: Path | None, further: str | None = None) -> ssl.SSLContext:
    """Returns a context that accepts a server only by its own name and an authority we trust.

    That is libpq's ``verify-full``. Authorities of managed stores may lack extensions that RFC 5280
    asks for and that Python checks since 3.13; the chain and the name are checked either way.

    Args:
        authority: PEM file of the authorities to trust; None trusts the system's.
        further: PEM of more authorities to trust.
    """
    context = ssl.create_default_context(cafile=authority)
    if further:
        context.load_verify_locations(cadata=further)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def connect_args(
    settings: ServerSettings, application: str, *, seconds: int = STATEMENT_TIMEOUT_SECONDS
) -> dict[str, Any]:
    """Returns what asyncpg needs besides the address: time limits, TLS, and its name in pg_stat.

    Args:
        settings: How the server is to prove who it is.
        application: Name in pg_stat_activity.
        seconds: How long a statement may take.
    """
    return {
        "timeout": _CONNECT_TIMEOUT_SECONDS,
        "command_timeout": seconds + _ANSWER_SECONDS,
        "ssl": tls_context(settings.database_tls_ca_file, settings.database_ca)
        if settings.database_tls
        else False,
        "server_settings": {
            "application_name": application,
            "statement_timeout": f"{seconds}s",
            "idle_in_transaction_session_timeout": "30000",
            "jit": "off",
        },
    }


async def connect(
    settings: ServerSettings,
    login: tuple[str, str],
    database: str,
    application: str,
    *,
    seconds: int = STATEMENT_TIMEOUT_SECONDS,
) -> Connection:
    """Opens a single connection.

    Args:
        settings: Where the server is.
        login: Role and its password.
        database: Name of the database.
        application: Name in pg_stat_activity.
        seconds: How long a statement may take.

    Raises:
        OSError: The server cannot be reached, or its certificate is refused.
        asyncpg.PostgresError: It refuses.
    """
    user, password = login
    return await _ASYNCPG.connect(
        host=settings.database_host,
        port=settings.database_port,
        database=database,
        user=user,
        password=password,
        **connect_args(settings, application, seconds=seconds),
    )


async def connect_as_system(
    settings: DatabaseSettings, password: str, application: str
) -> Connection:
    """Opens a single connection to the service's database as its system role.

    Raises:
        OSError: The server cannot be reached, or its certificate is refused.
        asyncpg.PostgresError: It refuses.
    """
    name = settings.database_name
    return await connect(settings, (roles_of(name).system, password), name, application)
