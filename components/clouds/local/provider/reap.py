"""Stops every process of a home folder: ``python -m components.clouds.local.provider.reap <home>``.

For `make down` after a crash, when the state no longer tells what runs. Supervisors go first, so
that none restarts what is stopped; then everything else that carries the mark of a process below
the folder.
"""

import sys
from pathlib import Path

from components.clouds.local.provider import files, processes
from components.clouds.local.provider.framework import LocalError

_PID_FILE = "supervisord.pid"
_SUPERVISOR_SECONDS = 60


def reap(home: Path) -> list[str]:
    """Stops all marked processes below a folder and returns their marks and ids.

    Raises:
        LocalError: one does not end.
    """
    running = processes.marked_below(home)
    supervisors = [found for found in running if Path(found.mark).name == processes.SUPERVISOR_NAME]
    # A supervisor asks its own processes to end, and waits for the slowest of them.
    processes.stop(supervisors, seconds=_SUPERVISOR_SECONDS)
    processes.stop(processes.marked_below(home))
    for found in supervisors:
        files.remove(Path(found.mark).parent / _PID_FILE)
    return [f"{found.mark} ({found.pid})" for found in running]


def main() -> None:
    """Prints what it stopped; exits with 1 when something runs on."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m components.clouds.local.provider.reap <home folder>")
    home = Path(sys.argv[1]).resolve()
    try:
        names = reap(home)
    except LocalError as error:
        sys.exit(str(error))
    for name in names:
        sys.stdout.write(f"stopped {name}\n")
    if not names:
        sys.stdout.write(f"nothing runs below {home}\n")


if __name__ == "__main__":
    main()
