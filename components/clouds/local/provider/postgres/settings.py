"""The files that set a PostgreSQL server.

They lie beside the data folder, not in it, so that a copy of the data (pg_basebackup, pg_rewind)
never brings along another server's port or role.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.clouds.local.provider.ports import LOOPBACK
from components.clouds.local.provider.postgres.sql import REPLICATION

OWN = frozenset(
    {
        "cluster_name",
        "data_directory",
        "hba_file",
        "ident_file",
        "listen_addresses",
        "port",
        "primary_conninfo",
        "primary_slot_name",
        "unix_socket_directories",
    }
)
"""Settings that follow from the resource's other inputs."""

_DEFAULTS = {
    "password_encryption": "scram-sha-256",
    "wal_level": "replica",
    "wal_log_hints": "on",
    "hot_standby": "on",
    "hot_standby_feedback": "on",
    "max_wal_senders": "10",
    "max_replication_slots": "10",
    # A standby that is away keeps WAL on the primary only up to here, then it is rebuilt.
    "max_slot_wal_keep_size": "1GB",
    "wal_keep_size": "64MB",
    "max_wal_size": "512MB",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "1s",
    "recovery_target_timeline": "latest",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "jit": "off",
    "io_method": "sync",
    # Shared memory that would outlive a killed server in /dev/shm lies in the data folder instead.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    # A statement may carry a password: none is logged, nor when it fails.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
}


@dataclass(frozen=True)
class Layout:
    """Where things are below a server's folder."""

    folder: Path

    @property
    def data(self) -> Path:
        """Returns the data folder."""
        return self.folder / "data"

    @property
    def main(self) -> Path:
        """Returns the main settings."""
        return self.folder / "postgresql.conf"

    @property
    def access(self) -> Path:
        """Returns the host-based access rules."""
        return self.folder / "pg_hba.conf"

    @property
    def identities(self) -> Path:
        """Returns the map of user names, which stays empty."""
        return self.folder / "pg_ident.conf"

    @property
    def role(self) -> Path:
        """Returns the settings that say whom to follow; read again without a restart."""
        return self.folder / "role.conf"

    @property
    def replication_password(self) -> Path:
        """Returns the password file a standby logs in to its primary with."""
        return self.folder / "replication.pgpass"

    @property
    def standby_signal(self) -> Path:
        """Returns the file whose presence makes the server start as a standby."""
        return self.data / "standby.signal"

    @property
    def has_data(self) -> bool:
        """Tells whether there is a whole cluster: one is moved into place when it is."""
        return (self.data / "PG_VERSION").is_file() and (
            self.data / "global" / "pg_control"
        ).is_file()


def static_files(
    layout: Layout, name: str, port: int, settings: Mapping[str, str]
) -> dict[Path, str]:
    """Returns the files whose change takes a restart."""
    own = {
        "cluster_name": name,
        "data_directory": str(layout.data),
        "hba_file": str(layout.access),
        "ident_file": str(layout.identities),
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
    }
    lines = [f"{key} = {quote(value)}" for key, value in (_DEFAULTS | {**settings} | own).items()]
    access = [
        f"host all all {LOOPBACK}/32 scram-sha-256",
        f"host replication {REPLICATION} {LOOPBACK}/32 scram-sha-256",
    ]
    return {
        layout.main: "\n".join([*lines, f"include = {quote(str(layout.role))}"]) + "\n",
        layout.access: "\n".join(access) + "\n",
        layout.identities: "",
    }


def role_text(layout: Layout, primary: tuple[str, int] | None, slot: str | None, name: str) -> str:
    """Returns the settings of a standby of ``primary`` (host, port), or of a primary if None."""
    if primary is None:
        return "# This server is the primary.\n"
    host, port = primary
    target = (
        f"host={host} port={port} user={REPLICATION} sslmode=disable "
        f"passfile='{layout.replication_password}' application_name='{name}'"
    )
    lines = [f"primary_conninfo = {quote(target)}"]
    if slot:
        lines.append(f"primary_slot_name = {quote(slot)}")
    return "\n".join(lines) + "\n"


def password_line(user: str, password: str) -> str:
    """Returns a password file's only line, for any server; source: libpq's "The Password File"."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:{user}:{escaped}\n"


def quote(value: str) -> str:
    """Returns a value as postgresql.conf wants it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
