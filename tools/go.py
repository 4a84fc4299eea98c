"""Builds programs with Go into the platform's cache folder, once a machine."""

import fcntl
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tools.progress import say


class BuildError(Exception):
    """Something that Go builds or gets can't be had; the message says what was tried."""


def run(folder: Path, *arguments: str) -> str:
    """Runs a ``go`` command in a folder and returns what it printed.

    Raises:
        BuildError: it failed.
    """
    ended = subprocess.run(
        ["go", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        said = (ended.stderr or ended.stdout).strip()
        raise BuildError(f"`go {' '.join(arguments)}` failed:\n{said}")
    return ended.stdout


def build(sources: Path, folder: Path, package: str, name: str, linking: str) -> None:
    """Builds a program in a fresh folder, saying how far it is.

    Args:
        sources: folder of the ``go.mod`` and ``go.sum`` that pin what it is built from.
        folder: is emptied, and holds the program afterwards.
        package: import path of its main package.
        name: of the executable.
        linking: flags for the linker.

    Raises:
        BuildError: it can't be built.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for one in ("go.mod", "go.sum"):
        shutil.copyfile(sources / one, folder / one)
    packages = run(folder, "list", "-mod=mod", "-deps", package).count("\n")
    # -v prints a line for each package it compiles.
    command = ["go", "build", "-mod=mod", "-trimpath", "-v", f"-ldflags={linking}", "-o", name]
    started = time.monotonic()
    compiled: list[str] = []
    with subprocess.Popen(
        [*command, package],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as going:
        assert going.stderr is not None  # noqa: S101 - asked for as a pipe
        for line in going.stderr:
            compiled.append(line)
            if len(compiled) % 100 == 0:
                seconds = time.monotonic() - started
                say(f"  compiled {len(compiled)} of {packages} packages, {seconds:.0f} s")
    if going.returncode != 0:
        raise BuildError(f"building {name} failed:\n" + "".join(compiled[-20:]).strip())


@contextmanager
def locked(folder: Path, name: str) -> Generator[None]:
    """Lets one process of the machine at a time get something into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process on this machine is getting {name}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
