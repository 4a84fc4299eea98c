"""How long previews on the clouds take, how that grows with regions, and what they need.

The clouds are simulated and Kubernetes is real (tools/simulation), all on this machine: what is
measured is the engine, the program, the SDKs and our provider together.
"""

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import yaml

from stacks.environment import CONFIG_KEY
from tests.bench.figures import Figure, at_most, at_most_of, shown
from tests.environments.clouds import ACCOUNTS, Running, on_aws, running
from tests.environments.tenants import cell_of
from tools.paths import ROOT
from tools.preview import POLICIES

_REGIONS = (1, 4, 16)
_SAMPLE_SECONDS = 0.5


def regions() -> list[Figure]:
    """Previews production with 1, 4 and all 16 of its regions, from nothing."""
    seconds: dict[int, float] = {}
    figures: list[Figure] = []
    peak = _Peak()
    for count in _REGIONS:
        with tempfile.TemporaryDirectory(prefix="aip-bench-") as folder:
            environment = _production(count)
            with running(Path(folder), environment) as stack, _sampled(peak):
                seconds[count], resources = _preview(stack)
            figures.append(shown(f"preview-regions-{count}", seconds[count], "s"))
            figures.append(shown(f"preview-regions-{count}-resources", resources, "resources"))
    return [
        *figures,
        at_most("preview-regions-all", seconds[_REGIONS[-1]], "s", 120),
        at_most("preview-regions-memory", peak.mebibytes, "MiB", 2048),
        *(
            at_most_of(
                f"preview-regions-growth-{fewer}-to-{more}",
                seconds[more] / more,
                seconds[fewer] / fewer,
                "s/region",
                1,
            )
            for fewer, more in pairwise(_REGIONS)
        ),
    ]


def policies() -> list[Figure]:
    """Previews production from nothing with the rules of policies/infrastructure and without.

    What the rules add to a thousand resources is in seconds of CPU, which other work on the machine
    changes least. The pack's start is measured by itself, as the language host starts it.
    """
    seconds: dict[bool, float] = {}
    busy: dict[bool, float] = {}
    for ruled in (False, True):
        before = _cpu_of_children()
        with (
            tempfile.TemporaryDirectory(prefix="aip-bench-") as folder,
            running(Path(folder), _production(_REGIONS[-1])) as stack,
        ):
            pack = ("--policy-pack", str(POLICIES)) if ruled else ()
            seconds[ruled], resources = _preview(stack, *pack)
        busy[ruled] = _cpu_of_children() - before
    added = (busy[True] - busy[False]) / resources * 1000
    return [
        at_most_of("preview-policies", seconds[True], seconds[False], "s", 1.2),
        shown("preview-policies-added", added, "CPU s a thousand resources"),
        at_most("preview-policies-start", _pack_start(), "s", 3),
    ]


def cell() -> list[Figure]:
    """Previews a cell of 100 dedicated tenants."""
    with (
        tempfile.TemporaryDirectory(prefix="aip-bench-") as folder,
        cell_of(Path(folder), on_aws("eu-central-1", "us-east-1"), tenants=100) as stack,
    ):
        seconds, resources = _preview(stack)
    return [
        at_most("preview-cell", seconds, "s", 120),
        shown("preview-cell-resources", resources, "resources"),
    ]


class _Peak:
    """The most memory that this process's children held at once."""

    mebibytes = 0.0


@contextmanager
def _sampled(peak: _Peak) -> Generator[None]:
    """Samples the memory of all children (PSS: pages that several share count once)."""
    stopped = threading.Event()

    def sample() -> None:
        while not stopped.wait(_SAMPLE_SECONDS):
            total = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    total += int(child.memory_full_info().pss)
                except psutil.Error:
                    continue
            peak.mebibytes = max(peak.mebibytes, total / 2**20)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _preview(stack: Running, *options: str) -> tuple[float, int]:
    """Returns a preview's seconds and how many resources it would create."""
    started = time.monotonic()
    printed = json.loads(stack.succeed("preview", "--json", *options))
    return time.monotonic() - started, int(printed["changeSummary"]["create"])


def _cpu_of_children() -> float:
    """Returns the seconds that cores were busy with processes of this one's that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _pack_start() -> float:
    """Returns the seconds from a pack's start until it can be asked."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "engine", str(POLICIES)]
    started = time.monotonic()
    with subprocess.Popen(command, cwd=POLICIES, stdout=subprocess.PIPE, text=True) as pack:
        try:
            port = pack.stdout.readline() if pack.stdout else ""
        finally:
            pack.kill()
    if not port.strip().isdigit():
        raise RuntimeError(f"the policy pack printed {port!r} in place of its port")
    return time.monotonic() - started


def _production(count: int) -> Mapping[str, Any]:
    text = (ROOT / "environments" / "Pulumi.production.yaml").read_text()
    value = yaml.safe_load(text)["config"][CONFIG_KEY]
    chosen = value["regions"][:count]
    for one in chosen:
        one.pop("weight", None)
    clouds = {one["cloud"] for one in chosen}
    accounts = {cloud: one for cloud, one in value["accounts"].items() if cloud in clouds}
    return {**value, "regions": chosen, "accounts": accounts or {"aws": ACCOUNTS["aws"]}}
