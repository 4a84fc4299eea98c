"""Fills in what a cloud computes: every output that the SDK says always has a value.

The outputs of the types that matter come from tables (``aws/``, ``gcp/``, ``azure/``); what those
leave out is made here from a property's name, type and documented default.
"""

import re
from collections.abc import Callable

from components.clouds.local.provider.values import UNKNOWN, Properties, Value
from tools.simulation.sdk import types
from tools.simulation.sdk.catalogue import Catalogue

Generate = Callable[[str, types.Type], Value]
"""Path and type of an output → its value; None to leave it to its type."""

_DEFAULT = re.compile(
    r"[Dd]efaults? (?:value )?(?:is|to|=)(?: the)? *[`'\"]*([A-Za-z0-9_.\-]+)[`'\"]*"
)
_DEPTH = 6


def by_type(path: str, kind: types.Type) -> Value:
    """Leaves every value to its type."""
    del path, kind
    return None


def _unknown(path: str, kind: types.Type) -> Value:
    del path, kind
    return UNKNOWN


def fill(
    catalogue: Catalogue, declared: types.Properties, given: Properties, generate: Generate
) -> Properties:
    """Returns the outputs: what is given, and what the cloud adds to it."""
    return _fill(catalogue, declared, given, generate, "", 0)


def complete(given: Properties, computed: Properties) -> Properties:
    """Returns what is given with what is computed where nothing is given, within objects too."""
    found = dict(given)
    for key, value in computed.items():
        there = found.get(key)
        if there is None:
            found[key] = value
        else:
            found[key] = _complete(there, value)
    return found


def _complete(given: Value, computed: Value) -> Value:
    if isinstance(given, dict) and isinstance(computed, dict):
        return complete(given, computed)
    if isinstance(given, list) and isinstance(computed, list) and len(given) == len(computed):
        return [_complete(*pair) for pair in zip(given, computed, strict=True)]
    return given


def unknown(computed: Properties) -> Properties:
    """Returns computed outputs as a preview has them: there, and not known."""
    return {key: _hide(value) for key, value in computed.items()}


def _hide(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _hide(item) for key, item in value.items()}
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [_hide(item) for item in value]
    return UNKNOWN


def promise(catalogue: Catalogue, declared: types.Properties, given: Properties) -> Properties:
    """Returns what a preview can promise: the rest is unknown, within given objects too."""
    promised = _fill(catalogue, declared, given, _unknown, "", 0)
    for name, one in declared.items():
        # What no input can set and may be absent is not known to be absent either.
        if not one.required and name not in given:
            promised.setdefault(name, UNKNOWN)
    return promised


def _fill(
    catalogue: Catalogue,
    declared: types.Properties,
    given: Properties,
    generate: Generate,
    at: str,
    depth: int,
) -> Properties:
    filled: Properties = {}
    for name, value in given.items():
        one = declared.get(name)
        if one is None and depth:
            continue  # what only an input has, as a secret that is never read back
        path = f"{at}.{name}" if at else name
        filled[name] = (
            value if one is None else _deepen(catalogue, one.type, value, generate, path, depth)
        )
    for name, one in declared.items():
        if filled.get(name) is None and one.required:
            path = f"{at}.{name}" if at else name
            made = generate(path, one.type)
            filled[name] = (
                made if made is not None else _plain(catalogue, one, generate, path, depth)
            )
    return filled


def _deepen(
    catalogue: Catalogue, kind: types.Type, value: Value, generate: Generate, path: str, depth: int
) -> Value:
    if depth > _DEPTH:
        return value
    if kind.kind == "object" and isinstance(value, dict):
        nested = catalogue.nested(kind.reference)
        return _fill(catalogue, nested, value, generate, path, depth + 1)
    if kind.kind == "map" and isinstance(value, list):
        return _mapping(catalogue, kind, value, generate, path, depth)
    if kind.kind == "list" and isinstance(value, list):
        return [
            _deepen(catalogue, kind.items[0], item, generate, f"{path}[{place}]", depth)
            for place, item in enumerate(value)
        ]
    return value


def _mapping(
    catalogue: Catalogue,
    kind: types.Type,
    names: list[Value],
    generate: Generate,
    path: str,
    depth: int,
) -> Value:
    """Returns what azure-native makes of a list of names, as of identities: name → what it is."""
    found: dict[str, Value] = {}
    for name in names:
        if not isinstance(name, str):
            return UNKNOWN
        item = types.Property(name="", type=kind.items[0], required=True)
        found[name] = _plain(catalogue, item, generate, f"{path}[{name}]", depth + 1)
    return found


def _plain(
    catalogue: Catalogue, one: types.Property, generate: Generate, path: str, depth: int
) -> Value:
    said = _DEFAULT.search(one.description)
    default = said[1].rstrip(".") if said else ""
    match one.type.kind:
        case "bool":
            return default.lower() == "true"
        case "int":
            return int(default) if default.isdigit() else 0
        case "float":
            return float(default) if default.isdigit() else 0.0
        case "str":
            return _string(one.name, default)
        case "list":
            return []
        case "map":
            return {}
        case "object":
            if depth > _DEPTH:
                return {}
            nested = catalogue.nested(one.type.reference)
            return _fill(catalogue, nested, {}, generate, path, depth + 1)
        case "union":
            return _plain(
                catalogue,
                types.Property(name=one.name, type=one.type.items[0], required=True),
                generate,
                path,
                depth,
            )
        case _:
            return ""


def _string(name: str, default: str) -> str:
    lower = name.lower()
    if lower.endswith(("time", "timestamp", "date", "createdat", "updatedat")):
        return "2026-01-01T00:00:00Z"
    if lower == "provisioningstate":
        return "Succeeded"
    if lower in {"status", "state"}:
        return default or "ACTIVE"
    return default
