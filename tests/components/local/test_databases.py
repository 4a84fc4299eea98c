"""Databases and roles: who may do what, and how they are mended."""

from typing import Any

import psycopg
import pytest

from tests.components.local.machine import LOOPBACK, PASSWORD, Declared, Machine
from tests.components.local.test_postgres import connect
from tests.ports import free_port

OWNER, TENANT, SYSTEM = "security_owner", "security", "security_system"


@pytest.fixture
def server(machine: Machine) -> Declared:
    machine.supervisor()
    return machine.declare(
        "PostgresServer",
        supervisor=str(machine.home / "region"),
        name="postgres",
        folder=str(machine.home / "database"),
        port=free_port(),
        role="primary",
        superuser_password=PASSWORD,
        replication_password=PASSWORD,
    )


def role(name: str) -> dict[str, str]:
    return {"name": name, "password": f"{name}-{PASSWORD}"}


def declare(machine: Machine, server: Declared, **changes: Any) -> Declared:
    inputs: dict[str, Any] = {
        "host": LOOPBACK,
        "port": server.inputs["port"],
        "superuser_password": PASSWORD,
        "database_name": "security",
        "owner": role(OWNER),
        "roles": [role(TENANT), role(SYSTEM)],
    }
    return machine.declare("Database", **(inputs | changes))


def login(
    made: Declared, name: str, database: str = "security"
) -> "psycopg.Connection[tuple[Any, ...]]":
    return connect(int(str(made.inputs["port"])), name, role(name)["password"], database)


def superuser(made: Declared) -> "psycopg.Connection[tuple[Any, ...]]":
    return connect(int(str(made.inputs["port"])))


def test_roles_can_do_only_what_they_are_for(machine: Machine, server: Declared) -> None:
    made = declare(machine, server)
    other = declare(
        machine, server, database_name="other", owner=role("other_owner"), roles=[role("other")]
    )
    with login(made, OWNER) as owner:
        owner.execute("CREATE TABLE secrets (tenant_id text)")
        owner.execute("ALTER TABLE secrets ENABLE ROW LEVEL SECURITY")
        owner.execute("GRANT SELECT ON secrets TO security")
        owner.execute("INSERT INTO secrets VALUES ('a')")
    with login(made, TENANT) as tenant:
        assert tenant.execute("SELECT * FROM secrets").fetchall() == [], "no policy, no rows"
        for forbidden in (
            "CREATE TABLE mine (x int)",
            "SET row_security = off; SELECT * FROM secrets",
            "CREATE ROLE mine",
            "CREATE DATABASE mine",
            "ALTER ROLE security BYPASSRLS",
            "SET ROLE security_owner",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                tenant.execute(forbidden)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        login(other, TENANT, "other")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        login(other, "other", "security")
    with superuser(made) as connection:
        stored = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin")
        assert all(str(one).startswith("SCRAM-SHA-256$") for (one,) in stored.fetchall())
    assert made.up().updates == frozenset()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP DATABASE security", "database security is missing"),
        ("ALTER DATABASE security OWNER TO postgres", "belongs to postgres, not security_owner"),
        ("GRANT CONNECT ON DATABASE security TO PUBLIC", "any role may connect"),
        ("ALTER ROLE security BYPASSRLS", "role security has attributes it must not have"),
        ("ALTER ROLE security PASSWORD 'other'", "role security can't log in"),
        ("REVOKE CONNECT ON DATABASE security FROM security", "role security can't log in"),
    ],
)
def test_drift_is_seen_and_mended(
    machine: Machine, server: Declared, damage: str, said: str
) -> None:
    made = declare(machine, server)
    assert made.drift() == []
    with superuser(made) as connection:
        connection.execute(damage.encode())
    assert said in " ".join(made.drift())
    assert made.up().updates == {"drift"}
    assert made.drift() == []


def test_roles_come_and_go_and_what_they_own_stays(machine: Machine, server: Declared) -> None:
    made = declare(machine, server)
    with superuser(made) as connection:
        connection.execute("GRANT ALL ON DATABASE security TO security_system")
    with login(made, OWNER) as owner:
        owner.execute("GRANT CREATE ON SCHEMA public TO security_system")
    with login(made, SYSTEM) as system:
        system.execute("CREATE TABLE kept (x int)")
    made.up(roles=[role(TENANT), role("security_reader")])
    assert made.drift() == []
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(made, SYSTEM)
    with login(made, OWNER) as owner:
        owner.execute("DROP TABLE kept")


def test_delete_drops_database_and_roles_also_of_a_server_that_is_gone(
    machine: Machine, server: Declared
) -> None:
    made = declare(machine, server)
    made.delete()
    with superuser(made) as connection:
        names = connection.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin").fetchall()
    assert sorted(name for (name,) in names) == ["postgres", "replication"]
    server.delete()
    made.delete()
    assert "PostgreSQL on port" in made.drift()[0]
