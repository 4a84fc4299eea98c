"""Cedar's own symbolic analyser: its command, built with cargo, and the SMT solver cvc5.

What is built goes to the platform's cache folder, so that it happens once a machine and not once a
checkout. Cedar publishes no executables, and cvc5 comes from PyPI (``solver.py``).
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools import go
from tools.access_review.analysis import ProofUnavailableError
from tools.access_review.compare import Place
from tools.paths import CACHE
from tools.progress import say

VERSION = "4.14.1"
"""Of the crate ``cedar-policy-cli``; its own lock file pins what it is built from."""

_CRATES = 172
_ACTION = re.compile(r'^\s+\S*Action::".*,$')
_HELD, _REFUTED = "✓", "✗"
_PATIENCE_SECONDS = 120


class Analyser:
    """Proves what policies imply, with Cedar's command; it is built when first asked."""

    def implies(self, schema: str, one: str, other: str, place: Place) -> str:
        """Returns a request that ``one`` allows and ``other`` does not; empty when there is none.

        Raises:
            ProofUnavailableError: neither could be shown.
        """
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "schema.cedarschema").write_text(schema)
            (folder / "one.json").write_text(one)
            (folder / "other.json").write_text(other)
            solver = folder / "cvc5"
            solver.write_text(
                f'#!/bin/sh\nexec "{sys.executable}" -P "{Path(__file__).with_name("solver.py")}"\n'
            )
            solver.chmod(0o755)
            said = self._said(
                *("symcc", f"--cvc5-path={solver}", f"--schema={folder / 'schema.cedarschema'}"),
                *(f"--principal-type={place.principal}", f"--resource-type={place.resource}"),
                f'--action={place.action.type}::"{place.action.id}"',
                *("implies", "--policies1-format=json", "--policies2-format=json"),
                *(f"--policies1={folder / 'one.json'}", f"--policies2={folder / 'other.json'}"),
            )
        if said.startswith(_HELD):
            return ""
        if not said.startswith(_REFUTED):
            raise ProofUnavailableError(f"Cedar's command said {said!r}")
        # What it says first is that there is one; actions are the same in every counterexample.
        lines = said.splitlines()[2:]
        return "\n".join(line for line in lines if not _ACTION.match(line))

    def _said(self, *arguments: str) -> str:
        try:
            ended = subprocess.run(
                [_command(), *arguments],
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise ProofUnavailableError(
                f"there was no answer in {_PATIENCE_SECONDS} seconds"
            ) from None
        if ended.returncode != 0:
            said = " ".join(re.sub(r"[^\x20-\x7e]", " ", ended.stderr).split())
            raise ProofUnavailableError(said or f"Cedar's command ended with {ended.returncode}")
        return ended.stdout


def _command() -> Path:
    """Returns the executable, building it if need be."""
    if importlib.util.find_spec("cvc5") is None:
        raise ProofUnavailableError("the Python package cvc5 is not installed")
    command = CACHE / f"cedar-{VERSION}-build" / "bin" / "cedar"
    if not command.exists():
        if shutil.which("cargo") is None:
            raise ProofUnavailableError("there is no `cargo` to build Cedar's command with")
        with go.locked(CACHE, "cedar"):
            if not command.exists():
                _build(command.parent.parent)
    return command


def _build(folder: Path) -> None:
    say(f"building Cedar's command {VERSION} with cargo: 2 minutes when idle, once a machine")
    work = CACHE / f"cedar-{VERSION}.partial"
    shutil.rmtree(work, ignore_errors=True)
    # Without optimisation it builds in a third of the time and answers as fast: the solver works.
    options = (
        "--locked",
        "--debug",
        "--features=analyze",
        f"--root={work}",
        f"--target-dir={work / 'target'}",
    )
    started = time.monotonic()
    said: list[str] = []
    with subprocess.Popen(
        ["nice", "-n", "10", "cargo", "install", f"cedar-policy-cli@{VERSION}", *options],
        cwd=CACHE,
        env={**os.environ, "CARGO_PROFILE_DEV_DEBUG": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as going:
        assert going.stderr is not None  # noqa: S101 - asked for as a pipe
        for line in going.stderr:
            said.append(line)
            crates = sum("Compiling" in one for one in said)
            if "Compiling" in line and crates % 20 == 0:
                seconds = time.monotonic() - started
                say(f"  compiled {crates} of about {_CRATES} crates, {seconds:.0f} s")
    if going.returncode != 0:
        told = " ".join("".join(said[-5:]).split())
        raise ProofUnavailableError(f"building Cedar's command failed: {told}")
    shutil.rmtree(work / "target")
    work.rename(folder)
