"""One PostgreSQL server and how it takes on the role of primary or standby.

Nothing a client was told is committed may be lost where that is in our hands:

- A standby becomes primary only once it has the last record of the old primary, if that one runs:
  it is stopped in order, which makes it send all it has, and marked a standby, so that it can't
  come back as a second primary.
- Data that is missing is taken from another server of the cluster wherever one has it. A new,
  empty cluster is made only where no peer has data.
- Data that is replaced by a copy is kept beside it until the next copy.
"""

import contextlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from components.clouds.local.provider import binaries, files
from components.clouds.local.provider.framework import LocalError, RefusedError, poll
from components.clouds.local.provider.ports import LOOPBACK, require_free
from components.clouds.local.provider.postgres import account, cluster, settings, sql
from components.clouds.local.provider.postgres.peer import (
    DATA_STAMP,
    IN_RECOVERY,
    STOP_SECONDS,
    Peer,
)
from components.clouds.local.provider.postgres.settings import Layout
from components.clouds.local.provider.supervision import Program
from components.clouds.local.provider.supervisord import Supervisord

if TYPE_CHECKING:
    from components.clouds.local.provider.postgres.sql import Connection

_READY_SECONDS = 60
_PEER_SECONDS = 60
_STREAM_SECONDS = 15
_NEAR_BYTES = 16 * 1024 * 1024
"""A standby this close to a primary gets the rest while that one shuts down."""

