"""A service's database on a managed server, whose administrator is no superuser."""

import asyncio
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import psycopg
import pytest

from components.clouds.local.provider.resources import database as local
from services.runtime.provision import Provision, ProvisionSettings
from services.runtime.scram import verifier
from tests.certificates import Authority
from tests.postgres import Postgres, ServiceDatabase
from tests.proxy import Proxy, proxying
from tests.services.running import ROOT, surroundings
from tests.services.security import (
    ADMIN_PASSWORD,
    key_encryption_key,
    migrate,
    running_security,
)

ADMINISTRATOR = "administrator"
ADMINISTRATOR_PASSWORD = "Adm1nistrator-password"
CHANGES = re.compile(rb"(CREATE|ALTER|GRANT|REVOKE) ")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server as RDS gives it, which logs every statement."""
    made = Postgres({"log_statement": "all", "log_min_duration_statement": "0"})
    try:
        made.start()
        with made.connect() as connection:
            create = f"CREATE ROLE {ADMINISTRATOR} LOGIN NOSUPERUSER CREATEDB CREATEROLE "
            connection.execute(f"{create} PASSWORD '{verifier(ADMINISTRATOR_PASSWORD)}'".encode())
        yield made
    finally:
        made.remove()


@dataclass(frozen=True)
class Job:
    """One service's provisioning.

    Attributes:
        server: Where.
        folder: Of its secret files.
        database: What it is to make.
        port: Where the server is reached.
    """

    server: Postgres
    folder: Path
    database: ServiceDatabase
    port: int

    @property
    def variables(self) -> dict[str, str]:
        """Its environment, once its secrets are written."""
        files = {
            "administrator": ADMINISTRATOR_PASSWORD,
            "owner_database": self.database.owner_password,
            "database": self.database.password,
            "system_database": self.database.system_password,
        }
        for name, value in files.items():
            (self.folder / f"aip_{name}_password").write_text(value)
        return {
            "AIP_SERVICE": "security",
            "AIP_DATABASE_HOST": "127.0.0.1",
            "AIP_DATABASE_PORT": str(self.port),
            "AIP_DATABASE_NAME": self.database.name,
            "AIP_ADMINISTRATOR": ADMINISTRATOR,
            "AIP_SECRETS_DIR": str(self.folder),
        }

    def provision(self) -> Provision:
        with mock.patch.dict(os.environ, self.variables):
            return Provision(ProvisionSettings.load())

    def apply(self) -> None:
        asyncio.run(self.provision().apply())

    def pending(self) -> list[str]:
        return asyncio.run(self.provision().pending())

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "services.runtime.provision", *arguments],
            env={**os.environ, **self.variables},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def roles(self) -> tuple[str, str, str]:
        """Names of the owner, the tenant-bound and the system role."""
        name = self.database.name
        return f"{name}_owner", name, f"{name}_system"


@pytest.fixture
def job(server: Postgres, tmp_path: Path) -> Job:
    return new_job(server, tmp_path)


def new_job(server: Postgres, folder: Path) -> Job:
    database = ServiceDatabase(
        host="127.0.0.1",
        port=server.port,
        name=f"security_{secrets.token_hex(4)}",
        password=secrets.token_urlsafe(12),
        system_password=secrets.token_urlsafe(12),
        owner_password=secrets.token_urlsafe(12),
        server=server,
    )
    return Job(server, folder, database, server.port)


def test_the_first_run_makes_everything_and_the_second_nothing(job: Job) -> None:
    before = job.run("--check")
    assert (before.returncode, before.stdout) == (1, "")
    assert before.stderr.splitlines() == [
        line
        for role in job.roles
        for line in (
            f"role {role} is missing",
            f"role {ADMINISTRATOR} does not inherit role {role}",
        )
    ]
    first = job.run()
    assert (first.returncode, first.stderr) == (0, "")
    after = job.run("--check")
    assert (after.returncode, after.stdout, after.stderr) == (0, "", "")
    logged = len(job.server.log)
    second = job.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert not CHANGES.search(job.server.log[logged:].encode())


async def test_migrations_and_the_service_run_on_it(
    job: Job, authority: Authority, tmp_path: Path
) -> None:
    await job.provision().apply()
    secret = {
        "aip_key_encryption_key": key_encryption_key(),
        "aip_admin_password": ADMIN_PASSWORD,
    }
    around = surroundings(tmp_path / "service", authority, "security", job.database, secret)
    await migrate(around)
    async with running_security(around, authority) as security:
        assert await security.token()
    await job.provision().apply()
    assert await job.provision().pending() == []


def rights(server: Postgres, database: ServiceDatabase) -> dict[str, str]:
    """Returns who may do what, with the database's own name left out."""
    name = database.name
    with server.connect(name) as connection:
        row = connection.execute(
            """
            SELECT pg_get_userbyid(d.datdba), d.datacl::text,
                   pg_get_userbyid(n.nspowner), n.nspacl::text,
                   (SELECT array_agg((rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole,
                                      rolreplication, rolbypassrls, rolinherit)::text
                                     ORDER BY rolname)
                    FROM pg_roles WHERE rolname LIKE current_database() || '%%')
            FROM pg_database AS d, pg_namespace AS n
            WHERE d.datname = current_database() AND n.nspname = 'public'
            """
        ).fetchone()
    assert row is not None
    columns = ("owner", "access", "schema", "schema access", "roles")
    return {
        column: str(value).replace(name, "NAME") for column, value in zip(columns, row, strict=True)
    }


