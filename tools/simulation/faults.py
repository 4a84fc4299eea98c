"""Failures on order: which call of a run fails, hangs, or is cut off after its work is done.

``faults.json`` in the simulation's folder is read again at each call, so a test writes it between
two runs, or while one is under way::

    [{"operation": "create", "matches": "aws:rds/*", "nth": 2, "effect": "fail"}]
"""

import fnmatch
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tools.simulation.cloud import Cloud
from tools.simulation.errors import CloudError, CutOffError

Operation = Literal["create", "read", "update", "delete"]
Effect = Literal["fail", "hang", "cut-off"]
_FILE = "faults.json"
_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One failure to come.

    Attributes:
        operation: the kind of call.
        matches: shell-style pattern of resource types or URNs.
        nth: which matching call since the fault was ordered, 1 the first; 0 for every one.
        effect: ``fail`` refuses before anything is done; ``hang`` waits till the engine cancels,
            its custom timeout passes or ``seconds`` do, then fails; ``cut-off`` does the work and
            then ends the connection as a provider does that dies: made, but not recorded.
        message: what the cloud says.
        seconds: the longest that a ``hang`` waits.
    """

    operation: Operation
    matches: str
    nth: int = 1
    effect: Effect = "fail"
    message: str = "the service is unavailable; try again later (simulated)"
    seconds: float = 3600


def order(folder: Path, *faults: Fault) -> None:
    """Makes the calls to come fail as said; none any more when nothing is said."""
    path = folder / _FILE
    stamp = time.time_ns()
    orders = [asdict(fault) | {"order": f"{stamp}-{place}"} for place, fault in enumerate(faults)]
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(orders))
    fresh.rename(path)


class Faults:
    """The failures ordered for one simulation."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        """Sets where orders are; ``cloud`` counts calls over all processes."""
        self._path = folder / _FILE
        self._cloud = cloud

    def due(self, operation: Operation, token: str, urn: str) -> Fault | None:
        """Counts a call and returns the fault that it meets."""
        if not self._path.exists():
            return None
        for ordered in json.loads(self._path.read_text()):
            name = ordered.pop("order")
            fault = Fault(**ordered)
            if fault.operation != operation or not (
                fnmatch.fnmatchcase(token, fault.matches) or fnmatch.fnmatchcase(urn, fault.matches)
            ):
                continue
            if self._cloud.count(name) == fault.nth or fault.nth == 0:
                return fault
        return None


def before(fault: Fault | None, *, deadline: float, stopped: Callable[[], bool]) -> None:
    """Fails or hangs before the work, if the fault says so.

    Args:
        fault: what is due, if anything.
        deadline: seconds the engine allows for the call; 0 for no limit.
        stopped: whether the engine has cancelled or hung up.

    Raises:
        CloudError: as ordered.
    """
    if fault is None or fault.effect == "cut-off":
        return
    if fault.effect == "hang":
        until = time.monotonic() + min(fault.seconds, deadline or fault.seconds)
        while time.monotonic() < until and not stopped():
            time.sleep(_POLL_SECONDS)
        raise CloudError(f"timeout while waiting for state to become 'available': {fault.message}")
    raise CloudError(fault.message)


def after(fault: Fault | None) -> None:
    """Cuts the answer off once the work is done, if the fault says so.

    Raises:
        CutOffError: as ordered.
    """
    if fault is not None and fault.effect == "cut-off":
        raise CutOffError(fault.message)
