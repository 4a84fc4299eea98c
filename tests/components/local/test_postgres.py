"""PostgreSQL: replication, moving the primary, losing data folders, databases and roles.

Each test runs real servers: one in each of two regions, as the platform does.
"""

import contextlib
import os
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from components.clouds.local.provider.framework import LocalError, RefusedError
from components.clouds.local.provider.postgres import cluster
from tests.components.local.machine import (
    LOOPBACK,
    PASSWORD,
    Declared,
    Machine,
    vanish,
    wait_for,
)
from tests.ports import free_port

REGIONS = ("east", "west")


@dataclass
class Regions:
    """Two supervisors with a server each."""

    machine: Machine
    servers: dict[str, Declared] = field(default_factory=dict[str, Declared])
    supervisors: dict[str, Declared] = field(default_factory=dict[str, Declared])
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in REGIONS})

    def start(self) -> None:
        """Starts both supervisors, the primary in the first region, the standby in the second."""
        for region in REGIONS:
            self.supervisors[region] = self.machine.supervisor(region)
        self.primary("east")
        self.standby("west")

    def folder(self, region: str) -> Path:
        return self.machine.home / region / "database"

    def primary(self, region: str) -> Declared:
        """Declares a region's server the primary."""
        return self._up(region, {"role": "primary", "standby_slots": [_other(region)]})

    def standby(self, region: str) -> Declared:
        """Declares a region's server a standby of the other one."""
        leader = self.servers[_other(region)].properties
        primary = {key: leader[key] for key in ("host", "port", "system_identifier", "timeline")}
        return self._up(region, {"role": "standby", "primary": primary, "slot": region})

    def _up(self, region: str, changes: dict[str, Any]) -> Declared:
        none = dict.fromkeys(("primary", "slot", "standby_slots"))
        if region in self.servers:
            self.servers[region].up(**(none | changes))
            return self.servers[region]
        other = _other(region)
        self.servers[region] = self.machine.declare(
            "PostgresServer",
            supervisor=str(self.machine.home / region),
            name="postgres",
            folder=str(self.folder(region)),
            port=self.ports[region],
            superuser_password=PASSWORD,
            replication_password=f"replication:{PASSWORD}",
            peers=[
                {
                    "host": LOOPBACK,
                    "port": self.ports[other],
                    "supervisor": str(self.machine.home / other),
                    "process": "postgres",
                }
            ],
            **changes,
        )
        return self.servers[region]

    def connect(self, region: str) -> "psycopg.Connection[tuple[Any, ...]]":
        return connect(self.ports[region])

    def write(self, region: str, row: int) -> None:
        with self.connect(region) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS rows (id int PRIMARY KEY)")
            connection.execute("INSERT INTO rows VALUES (%s)", [row])

    def rows(self, region: str) -> set[int]:
        with contextlib.suppress(psycopg.errors.UndefinedTable), self.connect(region) as connection:
            return {row[0] for row in connection.execute("SELECT id FROM rows").fetchall()}
        return set()

    def wait_for_row(self, region: str, row: int) -> None:
        wait_for(lambda: row in self.rows(region), f"row {row} in {region}")

    def drift(self) -> dict[str, list[str]]:
        return {region: server.drift() for region, server in self.servers.items()}

    def settled(self) -> bool:
        return self.drift() == {"east": [], "west": []}


def _other(region: str) -> str:
    return REGIONS[1 - REGIONS.index(region)]


def connect(
    port: int, user: str = "postgres", password: str = PASSWORD, database: str = "postgres"
) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(
        host=LOOPBACK, port=port, user=user, password=password, dbname=database, autocommit=True
    )


@pytest.fixture
def regions(machine: Machine) -> Regions:
    made = Regions(machine)
    made.start()
    return made


