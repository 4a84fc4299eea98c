"""Another server of the same cluster, as one server sees it: by address and by its files."""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from components.clouds.local.provider import files, processes
from components.clouds.local.provider.framework import LocalError, poll
from components.clouds.local.provider.postgres import cluster, sql
from components.clouds.local.provider.postgres.settings import Layout
from components.clouds.local.provider.supervision import SPECIFICATIONS
from components.clouds.local.provider.supervisord import Supervisord, UnreachableError

DATA_STAMP = "data_folder"
"""Stamp of a server's specification that says where its data is."""

STOP_SECONDS = 60
IN_RECOVERY = "SELECT pg_is_in_recovery()"


@dataclass(frozen=True)
class Peer:
    """A server's address, its supervisor's folder and its name there."""

    host: str
    port: int
    supervisor: Path
    process: str

    def role(self, passwords: Sequence[str]) -> Literal["primary", "standby"] | None:
        """Returns its role now, None when it does not answer."""
        for password in passwords:
            try:
                with sql.connect(self.host, self.port, password) as connection:
                    return "standby" if sql.value(connection, IN_RECOVERY) else "primary"
            except LocalError:
                continue
        return None

    def data_folder(self) -> Path | None:
        """Returns where its data is, None when it has none."""
        text = files.read_or_none(self.supervisor / SPECIFICATIONS / f"{self.process}.json")
        if text is None:
            return None
        try:
            layout = Layout(Path(json.loads(text)["stamps"][DATA_STAMP]).parent)
        except (ValueError, KeyError):
            return None
        return layout.data if layout.has_data else None

    def wake(
        self, passwords: Sequence[str], seconds: float
    ) -> Literal["primary", "standby"] | None:
        """Starts it if its supervisor lets it, and returns its role once it answers."""
        for _ in poll(seconds, interval=0.5):
            if role := self.role(passwords):
                return role
            with contextlib.suppress(LocalError):
                Supervisord(self.supervisor).start(self.process)
        return None

    def stop(self) -> None:
        """Stops it in order: it first sends all it has to the standbys that are connected."""
        with contextlib.suppress(UnreachableError):
            Supervisord(self.supervisor).stop(self.process, STOP_SECONDS)
        processes.stop(processes.marked(f"{self.supervisor}/{self.process}"), STOP_SECONDS)

    def resume(self) -> None:
        """Starts it again after `stop`."""
        Supervisord(self.supervisor).start(self.process)

    def fence(self) -> None:
        """Makes sure that it does not run as a primary, now or when it is started again."""
        self.stop()
        if data := self.data_folder():
            cluster.mark_standby(data)
