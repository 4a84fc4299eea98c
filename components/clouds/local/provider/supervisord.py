"""Talks to a running supervisord over its XML-RPC interface.

Source: http://supervisord.org/api.html. Its address and password are read from the settings file
in its folder, which only the owner can read, so that neither is in the state.
"""

import base64
import configparser
import http.client
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from components.clouds.local.provider.files import read_or_none
from components.clouds.local.provider.framework import LocalError, poll

SETTINGS: Final = "supervisord.conf"
PROGRAMS: Final = "conf.d"
"""Folder of the settings of each program, included by the main settings."""

ACTIVE: Final = frozenset({"STARTING", "RUNNING"})
_STOPPABLE: Final = ACTIVE | {"BACKOFF"}
_STOPPED: Final = frozenset({"STOPPED", "FATAL"})
_RESTART_SECONDS: Final = 1.5

_BAD_NAME = 10
_NOT_RUNNING = 70
_ALREADY_ADDED = 90
_SHUTTING_DOWN = 6
_CALL_SECONDS = 10


class UnreachableError(LocalError):
    """No supervisord answers."""


@dataclass(frozen=True)
class Status:
    """What supervisord knows of a process; ``pid`` is 0 while there is none."""

    state: str
    pid: int
    ended_at: int
    """Seconds since 1970 when it last ended, 0 when it never did."""
    exit_status: int
    error: str


class _Transport(xmlrpc.client.Transport):
    """Bounds each call."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = _CALL_SECONDS
        return connection


class Supervisord:
    """A supervisord by its folder; safe to use from many threads."""

    def __init__(self, folder: Path) -> None:
        """Sets the folder given to the Supervisor resource."""
        self.folder = folder

    def call(self, method: str, *arguments: object) -> Any:
        """Calls a method of the ``supervisor`` namespace.

        Raises:
            UnreachableError: it does not answer, or not for long any more.
            xmlrpc.client.Fault: it refuses.
        """
        port, user, password = self._access()
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        proxy = xmlrpc.client.ServerProxy(
            f"http://127.0.0.1:{port}/RPC2",
            transport=_Transport(headers=[("Authorization", f"Basic {token}")]),
        )
        try:
            with proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == _SHUTTING_DOWN:
                raise UnreachableError(f"supervisord of {self.folder} is shutting down") from fault
            raise
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            reason = str(getattr(error, "errmsg", error))
            raise UnreachableError(
                f"supervisord of {self.folder} does not answer on port {port}: {reason}"
            ) from error

    def _access(self) -> tuple[int, str, str]:
        text = read_or_none(self.folder / SETTINGS)
        settings = configparser.RawConfigParser()
        try:
            settings.read_string(text or "")
            http_server = settings["inet_http_server"]
            port = int(http_server["port"].rpartition(":")[2])
            return port, http_server["username"], http_server["password"]
        except (configparser.Error, KeyError, ValueError) as error:
            wrong = "is missing" if text is None else "was damaged"
            raise UnreachableError(f"{self.folder / SETTINGS} {wrong}") from error

    def process_id(self) -> int | None:
        """Returns its process id, None when it does not answer."""
        try:
            return int(self.call("getPID"))
        except UnreachableError:
            return None

    def status(self, name: str) -> Status | None:
        """Returns the status of a process, None when supervisord does not know it."""
        try:
            info = self.call("getProcessInfo", name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == _BAD_NAME:
                return None
            raise _refused(name, fault) from fault
        return Status(
            state=str(info["statename"]),
            pid=int(info["pid"]),
            ended_at=int(info["stop"]),
            exit_status=int(info["exitstatus"]),
            error=str(info["spawnerr"]),
        )

    def stop(self, name: str, seconds: float) -> None:
        """Stops a process and waits for its end; supervisord kills it when it takes too long.

        Args:
            name: the process; it may be unknown or stopped already.
            seconds: how long supervisord lets it end by itself.
        """
        exited_at = 0.0
        for _ in poll(seconds + 10):
            status = self.status(name)
            if status is None or status.state in _STOPPED:
                return
            if status.state == "EXITED":
                # It ended by itself just now: supervisord may be about to start it again, which it
                # does within a second or not at all.
                exited_at = exited_at or time.monotonic()
                if time.monotonic() - exited_at > _RESTART_SECONDS:
                    return
            elif status.state in _STOPPABLE:
                exited_at = 0.0
                self._ask_to_stop(name)
        raise LocalError(f"process {name} did not end within {seconds + 10:.0f} s")

    def _ask_to_stop(self, name: str) -> None:
        try:
            self.call("stopProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode not in {_BAD_NAME, _NOT_RUNNING}:
                raise _refused(name, fault) from fault

    def start(self, name: str) -> None:
        """Starts a process that supervisord knows and that was stopped."""
        try:
            self.call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            raise _refused(name, fault) from fault

    def signal(self, name: str, signal: str) -> None:
        """Sends a process a signal, such as ``QUIT``."""
        try:
            self.call("signalProcess", name, signal)
        except xmlrpc.client.Fault as fault:
            raise _refused(name, fault) from fault

    def forget(self, name: str, seconds: float) -> None:
        """Stops a process and removes it from supervisord's list."""
        self.stop(name, seconds)
        try:
            self.call("removeProcessGroup", name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _BAD_NAME:
                raise _refused(name, fault) from fault

    def adopt(self, name: str) -> None:
        """Reads the settings of a new process and starts it."""
        try:
            self.call("reloadConfig")
            self.call("addProcessGroup", name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _ALREADY_ADDED:
                raise _refused(name, fault) from fault


def _refused(name: str, fault: xmlrpc.client.Fault) -> LocalError:
    return LocalError(f"supervisord refuses process {name}: {fault.faultString}")
