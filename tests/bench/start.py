"""How long the platform takes to come up, to find nothing to do, and what it needs at rest."""

import time

from components.clouds.local.provider.processes import marked_below
from tests.bench.figures import Figure, at_most
from tests.platform import Platform
from tools.up import check


def bring_up(platform: Platform) -> list[Figure]:
    """Brings a platform up with every tool cached and nothing running."""
    started = time.monotonic()
    platform.stack.prepare()
    platform.up()
    check(platform.outputs)
    return [at_most("up-warm", time.monotonic() - started, "s", 40)]


def find_nothing_to_do(platform: Platform) -> list[Figure]:
    """Runs ``pulumi up``, with its preview, on a platform that is as declared."""
    started = time.monotonic()
    ended = platform.pulumi("up", "--yes")
    if ended.returncode != 0 or "unchanged" not in ended.stdout:
        raise RuntimeError(f"up was no no-op:\n{ended.stdout}{ended.stderr}")
    return [at_most("up-noop", time.monotonic() - started, "s", 8)]


def memory(platform: Platform) -> list[Figure]:
    """Sums what all processes hold; pages that several share are counted once (PSS)."""
    running = {one.pid: one.process for one in marked_below(platform.stack.folder)}
    for process in list(running.values()):
        running |= {child.pid: child for child in process.children(recursive=True)}
    total = sum(int(process.memory_full_info().pss) for process in running.values())
    return [at_most("idle-memory", total / 2**20, "MiB", 2048)]
