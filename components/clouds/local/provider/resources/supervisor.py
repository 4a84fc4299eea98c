"""Supervisor: a supervisord that outlives the provider."""

import contextlib
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from components.clouds.local.provider import files, processes
from components.clouds.local.provider.framework import (
    Folder,
    Inputs,
    Live,
    LocalError,
    Name,
    Port,
    Resource,
    poll,
)
from components.clouds.local.provider.ports import require_free
from components.clouds.local.provider.supervision import LOGS, SECRETS, SPECIFICATIONS
from components.clouds.local.provider.supervisord import (
    PROGRAMS,
    SETTINGS,
    Supervisord,
    UnreachableError,
)
from components.clouds.local.provider.values import Properties

_PID_FILE = "supervisord.pid"
_START_SECONDS = 20
_STOP_SECONDS = 60
_INHERITED = ("PATH", "HOME", "TMPDIR", "TZ", "LANG")
"""All that supervised processes get of the user's environment, which may hold secrets."""


class SupervisorInputs(Inputs):
    """What a program says of a supervisor."""

    name: Name
    folder: Folder
    port: Port


class Supervisor(Resource[SupervisorInputs]):
    """A supervisord on the loopback interface with its folder."""

    inputs = SupervisorInputs
    outputs: ClassVar = ("state",)
    replace_on: ClassVar = frozenset({"folder"})

    def identify(self, inputs: SupervisorInputs) -> str:
        """Returns the folder."""
        return inputs.folder

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Promises that it will run."""
        del inputs, old
        return {"state": "running"}

    def apply(self, inputs: SupervisorInputs, old: Properties | None) -> Properties:
        """Starts supervisord, or restarts it when its settings changed; stops strays."""
        del old
        folder = Path(inputs.folder)
        client = Supervisord(folder)
        declared = {folder / SETTINGS: _settings(inputs, _password(folder))}
        if client.process_id() is None or files.differences(declared):
            mark = f"{folder}/{processes.SUPERVISOR_NAME}"
            require_free({"port": inputs.port}, own_mark=mark)
            _shut_down(folder)
            require_free({"port": inputs.port})
            for part in (".", PROGRAMS, SPECIFICATIONS, SECRETS, LOGS):
                files.make_folder(folder / part)
            for path, content in declared.items():
                files.write(path, content)
            _start(folder)
        _stop_strays(folder)
        return {"state": "running"}

    def read(self, inputs: SupervisorInputs, recorded: Properties) -> Live | None:
        """Looks at its settings and whether it answers."""
        del recorded
        folder = Path(inputs.folder)
        if not folder.is_dir():
            return None
        drift = files.differences({folder / SETTINGS: _settings(inputs, _password(folder))})
        if Supervisord(folder).process_id() is None:
            return Live({"state": "stopped"}, [*drift, f"supervisord of {folder} is not running"])
        return Live({"state": "running"}, drift)

    def delete(self, inputs: SupervisorInputs) -> None:
        """Stops it and all its processes, and removes its files."""
        folder = Path(inputs.folder)
        _shut_down(folder)
        for part in (SETTINGS, _PID_FILE, PROGRAMS, SPECIFICATIONS, SECRETS, LOGS):
            files.remove(folder / part)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _password(folder: Path) -> str:
    """Returns the password in the settings on disk, or a new one."""
    text = files.read_or_none(folder / SETTINGS) or ""
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "password" and value:
            return value
    return secrets.token_hex(24)


def _settings(inputs: SupervisorInputs, password: str) -> str:
    folder = Path(inputs.folder)
    return f"""\
[supervisord]
identifier={inputs.name}
pidfile={folder / _PID_FILE}
logfile={folder / LOGS / "supervisord.log"}
logfile_maxbytes=5MB
logfile_backups=1
loglevel=info
umask=077
nodaemon=false
silent=true

[inet_http_server]
port=127.0.0.1:{inputs.port}
username=platform
password={password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files={PROGRAMS}/*.conf
"""


def _start(folder: Path) -> None:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment[processes.MARK] = f"{folder}/{processes.SUPERVISOR_NAME}"
    ended = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", folder / SETTINGS],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_START_SECONDS,
    )
    if ended.returncode != 0:
        raise LocalError(f"supervisord of {folder} does not start: {ended.stderr.strip()}")
    for _ in poll(_START_SECONDS):
        if Supervisord(folder).process_id() is not None:
            return
    log = files.last_lines(folder / LOGS / "supervisord.log")
    raise LocalError(f"supervisord of {folder} does not answer; {log}")


def _shut_down(folder: Path) -> None:
    """Ends supervisord and all it runs; what does not obey, or it does not own, is stopped."""
    with contextlib.suppress(UnreachableError):
        Supervisord(folder).call("shutdown")
        for _ in poll(_STOP_SECONDS, interval=0.1):
            if not processes.marked(f"{folder}/{processes.SUPERVISOR_NAME}"):
                break
    processes.stop(processes.marked_below(folder))
    files.remove(folder / _PID_FILE)


def _stop_strays(folder: Path) -> None:
    """Stops processes of an earlier supervisord: they have no living one among their parents."""
    import psutil

    own = Supervisord(folder).process_id()
    strays: list[processes.Marked] = []
    for found in processes.marked_below(folder):
        try:
            ancestors = {parent.pid for parent in found.process.parents()}
        except psutil.Error:
            continue
        if found.pid != own and own not in ancestors:
            strays.append(found)
    processes.stop(strays)
