"""Makes a service's database and its three roles on a managed PostgreSQL.

``python -m services.runtime.provision [--check]`` brings a server to the state that ``migrate`` and
the services need, and changes nothing in one that is there. What is to do is read from the server
each time, so that a run that was killed anywhere is finished by the next.

The administrator of a managed server is no superuser (RDS: rds_superuser, Cloud SQL:
cloudsqlsuperuser, Azure: azure_pg_admin). It may create databases and roles, and that decides the
form of what is done here:

- It gives a database to a role it is a member of, so it makes itself a member of the service's.
- It may not so much as mention SUPERUSER, REPLICATION or BYPASSRLS in ALTER ROLE. Roles have none
  of them when they are made; only one that has is told to lose it.
- It can't read verifiers (pg_authid). Whether a password is right is found out by logging in.
"""

import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import uvloop
from pydantic import Field, SecretStr

from services.runtime.connection import Connection, connect
from services.runtime.roles import roles_of
from services.runtime.scram import verifier
from services.runtime.settings import ServerSettings, SettingsError

MAINTENANCE_DATABASE = "postgres"
_STATEMENT_SECONDS = 120
_LOCK = "SELECT pg_advisory_lock(hashtextextended('provision ' || $1, 0))"
_USAGE = "usage: python -m services.runtime.provision [--check]"

_FORBIDDEN = {
    "rolsuper": "SUPERUSER",
    "rolcreatedb": "CREATEDB",
    "rolcreaterole": "CREATEROLE",
    "rolreplication": "REPLICATION",
    "rolbypassrls": "BYPASSRLS",
}
_ROLE = f"""
    SELECT rolcanlogin, pg_has_role(current_user, oid, 'USAGE') AS inherited,
        {", ".join(_FORBIDDEN)}
    FROM pg_roles WHERE rolname = $1
"""  # noqa: S608  (names of columns, above)
_DATABASE = """
    SELECT pg_get_userbyid(datdba) AS owner,
        EXISTS (SELECT FROM aclexplode(acl) WHERE grantee = 0) AS public,
        ARRAY(SELECT pg_get_userbyid(grantee)::text FROM aclexplode(acl)
              WHERE privilege_type = 'CONNECT' AND grantee <> 0) AS users
    FROM pg_database, coalesce(datacl, acldefault('d', datdba)) AS acl WHERE datname = $1
"""
_SCHEMA = """
    SELECT pg_get_userbyid(nspowner) AS owner,
        EXISTS (SELECT FROM aclexplode(acl) WHERE grantee = 0) AS public,
        ARRAY(SELECT pg_get_userbyid(grantee)::text FROM aclexplode(acl)
              WHERE privilege_type = 'USAGE' AND grantee <> 0) AS users
    FROM pg_namespace, coalesce(nspacl, acldefault('n', nspowner)) AS acl WHERE nspname = 'public'
"""


class ProvisionSettings(ServerSettings):
    """Settings of this program."""

    database_name: str | None = Field(
        default=None,
        pattern=r"^[a-z_][a-z0-9_]{0,50}$",
        description="name of the database and prefix of its roles; the service's when not set",
    )
    administrator: str = Field(description="role that creates databases and roles")
    administrator_password: SecretStr = Field(description="password of the administrator")
    owner_database_password: SecretStr = Field(description="password of the role <name>_owner")
    database_password: SecretStr = Field(description="password of the tenant-bound role")
    system_database_password: SecretStr = Field(description="password of the role <name>_system")


@dataclass(frozen=True)
class _Step:
    """A statement, why it is needed, and where; the reason holds no secret."""

    reason: str
    statement: str
    database: str = MAINTENANCE_DATABASE


