"""Paths to properties, as rules write them.

``vpcConfig.endpointPublicAccess``, ``ingress[*].cidrBlocks`` for each element of a list,
``policy@Statement[*]`` for what is inside a text that is JSON, and ``tags['data-class']`` for a
name with other signs in it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import cast

from components.clouds.local.provider.values import SIGNATURE, UNKNOWN, Properties, Unknown, Value

_STEP = re.compile(r"\['([^']+)'\]|(\[\*\]|@|[^.\[\]@]+)")


def values_at(value: Value, path: str) -> Iterator[tuple[str, Value]]:
    """Yields the values at a path, each with its own path.

    A property that is not there is None; of a list that is not there, there are no elements.
    """
    yield from _walk(value, _steps(path), "")


def value_at(value: Value, *paths: str) -> Value:
    """Returns the first value that there is at one of several paths; None where there is none."""
    found = (one for path in paths for _, one in values_at(value, path))
    return next((one for one in found if one is not None), None)


def with_value(properties: Properties, path: str, value: Value) -> Properties:
    """Returns properties with another value at a path that names no elements of lists."""
    step, *rest = _steps(path)
    if not rest:
        return {**properties, step: value}
    inner = properties.get(step)
    within = inner if isinstance(inner, dict) else {}
    return {**properties, step: with_value(within, ".".join(rest), value)}


@cache
def _steps(path: str) -> Sequence[str]:
    return [quoted or plain for quoted, plain in _STEP.findall(path)]


def _walk(value: Value, steps: Sequence[str], walked: str) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict) and SIGNATURE in value:
        value = value.get("value")
    if isinstance(value, Unknown) or not steps:
        yield walked, UNKNOWN if isinstance(value, Unknown) else value
        return
    step, *rest = steps
    if step == "[*]":
        # One that is no list stands for a list of itself, as in documents of IAM.
        listed = value if isinstance(value, list) else [] if value is None else [value]
        for number, one in enumerate(listed):
            yield from _walk(one, rest, f"{walked}[{number}]")
    elif step == "@":
        yield from _walk(_parsed(value), rest, walked)
    else:
        inner = value.get(step) if isinstance(value, dict) else None
        yield from _walk(inner, rest, f"{walked}.{step}".strip("."))


def _parsed(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    try:
        return cast("Value", json.loads(value))
    except ValueError:
        return None
