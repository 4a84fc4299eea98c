"""How long a review of a tenant's one-line change takes: of the first, and of those after it.

The first brings the tenant's environment up on simulated clouds as it is before the change.
"""

import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, at_most, shown
from tests.environments.reviews import CASES, PullRequest


def tenant() -> list[Figure]:
    """Reviews a change of a tenant's quota twice."""
    seconds: list[float] = []
    stacks = 0
    with tempfile.TemporaryDirectory(prefix="aip-bench-") as folder:
        change = PullRequest(Path(folder))
        CASES["tenant-given-more"](change)
        for _ in range(2):
            started = time.monotonic()
            stacks = len(change.review().sections)
            seconds.append(time.monotonic() - started)
    first, again = seconds
    return [
        shown("review-tenant-first", first, "s"),
        at_most("review-tenant", again, "s", 30),
        at_most("review-tenant-stacks", stacks, "stacks", 1),
    ]
