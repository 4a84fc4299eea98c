"""PostgresServer: one server of a cluster, primary or standby, whose role may change."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from components.clouds.local.provider import files
from components.clouds.local.provider.framework import Folder, Inputs, Live, Name, Port, Resource
from components.clouds.local.provider.ports import LOOPBACK
from components.clouds.local.provider.postgres import settings as postgres_settings
from components.clouds.local.provider.postgres import sql
from components.clouds.local.provider.postgres.peer import Peer
from components.clouds.local.provider.postgres.server import Server
from components.clouds.local.provider.resources.process import ProgramName
from components.clouds.local.provider.values import UNKNOWN, Properties

SlotName = Annotated[
    str, Field(pattern=r"^[a-z0-9_]{1,63}$", description="lower-case letters, digits and _")
]
Password = Annotated[
    str,
    Field(min_length=8, max_length=256, pattern=r"^[^\x00-\x1f]+$", description="a password"),
]


def _no_own(settings: dict[str, str]) -> dict[str, str]:
    taken = sorted(settings.keys() & postgres_settings.OWN)
    if taken:
        raise ValueError(f"{', '.join(taken)}: set by the resource itself; leave it out")
    return settings


class PrimaryInputs(Inputs):
    """The server a standby follows."""

    host: str
    port: Port
    system_identifier: str | None = None
    timeline: int | None = None


class PeerInputs(Inputs):
    """Another server of the cluster."""

    host: str
    port: Port
    supervisor: Folder
    process: Name


class PostgresServerInputs(Inputs):
    """What a program says of a server."""

    supervisor: Folder
    name: ProgramName
    folder: Folder
    port: Port
    role: Literal["primary", "standby"]
    superuser_password: Password
    replication_password: Password
    primary: PrimaryInputs | None = None
    slot: SlotName | None = None
    standby_slots: list[SlotName] = Field(default_factory=list[str])
    peers: list[PeerInputs] = Field(default_factory=list[PeerInputs])
    settings: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z_.]+$")], str], AfterValidator(_no_own)
    ] = Field(default_factory=dict[str, str])
    version: str = Field("18", pattern=r"^\d+$", description="a major version such as '18'")

    @model_validator(mode="after")
    def _role_fits(self) -> "PostgresServerInputs":
        if self.role == "standby" and (self.primary is None or self.slot is None):
            raise ValueError("a standby needs primary (host, port) and slot")
        if self.role == "primary" and (self.primary is not None or self.slot is not None):
            raise ValueError("a primary follows nobody; leave out primary and slot")
        return self


class PostgresServer(Resource[PostgresServerInputs]):
    """A supervised PostgreSQL; its role changes by update, and its data stays."""

    inputs = PostgresServerInputs
    outputs: ClassVar = ("host", "system_identifier", "timeline", "state")
    replace_on: ClassVar = frozenset({"folder"})
    secret: ClassVar = frozenset({"superuser_password", "replication_password"})

    def identify(self, inputs: PostgresServerInputs) -> str:
        """Returns its folder."""
        return inputs.folder

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Promises its address; the timeline too, unless the role changes."""
        promised: Properties = {"host": LOOPBACK, "state": "running"}
        if old:
            promised["system_identifier"] = old.get("system_identifier", UNKNOWN)
            if old.get("role") == inputs.get("role"):
                promised["timeline"] = old.get("timeline", UNKNOWN)
        return promised

    def apply(self, inputs: PostgresServerInputs, old: Properties | None) -> Properties:
        """Makes it run in its role; see `Server` for how."""
        server = _server(inputs, old)
        if old:
            former = _server(self.parse(old), None)
            if former.program.mark != server.program.mark:
                former.program.remove()
        if inputs.role == "primary":
            server.be_primary(inputs.standby_slots)
        else:
            assert inputs.primary is not None  # noqa: S101 - the model checks it
            server.be_standby(inputs.primary.host, inputs.primary.port, inputs.slot or "")
        return _outputs(server)

    def read(self, inputs: PostgresServerInputs, recorded: Properties) -> Live | None:
        """Looks at its data, settings and process, its role, and whether a standby streams."""
        server = _server(inputs, recorded)
        if not server.layout.has_data:
            return None
        drift = server.drift(inputs.role, inputs.standby_slots)
        try:
            return Live(_outputs(server), drift)
        except sql.UnavailableError:
            return Live({"state": server.program.state()}, drift)

    def delete(self, inputs: PostgresServerInputs) -> None:
        """Stops it and removes its data."""
        server = _server(inputs, None)
        server.program.remove()
        files.remove(server.layout.folder)


def _server(inputs: PostgresServerInputs, old: Properties | None) -> Server:
    passwords = [inputs.superuser_password]
    former = old.get("superuser_password") if old else None
    if isinstance(former, str) and former not in passwords:
        passwords.append(former)
    primary = inputs.primary
    return Server(
        supervisor=Path(inputs.supervisor),
        name=inputs.name,
        folder=Path(inputs.folder),
        port=inputs.port,
        version=inputs.version,
        settings=inputs.settings,
        passwords=passwords,
        replication_password=inputs.replication_password,
        follows=(primary.host, primary.port) if primary else None,
        slot=inputs.slot,
        peers=[
            Peer(peer.host, peer.port, Path(peer.supervisor), peer.process) for peer in inputs.peers
        ],
    )


def _outputs(server: Server) -> Properties:
    with server.connect() as connection:
        identifier = sql.value(connection, "SELECT system_identifier FROM pg_control_system()")
        timeline = sql.value(
            connection,
            "SELECT CASE WHEN pg_is_in_recovery()"
            " THEN (SELECT received_tli FROM pg_stat_wal_receiver)"
            " ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END",
        )
    return {
        "host": LOOPBACK,
        "system_identifier": str(identifier),
        "timeline": timeline if isinstance(timeline, int) else 0,
        "state": server.program.state(),
    }