def test_a_standby_streams_and_nothing_is_changed_by_a_second_up(regions: Regions) -> None:
    regions.write("east", 1)
    regions.wait_for_row("west", 1)
    east, west = (regions.servers[region].properties for region in REGIONS)
    assert east["system_identifier"] == west["system_identifier"]
    assert (east["timeline"], west["timeline"]) == (1, 1)
    assert regions.settled()
    before = [regions.machine.only("postgres", region) for region in REGIONS]
    for server in regions.servers.values():
        assert server.up().updates == frozenset()
        server.resource.apply(server.resource.parse(server.inputs), server.properties)
    after = [regions.machine.only("postgres", region) for region in REGIONS]
    assert before == after
    with regions.connect("east") as connection:
        slots = connection.execute("SELECT slot_name, active FROM pg_replication_slots").fetchall()
        checksums = connection.execute("SHOW data_checksums").fetchone()
    assert slots == [("west", True)]
    assert checksums == ("on",)
    assert_no_password_is_in_the_clear(regions)


def assert_no_password_is_in_the_clear(regions: Regions) -> None:
    holding = {
        file.name
        for file in regions.machine.home.rglob("*")
        if file.is_file() and PASSWORD in file.read_text(errors="replace")
    }
    assert holding == {"replication.pgpass"}
    running = regions.machine.running()
    assert not any(PASSWORD in word for one in running for word in one.process.cmdline())


def test_the_primary_moves_and_back_without_losing_a_row_that_was_acknowledged(
    regions: Regions,
) -> None:
    acknowledged: set[int] = set()
    stop = threading.Event()

    def write() -> None:
        row = 0
        while not stop.is_set():
            for region in REGIONS:
                with contextlib.suppress(psycopg.Error):
                    regions.write(region, row)
                    acknowledged.add(row)
                    break
            row += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: len(acknowledged) > 20, "rows before the move")
        for leader in ("west", "east"):
            regions.primary(leader)
            regions.standby(_other(leader))
            written = len(acknowledged)
            wait_for(lambda: len(acknowledged) > written + 20, "rows after the move")  # noqa: B023
    finally:
        stop.set()
        writer.join()
    assert acknowledged <= regions.rows("east")
    regions.wait_for_row("west", max(acknowledged))
    assert acknowledged <= regions.rows("west")
    assert regions.servers["east"].properties["timeline"] == 3
    assert regions.settled()


def test_a_standby_takes_over_from_a_dead_primary_which_then_follows(regions: Regions) -> None:
    regions.write("east", 1)
    regions.wait_for_row("west", 1)
    regions.machine.kill("east/supervisord")
    regions.machine.kill("east/postgres")
    regions.primary("west")
    regions.write("west", 2)
    regions.supervisors["east"].up()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        wait_for(lambda: write_when_up(regions, "east"), "the old primary is back, read-only")
    regions.standby("east")
    regions.wait_for_row("east", 2)
    assert regions.settled()


