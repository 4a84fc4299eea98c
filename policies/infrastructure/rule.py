"""Rules: what must hold of a resource of certain kinds, as data (paths: ``paths.py``)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from components.clouds.local.provider.values import Properties, Unknown, Value
from policies.infrastructure.conditions import Condition
from policies.infrastructure.paths import values_at, with_value
from stacks.cloud_environment import Size

Severity = Literal["low", "medium", "high", "critical"]

SIZES: Sequence[Size] = get_args(Size)
"""Sizes of environments (``docs/environment.md``), smallest first."""


@dataclass(frozen=True)
class Must:
    """A property and what it must be.

    Attributes:
        path: empty for the whole element.
        mend: what it may safely be set to where it is wrong: a value that replaces and loses
            nothing and only takes from what others may do; None where a person must decide.

    Raises:
        ValueError: the condition would not be content with ``mend``, or the path names several
            properties.
    """

    path: str
    condition: Condition
    mend: bool | int | str | None = None

    def __post_init__(self) -> None:
        """Checks ``mend``."""
        if self.mend is None:
            return
        if self.condition.judge(self.mend) is not True:
            raise ValueError(f"{self.path}: {self.mend!r} mends nothing: {self.condition.words}")
        if "[" in self.path or "@" in self.path:
            raise ValueError(f"{self.path}: only a single property can be mended")


@dataclass(frozen=True, kw_only=True)
class About:
    """What every rule says of itself.

    Attributes:
        name: unique; what exemptions and messages call it.
        about: what holds, in a sentence.
        severity: how bad it is.
        frameworks: controls that ask for it.
        remedy: what to do.
        smallest: the rule is for environments of this size and larger.
    """

    name: str
    about: str
    severity: Severity
    frameworks: tuple[str, ...]
    remedy: str
    smallest: Size = "small"

    def is_for(self, size: Size) -> bool:
        """Returns whether the rule is for environments of a size."""
        return SIZES.index(size) >= SIZES.index(self.smallest)


@dataclass(frozen=True, kw_only=True)
class Rule(About):
    """What must hold of each resource of certain kinds.

    Attributes:
        kinds: types of resources.
        holds: what must be; each by itself.
        holds_in: what must be besides, by the size of the environment.
        where: the rule is for resources of which all of this holds.
        each: elements that ``where`` and ``holds`` are about, in place of the resource.

    Raises:
        ValueError: something is to be mended in elements of a list.
    """

    kinds: tuple[str, ...]
    holds: tuple[Must, ...] = ()
    holds_in: Mapping[Size, tuple[Must, ...]] = field(default_factory=dict[Size, tuple[Must, ...]])
    where: tuple[Must, ...] = ()
    each: str = ""

    def __post_init__(self) -> None:
        """Checks what is to be mended."""
        if self.each and self.mends:
            raise ValueError(f"{self.name}: elements of {self.each} cannot be mended")

    def sized(self, size: Size) -> "Rule":
        """Returns the rule as it is in environments of a size."""
        return replace(self, holds=(*self.holds, *self.holds_in.get(size, ())), holds_in={})

    @property
    def mends(self) -> bool:
        """Whether the rule can mend something."""
        return any(must.mend is not None for must in self.holds)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A property that is not as a rule wants it, or of which a preview cannot tell.

    Attributes:
        path: of the property, with the places in lists.
        said: what is wrong and what would be right.
        known: whether it is wrong; otherwise only ``pulumi up`` will know.
    """

    path: str
    said: str
    known: bool = True


def judge(rule: Rule, properties: Value) -> Iterator[Finding]:
    """Yields what a resource's properties have that a rule does not want.

    Where a value is not known yet that the rule is about, that is said: no preview may look as if
    it had judged what it could not.
    """
    for place, element in values_at(properties, rule.each) if rule.each else [("", properties)]:
        applies = all_of(rule.where, element)
        if isinstance(element, Unknown) or applies is None:
            yield _not_known(place or "what decides whether the rule applies")
        elif applies:
            yield from _judged(rule, place, element)


def _judged(rule: Rule, place: str, element: Value) -> Iterator[Finding]:
    for must in rule.holds:
        for path, value in values_at(element, must.path):
            right = must.condition.judge(value)
            where = f"{place}.{path}".strip(".")
            if right is None:
                yield _not_known(where)
            elif not right:
                is_now = f"{where} is {_shown(value)} and" if where else "it"
                yield Finding(path=where, said=f"{is_now} must {must.condition.words}")


def mended(rule: Rule, properties: Properties) -> Properties | None:
    """Returns properties with what a rule can mend in them; None where that is nothing."""
    if not rule.mends or all_of(rule.where, properties) is not True:
        return None
    found = properties
    for must in rule.holds:
        if must.mend is None:
            continue
        if any(must.condition.judge(value) is False for _, value in values_at(found, must.path)):
            found = with_value(found, must.path, must.mend)
    return None if found is properties else found


def elements(rule: Rule, properties: Value) -> Iterator[tuple[str, Value]]:
    """Yields what of a resource a rule is about, with its path: elements, or all of it."""
    for place, element in values_at(properties, rule.each) if rule.each else [("", properties)]:
        if not isinstance(element, Unknown) and all_of(rule.where, element):
            yield place, element


def all_of(musts: tuple[Must, ...], element: Value) -> bool | None:
    """Returns whether all of something holds; None where that is not known yet."""
    verdicts = [
        must.condition.judge(value) for must in musts for _, value in values_at(element, must.path)
    ]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _not_known(where: str) -> Finding:
    return Finding(path=where, said=f"{where} is not known before `pulumi up`", known=False)


def _shown(value: Value) -> str:
    return "not set" if value is None else json.dumps(value, default=repr)
