"""Processes this provider started, found by a mark in their environment.

supervisord knows the processes it started in its present life. After it was killed they run on
without it; the mark, inherited by their children too, is how they are found and stopped.
"""

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.clouds.local.provider.framework import LocalError, poll

if TYPE_CHECKING:
    import psutil

MARK = "AI_PLATFORM_PROCESS"
"""Environment variable: ``<supervisor folder>/<process name>``."""

SUPERVISOR_NAME = "supervisord"
"""The name supervisord itself is marked with."""

_FAST_SHUTDOWN = frozenset({"postgres"})
"""Programs to which SIGTERM means to wait for their clients, and SIGINT to end."""


@dataclass(frozen=True)
class Marked:
    """A running process with a mark."""

    mark: str
    process: "psutil.Process"

    @property
    def pid(self) -> int:
        """Returns the process id."""
        return self.process.pid


def marked_below(folder: Path) -> list[Marked]:
    """Returns the running processes whose mark, or whose parent's, is below a folder.

    A process may write its title over its environment, as those PostgreSQL forks do; so the mark
    of a parent counts for those of its children that show none.
    """
    import psutil

    parents: dict[int, int] = {}
    running: dict[int, Marked] = {}
    for process in psutil.process_iter():
        try:
            parent, status = process.ppid(), process.status()
            mark = process.environ().get(MARK, "")
        except psutil.NoSuchProcess:
            continue
        except (psutil.Error, OSError):
            mark = ""
            parent, status = 0, ""
        if status != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            parents[process.pid] = parent
            running[process.pid] = Marked(mark, process)
    prefix = f"{folder}/"
    found: list[Marked] = []
    for pid, one in running.items():
        ancestor = pid
        while ancestor in running and not running[ancestor].mark:
            ancestor = parents[ancestor]
        mark = running[ancestor].mark if ancestor in running else ""
        if mark.startswith(prefix):
            found.append(Marked(mark, one.process))
    return found


def marked(mark: str) -> list[Marked]:
    """Returns the running processes with exactly this mark."""
    path = Path(mark)
    return [found for found in marked_below(path.parent) if found.mark == mark]


def name_of(process: "psutil.Process") -> str:
    """Returns a process's name, or ``gone``."""
    import psutil

    try:
        return process.name()
    except psutil.Error:
        return "gone"


def stop(processes: Iterable[Marked], seconds: float = 15) -> list[Marked]:
    """Stops processes: asks first, kills after ``seconds``; returns those it found running.

    A process whose parent is asked is left to it, since PostgreSQL's must not be signalled one by
    one.

    Raises:
        LocalError: one runs on even though it was killed.
    """
    targets = [found for found in processes if _alive(found)]
    ids = {found.pid for found in targets}
    for found in targets:
        if _parent_id(found) not in ids:
            fast = name_of(found.process) in _FAST_SHUTDOWN
            _signal(found, signal.SIGINT if fast else signal.SIGTERM)
    for _ in poll(seconds):
        if not any(_alive(found) for found in targets):
            return targets
    for found in targets:
        _signal(found, signal.SIGKILL)
    for _ in poll(5):
        if not any(_alive(found) for found in targets):
            return targets
    left = ", ".join(f"{found.pid} ({found.mark})" for found in targets if _alive(found))
    raise LocalError(f"processes do not end: {left}; stop them by hand")


def _alive(found: Marked) -> bool:
    import psutil

    try:
        return found.process.is_running() and found.process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _parent_id(found: Marked) -> int:
    import psutil

    try:
        return found.process.ppid()
    except psutil.Error:
        return 0


def _signal(found: Marked, number: signal.Signals) -> None:
    import psutil

    try:
        found.process.send_signal(number)
    except psutil.AccessDenied as error:
        raise LocalError(
            f"process {found.pid} ({found.mark}) belongs to another user and can't be stopped"
        ) from error
    except psutil.Error:
        pass