class Provision:
    """The database of one service on one server.

    Args:
        settings: Where the server is, who administers it and what the passwords are.
    """

    def __init__(self, settings: ProvisionSettings) -> None:
        self._settings = settings
        self._name = settings.database_name or settings.service
        self._roles = roles_of(self._name)
        self._passwords = {
            self._roles.owner: settings.owner_database_password.get_secret_value(),
            self._roles.tenant: settings.database_password.get_secret_value(),
            self._roles.system: settings.system_database_password.get_secret_value(),
        }

    async def apply(self) -> None:
        """Does what is to do.

        Raises:
            SystemExit: the server cannot be reached, or refuses a statement.
        """
        done: set[str] = set()
        async with self._as_administrator(MAINTENANCE_DATABASE) as server:
            await server.fetchval(_LOCK, self._name)
            while steps := await self._next(server):
                for step in steps:
                    if step.reason in done:
                        message = f"{step.reason}, although that was mended a moment ago"
                        raise SystemExit(message)
                    async with self._as_administrator(step.database, step.reason) as connection:
                        await connection.execute(step.statement)
                    done.add(step.reason)
                    sys.stdout.write(f"{step.reason}: mended\n")

    async def pending(self) -> list[str]:
        """Returns one sentence a thing that is to do next; empty when there is none.

        Raises:
            SystemExit: the server cannot be reached.
        """
        async with self._as_administrator(MAINTENANCE_DATABASE) as server:
            return [step.reason for step in await self._next(server)]

    async def _next(self, server: Connection) -> list[_Step]:
        """Returns what is to do next; later steps may only show when these are done."""
        if steps := [step for role in self._passwords for step in await self._role(server, role)]:
            return steps
        found = await server.fetchrow(_DATABASE, self._name)
        if steps := self._database(found):
            return steps
        async with self._as_administrator(self._name) as database:
            return self._schema(await database.fetchrow(_SCHEMA))

    @asynccontextmanager
    async def _as_administrator(
        self, database: str, reason: str = "it cannot be looked at"
    ) -> AsyncGenerator[Connection]:
        """Connects; what the server refuses is said to be why ``reason`` holds still."""
        settings = self._settings
        login = (settings.administrator, settings.administrator_password.get_secret_value())
        application = f"{settings.service} provision"
        try:
            connection = await connect(
                settings, login, database, application, seconds=_STATEMENT_SECONDS
            )
            try:
                yield connection
            finally:
                connection.terminate()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            where = f"{settings.database_host}:{settings.database_port}/{database}"
            why = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
            message = f"database {where} as {settings.administrator}: {reason}: {why}"
            raise SystemExit(message) from error

    async def _role(self, server: Connection, role: str) -> list[_Step]:
        found = await server.fetchrow(_ROLE, role)
        password = f"PASSWORD '{verifier(self._passwords[role])}'"
        join = _Step(
            f"role {self._settings.administrator} does not inherit role {role}",
            f'GRANT "{role}" TO CURRENT_USER',
        )
        if found is None:
            create = _Step(f"role {role} is missing", f'CREATE ROLE "{role}" LOGIN {password}')
            return [create, join]
        steps = [
            _Step(f"role {role} has {attribute}", f'ALTER ROLE "{role}" NO{attribute}')
            for column, attribute in _FORBIDDEN.items()
            if found[column]
        ]
        if not found["rolcanlogin"]:
            reason = f"role {role} may not log in"
            steps.append(_Step(reason, f'ALTER ROLE "{role}" LOGIN {password}'))
        elif not await self._accepts(role):
            reason = f"role {role} has another password"
            steps.append(_Step(reason, f'ALTER ROLE "{role}" {password}'))
        if not found["inherited"]:
            steps.append(join)
        return steps

    async def _accepts(self, role: str) -> bool:
        """Returns whether the server takes the role's password."""
        settings = self._settings
        login = (role, self._passwords[role])
        try:
            connection = await connect(settings, login, self._name, f"{settings.service} provision")
        except asyncpg.InvalidPasswordError:
            return False
        except (asyncpg.InvalidCatalogNameError, asyncpg.InsufficientPrivilegeError):
            return True  # there is no such database, or no way in: said to the right password only
        connection.terminate()
        return True

    def _database(self, found: Mapping[str, Any] | None) -> list[_Step]:
        name, owner = self._name, self._roles.owner
        if found is None:
            create = f'CREATE DATABASE "{name}" OWNER "{owner}"'
            return [_Step(f"database {name} is missing", create)]
        if found["owner"] != owner:
            reason = f"database {name} belongs to {found['owner']}, not {owner}"
            return [_Step(reason, f'ALTER DATABASE "{name}" OWNER TO "{owner}"')]
        rights = self._rights(f"database {name}", f'DATABASE "{name}"', "CONNECT", found)
        return [_Step(reason, statement) for reason, statement in rights]

    def _schema(self, found: Mapping[str, Any] | None) -> list[_Step]:
        name, owner = self._name, self._roles.owner
        what = f"schema public of database {name}"
        if found is None:
            wrong = [(f"{what} is missing", f'CREATE SCHEMA public AUTHORIZATION "{owner}"')]
        elif found["owner"] != owner:
            reason = f"{what} belongs to {found['owner']}, not {owner}"
            wrong = [(reason, f'ALTER SCHEMA public OWNER TO "{owner}"')]
        else:
            wrong = self._rights(what, "SCHEMA public", "USAGE", found)
        return [_Step(reason, statement, name) for reason, statement in wrong]

    def _rights(
        self, what: str, target: str, privilege: str, found: Mapping[str, Any]
    ) -> list[tuple[str, str]]:
        """Returns what lets the roles in, and nobody else."""
        wrong: list[tuple[str, str]] = []
        if found["public"]:
            wrong.append((f"{what} is open to any role", f"REVOKE ALL ON {target} FROM PUBLIC"))
        for role in (self._roles.tenant, self._roles.system):
            if role not in found["users"]:
                grant = f'GRANT {privilege} ON {target} TO "{role}"'
                wrong.append((f"{what} is closed to role {role}", grant))
        return wrong


def main(arguments: Sequence[str]) -> None:
    """Runs the program and exits with its status; ``--check`` says on stderr what is to do."""
    try:
        provision = Provision(ProvisionSettings.load())
    except (SettingsError, ValueError) as error:
        raise SystemExit(str(error)) from None
    if not arguments:
        uvloop.run(provision.apply())
    elif list(arguments) == ["--check"]:
        if pending := uvloop.run(provision.pending()):
            raise SystemExit("\n".join(pending))
    else:
        raise SystemExit(_USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
