"""The one way a process is started, watched and stopped: as a program of a supervisord.

A program's settings, specification, secrets and files are files below its supervisor's folder. It
is stopped before any of them is written, so the files on disk are never newer than what runs: when
they are as declared and the process runs, there is nothing to do.
"""

import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from components.clouds.local.provider import files, launch, processes
from components.clouds.local.provider.files import Owner
from components.clouds.local.provider.framework import LocalError, poll
from components.clouds.local.provider.ports import require_free
from components.clouds.local.provider.readiness import Probe
from components.clouds.local.provider.supervisord import (
    ACTIVE,
    PROGRAMS,
    Status,
    Supervisord,
    UnreachableError,
)

LOGS: Final = "logs"
SECRETS: Final = "secrets"
SPECIFICATIONS: Final = "programs"
RESERVED: Final = frozenset({LOGS, SECRETS, SPECIFICATIONS, PROGRAMS, processes.SUPERVISOR_NAME})
"""Names no program can have: they are folders of the supervisor's own."""

SECRETS_VARIABLE: Final = "AIP_SECRETS_DIR"

_RESTART = {"always": "true", "on-failure": "unexpected", "never": "false"}
_ENDS_BEFORE_GIVING_UP = 3
_EXITED = "Exited too quickly"
"""supervisord's word for a process that ended; any other is why it could not start one."""

Restart = Literal["always", "on-failure", "never"]


