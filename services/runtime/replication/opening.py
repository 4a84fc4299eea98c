"""Connects to a cloud's leader in the roles that replication needs, and makes the one it adds."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from pydantic import SecretStr

from services.runtime.connection import Connection, connect
from services.runtime.replication.leader import Leader, ReplicationError
from services.runtime.replication.settings import ReplicationSettings
from services.runtime.roles import roles_of
from services.runtime.scram import verifier

_STATEMENT_SECONDS = 120
_MINIMUM_VERSION = 170000  # slots that follow a leader within its cloud (failover)
_EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
_IS_MEMBER = "SELECT pg_has_role($1, $2, 'MEMBER')"
_MAY_CONNECT = "SELECT has_database_privilege($1, current_database(), 'CONNECT')"
_UNREACHABLE = (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError)
_MANAGED_REPLICATION = "rds_replication"
"""RDS's role in place of the attribute REPLICATION, which nobody has there."""


class UnreachableError(Exception):
    """A leader does not answer."""


@asynccontextmanager
async def open_leader(settings: ReplicationSettings, cloud: str) -> AsyncGenerator[Leader]:
    """Connects to a cloud's leader, and makes its replication role.

    Raises:
        UnreachableError: It does not answer.
        ReplicationError: It refuses, or is not set up for replication.
    """
    address, database = settings.leaders[cloud], settings.database
    where = f"{cloud}: database {address.host}:{address.port}/{database}"

    async def connected(role: str, password: SecretStr) -> Connection:
        login = (role, password.get_secret_value())
        application = f"{settings.service} replication"
        opened = await connect(
            settings.at(cloud), login, database, application, seconds=_STATEMENT_SECONDS
        )
        stack.callback(opened.terminate)
        return opened

    async with AsyncExitStack() as stack:
        try:
            administrator = await connected(address.administrator, settings.administrator_password)
            await _check(administrator, where)
            reader = f"{database}_replication"
            await _make_reader(administrator, settings, reader)
            owner = await connected(roles_of(database).owner, settings.owner_database_password)
            try:
                replication = await connected(reader, settings.replication_password)
            except asyncpg.InvalidPasswordError:
                await administrator.execute(f'ALTER ROLE "{reader}" {_password(settings)}')
                replication = await connected(reader, settings.replication_password)
        except ssl.SSLError as error:
            message = f"{where}: {error}; is its authority in AIP_DATABASE_TLS_CA_FILE?"
            raise ReplicationError(message) from error
        except (
            OSError,
            asyncpg.CannotConnectNowError,
            asyncpg.ConnectionDoesNotExistError,
        ) as error:
            raise UnreachableError(f"{where}: {error or type(error).__name__}") from error
        except asyncpg.PostgresError as error:
            message = f"{where}: {error}; services.runtime.provision must have run there"
            raise ReplicationError(message) from error
        yield Leader(settings, address, (administrator, owner, replication))


async def _check(administrator: Connection, where: str) -> None:
    version = int(await administrator.fetchval("SHOW server_version_num"))
    if version < _MINIMUM_VERSION:
        message = f"{where}: PostgreSQL {version // 10000}; replication needs 17 or later"
        raise ReplicationError(message)
    if (level := await administrator.fetchval("SHOW wal_level")) != "logical":
        message = f"{where}: wal_level is {level}; set it to logical"
        raise ReplicationError(message)


async def _make_reader(administrator: Connection, settings: ReplicationSettings, role: str) -> None:
    """Makes the role that followers log in with."""
    database = settings.database
    managed = await administrator.fetchval(_EXISTS, _MANAGED_REPLICATION)
    if not await administrator.fetchval(_EXISTS, role):
        attribute = "" if managed else "REPLICATION"
        await administrator.execute(f'CREATE ROLE "{role}" LOGIN {attribute} {_password(settings)}')
    if managed and not await administrator.fetchval(_IS_MEMBER, role, _MANAGED_REPLICATION):
        await administrator.execute(f'GRANT {_MANAGED_REPLICATION} TO "{role}"')
    if not await administrator.fetchval(_MAY_CONNECT, role):
        await administrator.execute(f'GRANT CONNECT ON DATABASE "{database}" TO "{role}"')


def _password(settings: ReplicationSettings) -> str:
    return f"PASSWORD '{verifier(settings.replication_password.get_secret_value())}'"
