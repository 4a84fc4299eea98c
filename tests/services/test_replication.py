"""Data between clouds: two and three real servers, whose administrators are no superusers."""

import asyncio
import os
import secrets
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest

from services.runtime.connection import connect
from services.runtime.provision import Provision, ProvisionSettings
from services.runtime.replication import opening
from services.runtime.replication.__main__ import replicate
from services.runtime.replication.leader import ReplicationError
from services.runtime.replication.settings import ReplicationSettings
from services.runtime.scram import verifier
from services.runtime.settings import SettingsError
from tests.postgres import Postgres

ADMINISTRATOR = "administrator"
PASSWORD = "Adm1nistrator-password"
CLOUDS = ("aws", "gcp", "azure")
SETTINGS = {
    "wal_level": "logical",
    "max_logical_replication_workers": "20",
    "max_sync_workers_per_subscription": "4",
    "max_worker_processes": "40",
    "max_active_replication_origins": "40",
    "max_replication_slots": "40",
    "max_wal_senders": "40",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms",
}


STATE = [
    query.encode()
    for query in (
        """SELECT xmin::text, subname, subenabled FROM pg_subscription
           WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())""",
        "SELECT xmin::text, pubname FROM pg_publication",
        """SELECT slot_name FROM pg_replication_slots
           WHERE database = current_database() ORDER BY 1""",
        """SELECT xmin::text, relname, relacl::text FROM pg_class
           WHERE relnamespace = 'public'::regnamespace AND relkind <> 'S' ORDER BY 2""",
        "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1",
        """SELECT rolname, rolconfig FROM pg_roles
           WHERE rolname LIKE current_database() || '%' ORDER BY 1""",
    )
]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Postgres]]:
    """A leader a cloud."""
    made = {cloud: Postgres(SETTINGS) for cloud in CLOUDS}
    try:
        for server in made.values():
            server.start()
            with server.connect() as connection:
                role = f"CREATE ROLE {ADMINISTRATOR} LOGIN CREATEDB CREATEROLE REPLICATION"
                connection.execute(f"{role} PASSWORD '{verifier(PASSWORD)}'".encode())
                connection.execute(f"GRANT pg_create_subscription TO {ADMINISTRATOR}".encode())
        yield made
    finally:
        for server in made.values():
            server.remove()


