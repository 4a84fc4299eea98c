"""Database: a database, its owner and the roles that may use it."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from components.clouds.local.provider.framework import (
    Inputs,
    Live,
    LocalError,
    Port,
    Resource,
    poll,
)
from components.clouds.local.provider.postgres import sql
from components.clouds.local.provider.values import Properties

if TYPE_CHECKING:
    from components.clouds.local.provider.postgres.sql import Connection

_READY_SECONDS = 30

SqlName = Annotated[
    str,
    Field(
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="lower-case letters, digits and _, at most 63, such as security_owner",
    ),
]


class Role(Inputs):
    """A login role."""

    name: SqlName
    password: str = Field(min_length=8, max_length=256)


class DatabaseInputs(Inputs):
    """What a program says of a database."""

    host: str
    port: Port
    superuser_password: str
    database_name: SqlName
    owner: Role
    roles: list[Role] = Field(default_factory=list[Role])
    system_identifier: str | None = None


class Database(Resource[DatabaseInputs]):
    """Kept as declared in a server, whichever server is the primary now."""

    inputs = DatabaseInputs
    outputs: ClassVar = ("oid",)
    replace_on: ClassVar = frozenset({"database_name"})
    secret: ClassVar = frozenset({"superuser_password", "owner", "roles"})

    def identify(self, inputs: DatabaseInputs) -> str:
        """Returns the database's name."""
        return inputs.database_name

    def apply(self, inputs: DatabaseInputs, old: Properties | None) -> Properties:
        """Makes or mends the roles, the database and who may connect."""
        _await_server(inputs)
        with _server(inputs) as server:
            for role in (inputs.owner, *inputs.roles):
                _ensure_role(server, role)
            _ensure_database(server, inputs)
            oid = _oid(server, inputs)
        with _server(inputs, database=inputs.database_name) as database:
            _ensure_schema(database, inputs)
            if old:
                _drop_former_roles(database, inputs, self.parse(old))
        return {"oid": oid}

    def read(self, inputs: DatabaseInputs, recorded: Properties) -> Live | None:
        """Looks at the database, its owner, and whether each role logs in."""
        try:
            with _server(inputs) as server:
                return Live({"oid": _oid(server, inputs)}, _drift(server, inputs))
        except sql.UnavailableError as error:
            return Live({"oid": recorded.get("oid", "")}, [str(error)])

    def delete(self, inputs: DatabaseInputs) -> None:
        """Drops the database and its roles; a server that is gone took them along."""
        from psycopg.sql import SQL, Identifier

        try:
            with _server(inputs) as server:
                name = Identifier(inputs.database_name)
                server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
                for role in (*inputs.roles, inputs.owner):
                    server.execute(SQL("DROP ROLE IF EXISTS {}").format(Identifier(role.name)))
        except sql.UnavailableError:
            return


@contextmanager
def _server(inputs: DatabaseInputs, *, database: str = "postgres") -> "Generator[Connection]":
    with sql.connect(
        inputs.host, inputs.port, inputs.superuser_password, database=database
    ) as connection:
        yield connection


def _oid(server: "Connection", inputs: DatabaseInputs) -> str:
    """Returns what tells a database from another of the same name made after it; empty for none."""
    query = "SELECT oid::text FROM pg_database WHERE datname = %s"
    return str(sql.value(server, query, [inputs.database_name]) or "")


def _await_server(inputs: DatabaseInputs) -> None:
    """Waits until the server answers and takes writes."""
    reason = ""
    for _ in poll(_READY_SECONDS, interval=0.2):
        try:
            with _server(inputs) as server:
                if sql.value(server, "SELECT pg_is_in_recovery()") is False:
                    return
                reason = f"PostgreSQL on port {inputs.port} is a standby and takes no writes"
        except sql.UnavailableError as error:
            reason = str(error)
    raise LocalError(f"database {inputs.database_name}: {reason}")


def _ensure_role(server: "Connection", role: Role) -> None:
    from psycopg.sql import SQL, Identifier, Literal

    found = sql.value(server, "SELECT true FROM pg_roles WHERE rolname = %s", [role.name])
    server.execute(
        SQL(
            "{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
        ).format(SQL("ALTER" if found else "CREATE"), Identifier(role.name))
        + SQL("PASSWORD {}").format(Literal(sql.verifier(server, role.name, role.password)))
    )


def _ensure_database(server: "Connection", inputs: DatabaseInputs) -> None:
    from psycopg.sql import SQL, Identifier

    database, owner = Identifier(inputs.database_name), Identifier(inputs.owner.name)
    query = "SELECT true FROM pg_database WHERE datname = %s"
    if sql.value(server, query, [inputs.database_name]):
        server.execute(SQL("ALTER DATABASE {} OWNER TO {}").format(database, owner))
    else:
        server.execute(SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
    server.execute(SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for role in inputs.roles:
        grant = SQL("GRANT CONNECT ON DATABASE {} TO {}")
        server.execute(grant.format(database, Identifier(role.name)))


def _ensure_schema(database: "Connection", inputs: DatabaseInputs) -> None:
    from psycopg.sql import SQL, Identifier

    owner = Identifier(inputs.owner.name)
    database.execute(SQL("CREATE SCHEMA IF NOT EXISTS public AUTHORIZATION {}").format(owner))
    database.execute(SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
    database.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for role in inputs.roles:
        database.execute(SQL("GRANT USAGE ON SCHEMA public TO {}").format(Identifier(role.name)))


def _drop_former_roles(
    database: "Connection", inputs: DatabaseInputs, former: DatabaseInputs
) -> None:
    """Drops roles that are no longer declared; what they own goes to the owner."""
    from psycopg.sql import SQL, Identifier

    declared = {role.name for role in (inputs.owner, *inputs.roles)}
    owner = Identifier(inputs.owner.name)
    for name in sorted({role.name for role in (former.owner, *former.roles)} - declared):
        if sql.value(database, "SELECT true FROM pg_roles WHERE rolname = %s", [name]):
            role = Identifier(name)
            database.execute(SQL("REASSIGN OWNED BY {} TO {}").format(role, owner))
            database.execute(SQL("DROP OWNED BY {}").format(role))
            database.execute(SQL("DROP ROLE {}").format(role))


def _drift(server: "Connection", inputs: DatabaseInputs) -> list[str]:
    name = inputs.database_name
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
    owner = sql.value(server, query, [name])
    if owner is None:
        return [f"database {name} is missing"]
    found: list[str] = []
    if owner != inputs.owner.name:
        found.append(f"database {name} belongs to {owner}, not {inputs.owner.name}")
    if sql.value(server, "SELECT has_database_privilege('public', %s, 'CONNECT')", [name]):
        found.append(f"any role may connect to database {name}")
    for role in (inputs.owner, *inputs.roles):
        found += _role_drift(server, inputs, role)
    return found


def _role_drift(server: "Connection", inputs: DatabaseInputs, role: Role) -> list[str]:
    plain = sql.value(
        server,
        "SELECT rolcanlogin AND NOT (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication"
        " OR rolbypassrls) FROM pg_roles WHERE rolname = %s",
        [role.name],
    )
    if plain is None:
        return [f"role {role.name} is missing"]
    if not plain:
        return [f"role {role.name} has attributes it must not have"]
    if not sql.accepts(inputs.host, inputs.port, role.name, role.password, inputs.database_name):
        return [f"role {role.name} can't log in to {inputs.database_name} with its password"]
    return []
