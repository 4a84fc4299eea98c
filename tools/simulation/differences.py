"""What an update would change, path by path."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from components.clouds.local.provider.values import Properties, Value, has_unknown
from tools.simulation.sdk.types import Definition

Change = Literal["add", "delete", "update"]
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Difference:
    """One changed value; ``path`` is as in ``vpcConfig.subnetIds[0]``."""

    path: str
    change: Change

    def is_within(self, properties: frozenset[str]) -> bool:
        """Tells whether one of some properties (``vpcConfig.subnetIds``) holds the change."""
        path = _INDEX.sub("", self.path)
        return any(path == one or path.startswith(f"{one}.") for one in properties)


def differences(old: Properties, new: Properties, at: str = "") -> Iterator[Difference]:
    """Yields where two sets of inputs differ; an unknown value differs from every other."""
    for key in sorted(old.keys() | new.keys()):
        if not key.startswith("__"):
            path = f"{at}.{key}" if at else key
            yield from _compare(path, old.get(key), new.get(key))


def _compare(path: str, old: Value, new: Value) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from differences(old, new, path)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _compare(f"{path}[{place}]", before, after)
    elif old != new or has_unknown(new):
        yield Difference(path, "add" if old is None else "delete" if new is None else "update")


def merged(
    definition: Definition,
    live: Properties,
    recorded: Properties,
    before: Properties,
    declared: Properties,
    ignored: set[str],
) -> Properties:
    """Returns what an update leaves: only what differs from what is recorded is sent.

    So what a cloud has changed by itself since then (who leads, a size it has grown to) stays.

    Args:
        definition: the type.
        live: properties as they are in the cloud.
        recorded: properties as the engine last saw them.
        before: inputs as they were.
        declared: inputs as they shall be.
        ignored: inputs that the program leaves to others.
    """
    found: Properties = {}
    for key, value in live.items():
        output = definition.outputs.get(key)
        is_computed = output is not None and output.required
        if key in declared or is_computed or key in ignored or key not in before:
            found[key] = value
    for key, value in declared.items():
        is_unchanged = key in live and (
            recorded.get(key) == value
            or (before.get(key) == value and _holds(recorded.get(key), value))
        )
        if not is_unchanged and not (key in ignored and key in live):
            found[key] = value
    return found


def _holds(recorded: Value, declared: Value) -> bool:
    """Tells whether what is recorded has all that is declared, and computed parts besides."""
    if isinstance(declared, dict) and isinstance(recorded, dict):
        return all(key in recorded and _holds(recorded[key], one) for key, one in declared.items())
    if isinstance(declared, list) and isinstance(recorded, list):
        return len(declared) == len(recorded) and all(
            _holds(*pair) for pair in zip(recorded, declared, strict=True)
        )
    return recorded == declared