@dataclass
class Environment:
    """A service on several clouds.

    Attributes:
        servers: Leader by cloud.
        folder: Of the secret files.
        name: Of the service's database.
        service: Its name.
    """

    servers: Mapping[str, Postgres]
    folder: Path
    name: str
    service: str = "marketplace"
    passwords: dict[str, str] = field(default_factory=dict[str, str])

    def variables(self, primary: str, *clouds: str) -> dict[str, str]:
        """The Job's environment."""
        leaders = {cloud: self.servers[cloud] for cloud in clouds or self.servers}
        return {
            "AIP_SERVICE": self.service,
            "AIP_DATABASE_NAME": self.name,
            "AIP_PRIMARY": primary,
            "AIP_LEADERS": ",".join(
                f"{cloud}={ADMINISTRATOR}@127.0.0.1:{server.port}"
                for cloud, server in leaders.items()
            ),
            "AIP_CATCH_UP_SECONDS": "20",
            "AIP_COPY_SECONDS": "60",
            "AIP_SECRETS_DIR": str(self.folder),
        }

    def replicate(self, primary: str, *clouds: str, **changes: object) -> None:
        """Runs the Job in this process."""
        with mock.patch.dict(os.environ, self.variables(primary, *clouds)):
            settings = ReplicationSettings.load().model_copy(update=changes)
        asyncio.run(replicate(settings))

    def provision(self, cloud: str) -> None:
        """Makes the database on a leader."""
        variables = {
            **self.variables(cloud),
            "AIP_DATABASE_HOST": "127.0.0.1",
            "AIP_DATABASE_PORT": str(self.servers[cloud].port),
            "AIP_ADMINISTRATOR": ADMINISTRATOR,
        }
        with mock.patch.dict(os.environ, variables):
            provision = Provision(ProvisionSettings.load())
        asyncio.run(provision.apply())

    @contextmanager
    def session(self, cloud: str, role: str = "owner") -> Iterator["psycopg.Connection[Any]"]:
        """Connects as a role of the service, autocommitting."""
        suffix = {"tenant": "", "owner": "_owner", "system": "_system"}[role]
        with psycopg.connect(
            host="127.0.0.1",
            port=self.servers[cloud].port,
            dbname=self.name,
            user=f"{self.name}{suffix}",
            password=self.passwords[role],
            autocommit=True,
        ) as connection:
            yield connection

    def register(self, cloud: str, name: str) -> None:
        """Writes a row as the service does, and an event with it."""
        with self.session(cloud, "tenant") as connection, connection.transaction():
            connection.execute("SELECT set_config('app.tenant_id', 'acme', true)")
            connection.execute(
                "INSERT INTO service (id, tenant_id, name, category, pricing_model, base_price, "
                "visibility, endpoints) VALUES (%s, 'acme', %s, 'nlp', 'pay_per_use', 1, 'tenant', "
                """'[{"url": "https://example"}]')""",
                (uuid.uuid4(), name),
            )
            connection.execute(
                "INSERT INTO outbox (event_id, tenant_id, topic, key, payload) "
                "VALUES (%s, 'acme', 'service.created', %s, '{}')",
                (uuid.uuid4(), name),
            )

    def version(self, cloud: str, name: str) -> object:
        """Returns what changes when a row is written again."""
        with self.session(cloud) as connection:
            query = "SELECT xmin::text, ctid::text FROM service WHERE name = %s"
            return connection.execute(query, (name,)).fetchone()

    def names(self, cloud: str) -> list[str]:
        """Returns the names of the services that a leader has."""
        with self.session(cloud) as connection:
            rows = connection.execute("SELECT name FROM service ORDER BY name").fetchall()
        return [row[0] for row in rows]

    def await_names(self, cloud: str, *names: str) -> None:
        """Waits until a leader has these services and no others."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.servers[cloud].port,
            dbname=self.name,
            user=f"{self.name}_owner",
            password=self.passwords["owner"],
            autocommit=True,
        ) as connection:
            for _ in range(200):
                rows = connection.execute("SELECT name FROM service ORDER BY name").fetchall()
                if [row[0] for row in rows] == sorted(names):
                    return
                connection.execute("SELECT pg_sleep(0.05)")
        assert self.names(cloud) == sorted(names)

    def state(self) -> dict[str, list[Any]]:
        """Returns every leader's publications, subscriptions, slots, rights and sequences."""
        found: dict[str, list[Any]] = {}
        for cloud, server in self.servers.items():
            with server.connect(self.name) as connection:
                found[cloud] = [connection.execute(query).fetchall() for query in STATE]
        return found


@pytest.fixture
def environment(servers: dict[str, Postgres], tmp_path: Path) -> Environment:
    """A service whose database is made on aws and gcp, and empty."""
    return new_environment(servers, tmp_path, "aws", "gcp")


def new_environment(servers: Mapping[str, Postgres], folder: Path, *clouds: str) -> Environment:
    passwords = {name: secrets.token_urlsafe(24) for name in ("owner", "tenant", "system")}
    files = {
        "aip_administrator_password": PASSWORD,
        "aip_owner_database_password": passwords["owner"],
        "aip_database_password": passwords["tenant"],
        "aip_system_database_password": passwords["system"],
        "aip_replication_password": secrets.token_urlsafe(24) + "'\\",
    }
    for name, value in files.items():
        (folder / name).write_text(value)
    made = Environment(
        {cloud: servers[cloud] for cloud in clouds},
        folder,
        f"market_{secrets.token_hex(3)}",
        passwords=passwords,
    )
    for cloud in clouds:
        made.provision(cloud)
    return made


def last_values(environment: Environment, cloud: str) -> dict[str, int]:
    with environment.session(cloud) as connection:
        rows = connection.execute("SELECT sequencename, last_value FROM pg_sequences").fetchall()
    return {name: value or 0 for name, value in rows}


def test_what_one_cloud_writes_the_other_has(environment: Environment) -> None:
    environment.replicate("aws")
    environment.register("aws", "first")
    environment.await_names("gcp", "first")
    environment.replicate("aws")  # takes the sequences along
    before = environment.state()
    environment.replicate("aws")
    assert environment.state() == before  # there was nothing to do
    environment.register("aws", "second")
    environment.await_names("gcp", "first", "second")


