"""Whether the ports an environment names can be used, asked before anything is started."""

from collections.abc import Iterable
from pathlib import Path

import psutil

from components.clouds.local.provider.ports import is_free
from components.clouds.local.provider.processes import marked_below, name_of


class PortTakenError(Exception):
    """Something else listens on a port of the environment file; names key, port and process."""


def require_free(ports: Iterable[tuple[str, int]], *, home: Path, file: str) -> None:
    """Refuses ports that are held by anything but this platform itself.

    Args:
        ports: the key that sets each port, and the port.
        home: the folder whose processes are this platform's own.
        file: the environment file, for messages.

    Raises:
        PortTakenError: lists every port that is taken.
    """
    taken = [(key, port) for key, port in ports if not is_free(port)]
    if not taken:
        return
    holders = _listeners()
    own = {found.pid for found in marked_below(home)}
    problems = [
        f"{file}: {key}: port {port} is taken by {_describe(holders.get(port))}; stop it or "
        "choose another port"
        for key, port in taken
        if holders.get(port) not in own
    ]
    if problems:
        raise PortTakenError("\n".join(problems))


def _listeners() -> dict[int, int]:
    """Returns the process id that listens on each port, as far as the caller may see it."""
    try:
        found = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows an ordinary user only their own processes, one by one
        return _own_listeners()
    return {
        int(one.laddr.port): int(one.pid)
        for one in found
        if one.status == psutil.CONN_LISTEN and one.laddr and one.pid
    }


def _own_listeners() -> dict[int, int]:
    listeners: dict[int, int] = {}
    for process in psutil.process_iter():
        try:
            for one in process.net_connections("tcp"):
                if one.status == psutil.CONN_LISTEN and one.laddr:
                    listeners[int(one.laddr.port)] = process.pid
        except psutil.Error:
            continue
    return listeners


def _describe(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        return f"{name_of(psutil.Process(pid))} (pid {pid})"
    except psutil.NoSuchProcess:
        return f"pid {pid}"
