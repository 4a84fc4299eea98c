"""What a value must be; each condition says so in words and knows a value that is wrong.

A value that only `pulumi up` will know is neither right nor wrong: then a condition says None, and
the rule is judged once more when the resource is made.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from components.clouds.local.provider.values import Unknown, Value


class Condition(Protocol):
    """Something that a value must be."""

    def judge(self, value: Value) -> bool | None:
        """Returns whether a value is right; None where it is not known yet."""
        ...

    @property
    def words(self) -> str:
        """What the value must be, as what follows "must"."""
        ...

    @property
    def wrong(self) -> Value:
        """A value that is not right; None means that there is no value."""
        ...


@dataclass(frozen=True)
class Is:
    """The value is exactly this one."""

    value: bool | int | str

    def judge(self, value: Value) -> bool | None:
        """Compares the two; 1 is not True."""
        if isinstance(value, Unknown):
            return None
        return type(value) is type(self.value) and value == self.value

    @property
    def words(self) -> str:
        """What the value must be."""
        return f"be {_shown(self.value)}"

    @property
    def wrong(self) -> Value:
        """The opposite, or no value."""
        return not self.value if isinstance(self.value, bool) else None


@dataclass(frozen=True)
class OneOf:
    """The value is one of these."""

    values: tuple[int | str, ...]

    def judge(self, value: Value) -> bool | None:
        """Looks the value up."""
        return None if isinstance(value, Unknown) else value in self.values

    @property
    def words(self) -> str:
        """What the value must be."""
        return f"be {' or '.join(_shown(one) for one in self.values)}"

    @property
    def wrong(self) -> Value:
        """A word that is none of them."""
        return "something-else"


@dataclass(frozen=True)
class NoneOf:
    """The value is not one of these; there may be none."""

    values: tuple[bool | int | str, ...]

    def judge(self, value: Value) -> bool | None:
        """Looks the value up."""
        return None if isinstance(value, Unknown) else value not in self.values

    @property
    def words(self) -> str:
        """What the value must not be."""
        return f"not be {' or '.join(_shown(one) for one in self.values)}"

    @property
    def wrong(self) -> Value:
        """The first of them."""
        return self.values[0]


@dataclass(frozen=True)
class Has:
    """The value is a list with this one in it."""

    value: str

    def judge(self, value: Value) -> bool | None:
        """Looks the value up; one that is not known yet may be it."""
        if isinstance(value, Unknown):
            return None
        listed = value if isinstance(value, list) else []
        if self.value in listed:
            return True
        return None if any(isinstance(one, Unknown) for one in listed) else False

    @property
    def words(self) -> str:
        """What the value must be."""
        return f"have {self.value}"

    @property
    def wrong(self) -> Value:
        """An empty list."""
        return []


@dataclass(frozen=True)
class HasOne:
    """The value is a list with an element in it that has all of these."""

    fields: Mapping[str, str]

    def judge(self, value: Value) -> bool | None:
        """Looks for the element; one that is not known yet may be it."""
        if isinstance(value, Unknown):
            return None
        listed = value if isinstance(value, list) else []
        verdicts = [self._is(one) for one in listed]
        if True in verdicts:
            return True
        return None if None in verdicts else False

    @property
    def words(self) -> str:
        """What the value must be."""
        return f"have one with {' and '.join(f'{key} {one}' for key, one in self.fields.items())}"

    @property
    def wrong(self) -> Value:
        """An empty list."""
        return []

    def _is(self, element: Value) -> bool | None:
        if not isinstance(element, dict):
            return None if isinstance(element, Unknown) else False
        values = {key: element.get(key) for key in self.fields}
        if any(isinstance(one, Unknown) for one in values.values()):
            return None
        return values == self.fields


@dataclass(frozen=True)
class Set:
    """There is a value, and it is not empty."""

    def judge(self, value: Value) -> bool | None:
        """Accepts what is not known yet: there will be something."""
        return isinstance(value, Unknown) or value not in (None, "", [], {})

    @property
    def words(self) -> str:
        """What the value must be."""
        return "be set"

    @property
    def wrong(self) -> Value:
        """No value."""
        return None


@dataclass(frozen=True)
class AtLeast:
    """The value is a number, or a text that is one with a unit, and no less than this."""

    number: int

    def judge(self, value: Value) -> bool | None:
        """Compares the numbers."""
        if isinstance(value, Unknown):
            return None
        found = _number(value)
        return found is not None and found >= self.number

    @property
    def words(self) -> str:
        """What the value must be."""
        return f"be at least {self.number}"

    @property
    def wrong(self) -> Value:
        """One less."""
        return self.number - 1


@dataclass(frozen=True)
class AtMost:
    """The value is a number, or a text that is one with a unit, and no more than this."""

    number: int

    def judge(self, value: Value) -> bool | None:
        """Compares the numbers."""
        if isinstance(value, Unknown):
            return None
        found = _number(value)
        return found is not None and found <= self.number

    @property
    def words(self) -> str:
        """What the value must be."""
        return f"be at most {self.number}"

    @property
    def wrong(self) -> Value:
        """One more."""
        return self.number + 1


@dataclass(frozen=True)
class Unset:
    """There is no value, or an empty one."""

    def judge(self, value: Value) -> bool | None:
        """Looks whether there is something; what is not known yet may be nothing."""
        return None if isinstance(value, Unknown) else value in (None, "", [], {})

    @property
    def words(self) -> str:
        """What the value must be."""
        return "not be set"

    @property
    def wrong(self) -> Value:
        """Some value."""
        return "something"


@dataclass(frozen=True)
class Matches:
    """The value is a text of a form.

    Attributes:
        form: a regular expression for all of the text.
        said: the form in words, as what follows "must".
    """

    form: str
    said: str

    def judge(self, value: Value) -> bool | None:
        """Compares all of the text."""
        if isinstance(value, Unknown):
            return None
        return isinstance(value, str) and re.fullmatch(self.form, value) is not None

    @property
    def words(self) -> str:
        """What the value must be."""
        return self.said

    @property
    def wrong(self) -> Value:
        """A text of no form that anything has."""
        return "~"


@dataclass(frozen=True)
class Mentions:
    """The value is a text of words with ``_`` between them, and one of these is among them."""

    words_of: tuple[str, ...]

    def judge(self, value: Value) -> bool | None:
        """Looks for the words."""
        if isinstance(value, Unknown):
            return None
        return isinstance(value, str) and not set(self.words_of).isdisjoint(value.split("_"))

    @property
    def words(self) -> str:
        """What the value must be."""
        return f"mention {' or '.join(self.words_of)}"

    @property
    def wrong(self) -> Value:
        """A text with none of them."""
        return "none"


def _number(value: Value) -> int | float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"P?(\d+)[a-zA-Z]*", value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def _shown(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
