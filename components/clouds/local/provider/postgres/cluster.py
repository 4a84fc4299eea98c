"""Makes, copies and rewinds a server's data while that server is stopped.

New data is made in a folder beside the right one and moved there when it is whole, so that a run
killed half-way leaves nothing that looks like a cluster.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.clouds.local.provider import files
from components.clouds.local.provider.framework import LocalError
from components.clouds.local.provider.postgres import account
from components.clouds.local.provider.postgres.settings import Layout, password_line
from components.clouds.local.provider.postgres.sql import REPLICATION, SUPERUSER

_SIGNALS = ("standby.signal", "recovery.signal")


@dataclass(frozen=True)
class Control:
    """What pg_control says of a stopped server's data."""

    system_identifier: str
    clean: bool
    """It was shut down in order."""
    checkpoint: int
    """Place of the last checkpoint in the log; after a clean end, the last thing in it."""


def lsn(text: str) -> int:
    """Returns a log sequence number such as ``0/3000148`` as a number of bytes."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def control(programs: Path, data: Path) -> Control:
    """Reads pg_control."""
    printed = account.run([programs / "pg_controldata", "-D", data], reach=[data])
    found = dict(re.findall(r"^(.+?):\s+(.*)$", printed, re.MULTILINE))
    try:
        return Control(
            system_identifier=found["Database system identifier"],
            clean=found["Database cluster state"].startswith("shut down"),
            checkpoint=lsn(found["Latest checkpoint location"]),
        )
    except KeyError as error:
        raise LocalError(f"pg_controldata of {data} does not say {error}") from error


def initialize(programs: Path, layout: Layout, password: str) -> None:
    """Makes a new cluster: UTF-8, the built-in C.UTF-8 collation, checksums, SCRAM passwords."""
    with (
        _new_data(layout) as new,
        _private(layout.folder / "superuser.password", f"{password}\n") as password_file,
    ):
        account.run(
            [
                programs / "initdb",
                f"--pgdata={new}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
            ],
            reach=[layout.folder],
        )


def copy(programs: Path, layout: Layout, host: str, port: int, password: str) -> None:
    """Replaces the data by a copy of a running server's, primary or standby, to start as standby.

    Data that was there is kept beside it as ``data.replaced`` until the next copy.

    Args:
        programs: PostgreSQL's programs.
        layout: where the data goes.
        host: where to copy from.
        port: where to copy from.
        password: of the replication role.
    """
    passwords = _private(layout.folder / "copy.pgpass", password_line(REPLICATION, password))
    with _new_data(layout) as new, passwords as password_file:
        account.run(
            [
                programs / "pg_basebackup",
                f"--pgdata={new}",
                f"--host={host}",
                f"--port={port}",
                f"--username={REPLICATION}",
                "--no-password",
                "--checkpoint=fast",
                "--wal-method=stream",
            ],
            reach=[layout.folder],
            environment={"PGPASSFILE": str(password_file), "PGSSLMODE": "disable"},
        )
        files.write(new / "standby.signal", "", account.owner())


def rewind(programs: Path, layout: Layout, host: str, port: int, password: str) -> None:
    """Takes back what a former primary wrote that its successor does not have, to start as standby.

    Args:
        programs: PostgreSQL's programs.
        layout: where the data is.
        host: the successor.
        port: the successor.
        password: of the successor's superuser.
    """
    for signal in _SIGNALS:
        # A server that has crashed is first recovered, which it refuses as a standby.
        files.remove(layout.data / signal)
    passwords = _private(layout.folder / "rewind.pgpass", password_line(SUPERUSER, password))
    with passwords as password_file:
        account.run(
            [
                programs / "pg_rewind",
                f"--target-pgdata={layout.data}",
                f"--config-file={layout.main}",
                f"--source-server=host={host} port={port} user={SUPERUSER} dbname=postgres",
            ],
            reach=[layout.folder],
            environment={"PGPASSFILE": str(password_file), "PGSSLMODE": "disable"},
        )
    mark_standby(layout.data)


def mark_standby(data: Path) -> None:
    """Makes a stopped server start as a standby: even if it is started by mistake, it waits."""
    files.write(data / "standby.signal", "", account.owner())


@contextmanager
def _new_data(layout: Layout) -> Generator[Path]:
    """Yields an empty folder that becomes the data folder when the block ends well."""
    new = layout.folder / "data.new"
    files.remove(new)
    files.make_folder(new, account.owner())
    yield new
    if layout.data.exists():
        replaced = layout.folder / "data.replaced"
        files.remove(replaced)
        layout.data.rename(replaced)
    new.rename(layout.data)


@contextmanager
def _private(path: Path, content: str) -> Generator[Path]:
    """Yields a file only PostgreSQL's user reads, there for as long as the block runs."""
    files.write(path, content, account.owner())
    try:
        yield path
    finally:
        files.remove(path)
