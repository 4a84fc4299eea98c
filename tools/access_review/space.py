"""Requests that tell policies apart: every value that a condition compares with, and another one.

The requests between two kinds of entities for an action vary in what policies look at there, and
in nothing else: what they do not look at can't change their answer.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tools.access_review.conditions import (
    PARENTS,
    Expression,
    Path,
    literals_in,
    paths_in,
)
from tools.access_review.schema import Action, Schema, Type

LIMIT = 4_000
"""Requests for an action between two kinds; beyond it, two values at a time are varied."""

_ALL_SUBSETS = 6
_UNNAMED = ("~", "^")
"""Stand for all that no policy names; no pattern is likely to match them either."""
_OTHER = "~other"
_ABSENT = object()
_SELF: Mapping[str, str] = {"__self": "principal"}
_SAMPLES = {
    "ipaddr": ("ip", ("192.0.2.1", "127.0.0.1", "224.0.0.1")),
    "decimal": ("decimal", ("-922337203685477.5808", "922337203685477.5807")),
    "datetime": ("datetime", ("1970-01-01", "9999-12-31")),
    "duration": ("duration", ("0ms", "36500d")),
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A question to the policies.

    Attributes:
        principal: who asks, as Cedar's JSON has entities.
        action: what for, and its groups.
        resource: on what.
        context: what is said besides.
    """

    principal: Mapping[str, Any]
    action: Action
    resource: Mapping[str, Any]
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class Space:
    """The requests for an action between two kinds of entities.

    Attributes:
        requests: all of them.
        thinned: whether they were too many, so that only two values at a time were varied.
        untouched: paths of conditions that can't be varied here.
    """

    requests: Sequence[Request]
    thinned: bool
    untouched: tuple[str, ...]


def space(
    schema: Schema,
    action: Action,
    principal: str,
    resource: str,
    conditions: Iterable[Expression],
) -> Space:
    """Returns the requests for an action between two kinds of entities.

    Args:
        schema: says what attributes are.
        action: what is asked for.
        principal: kind of who asks.
        resource: kind of what it is asked for.
        conditions: of the policies that may settle them.
    """
    kinds = {"principal": principal, "resource": resource}
    values = _Values(conditions, kinds)
    types = {path: _type_at(path, schema, action, kinds) for path in values.paths()}
    known = {path: type_ for path, type_ in types.items() if type_ is not None}
    dimensions = {path: values.of(path, known) for path in known}
    dimensions["principal",] = values.ids("principal", "~principal")
    dimensions["resource",] = values.ids("resource", "~resource")
    if "/" in action.id and resource.endswith("::Api"):
        # A call is decided for the service that it is made to, never for another.
        dimensions["resource",] = [action.id.rpartition("/")[0]]
    combinations, thinned = _combined(dimensions)
    requests = [
        request
        for combination in combinations
        if (request := _request(combination, action, kinds)) is not None
    ]
    untouched = tuple(sorted(".".join(path) for path in types if path not in known))
    return Space(requests=requests, thinned=thinned, untouched=untouched)


class _Values:
    """Which values the conditions compare what with; paths compared with one another share theirs.

    Args:
        conditions: of policies.
        kinds: of the principal and the resource.
    """

    def __init__(self, conditions: Iterable[Expression], kinds: Mapping[str, str]) -> None:
        self._kinds = kinds
        self._shared: list[tuple[set[Path], list[Any]]] = []
        for condition in conditions:
            paths = set(paths_in(condition))
            literals = literals_in(condition)
            for one in [one for one in self._shared if one[0] & paths]:
                self._shared.remove(one)
                paths |= one[0]
                literals = one[1] + literals
            if paths:
                self._shared.append((paths, literals))

    def paths(self) -> list[Path]:
        """Returns the paths that conditions look at, entities themselves aside."""
        found = {path for paths, _ in self._shared for path in paths}
        return sorted(path for path in found if len(path) > 1)

    def ids(self, variable: str, fresh: str) -> list[str]:
        """Returns ids for the principal or the resource."""
        kind = self._kinds[variable]
        named = [
            one["id"] for one in _entities(self._sharing((variable,))[1]) if one["type"] == kind
        ]
        return list(dict.fromkeys([fresh, *named]))

    def of(self, path: Path, types: Mapping[Path, Type]) -> list[Any]:
        """Returns the values to give to an attribute; first what nothing compares with."""
        type_ = types[path]
        scalar = type_.element or type_ if type_.kind == "Set" else type_
        paths, literals = self._sharing(path)
        if path[-1] == PARENTS:
            kinds = {_entity_kind(types[one]) for one in paths if one in types} - {""}
            found = [_entity(kind, _OTHER) for kind in sorted(kinds)]
            found += [one for one in literals if isinstance(one, dict) and "__entity" in one]
        else:
            found = self._scalars(scalar, literals, compared=len(paths) > 1)
        found = _distinct(found)
        if type_.kind == "Set":
            found = _subsets(found)
        return found if type_.required else [_ABSENT, *found]

    def _sharing(self, path: Path) -> tuple[set[Path], list[Any]]:
        alone: tuple[set[Path], list[Any]] = ({path}, [])
        return next((one for one in self._shared if path in one[0]), alone)

    def _scalars(self, type_: Type, literals: Sequence[Any], *, compared: bool) -> list[Any]:
        match type_.kind:
            case "Bool":
                return [False, True]
            case "Long":
                numbers = [one for one in literals if isinstance(one, int)]
                near = {0, *(number + step for number in numbers for step in (-1, 0, 1))}
                return sorted(near, key=lambda one: (abs(one), one))
            case "String":
                fresh = _UNNAMED if compared else _UNNAMED[:1]
                return [*fresh, *(one for one in literals if isinstance(one, str))]
            case "Entity":
                own = [_SELF] if compared and type_.name == self._kinds["principal"] else []
                named = [one for one in _entities(literals) if one["type"] == type_.name]
                others = [{"__entity": one} for one in named]
                return [_entity(type_.name, _OTHER), *own, *others]
            case "Extension":
                fn, samples = _SAMPLES[type_.name]
                named = [one for one in literals if _function(one) == fn]
                return [*({"__extn": {"fn": fn, "arg": one}} for one in samples), *named]
            case "Record":
                return [{}]
            case "Set":
                return []


