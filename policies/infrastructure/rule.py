"""Rules: what must hold of resources of certain kinds, as data.

A rule names properties as Pulumi writes them: ``vpcConfig.endpointPublicAccess``,
``ingress[*].cidrBlocks`` for each element of a list, ``policy@Statement[*]`` for what is inside a
text that is JSON, and ``tags['data-class']`` for a name with other signs in it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from components.clouds.local.provider.values import SIGNATURE, UNKNOWN, Unknown, Value
from policies.infrastructure.conditions import Condition
from stacks.cloud_environment import Size

Severity = Literal["low", "medium", "high", "critical"]

SIZES: Sequence[Size] = get_args(Size)
"""Sizes of environments (``docs/environment.md``), smallest first."""

_STEP = re.compile(r"\['([^']+)'\]|(\[\*\]|@|[^.\[\]@]+)")


@dataclass(frozen=True)
class Must:
    """A property and what it must be."""

    path: str
    condition: Condition


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What must hold of resources of certain kinds.

    Attributes:
        name: unique; what exemptions and messages call it.
        about: what holds, in a sentence.
        kinds: types of resources.
        holds: what must be; each by itself.
        where: the rule is for resources of which all of this holds.
        each: elements that ``where`` and ``holds`` are about, in place of the resource.
        severity: how bad it is.
        frameworks: controls that ask for it.
        remedy: what to do.
        smallest: the rule is for environments of this size and larger.
    """

    name: str
    about: str
    kinds: tuple[str, ...]
    holds: tuple[Must, ...]
    where: tuple[Must, ...] = ()
    each: str = ""
    severity: Severity
    frameworks: tuple[str, ...]
    remedy: str
    smallest: Size = "small"

    def is_for(self, size: Size) -> bool:
        """Returns whether the rule is for environments of a size."""
        return SIZES.index(size) >= SIZES.index(self.smallest)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A property that is not as a rule wants it.

    Attributes:
        path: of the property, with the places in lists.
        said: what is wrong and what would be right.
    """

    path: str
    said: str


def judge(rule: Rule, properties: Value) -> Iterator[Finding]:
    """Yields what a resource's properties have that a rule does not want."""
    for place, element in elements(rule, properties):
        for must in rule.holds:
            for path, value in values_at(element, must.path):
                if must.condition.judge(value) is False:
                    where = f"{place}.{path}".strip(".")
                    said = f"{where} is {_shown(value)} and must {must.condition.words}"
                    yield Finding(path=where, said=said)


def elements(rule: Rule, properties: Value) -> Iterator[tuple[str, Value]]:
    """Yields what of a resource a rule is about, with its path: elements, or all of it."""
    for place, element in values_at(properties, rule.each) if rule.each else [("", properties)]:
        if not isinstance(element, Unknown) and _applies(rule, element):
            yield place, element


def _applies(rule: Rule, element: Value) -> bool:
    return all(
        must.condition.judge(value) is True
        for must in rule.where
        for _, value in values_at(element, must.path)
    )


def values_at(value: Value, path: str) -> Iterator[tuple[str, Value]]:
    """Yields the values at a path, each with its own path.

    A property that is not there is None; of a list that is not there, there are no elements.
    """
    yield from _walk(value, _steps(path), "")


def _steps(path: str) -> list[str]:
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


def _shown(value: Value) -> str:
    if value is None:
        return "not set"
    return json.dumps(value) if not isinstance(value, Unknown) else "not known"
