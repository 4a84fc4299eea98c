"""Runs the shell scripts that programs hand to a cloud, with a gcloud and an az of our own.

The commands (``gcloud.py``, ``az.py``) are found first on PATH and work on the simulated clouds;
what they do not know, they refuse as the real ones would.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.paths import ROOT
from tools.simulation.errors import CloudError

FOLDER_VARIABLE = "SIMULATED_CLOUDS"
_COMMANDS = ("gcloud", "az")
_SECONDS = 300
_SHOWN = 2000


def run(folder: Path, command: Sequence[str], environment: Mapping[str, str], what: str) -> str:
    """Runs a command and returns what it printed.

    Args:
        folder: of the simulation.
        command: program and arguments.
        environment: variables besides PATH.
        what: the resource, for the error.

    Raises:
        CloudError: it failed; with the end of what it printed.
    """
    tools = _commands(folder)
    try:
        ended = subprocess.run(
            command,
            env={
                "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
                "POLL_SECONDS": "0.1",
                FOLDER_VARIABLE: str(folder),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CloudError(f"{what} did not end within {_SECONDS} s") from None
    if ended.returncode != 0:
        said = (ended.stdout + ended.stderr)[-_SHOWN:]
        raise CloudError(f"{what} ended with exit status {ended.returncode}:\n{said}")
    return ended.stdout


def _commands(folder: Path) -> Path:
    """Returns a folder with launchers of our commands."""
    tools = folder / "commands"
    tools.mkdir(exist_ok=True)
    for name in _COMMANDS:
        launcher = tools / name
        if not launcher.exists():
            fresh = tools / f"{name}.{os.getpid()}"
            fresh.write_text(
                f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" '
                f'-m tools.simulation.runs.{name} "$@"\n'
            )
            fresh.chmod(0o755)
            fresh.rename(launcher)
    return tools