def write_when_up(regions: Regions, region: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        regions.write(region, 99)
        return True
    return False


def test_a_primary_that_went_further_than_its_successor_is_rewound(regions: Regions) -> None:
    regions.write("east", 1)
    regions.wait_for_row("west", 1)
    east, west = (regions.supervisors[region] for region in REGIONS)
    west.delete()
    regions.write("east", 2)
    east.delete()
    west.up()
    regions.primary("west")
    east.up()
    regions.write("west", 3)
    regions.standby("east")
    regions.wait_for_row("east", 3)
    assert regions.rows("east") == {1, 3}
    assert regions.settled()


def test_a_primary_whose_folder_is_deleted_is_restored_from_the_standby(regions: Regions) -> None:
    for row in range(50):
        regions.write("east", row)
    regions.wait_for_row("west", 49)
    vanish(regions.folder("east"))
    assert regions.servers["east"].drift() == ["gone"]
    regions.primary("east")
    assert regions.rows("east") == set(range(50))
    regions.standby("west")
    regions.write("east", 50)
    regions.wait_for_row("west", 50)
    assert regions.settled()


def test_a_primary_is_not_made_anew_while_its_copy_does_not_answer(
    regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions.write("east", 1)
    regions.wait_for_row("west", 1)
    regions.machine.kill("west/supervisord")
    regions.machine.kill("west/postgres")
    vanish(regions.folder("east"))
    monkeypatch.setattr("components.clouds.local.provider.postgres.server._PEER_SECONDS", 1)
    with pytest.raises(LocalError, match="the server that has a copy, on port"):
        regions.primary("east")
    regions.supervisors["west"].up()
    monkeypatch.undo()
    regions.primary("east")
    assert regions.rows("east") == {1}


def test_a_standby_whose_folder_is_deleted_or_that_is_of_another_cluster_is_rebuilt(
    regions: Regions,
) -> None:
    regions.write("east", 1)
    vanish(regions.folder("west"))
    assert regions.servers["west"].drift() == ["gone"]
    regions.standby("west")
    regions.wait_for_row("west", 1)
    regions.servers["east"].delete()
    west = regions.machine.home / "west" / "programs" / "postgres.json"
    hidden = west.rename(west.with_suffix(".hidden"))
    os.kill(regions.machine.only("supervisord", "west"), signal.SIGSTOP)
    regions.machine.kill("west/postgres")
    regions.primary("east")
    hidden.rename(west)
    os.kill(regions.machine.only("supervisord", "west"), signal.SIGCONT)
    regions.write("east", 7)
    assert regions.servers["west"].drift() != []
    regions.standby("west")
    regions.wait_for_row("west", 7)
    assert regions.rows("west") == {7}
    assert regions.settled()


def test_drift_of_settings_slots_and_role_is_seen_and_mended(regions: Regions) -> None:
    settings = regions.folder("east") / "postgresql.conf"
    settings.write_text(settings.read_text() + "work_mem = '1GB'\n")
    assert regions.servers["east"].drift() == [f"{settings} was edited"]
    regions.primary("east")
    role = regions.folder("west") / "role.conf"
    role.unlink()
    assert regions.servers["west"].drift() == [f"{role} is missing"]
    regions.standby("west")
    wait_for(regions.settled, "settled")
    with regions.connect("west") as connection:
        connection.execute("SELECT pg_promote(true)")
    wait_for(
        lambda: "PostgreSQL postgres is a primary, not a standby" in regions.drift()["west"],
        "a promotion by hand is seen",
    )
    regions.standby("west")
    wait_for(regions.settled, "settled")
    assert regions.servers["east"].up(standby_slots=["west", "later"]).updates == {"standby_slots"}
    with regions.connect("east") as connection:
        connection.execute("SELECT pg_drop_replication_slot('later')")
    assert regions.servers["east"].drift() == ["replication slot later is missing"]


def test_port_settings_and_passwords_change_by_update_and_keep_the_data(regions: Regions) -> None:
    regions.write("east", 1)
    server = regions.servers["west"]
    server.delete()
    port = free_port()
    east = regions.servers["east"]
    changed = east.up(port=port, settings={"work_mem": "8MB"}, superuser_password="new-password-1")
    assert changed.updates == {"port", "settings", "superuser_password"}
    with connect(port, password="new-password-1") as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("8MB",)
        assert connection.execute("SELECT id FROM rows").fetchall() == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(port)
    assert east.drift() == []
    with pytest.raises(RefusedError, match=r"the data in .* is of PostgreSQL 18"):
        east.up(version="16")


def test_a_creation_killed_half_way_is_finished_by_the_next(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions = Regions(machine)
    for region in REGIONS:
        regions.supervisors[region] = machine.supervisor(region)
    real = cluster.account.run

    def dies(*arguments: Any, **keywords: Any) -> str:
        real(*arguments, **keywords)
        raise KeyboardInterrupt

    for step in ("primary", "standby"):
        monkeypatch.setattr(cluster.account, "run", dies)
        with pytest.raises(KeyboardInterrupt):
            getattr(regions, step)(REGIONS[0] if step == "primary" else REGIONS[1])
        monkeypatch.undo()
        getattr(regions, step)(REGIONS[0] if step == "primary" else REGIONS[1])
    assert regions.settled()


def test_delete_leaves_nothing(regions: Regions) -> None:
    for region in reversed(REGIONS):
        regions.servers[region].delete()
        assert not regions.folder(region).exists()
    for supervisor in regions.supervisors.values():
        supervisor.delete()
    assert regions.machine.running() == []
    assert list(regions.machine.home.iterdir()) == []
    regions.servers["east"].delete()
