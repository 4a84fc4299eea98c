"""Compares inputs with what the SDK says of them: names, types, what must be there.

A union is taken if any of its choices takes the value. Unknown values pass: only `up` knows them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from components.clouds.local.provider.values import SIGNATURE, Unknown, Value
from tools.simulation.sdk.catalogue import Catalogue
from tools.simulation.sdk.types import Properties, Type

_WORDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "map": "a mapping",
    "object": "a mapping",
    "asset": "an asset or archive",
}


@dataclass(frozen=True)
class Mistake:
    """Something wrong in the inputs: where, and what would be right."""

    path: str
    reason: str


def check(
    catalogue: Catalogue, properties: Properties, values: dict[str, Value], at: str = ""
) -> Iterator[Mistake]:
    """Yields every mistake in the values of an object with those properties."""
    for name, value in values.items():
        declared = properties.get(name)
        path = f"{at}.{name}" if at else name
        if declared is None:
            if not name.startswith("__"):
                yield Mistake(path, _unknown_name(name, properties))
        elif value is None:
            if declared.required:
                yield Mistake(path, f"is missing; it is {_words(declared.type)}")
        else:
            yield from _check_value(catalogue, declared.type, value, path)
    for name, declared in properties.items():
        if declared.required and name not in values and declared.default is None:
            path = f"{at}.{name}" if at else name
            yield Mistake(path, f"is missing; it is {_words(declared.type)}")


def _check_value(catalogue: Catalogue, kind: Type, value: Value, path: str) -> Iterator[Mistake]:
    if isinstance(value, Unknown) or kind.kind == "any":
        return
    if kind.kind == "union":
        yield from _check_union(catalogue, kind, value, path)
    elif not _fits(kind, value):
        yield Mistake(path, f"must be {_words(kind)}, not {_shown(value)}")
    elif kind.values and value not in kind.values:
        yield Mistake(path, _not_one_of(kind, value))
    else:
        yield from _check_within(catalogue, kind, value, path)


def _check_within(catalogue: Catalogue, kind: Type, value: Value, path: str) -> Iterator[Mistake]:
    # What is None within a list or mapping is dropped by the providers.
    if isinstance(value, list):
        for place, item in enumerate(value):
            if item is not None:
                yield from _check_value(catalogue, kind.items[0], item, f"{path}[{place}]")
    elif isinstance(value, dict) and kind.kind == "map":
        for key, item in value.items():
            if item is not None:
                yield from _check_value(catalogue, kind.items[0], item, f"{path}.{key}")
    elif isinstance(value, dict) and kind.kind == "object":
        yield from check(catalogue, catalogue.nested(kind.reference), value, path)


def _check_union(catalogue: Catalogue, kind: Type, value: Value, path: str) -> Iterator[Mistake]:
    fitting = [choice for choice in kind.items if _fits(choice, value)]
    enumerated = [choice for choice in fitting if choice.values]
    if enumerated and isinstance(value, str):
        # `str | Enum` is how the SDKs write an enumeration that may grow. Azure's are renewed with
        # its API and the service refuses all else, whatever the case of its letters; pulumi-aws
        # has long stopped adding to some of its own.
        allowed = {str(one).lower() for choice in enumerated for one in choice.values}
        if catalogue.provider == "azure-native" and value.lower() not in allowed:
            yield Mistake(path, _not_one_of(enumerated[0], value))
        return
    if not fitting:
        wanted = " or ".join(dict.fromkeys(_words(choice) for choice in kind.items))
        yield Mistake(path, f"must be {wanted}, not {_shown(value)}")
        return
    attempts = [list(_check_value(catalogue, choice, value, path)) for choice in fitting]
    yield from min(attempts, key=len)


def _fits(kind: Type, value: Value) -> bool:
    match kind.kind:
        case "str":
            # A policy document given as one is sent as JSON; an asset is no string.
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "map" | "object":
            return isinstance(value, dict)
        case "asset":
            return isinstance(value, dict) and SIGNATURE in value
        case _:
            return True


def _unknown_name(name: str, properties: Properties) -> str:
    near = get_close_matches(name, properties, n=1, cutoff=0.6)
    if near:
        return f"there is no such property; did you mean {near[0]}?"
    return f"there is no such property; there are: {', '.join(sorted(properties))}"


def _not_one_of(kind: Type, value: Value) -> str:
    allowed = [str(one) for one in kind.values]
    near = get_close_matches(str(value), allowed, n=1, cutoff=0.6)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return f"must be one of {', '.join(allowed)}, not {_shown(value)}{meant}"


def _words(kind: Type) -> str:
    if kind.kind == "union":
        return " or ".join(dict.fromkeys(_words(choice) for choice in kind.items))
    if kind.values:
        return f"one of {', '.join(map(str, kind.values))}"
    if kind.kind in {"list", "map"}:
        inner = {"str": "strings", "object": "mappings", "int": "whole numbers"}
        of = inner.get(kind.items[0].kind)
        return f"{_WORDS[kind.kind]} of {of}" if of else _WORDS[kind.kind]
    return _WORDS.get(kind.kind, "any value")


def _shown(value: Value) -> str:
    # Never the value itself when it is a string: it may be a secret.
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value:g}"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "a mapping"
