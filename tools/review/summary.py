"""What the changes of a stack come to: grouped, counted, and told apart from noise."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from components.clouds.local.provider.values import UNKNOWN_TEXT
from tools.review.changes import Change, Operation

Quiet = Literal["image", "tags"]
"""Kinds of change that say nothing one by one: a new build of the platform, other tags."""

OPERATIONS: Sequence[Operation] = ("create", "update", "replace", "delete")

_TAG_PATH = re.compile(
    r"^(tags|tagsAll|labels|effectiveLabels|pulumiLabels|(settings\.)?userLabels|resourceLabels"
    r"|(nodeConfig\.)?resourceLabels|(agentPoolProfiles|spec\.template)\S*\.tags"
    r"|metadata\.labels|spec\.template\.metadata\.labels)([.\[].*)?$"
)
_IMAGE = "docker-build:index:Image"
_IMAGE_PATH = re.compile(r"^spec\.template\.spec\.(initC|c)ontainers\[\d+\]\.image$")
_UNSAYABLE = re.compile(
    UNKNOWN_TEXT.pattern + r"|\[secret\]|[0-9a-f]{12,}|[A-Za-z0-9+/=]{60,}"
    r"|-(?=[0-9a-f]*[0-9])[0-9a-f]{7,8}\b"
)
_LONG = 60
_STEP = re.compile(r'\["([^"]+)"\]|\[(\d+)\]|([^.\[\]]+)')
"""Of a path as the engine writes it: ``spec.containers[0].ports["a.b"]``."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Changes that say the same of resources of one kind.

    Attributes:
        differences: each changed property with what it was and will be, where that can be said.
        places: how many in which region, most first; "" is outside regions.
        names: of the resources, sorted.
    """

    operation: Operation
    kind: str
    differences: tuple[str, ...]
    forced_by: tuple[str, ...]
    places: Mapping[str, int]
    names: tuple[str, ...]


def grouped(changes: Iterable[Change]) -> list[Group]:
    """Returns changes as groups: what is destroyed or replaced first, then by kind."""
    found: dict[tuple[Any, ...], list[Change]] = {}
    for change in changes:
        key = (change.operation, change.kind, differences(change), change.forced_by)
        found.setdefault(key, []).append(change)
    groups = [
        Group(
            operation=operation,
            kind=kind,
            differences=said,
            forced_by=forced,
            places=dict(sorted(_counts(members).items(), key=lambda one: (-one[1], one[0]))),
            names=tuple(sorted(one.name for one in members)),
        )
        for (operation, kind, said, forced), members in found.items()
    ]
    order = ("delete", "replace", "update", "create")
    return sorted(groups, key=lambda one: (order.index(one.operation), one.kind, one.names))


def _counts(changes: Iterable[Change]) -> Counter[str]:
    return Counter(change.place for change in changes)


def differences(change: Change) -> tuple[str, ...]:
    """Returns what is other in a resource, a property each; hashes and secrets are left out."""
    return tuple(_difference(change, path) for path in change.paths)


def quiet(change: Change) -> Quiet | None:
    """Tells whether a change is of a kind that is counted and not shown."""
    if change.kind == _IMAGE and change.operation == "update":
        return "image"
    if change.operation == "replace" and change.kind == "kubernetes:batch/v1:Job":
        return "image" if _all(change.forced_by, _IMAGE_PATH) else None
    if change.operation != "update":
        return None
    if _all(change.paths, _TAG_PATH):
        return "tags"
    return "image" if _all(change.paths, _IMAGE_PATH) else None


def counted(changes: Iterable[Change]) -> Counter[Operation]:
    """Returns how many changes there are of each operation."""
    return Counter(change.operation for change in changes)


def stores(changes: Iterable[Change]) -> list[Change]:
    """Returns the changes by which data is lost, unless it is kept elsewhere."""
    return [one for one in changes if one.holds_data and one.operation in {"replace", "delete"}]


def _all(paths: Sequence[str], pattern: re.Pattern[str]) -> bool:
    return bool(paths) and all(pattern.match(path) for path in paths)


def _difference(change: Change, path: str) -> str:
    before, after = (_said(one, path) for one in (change.before, change.after))
    if before is None or after is None or before == after:
        return path
    return f"{path}: {before} → {after}"


def _said(properties: Mapping[str, Any], path: str) -> str | None:
    """Returns the value at a path as text, None where it says nothing to a reader."""
    value = _at(
        properties, [quoted or index or plain for quoted, index, plain in _STEP.findall(path)]
    )
    if value is None or isinstance(value, dict | list):
        return None
    said = json.dumps(value, ensure_ascii=False)
    return None if len(said) > _LONG or _UNSAYABLE.search(said) else said


def _at(value: Any, steps: Sequence[str]) -> Any:
    """Returns the value at some steps; a key with dots is several of them too."""
    if not steps:
        return value
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        at = steps[0]
        return (
            _at(elements[int(at)], steps[1:]) if at.isdigit() and int(at) < len(elements) else None
        )
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        for length in range(1, len(steps) + 1):
            if (key := ".".join(steps[:length])) in inner:
                return _at(inner[key], steps[length:])
    return None