def _type_at(path: Path, schema: Schema, action: Action, kinds: Mapping[str, str]) -> Type | None:
    """Returns the type of what is at a path; None where it is beyond another entity."""
    variable, *names = path
    current = action.context if variable == "context" else schema.kinds.get(kinds[variable])
    for position, name in enumerate(names):
        if name == PARENTS:
            element = Type(kind="Entity")
            return Type(kind="Set", element=element) if position == 0 else None
        if current is None or current.kind != "Record":
            return None
        current = current.attributes.get(name)
    if current is None or (current.kind == "Record" and current.required):
        return None
    return current


def _combined(dimensions: Mapping[Path, list[Any]]) -> tuple[list[dict[Path, Any]], bool]:
    count = 1
    for values in dimensions.values():
        count *= len(values)
    paths = list(dimensions)
    if count <= LIMIT:
        every = itertools.product(*dimensions.values())
        return [dict(zip(paths, values, strict=True)) for values in every], False
    plain = {path: values[0] for path, values in dimensions.items()}
    some: list[dict[Path, Any]] = [plain]
    for one, other in itertools.combinations(paths, 2):
        pairs = itertools.product(dimensions[one], dimensions[other])
        some += [{**plain, one: left, other: right} for left, right in pairs]
    return _distinct(some)[:LIMIT], True


def _request(
    values: Mapping[Path, Any], action: Action, kinds: Mapping[str, str]
) -> Request | None:
    uids = {
        variable: {"type": kinds[variable], "id": values[variable,]}
        for variable in ("principal", "resource")
    }
    holders: dict[str, dict[str, Any]] = {"principal": {}, "resource": {}, "context": {}}
    parents: dict[str, list[Any]] = {"principal": [], "resource": []}
    for path, value in values.items():
        variable, *names = path
        around = (path[:length] for length in range(2, len(path) + 1))
        if not names or any(values.get(one) is _ABSENT for one in around):
            continue
        if names == [PARENTS]:
            parents[variable] = [one.get("__entity", one) for one in value]
            continue
        holder = holders[variable]
        for name in names[:-1]:
            holder = holder.setdefault(name, {})
        holder[names[-1]] = _settled(value, uids["principal"])
    principal, resource = (
        {"uid": uids[one], "attrs": holders[one], "parents": parents[one]}
        for one in ("principal", "resource")
    )
    if principal["uid"] == resource["uid"] and principal != resource:
        return None
    return Request(
        principal=principal, action=action, resource=resource, context=holders["context"]
    )


def _settled(value: Any, principal: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_settled(one, principal) for one in cast("list[Any]", value)]
    if value == _SELF:
        return {"__entity": dict(principal)}
    return cast("dict[str, Any]", value).copy() if isinstance(value, dict) else value


def _subsets(values: Sequence[Any]) -> list[list[Any]]:
    sizes: Iterator[int] = iter(range(len(values) + 1))
    if len(values) > _ALL_SUBSETS:
        sizes = iter((0, 1, 2, len(values)))
    return [list(one) for size in sizes for one in itertools.combinations(values, size)]


def _entity(kind: str, id_: str) -> dict[str, Any]:
    return {"__entity": {"type": kind, "id": id_}}


def _entities(literals: Iterable[Any]) -> list[dict[str, str]]:
    return [one["__entity"] for one in literals if isinstance(one, dict) and "__entity" in one]


def _entity_kind(type_: Type) -> str:
    """Returns the kind of entities that an attribute holds; empty when it holds others."""
    scalar = type_.element or type_ if type_.kind == "Set" else type_
    return scalar.name


def _function(value: Any) -> str:
    """Returns the function that makes a value of an extension type; empty for other values."""
    return cast("Any", value).get("__extn", {}).get("fn", "") if isinstance(value, dict) else ""


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list({_identity(value): value for value in values}.values())


def _identity(value: Any) -> str:
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        return json.dumps([[str(name), _identity(one)] for name, one in items])
    return repr(value) if value is _ABSENT else json.dumps(value, default=repr)
