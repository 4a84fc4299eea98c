"""Whether a port of this machine is free, and who has it otherwise."""

import os
import socket
from collections.abc import Mapping

from components.clouds.local.provider.framework import RefusedError
from components.clouds.local.provider.processes import MARK

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tells whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def require_free(ports: Mapping[str, int], own_mark: str | None = None) -> None:
    """Checks that ports are free before anything listens on them.

    Args:
        ports: property name to port.
        own_mark: a process with this mark may hold them, as it is about to be stopped.

    Raises:
        RefusedError: one is taken; it names the property, the port and who holds it.
    """
    for key, port in ports.items():
        if is_free(port):
            continue
        holder = _holder(port)
        if holder and own_mark and holder[1] == own_mark:
            continue
        by = f" by {holder[0]}" if holder else ""
        raise RefusedError(
            f"{key}: port {port} on {LOOPBACK} is taken{by}; stop that or choose another port"
        )


def _holder(port: int) -> tuple[str, str] | None:
    """Returns who listens on a port, in words, and its mark."""
    import psutil

    try:
        sockets = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return None
    for found in sockets:
        local = found.laddr
        if found.status == psutil.CONN_LISTEN and local and local.port == port and found.pid:
            return _describe(found.pid)
    return None


def _describe(pid: int) -> tuple[str, str]:
    import psutil

    try:
        process = psutil.Process(pid)
        name = process.name()
    except psutil.Error:
        return f"process {pid}", ""
    if pid == os.getpid():
        return f"this process {pid}", ""
    try:
        mark = process.environ().get(MARK, "")
    except (psutil.Error, OSError):
        mark = ""
    return f"process {pid} ({name}{', ' + mark if mark else ''})", mark
