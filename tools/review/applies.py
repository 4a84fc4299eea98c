"""How long applying a stack took before, from its history."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

_APPLY = re.compile(r"\bapply ([0-9a-z-]+)")
"""What `make apply` puts into the message of each update that belongs to one apply."""

_COUNTED = ("create", "update", "replace", "delete")


@dataclass(frozen=True, kw_only=True)
class Apply:
    """A change of a stack that was applied.

    Attributes:
        ended: when.
        took: how long its updates took together; the waits between them are not in it.
        changes: how many resources were created, updated, replaced or deleted, by operation.
    """

    ended: datetime
    took: timedelta
    changes: Mapping[str, int]


def applies(history: str) -> list[Apply]:
    """Returns the successful applies of ``pulumi stack history --json``, the newest first."""
    updates = cast("Sequence[dict[str, Any]]", json.loads(history or "[]") or [])
    grouped: dict[str, list[dict[str, Any]]] = {}
    for number, update in enumerate(updates):
        if update.get("kind") != "update" or update.get("result") != "succeeded":
            continue
        named = _APPLY.search(update.get("message") or "")
        grouped.setdefault(named[1] if named else f"#{number}", []).append(update)
    return [_apply(one) for one in grouped.values()]


def like(history: Sequence[Apply], operations: Collection[str]) -> Apply | None:
    """Returns the newest apply that did all of what is to be done, else the newest; None of none.

    Args:
        history: the newest first.
        operations: what is to be done: ``create``, ``update``, ``replace``, ``delete``.
    """
    changing = [one for one in history if one.changes]
    alike = [one for one in changing if set(operations) <= one.changes.keys()]
    return next(iter(alike or changing), None)


def _apply(updates: Sequence[Mapping[str, Any]]) -> Apply:
    spans = [(_time(one["startTime"]), _time(one["endTime"])) for one in updates]
    changes: dict[str, int] = {}
    for update in updates:
        counts = cast("dict[str, int]", update.get("resourceChanges") or {})
        for operation, count in counts.items():
            if operation in _COUNTED and count:
                changes[operation] = changes.get(operation, 0) + count
    return Apply(
        ended=max(end for _, end in spans),
        took=sum((end - start for start, end in spans), timedelta()),
        changes=changes,
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