_SYSTEM_IDENTIFIER = "SELECT system_identifier FROM pg_control_system()"
_FOLLOWED_PORT = "SELECT sender_port FROM pg_stat_wal_receiver WHERE status = 'streaming'"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server by its inputs.

    ``passwords`` are the superuser's, the wanted one first; ``follows`` is the declared primary of
    a standby.
    """

    supervisor: Path
    name: str
    folder: Path
    port: int
    version: str
    settings: dict[str, str]
    passwords: Sequence[str]
    replication_password: str
    follows: tuple[str, int] | None
    slot: str | None
    peers: Sequence[Peer]

    @property
    def layout(self) -> Layout:
        """Returns where its files are."""
        return Layout(self.folder)

    @cached_property
    def _programs(self) -> Path:
        return binaries.postgresql(self.version)

    @cached_property
    def program(self) -> Program:
        """Returns how it is supervised."""
        command = (self._programs / "postgres", "-D", self.layout.data)
        return Program(
            supervisor=self.supervisor,
            name=self.name,
            command=(
                *account.prefix(self.folder, self._programs),
                *map(str, command),
                f"--config-file={self.layout.main}",
            ),
            environment={"LC_ALL": "C"},
            working_directory=Path("/"),
            files=settings.static_files(self.layout, self.name, self.port, self.settings),
            owner=account.owner(),
            ports={"port": self.port},
            # To PostgreSQL SIGTERM means to wait for clients; SIGINT ends their sessions.
            stop_signal="INT",
            stop_seconds=STOP_SECONDS,
            stamps={DATA_STAMP: str(self.layout.data)},
        )

    @contextmanager
    def connect(self) -> "Generator[Connection]":
        """Connects as superuser with the first password that is taken.

        Raises:
            UnavailableError: it does not answer or takes none.
        """
        for password in self.passwords[:-1]:
            with contextlib.suppress(sql.UnavailableError):
                if sql.accepts(LOOPBACK, self.port, sql.SUPERUSER, password, "postgres"):
                    with sql.connect(LOOPBACK, self.port, password) as connection:
                        yield connection
                    return
        with sql.connect(LOOPBACK, self.port, self.passwords[-1]) as connection:
            yield connection

    def be_primary(self, standby_slots: Sequence[str]) -> None:
        """Makes it the primary, with these replication slots and no others.

        Raises:
            RefusedError: nothing was changed.
            LocalError: it can't take over without losing data, or does not start.
        """
        self._prepare()
        leader = next((peer for peer in self.peers if peer.role(self.passwords) == "primary"), None)
        if leader is not None:
            self._follow_until_taken_over(leader)
        elif not self.layout.has_data:
            self._obtain_data()
        if not self.layout.role.exists():
            self._write_role(None, None)
        self._run()
        with self.connect() as connection:
            if sql.value(connection, IN_RECOVERY):
                self._take_over(connection, leader)
            self._write_role(None, None)
            connection.execute("SELECT pg_reload_conf()")
            self._set_passwords(connection)
            _keep_slots(connection, standby_slots)

    def be_standby(self, host: str, port: int, slot: str) -> None:
        """Makes it a streaming standby of a primary.

        Its data is kept if the primary's history allows, rewound if it went further than that, and
        copied anew from the primary otherwise.

        Raises:
            RefusedError: nothing was changed.
            LocalError: the primary does not answer, or this server does not get to stream.
        """
        self._prepare()
        self._follow(host, port, slot)
        with self.connect() as connection:
            _keep_slots(connection, ())

    def drift(self, role: str, standby_slots: Sequence[str]) -> list[str]:
        """Returns in words what is not as declared."""
        found = self.program.drift(self._unready)
        declared = self._role_text(self.follows, self.slot)
        found += files.differences({self.layout.role: declared})
        try:
            with self.connect() as connection:
                actual = "standby" if sql.value(connection, IN_RECOVERY) else "primary"
                if actual != role:
                    found.append(f"PostgreSQL {self.name} is a {actual}, not a {role}")
                elif role == "primary":
                    found += _slot_drift(connection, standby_slots)
                elif not self._streams(connection, seconds=3):
                    found.append(f"PostgreSQL {self.name} does not stream from its primary")
        except sql.UnavailableError:
            pass  # the program's own drift says why
        return found

    def _prepare(self) -> None:
        mark = f"{self.supervisor}/{self.name}"
        require_free({"port": self.port}, own_mark=mark)
        files.make_folder(self.folder, account.owner())
        version = files.read_or_none(self.layout.data / "PG_VERSION")
        if version is not None and version.strip() != self.version:
            raise RefusedError(
                f"version: the data in {self.layout.data} is of PostgreSQL {version.strip()}, "
                f"which {self.version} does not read; keep version {version.strip()!r}, or move "
                "the data by dump and restore into a server in another folder"
            )

    def _unready(self) -> str | None:
        try:
            with self.connect():
                return None
        except sql.UnavailableError as error:
            return str(error)

    def _run(self) -> None:
        self.program.ensure(self._unready, _READY_SECONDS)

    def _halt(self) -> None:
        if not self.layout.has_data:
            # With its data gone it can't shut down in order; it would try for a minute.
            with contextlib.suppress(LocalError):
                Supervisord(self.supervisor).signal(self.name, "QUIT")
        self.program.halt()

    def _role_text(self, primary: tuple[str, int] | None, slot: str | None) -> str:
        return settings.role_text(self.layout, primary, slot, self.name)

    def _write_role(self, primary: tuple[str, int] | None, slot: str | None) -> None:
        owner = account.owner()
        if primary is not None:
            line = settings.password_line(sql.REPLICATION, self.replication_password)
            files.write(self.layout.replication_password, line, owner)
        files.write(self.layout.role, self._role_text(primary, slot), owner)

    def _obtain_data(self) -> None:
        """Fills a primary without data: from a standby, else with a new cluster."""
        self._halt()
        for peer in self.peers:
            role = peer.role(self.passwords)
            data = peer.data_folder()
            if role is None and data is not None:
                role = peer.wake(self.passwords, _PEER_SECONDS)
                if role is None:
                    raise LocalError(
                        f"the data of PostgreSQL {self.name} is gone, and the server that has a "
                        f"copy, on port {peer.port} with data in {data}, does not answer: start "
                        f"it, or remove {data} if the copy is not wanted"
                    )
            if role is not None:
                cluster.copy(
                    self._programs, self.layout, peer.host, peer.port, self.replication_password
                )
                return
        cluster.initialize(self._programs, self.layout, self.passwords[0])

    def _follow_until_taken_over(self, leader: Peer) -> None:
        """Makes it a standby of the server it is to replace, unless it is one already."""
        if self.layout.has_data and not self.layout.standby_signal.exists():
            raise LocalError(
                f"role: PostgreSQL on port {leader.port} is a primary of this cluster too; declare "
                f"one of the two a standby, or stop the other"
            )
        with contextlib.suppress(sql.UnavailableError), self.connect() as connection:
            if sql.value(connection, _FOLLOWED_PORT) == leader.port:
                return
        self._follow(leader.host, leader.port, None)

    def _follow(self, host: str, port: int, slot: str | None) -> None:
        identifier = self._await_primary(host, port)
        if not self.layout.has_data or self._identifier_on_disk() != identifier:
            self._copy(host, port)
        elif not self.layout.standby_signal.exists():
            self._rewind(host, port)
        for mend in (None, self._rewind, self._copy):
            if mend:
                mend(host, port)
            self._write_role((host, port), slot)
            with contextlib.suppress(LocalError):
                self._run()
                with self.connect() as connection:
                    connection.execute("SELECT pg_reload_conf()")
                    if self._streams(connection, _STREAM_SECONDS):
                        return
        raise self.program.failure(f"does not stream from the primary on port {port}")

    def _identifier_on_disk(self) -> str:
        return cluster.control(self._programs, self.layout.data).system_identifier

    def _await_primary(self, host: str, port: int) -> str:
        """Waits until the primary answers as one; returns its system identifier."""
        reason = ""
        for _ in poll(_PEER_SECONDS, interval=0.5):
            for password in self.passwords:
                try:
                    with sql.connect(host, port, password) as connection:
                        if not sql.value(connection, IN_RECOVERY):
                            return str(sql.value(connection, _SYSTEM_IDENTIFIER))
                        reason = "it is a standby itself"
                except LocalError as error:
                    reason = str(error)
        raise RefusedError(f"primary: port {port} has no primary for {self.name}: {reason}")

    def _copy(self, host: str, port: int) -> None:
        self._halt()
        cluster.copy(self._programs, self.layout, host, port, self.replication_password)

    def _rewind(self, host: str, port: int) -> None:
        self._halt()
        try:
            if not self.layout.role.exists():
                self._write_role(None, None)
            for path, content in self.program.files.items():
                files.write(path, content, account.owner())
            cluster.rewind(self._programs, self.layout, host, port, self.passwords[0])
        except LocalError:
            # Its log no longer reaches back to where the two parted.
            self._copy(host, port)

    def _streams(self, connection: "Connection", seconds: float) -> bool:
        return any(
            sql.value(connection, _FOLLOWED_PORT) is not None for _ in poll(seconds, interval=0.1)
        )

    def _take_over(self, connection: "Connection", leader: Peer | None) -> None:
        for peer in self.peers:
            if leader and peer == leader:
                self._await_last_record(connection, peer)
            elif peer.role(self.passwords) is None:
                peer.fence()
        if not sql.value(connection, "SELECT pg_promote(true, 60)"):
            raise LocalError(f"PostgreSQL {self.name} was not promoted within 60 s")
        # pg_rewind reads the new timeline from pg_control, which only a checkpoint writes.
        connection.execute("CHECKPOINT")

    def _await_last_record(self, connection: "Connection", old: Peer) -> None:
        """Gets all the old primary has, stopping it on the way."""
        behind: object = None
        for _ in poll(_PEER_SECONDS, interval=0.2):
            received = sql.value(connection, "SELECT pg_last_wal_receive_lsn()::text")
            behind = self._bytes_behind(old, received)
            if behind is not None and behind < _NEAR_BYTES:
                break
        else:
            raise LocalError(
                f"role: {self.name} can't take over from the primary on port {old.port} without "
                f"losing data: it is {behind} bytes behind; let it catch up, or stop the old "
                "primary if its last changes may be lost"
            )
        old.stop()
        data = old.data_folder()
        if data is None:
            return
        last = cluster.control(self._programs, data)
        for _ in poll(10, interval=0.1):
            received = sql.value(connection, "SELECT pg_last_wal_receive_lsn()::text")
            if isinstance(received, str) and cluster.lsn(received) > last.checkpoint:
                cluster.mark_standby(data)
                return
        old.resume()
        raise LocalError(
            f"role: {self.name} did not get the last record of the primary on port {old.port}, "
            "which was started again; run `pulumi up` once more"
        )

    def _bytes_behind(self, old: Peer, received: object) -> int | None:
        for password in self.passwords:
            with (
                contextlib.suppress(LocalError),
                sql.connect(old.host, old.port, password) as other,
            ):
                query = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), %s::pg_lsn)::bigint"
                behind = sql.value(other, query, [received])
                return behind if isinstance(behind, int) else None
        return None

    def _set_passwords(self, connection: "Connection") -> None:
        """Makes the superuser's and the replication role's passwords the declared ones."""
        from psycopg.sql import SQL, Identifier, Literal

        known = sql.value(
            connection, "SELECT true FROM pg_roles WHERE rolname = %s", [sql.REPLICATION]
        )
        if not known:
            connection.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(sql.REPLICATION)))
        for role, password, attributes in (
            (sql.SUPERUSER, self.passwords[0], SQL("SUPERUSER")),
            (sql.REPLICATION, self.replication_password, SQL("REPLICATION NOSUPERUSER")),
        ):
            if known and sql.accepts(LOOPBACK, self.port, role, password, "postgres"):
                continue
            secret = Literal(sql.verifier(connection, role, password))
            connection.execute(
                SQL("ALTER ROLE {} LOGIN {} PASSWORD {}").format(
                    Identifier(role), attributes, secret
                )
            )


def _slots(connection: "Connection") -> dict[str, bool]:
    """Returns the physical slots, and whether each still holds what its standby needs."""
    rows = connection.execute(
        "SELECT slot_name, wal_status IS DISTINCT FROM 'lost' FROM pg_replication_slots"
        " WHERE slot_type = 'physical' AND NOT temporary"
    ).fetchall()
    return {str(name): bool(whole) for name, whole in rows}


def _slot_drift(connection: "Connection", declared: Sequence[str]) -> list[str]:
    slots = _slots(connection)
    return [
        f"replication slot {name} is {'missing' if name not in slots else 'lost'}"
        for name in declared
        if not slots.get(name)
    ]


def _keep_slots(connection: "Connection", declared: Sequence[str]) -> None:
    """Drops slots that are not declared or no longer of use, and makes those that are missing."""
    slots = _slots(connection)
    for name, whole in slots.items():
        if name not in declared or not whole:
            query = (
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                " WHERE slot_name = %s AND NOT active"
            )
            connection.execute(query, [name])
    for name in declared:
        if not slots.get(name):
            connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [name])
