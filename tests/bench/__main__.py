"""``make bench``: measures every figure, or the groups and figures named.

Most are measured on a platform of their own, previews of the clouds without one.
Figures go to ``.platform/bench.json`` and, as a table, to the terminal.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import gateway, preview, review, start
from tests.bench.figures import Figure, keep, table
from tests.platform import Platform, make
from tools.down import down
from tools.paths import home
from tools.progress import say

ON_A_PLATFORM: dict[str, Callable[[Platform], list[Figure]]] = {
    "up-noop": start.find_nothing_to_do,
    "idle-memory": start.memory,
    "call": gateway.measure,
}
"""What is measured on a platform that is up; ``up-warm`` is measured while it comes up."""

APART: dict[str, Callable[[], list[Figure]]] = {
    "preview-regions": preview.regions,
    "preview-cell": preview.cell,
    "preview-policies": preview.policies,
    "review-tenant": review.tenant,
}
"""What is measured without one."""

_WARM = "up-warm"


def main(only: list[str]) -> None:
    """Measures and reports.

    Raises:
        SystemExit: a name is none of the benchmarks.
    """
    known = [_WARM, *ON_A_PLATFORM, *APART]
    unknown = [name for name in only if not any(name.startswith(one) for one in known)]
    if unknown:
        raise SystemExit(
            f"no benchmark is named {', '.join(unknown)}; there are {', '.join(known)}"
        )
    figures: list[Figure] = []
    for name, measure in APART.items():
        if _wanted(name, only):
            say(f"measuring {name}")
            figures += measure()
    if any(_wanted(name, only) for name in (_WARM, *ON_A_PLATFORM)):
        figures += _on_a_platform(only)
    if only:
        figures = [one for one in figures if any(one.name.startswith(name) for name in only)]
    keep(figures, home() / "bench.json")
    sys.stdout.write(table(figures) + "\n")


def _on_a_platform(only: list[str]) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="aip-bench-") as folder:
        platform = make(Path(folder))
        try:
            say("bringing a platform up")
            figures = start.bring_up(platform)
            for name, measure in ON_A_PLATFORM.items():
                if _wanted(name, only):
                    say(f"measuring {name}")
                    figures += measure(platform)
        finally:
            down(platform.stack)
    return figures


def _wanted(group: str, only: list[str]) -> bool:
    return not only or any(one.startswith(group) for one in only)


if __name__ == "__main__":
    main(sys.argv[1:])
