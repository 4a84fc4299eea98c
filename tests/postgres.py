"""A real PostgreSQL for tests: one server a test session, one database a test that asks."""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from components.clouds.local.provider import binaries
from components.clouds.local.provider.postgres import account
from tests.ports import free_port

_BIN = binaries.postgresql("18")
_START_SECONDS = 20
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class ServiceDatabase:
    """A service's database with its three roles, as infrastructure makes them.

    Attributes:
        host: Address of the server.
        port: Its port.
        name: Name of the database, and of the tenant-bound role.
        password: Of the tenant-bound role.
        system_password: Of ``<name>_system``.
        owner_password: Of ``<name>_owner``.
        server: Where it is.
    """

    host: str
    port: int
    name: str
    password: str
    system_password: str
    owner_password: str
    server: "Postgres"

    def connect(self, role: str = "tenant") -> "psycopg.Connection[tuple[object, ...]]":
        """Connects, autocommitting, as role "tenant", "system" or "owner"."""
        user, password = {
            "tenant": (self.name, self.password),
            "system": (f"{self.name}_system", self.system_password),
            "owner": (f"{self.name}_owner", self.owner_password),
        }[role]
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=self.name,
            user=user,
            password=password,
            autocommit=True,
        )


class Postgres:
    """A PostgreSQL server in a folder of its own.

    PostgreSQL refuses to run as root, so root starts it as another user.

    Args:
        settings: Of the server, besides those of every test's.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = {**_OPTIONS, **(settings or {})}
        self._folder = Path(tempfile.mkdtemp(prefix="ai-platform-postgres-"))
        self._data = self._folder / "data"
        self._password = secrets.token_urlsafe(16)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        password_file = self._folder / "password"
        password_file.write_text(self._password)
        if owner := account.owner():
            for path in (self._folder, password_file):
                os.chown(path, owner.uid, owner.gid)
        initdb = ["-D", str(self._data), "-U", "postgres", "-A", "scram-sha-256", "--no-sync"]
        initdb += ["-E", "UTF8", "--locale=C", f"--pwfile={password_file}", "--no-instructions"]
        self._popen("initdb", initdb).wait(_START_SECONDS)

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        self._process = self._popen("postgres", ["-D", str(self._data), f"-p{self.port}", *options])
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError(f"PostgreSQL does not start:\n{self.log}") from None
                time.sleep(0.02)
            else:
                return

    @property
    def log(self) -> str:
        """What the server has logged."""
        return (self._folder / "log").read_text()

    @property
    def password(self) -> str:
        """Of the superuser."""
        return self._password

    def stop(self) -> None:
        """Stops the server at once, as a crash would."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(0.5)
            except subprocess.TimeoutExpired:
                self._process.send_signal(3)  # SIGQUIT: do not wait for clients
                self._process.wait(_START_SECONDS)
            self._process = None

    def remove(self) -> None:
        """Stops the server and deletes its folder."""
        self.stop()
        shutil.rmtree(self._folder)

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """Connects as superuser, autocommitting."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user="postgres",
            password=self._password,
            autocommit=True,
        )

    def create_database(self, service: str) -> ServiceDatabase:
        """Makes a service's database, under a name that no other test uses, and its roles."""
        name = f"{service}_{secrets.token_hex(4)}"
        made = ServiceDatabase(
            host="127.0.0.1",
            port=self.port,
            name=name,
            password=secrets.token_urlsafe(12),
            system_password=secrets.token_urlsafe(12),
            owner_password=secrets.token_urlsafe(12),
            server=self,
        )
        roles = {
            name: made.password,
            f"{name}_system": made.system_password,
            f"{name}_owner": made.owner_password,
        }
        with self.connect() as connection:
            for role, password in roles.items():
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(password)
                    )
                )
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(f"{name}_owner")
                )
            )
        return made

    def _popen(self, program: str, arguments: list[str]) -> "subprocess.Popen[bytes]":
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*account.prefix(self._folder, _BIN), str(_BIN / program), *arguments],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()
