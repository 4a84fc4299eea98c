"""Closed-loop HTTP load from a process of its own: ``hey``, built once a machine.

Only addresses of this machine are ever loaded, for a bounded time.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tools.paths import CACHE
from tools.progress import say

VERSION = "v0.1.4"
_MODULE = "github.com/rakyll/hey"


@dataclass(frozen=True)
class Load:
    """What a run of load saw."""

    per_second: float
    answered: int
    failed: int


def _hey() -> Path:
    binary = CACHE / f"hey-{VERSION}" / "hey"
    if not binary.exists():
        if shutil.which("go") is None:
            raise SystemExit("benchmarks build their load generator with Go: install Go first")
        say(f"building the load generator ({_MODULE} {VERSION}), once a machine")
        folder = binary.with_name("partial")
        built = subprocess.run(
            ["go", "install", f"{_MODULE}@{VERSION}"],
            env=os.environ | {"GOBIN": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            raise SystemExit(f"the load generator can't be built:\n{built.stderr}")
        (folder / "hey").rename(binary)
        folder.rmdir()
    return binary


def post(
    url: str, body: str, *, seconds: int, connections: int, headers: dict[str, str] | None = None
) -> Load:
    """Posts a body over and over, each connection as soon as it has its answer.

    Raises:
        ValueError: the address is not on this machine.
        RuntimeError: nothing was answered.
    """
    if urlsplit(url).hostname not in {"127.0.0.1", "localhost"}:
        raise ValueError(f"{url}: only this machine is loaded")
    flags = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}")]
    ended = subprocess.run(
        [
            *(str(_hey()), "-z", f"{seconds}s", "-c", str(connections), "-m", "POST"),
            *("-T", "application/json", "-d", body, *flags, url),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", ended.stdout)
    statuses = {
        int(code): int(count)
        for code, count in re.findall(r"\[(\d{3})\]\s+(\d+) responses", ended.stdout)
    }
    answered = sum(count for code, count in statuses.items() if code < 400)
    if rate is None or not answered:
        raise RuntimeError(f"no call was answered:\n{ended.stdout}{ended.stderr}")
    return Load(float(rate.group(1)), answered, sum(statuses.values()) - answered)