def test_roles_have_the_rights_that_the_local_provider_gives(job: Job) -> None:
    job.apply()
    other = new_job(job.server, job.folder).database
    inputs = local.DatabaseInputs(
        host="127.0.0.1",
        port=job.server.port,
        superuser_password=job.server.password,
        database_name=other.name,
        owner=local.Role(name=f"{other.name}_owner", password=other.owner_password),
        roles=[
            local.Role(name=other.name, password=other.password),
            local.Role(name=f"{other.name}_system", password=other.system_password),
        ],
    )
    local.Database().apply(inputs, None)
    assert rights(job.server, job.database) == rights(job.server, other)


def test_a_changed_password_is_set_and_never_in_the_clear(job: Job) -> None:
    job.apply()
    changed = replace(job, database=replace(job.database, password="An0ther-password"))
    check = changed.run("--check")
    assert check.returncode == 1
    assert check.stderr == f"role {job.database.name} has another password\n"
    done = changed.run()
    assert done.stdout == f"role {job.database.name} has another password: mended\n"
    changed.database.connect().close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        job.database.connect()
    log = job.server.log
    assert "ALTER ROLE" in log  # statements are in the log
    for secret in (
        ADMINISTRATOR_PASSWORD,
        changed.database.password,
        job.database.password,
        job.database.owner_password,
        job.database.system_password,
    ):
        assert secret not in log + check.stderr + done.stdout


@pytest.mark.parametrize(
    ("undo", "reason"),
    [
        ('REVOKE CONNECT ON DATABASE "{0}" FROM "{0}"', "database {0} is closed to role {0}"),
        ('GRANT TEMP ON DATABASE "{0}" TO PUBLIC', "database {0} is open to any role"),
        (
            'ALTER DATABASE "{0}" OWNER TO "{0}_system"',
            "database {0} belongs to {0}_system, not {0}_owner",
        ),
        ('ALTER ROLE "{0}" CREATEDB', "role {0} has CREATEDB"),
        ('ALTER ROLE "{0}_system" NOLOGIN', "role {0}_system may not log in"),
        (
            'REVOKE "{0}_owner" FROM administrator GRANTED BY administrator',
            "role administrator does not inherit role {0}_owner",
        ),
        ("DROP SCHEMA public", "schema public of database {0} is missing"),
        (
            "ALTER SCHEMA public OWNER TO pg_database_owner",
            "schema public of database {0} belongs to pg_database_owner, not {0}_owner",
        ),
        (
            "GRANT USAGE ON SCHEMA public TO PUBLIC",
            "schema public of database {0} is open to any role",
        ),
    ],
)
def test_what_was_undone_is_mended(job: Job, undo: str, reason: str) -> None:
    job.apply()
    name = job.database.name
    with job.server.connect(name) as connection:
        connection.execute(undo.format(name).encode())
    assert job.pending() == [reason.format(name)]
    job.apply()
    assert job.pending() == []
    job.database.connect().close()


def test_what_the_administrator_may_not_take_away_is_named(job: Job) -> None:
    job.apply()
    with job.server.connect() as connection:
        connection.execute(f'ALTER ROLE "{job.database.name}" BYPASSRLS'.encode())
    refusal = job.run()
    assert refusal.returncode == 1
    assert f"database 127.0.0.1:{job.port}/postgres as {ADMINISTRATOR}" in refusal.stderr
    assert f"role {job.database.name} has BYPASSRLS" in refusal.stderr
    assert "Traceback" not in refusal.stderr


def losing(number: int) -> Callable[[bytes], bool]:
    """Returns what loses every connection from the n-th change on."""
    changes = 0

    def cut(data: bytes) -> bool:
        nonlocal changes
        changes += bool(CHANGES.search(data))
        return changes >= number

    return cut


def test_a_run_that_is_lost_at_any_statement_is_finished_by_the_next(
    server: Postgres, tmp_path: Path
) -> None:
    number = finished_at = 0
    while not finished_at:
        number += 1
        job = new_job(server, tmp_path)
        with proxying(Proxy(server.port, cut=losing(number))) as proxy:
            try:
                replace(job, port=proxy.port).apply()
            except SystemExit:
                assert job.pending()
            else:
                finished_at = number
        job.apply()
        assert job.pending() == []
    assert finished_at == 15  # each of the fourteen statements was lost once


def test_runs_at_once_do_it_once(job: Job) -> None:
    async def both() -> None:
        await asyncio.gather(job.provision().apply(), job.provision().apply())

    asyncio.run(both())
    assert job.pending() == []


def test_missing_settings_are_listed(tmp_path: Path) -> None:
    refusal = subprocess.run(
        [sys.executable, "-m", "services.runtime.provision"],
        env={**os.environ, "AIP_SECRETS_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refusal.returncode == 1
    for name in ("AIP_SERVICE", "AIP_ADMINISTRATOR", "aip_administrator_password"):
        assert name in refusal.stderr
    assert "Traceback" not in refusal.stderr
