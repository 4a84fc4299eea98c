"""Asks a PostgreSQL server on this machine, as its superuser."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, LiteralString

from components.clouds.local.provider.framework import LocalError

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

    Connection = psycopg.Connection[TupleRow]

SUPERUSER = "postgres"
REPLICATION = "replication"
"""Login role of standbys."""
_CONNECT_SECONDS = 5
_REFUSALS = (
    "password authentication failed",
    "permission denied for database",
    "is not permitted to log in",
    "does not exist",
)
"""What a server says that runs and does not let a role in; a failed log-in has no SQLSTATE."""


class UnavailableError(LocalError):
    """The server does not answer, or refuses the password."""


@contextmanager
def connect(
    host: str, port: int, password: str, *, user: str = SUPERUSER, database: str = "postgres"
) -> Generator["Connection"]:
    """Opens a connection in autocommit mode.

    Raises:
        UnavailableError: no connection can be had.
        LocalError: the server refuses a statement.
    """
    import psycopg

    try:
        connection = psycopg.connect(
            host=host,
            port=port,
            user=user,
            password=password,
            dbname=database,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name="ai-platform-provider",
            # Only what is given here counts, not the user's own PG* variables and files.
            sslmode="disable",
            passfile="/dev/null",
        )
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise UnavailableError(f"PostgreSQL on port {port}: {reason}") from error
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise LocalError(f"PostgreSQL on port {port}: {reason}") from error


def value(
    connection: "Connection", query: LiteralString, arguments: Sequence[object] = ()
) -> object:
    """Returns the first column of the first row, None when there is none."""
    row = connection.execute(query, arguments).fetchone()
    return row[0] if row else None


def verifier(connection: "Connection", role: str, password: str) -> str:
    """Returns the SCRAM-SHA-256 verifier of a password, so that no statement carries it."""
    encrypted = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    return encrypted.decode()


def accepts(host: str, port: int, user: str, password: str, database: str) -> bool:
    """Tells whether a role may log in with a password.

    Raises:
        UnavailableError: the server does not answer at all.
    """
    try:
        with connect(host, port, password, user=user, database=database):
            return True
    except UnavailableError as error:
        if any(refusal in str(error) for refusal in _REFUSALS):
            return False
        raise