def test_a_server_that_cannot_reach_the_primary_is_told_and_follows_later(
    environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = "host=127.0.0.1 port=1 user=nobody password=hidden"
    with mock.patch.object(ReplicationSettings, "source", return_value=nowhere):
        environment.replicate("aws")
    (told,) = [one for one in caplog.records if one.message == "does not follow"]
    assert "gcp's server cannot reach aws's at 127.0.0.1:" in str(vars(told)["fields"])
    assert "hidden" not in caplog.text + str(vars(told))
    environment.register("aws", "first")
    environment.replicate("aws")
    environment.await_names("gcp", "first")


def test_services_cannot_write_to_a_follower(environment: Environment) -> None:
    with environment.session("gcp", "system") as before:
        environment.replicate("aws")
        with pytest.raises(psycopg.OperationalError):
            before.execute("SELECT 1")  # sessions that might write have been ended
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        environment.register("gcp", "astray")
    with (
        environment.session("gcp", "system") as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("DELETE FROM event")


def test_a_switch_loses_nothing_copies_nothing_and_can_be_switched_back(
    environment: Environment,
) -> None:
    environment.replicate("aws")
    environment.register("aws", "first")
    written = environment.version("aws", "first")
    environment.replicate("gcp")
    environment.register("gcp", "second")  # its outbox id does not collide with the first's
    environment.await_names("aws", "first", "second")
    assert environment.version("aws", "first") == written  # the very row, not a copy of it
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        environment.register("aws", "astray")
    assert last_values(environment, "gcp")["outbox_id_seq"] == 2  # no value was skipped
    with environment.servers["aws"].connect() as connection:
        slots = connection.execute(
            b"SELECT slot_name FROM pg_replication_slots WHERE database = %s", (environment.name,)
        )
        assert slots.fetchall() == []  # nothing keeps the old primary's log
    before = environment.state()
    environment.replicate("gcp")
    after = environment.state()
    # But for the old primary's sequences, which a run takes along.
    assert after["gcp"] == before["gcp"]
    assert after["aws"][:3] == before["aws"][:3]
    environment.replicate("aws")
    environment.register("aws", "third")
    environment.await_names("gcp", "first", "second", "third")


def test_a_leader_that_was_lost_follows_from_a_copy_when_it_is_back(
    environment: Environment,
) -> None:
    environment.replicate("aws")
    environment.register("aws", "first")
    environment.await_names("gcp", "first")
    with environment.servers["gcp"].connect(environment.name) as connection:
        disable = f'ALTER SUBSCRIPTION "{environment.name}_aws_to_gcp" DISABLE'
        connection.execute(disable.encode())
        environment.register("aws", "lost")
        connection.execute(disable.replace("DISABLE", "ENABLE").encode())
        environment.servers["aws"].stop()
    environment.replicate("gcp")
    environment.register("gcp", "second")
    assert last_values(environment, "gcp")["outbox_id_seq"] > 1 << 32
    environment.servers["aws"].start()
    environment.register("aws", "lost too")
    environment.replicate("gcp")
    with environment.session("gcp") as connection:
        kept = [row[0] for row in connection.execute("SELECT name FROM service").fetchall()]
    assert "second" in kept
    assert "lost too" not in kept
    environment.await_names("aws", *kept)
    before = environment.state()
    environment.replicate("gcp")
    assert environment.state() == before


def test_rows_of_a_leader_that_never_followed_are_not_replaced_unless_told(
    environment: Environment,
) -> None:
    environment.replicate("gcp", "gcp")
    environment.register("gcp", "precious")
    with pytest.raises(ReplicationError, match="gcp takes writes and has never followed aws"):
        environment.replicate("aws")
    assert environment.names("gcp") == ["precious"]
    environment.register("gcp", "still open")
    environment.replicate("aws", accept_data_loss=True)
    assert environment.names("gcp") == []


def test_a_follower_that_cannot_catch_up_does_not_take_over(environment: Environment) -> None:
    environment.replicate("aws")
    with environment.session("gcp") as connection:
        connection.execute("ALTER TABLE service DROP COLUMN category")  # now it cannot apply rows
    environment.register("aws", "first")
    with pytest.raises(ReplicationError, match="gcp does not catch up with aws within 2 s"):
        environment.replicate("gcp", catch_up_seconds=2)
    environment.register("aws", "second")  # which goes on as before


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """A connection of a process that is killed at one of its changes."""

    def __init__(self, connection: Any, life: list[int]) -> None:
        self._connection = connection
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, query: str, *args: object) -> str:
        self._change()
        return await self._connection.execute(query, *args)

    async def fetchval(self, query: str, *args: object) -> Any:
        if "pg_create" in query or "pg_drop" in query or "setval" in query:
            self._change()
        return await self._connection.fetchval(query, *args)

    def _change(self) -> None:
        self._life[0] -= 1
        if self._life[0] < 0:
            raise Killed


def killed(environment: Environment, primary: str, changes: int) -> bool:
    """Runs the Job in a process that is killed after so many changes; returns whether it was."""
    life = [changes]

    async def mortal(*args: Any, **options: Any) -> Any:
        return Mortal(await connect(*args, **options), life)

    with mock.patch.object(opening, "connect", mortal):
        try:
            environment.replicate(primary)
        except Killed:
            return True
    return False


def test_a_first_run_that_is_killed_anywhere_is_finished_by_the_next(
    servers: dict[str, Postgres], tmp_path: Path
) -> None:
    changes = 0
    environment = new_environment(servers, tmp_path, "aws", "gcp")
    while killed(environment, "aws", changes):
        changes += 1
    assert changes > 0
    environment.register("aws", "first")
    environment.await_names("gcp", "first")


def test_a_switch_that_is_killed_anywhere_is_finished_or_taken_back(
    environment: Environment,
) -> None:
    environment.replicate("aws")
    names: list[str] = []
    primary, other = "aws", "gcp"
    changes = 0
    while killed(environment, other, changes):
        if changes % 2:
            primary, other = other, primary  # go on; else take it back
        environment.replicate(primary)
        names.append(f"after {changes}")
        environment.register(primary, names[-1])
        environment.await_names(other, *names)
        changes += 1
    assert changes > 8


def test_a_third_cloud_follows_and_goes_on_after_a_switch(
    servers: dict[str, Postgres], tmp_path: Path
) -> None:
    environment = new_environment(servers, tmp_path, *CLOUDS)
    environment.replicate("aws")
    environment.register("aws", "first")
    environment.await_names("azure", "first")
    written = environment.version("azure", "first")
    environment.replicate("gcp")
    environment.register("gcp", "second")
    for cloud in ("aws", "azure"):
        environment.await_names(cloud, "first", "second")
    assert environment.version("azure", "first") == written
    # A cloud that is given up keeps nothing at the primary.
    environment.replicate("gcp", "aws", "gcp")
    assert [row[0] for row in environment.state()["gcp"][2]] == [f"{environment.name}_gcp_to_aws"]


def test_a_new_table_is_copied_without_what_its_migration_put_there(
    environment: Environment,
) -> None:
    environment.replicate("aws")
    for cloud in ("gcp", "aws"):  # as its migration does, followers first
        with environment.session(cloud) as connection:
            connection.execute("CREATE TABLE plan (id bigint PRIMARY KEY, made_at text)")
            connection.execute("ALTER TABLE plan ENABLE ROW LEVEL SECURITY")
            connection.execute("INSERT INTO plan VALUES (1, %s)", (cloud,))
    environment.replicate("aws")
    with environment.session("gcp") as connection:
        assert connection.execute("SELECT made_at FROM plan").fetchall() == [("aws",)]


def test_a_table_that_could_not_be_replicated_is_named(environment: Environment) -> None:
    environment.replicate("aws")
    with environment.session("aws") as connection:
        connection.execute("CREATE TABLE heap (id bigint)")
    with pytest.raises(ReplicationError, match="table heap has no primary key"):
        environment.replicate("aws")


def test_a_changed_replication_password_reaches_the_followers(environment: Environment) -> None:
    environment.replicate("aws")
    (environment.folder / "aip_replication_password").write_text("An0ther-password")
    environment.replicate("aws")
    with environment.servers["aws"].connect() as connection:
        connection.execute(
            b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            b"WHERE backend_type = 'walsender'"
        )
    environment.register("aws", "first")
    environment.await_names("gcp", "first")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AIP_LEADERS", "aws=127.0.0.1:5432", "is not <cloud>=<administrator>@<host>:<port>"),
        ("AIP_PRIMARY", "ibm", "AIP_PRIMARY is ibm, which AIP_LEADERS does not name"),
    ],
)
def test_wrong_settings_are_named(
    environment: Environment, name: str, value: str, message: str
) -> None:
    with (
        mock.patch.dict(os.environ, {**environment.variables("aws"), name: value}),
        pytest.raises(SettingsError, match=message),
    ):
        ReplicationSettings.load()
