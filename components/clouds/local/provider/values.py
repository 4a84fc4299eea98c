"""Between the engine's protobuf Structs and plain Python values."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from google.protobuf import struct_pb2

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | Unknown | None"
Properties: TypeAlias = dict[str, Value]

# The engine's own marker of a value that a preview can't know (sdk/go/common/resource/plugin).
_UNKNOWN_MARKERS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
UNKNOWN_TEXT: Final = re.compile("|".join(sorted(_UNKNOWN_MARKERS)))
"""Finds such a value in text, by which the engine's JSON and events have it."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The engine's own key of what is no plain object: a secret, an asset (sdk/go/common/resource)."""

_UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that only `pulumi up` will know."""

    def __repr__(self) -> str:
        return "<known after up>"


UNKNOWN: Final = Unknown()


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Returns the properties of a Struct; whole numbers come back as int."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Value:
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWN_MARKERS else value.string_value
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "struct_value":
            return from_struct(value.struct_value)
        case _:
            return None


def to_struct(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """Returns properties as a Struct, unknown ones as the engine's marker."""
    struct = struct_pb2.Struct()
    struct.update(cast("dict[str, Any]", _plain(dict(properties))))
    return struct


def _plain(value: Value) -> object:
    if isinstance(value, Unknown):
        return _UNKNOWN_STRING
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def has_unknown(value: Value) -> bool:
    """Tells whether a value is unknown, or holds one that is."""
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    return isinstance(value, Unknown)
