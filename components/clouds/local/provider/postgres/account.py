"""The user PostgreSQL's programs run as: it refuses to run as root.

An ordinary user runs them as themselves. Root hands them to the user ``nobody`` through setpriv.
Where a folder on the way to the data or the programs is closed to that user, as a checkout below
/root is, it also gets the one capability that opens folders, CAP_DAC_OVERRIDE.
"""

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from components.clouds.local.provider.files import Owner
from components.clouds.local.provider.framework import LocalError, RefusedError

_NOBODY = Owner(65534, 65534)
_DAC_OVERRIDE_BIT = 1
_CAPABILITY = "+dac_override"
_STATUS = Path("/proc/self/status")


def owner() -> Owner | None:
    """Returns who must own the files, None when that is the caller."""
    return _NOBODY if os.geteuid() == 0 else None


def prefix(*folders: Path) -> tuple[str, ...]:
    """Returns what to put before a command so that it runs as the right user.

    Args:
        folders: what the command must reach.

    Raises:
        RefusedError: the user can't reach one.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RefusedError(
            "PostgreSQL does not run as root, and there is no setpriv (package util-linux) to run "
            "it as another user: install it or run as an ordinary user"
        )
    command = (setpriv, f"--reuid={_NOBODY.uid}", f"--regid={_NOBODY.gid}", "--clear-groups")
    closed = next(filter(None, map(_closed_folder, folders)), None)
    if closed is None:
        return command
    if not _may_override():
        raise RefusedError(
            f"PostgreSQL does not run as root, and user {_NOBODY.uid}, which it runs as instead, "
            f"can't enter {closed}: let others enter it (chmod o+x {closed}), set AI_PLATFORM_HOME "
            "to another folder, or run as an ordinary user"
        )
    # PostgreSQL's programs ask access(2) whether they may run one another, and access(2) ignores
    # the capabilities of an ordinary user unless this bit is set (capabilities(7)).
    return (
        *command,
        "--securebits=+no_setuid_fixup",
        f"--inh-caps={_CAPABILITY}",
        f"--ambient-caps={_CAPABILITY}",
    )


def _closed_folder(path: Path) -> Path | None:
    """Returns the first folder on the way to a path that ``nobody`` can't enter."""
    for folder in reversed((path, *path.parents)):
        try:
            found = folder.stat()
        except FileNotFoundError:
            return None
        enters = stat.S_IXUSR if found.st_uid == _NOBODY.uid else stat.S_IXOTH
        if folder.is_dir() and not found.st_mode & enters:
            return folder
    return None


@cache
def _may_override() -> bool:
    """Tells whether CAP_DAC_OVERRIDE is in this process's bounding set (capabilities(7))."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return False
    bounding = next((line.split()[1] for line in lines if line.startswith("CapBnd:")), "0")
    return bool(int(bounding, 16) >> _DAC_OVERRIDE_BIT & 1)


def run(
    command: Sequence[str | Path],
    *,
    reach: Sequence[Path],
    environment: Mapping[str, str] | None = None,
    seconds: float = 300,
) -> str:
    """Runs a program of PostgreSQL to its end and returns what it printed.

    Args:
        command: the program, by its full path, and its arguments.
        reach: folders it must reach.
        environment: variables besides PATH.
        seconds: how long it may take.

    Raises:
        LocalError: it failed; the message has what it said.
    """
    try:
        ended = subprocess.run(
            [*prefix(*reach, Path(command[0]).parent), *command],
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise LocalError(f"{Path(command[0]).name} took over {seconds:.0f} s") from error
    if ended.returncode != 0:
        said = "\n".join((ended.stderr.strip() or ended.stdout.strip()).splitlines()[-15:])
        raise LocalError(f"{Path(command[0]).name} failed: {said}")
    return ended.stdout