@dataclass(frozen=True, kw_only=True)
class Program:
    """What supervisord is to run, and the files it needs.

    ``ports`` maps the property that sets a port to the port. ``files`` maps absolute paths to
    content; ``owner`` is who reads them where the program runs as another user. ``stamps`` is
    any further data whose change restarts it.
    """

    supervisor: Path
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[Path, str] = field(default_factory=dict[Path, str])
    owner: Owner | None = None
    working_directory: Path | None = None
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    restart: Restart = "always"
    stop_signal: str = "TERM"
    stop_seconds: int = 20
    stamps: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def mark(self) -> str:
        """Returns the mark its processes carry in their environment."""
        return f"{self.supervisor}/{self.name}"

    @property
    def folder(self) -> Path:
        """Returns its own folder."""
        return self.supervisor / self.name

    @property
    def _uses_folder(self) -> bool:
        """Tells whether its folder is its own: it may work elsewhere and have nothing there."""
        return self.working_directory is None or any(
            path.is_relative_to(self.folder) for path in self.files
        )

    @property
    def log_file(self) -> Path:
        """Returns where its output goes."""
        return self.supervisor / LOGS / f"{self.name}.log"

    @property
    def secrets_folder(self) -> Path:
        """Returns where its secrets are, one file each."""
        return self.supervisor / SECRETS / self.name

    @property
    def _specification(self) -> Path:
        return self.supervisor / SPECIFICATIONS / f"{self.name}.json"

    @property
    def _settings(self) -> Path:
        return self.supervisor / PROGRAMS / f"{self.name}.conf"

    def declared_files(self) -> dict[Path, str]:
        """Returns every file of the program with its content, supervisord's settings last."""
        declared = {self.secrets_folder / name: value for name, value in self.secrets.items()}
        declared |= self.files
        declared[self._specification] = self._specification_text()
        declared[self._settings] = self._settings_text()
        return declared

    def _specification_text(self) -> str:
        environment = {**self.environment}
        if self.secrets:
            environment[SECRETS_VARIABLE] = str(self.secrets_folder)
        specification = {
            "command": list(self.command),
            "environment": environment,
            "working_directory": str(self.working_directory or self.folder),
            "stamps": {**self.stamps},
        }
        return json.dumps(specification, indent=2, sort_keys=True) + "\n"

    def _settings_text(self) -> str:
        arguments = (sys.executable, "-I", "-S", launch.__file__, self._specification)
        command = " ".join(f'"{argument}"' for argument in arguments)
        lines = [
            f"[program:{self.name}]",
            f"command={command}",
            f'environment={processes.MARK}="{self.mark}"',
            "autostart=true",
            f"autorestart={_RESTART[self.restart]}",
            "startsecs=1",
            # The pause between starts grows by a second each time; "always" means always.
            f"startretries={0 if self.restart == 'never' else 1_000_000}",
            f"stopsignal={self.stop_signal}",
            f"stopwaitsecs={self.stop_seconds}",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={self.log_file}",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
        ]
        return "\n".join(lines).replace("%", "%%") + "\n"

    def status(self) -> Status | None:
        """Returns what supervisord knows of it, None when it knows nothing or does not answer."""
        try:
            return Supervisord(self.supervisor).status(self.name)
        except UnreachableError:
            return None

    def state(self) -> str:
        """Returns ``running`` or ``stopped``."""
        status = self.status()
        return "running" if status and status.state in ACTIVE else "stopped"

    def file_drift(self) -> list[str]:
        """Returns in words which of its files are not as declared."""
        declared = self.declared_files()
        stale = files.extra_files(self.secrets_folder, declared)
        return files.differences(declared) + [f"{path} is no longer declared" for path in stale]

    def drift(self, probe: Probe | None) -> list[str]:
        """Returns in words what is not as declared: files, the process, its health."""
        found = self.file_drift()
        try:
            status = Supervisord(self.supervisor).status(self.name)
        except UnreachableError as error:
            return [*found, str(error)]
        if status is None or status.state not in ACTIVE:
            state = status.state.lower() if status else "unknown to its supervisor"
            return [*found, f"process {self.name} is {state}"]
        unhealthy = probe() if probe else None
        return [*found, f"process {self.name} is not ready: {unhealthy}"] if unhealthy else found

    def ensure(self, probe: Probe | None, seconds: float) -> None:
        """Makes it run as declared, restarting it only if it does not, and waits until ready.

        Args:
            probe: the health check; without one it is ready once it has run for a second.
            seconds: how long it may take to become ready.

        Raises:
            RefusedError: a port is taken; nothing was changed.
            LocalError: it does not start or become ready; the message has the end of its log.
        """
        status = self.status()
        if status is None or status.state not in ACTIVE or self.file_drift():
            require_free(self.ports, own_mark=self.mark)
            self.halt()
            self.start()
        self.await_ready(probe, seconds)

    def halt(self) -> None:
        """Stops it and everything left of an earlier life of it."""
        with contextlib.suppress(UnreachableError):
            Supervisord(self.supervisor).forget(self.name, self.stop_seconds)
        processes.stop(processes.marked(self.mark), self.stop_seconds)

    def start(self) -> None:
        """Writes its files and hands it to supervisord; it must not be running.

        Raises:
            RefusedError: a port is taken.
        """
        require_free(self.ports)
        if self._uses_folder:
            files.make_folder(self.folder)
        files.make_folder(self.log_file.parent)
        declared = self.declared_files()
        if self.secrets:
            files.make_folder(self.secrets_folder)
        for stale in files.extra_files(self.secrets_folder, declared):
            files.remove(stale)
        for path, content in declared.items():
            files.write(path, content, self.owner if path in self.files else None)
        Supervisord(self.supervisor).adopt(self.name)

    def await_ready(self, probe: Probe | None, seconds: float) -> None:
        """Waits until it is ready.

        Raises:
            LocalError: it ended for good, keeps ending, or is not ready in time.
        """
        client = Supervisord(self.supervisor)
        reason = "has not started"
        ends: set[int] = set()
        for _ in poll(seconds, interval=0.1):
            status = client.status(self.name)
            if status is None:
                continue
            if status.state in {"FATAL", "EXITED"}:
                raise self.failure(f"ended with exit status {status.exit_status} {status.error}")
            if status.state == "BACKOFF":
                if not status.error.startswith(_EXITED):
                    raise self.failure(f"can't be started: {status.error}")
                ends.add(status.ended_at)
                if len(ends) >= _ENDS_BEFORE_GIVING_UP:
                    raise self.failure(f"ends again and again, exit status {status.exit_status}")
            elif status.state in ACTIVE:
                reason = probe() if probe else _not_yet_running(status)
                if reason is None and client.status(self.name) == status:
                    return
        raise self.failure(f"is not ready after {seconds:.0f} s: {reason}")

    def failure(self, what: str) -> LocalError:
        """Returns an error about this process with the end of its log."""
        log = files.last_lines(self.log_file, hide=self.secrets.values())
        return LocalError(f"process {self.name} {what.strip()}; {log}")

    def remove(self) -> None:
        """Stops it and removes every file of it, its log included."""
        self.halt()
        for path in self.declared_files():
            files.remove(path)
        files.remove(self.secrets_folder)
        if self._uses_folder:
            files.remove(self.folder)
        for log in self.log_file.parent.glob(f"{self.name}.log*"):
            files.remove(log)


def _not_yet_running(status: Status) -> str | None:
    return None if status.state == "RUNNING" else "has just started"
