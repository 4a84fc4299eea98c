"""What every resource of the provider shares: inputs, checks, differences, errors.

A resource is a class with an ``Inputs`` model and an idempotent `Resource.apply`, which brings the
machine from whatever it finds to what the inputs say. Create and update both are that one call: so
a run that was killed at any point is finished by the next one.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, TypeVar, cast, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from components.clouds.local.provider.values import (
    UNKNOWN,
    Properties,
    Unknown,
    Value,
    has_unknown,
)

cancelled = threading.Event()
"""Set when the user stops the run: whoever waits gives up."""


class LocalError(Exception):
    """Something could not be brought to what was declared; what was made stays recorded."""


class RefusedError(LocalError):
    """A precondition does not hold, and nothing has been made or changed yet."""


def poll(seconds: float, interval: float = 0.05) -> Iterator[float]:
    """Yields the seconds left until the deadline passes, then ends.

    Raises:
        LocalError: the user stopped the run.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        yield left
        if cancelled.wait(min(interval, left)):
            raise LocalError("stopped by the user")


def _absolute(value: str) -> str:
    if not Path(value).is_absolute():
        raise ValueError(f"{value!r} is not an absolute path; it would be one that starts with /")
    if any(character in value for character in "\"'%\n;"):
        raise ValueError(f"{value!r} must not hold quotes, %, ; or line breaks")
    return value.rstrip("/")


Folder = Annotated[str, AfterValidator(_absolute)]
"""An absolute path."""
Port = Annotated[int, Field(ge=1, le=65535, description="a TCP port, 1 to 65535")]
Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="letters, digits, - and _, at most 63, such as security-0",
    ),
]


class Inputs(BaseModel):
    """What a program may say of a resource; a field's description says what would be right."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


InputsT = TypeVar("InputsT", bound=Inputs)


@dataclass(frozen=True)
class Failure:
    """One mistake in the inputs."""

    property: str
    reason: str


@dataclass(frozen=True)
class Difference:
    """What an update would touch; both empty means nothing to do."""

    updates: frozenset[str] = frozenset()
    replaces: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Live:
    """What was found on the machine: ``drift`` lists in words what is not as declared."""

    outputs: Properties
    drift: list[str] = field(default_factory=list[str])


class Resource(ABC, Generic[InputsT]):
    """A resource type. Instances hold no state and serve many threads."""

    inputs: type[InputsT]
    outputs: ClassVar[tuple[str, ...]] = ()
    """Properties besides the inputs and ``drift``."""
    replace_on: ClassVar[frozenset[str]] = frozenset()
    """Inputs that can only change by making the resource anew; all others update it."""
    secret: ClassVar[frozenset[str]] = frozenset()
    """Inputs whose values no message may show."""
    watched: ClassVar[bool] = True
    """Whether the real thing is looked at before every preview and update, not only on refresh."""

    @abstractmethod
    def identify(self, inputs: InputsT) -> str:
        """Returns the resource's id, the same for the same inputs."""

    @abstractmethod
    def apply(self, inputs: InputsT, old: Properties | None) -> Properties:
        """Makes the machine match the inputs and returns the outputs.

        Args:
            inputs: what is declared.
            old: inputs and outputs recorded so far, None at create.

        Raises:
            RefusedError: nothing was made.
            LocalError: something may have been made.
        """

    @abstractmethod
    def read(self, inputs: InputsT, recorded: Properties) -> Live | None:
        """Returns what is found on the machine, None when it is gone."""

    @abstractmethod
    def delete(self, inputs: InputsT) -> None:
        """Removes it and whatever it left; succeeds when it is gone already."""

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Returns the outputs a preview can promise; those absent are known after up."""
        del inputs
        return {} if old is None else {key: old[key] for key in self.outputs if key in old}

    def due(self, recorded: Properties) -> frozenset[str]:
        """Returns outputs that call for an update by themselves, as a certificate near its end."""
        del recorded
        return frozenset()

    def parse(self, properties: Mapping[str, Any]) -> InputsT:
        """Returns the inputs among properties, which may hold outputs as well."""
        known = self.inputs.model_fields
        return self.inputs.model_validate(
            {key: value for key, value in properties.items() if key in known}
        )

    def check(self, news: Properties) -> tuple[Properties, list[Failure]]:
        """Returns the inputs with defaults filled in, and what is wrong with them."""
        failures: list[Failure] = []
        try:
            self.inputs.model_validate(news)
        except ValidationError as error:
            failures = [
                self._failure(detail)
                for detail in error.errors(include_url=False)
                if not isinstance(detail["input"], Unknown)
            ]
        filled = dict(news)
        for key, declared in self.inputs.model_fields.items():
            if key not in filled and not declared.is_required():
                default = cast("Value", declared.get_default(call_default_factory=True))
                if default is not None:
                    filled[key] = default
        return filled, failures

    def _failure(self, detail: ErrorDetails) -> Failure:
        place = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]
        ).lstrip(".")
        top = str(detail["loc"][0]) if detail["loc"] else ""
        right = _description(self.inputs, detail["loc"])
        reason = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            known = ", ".join(sorted(self.inputs.model_fields))
            reason = "there is no such property"
            if len(detail["loc"]) == 1:
                reason += f"; there are: {known}"
        elif detail["type"] == "missing":
            reason = "is missing"
        elif top not in self.secret and isinstance(detail["input"], str | int | float | bool):
            reason += f", not {detail['input']!r}"
        if right and detail["type"] != "extra_forbidden":
            reason += f"; it is {right}"
        return Failure(place, reason)

    def diff(self, old_inputs: Properties, news: Properties, recorded: Properties) -> Difference:
        """Compares what was declared with what is, and with what the last read found."""
        keys = old_inputs.keys() | news.keys()
        changed = {
            key
            for key in keys
            if has_unknown(news.get(key)) or old_inputs.get(key) != news.get(key)
        }
        replaces = frozenset(changed & self.replace_on)
        updates = set(changed - replaces) | self.due(recorded)
        if recorded.get("drift"):
            updates.add("drift")
        return Difference(frozenset(updates), replaces)

    def preview(self, news: Properties, old: Properties | None) -> Properties:
        """Returns the properties a create or update would leave."""
        unknown: Properties = dict.fromkeys(self.outputs, UNKNOWN)
        return news | unknown | self.expect(news, old) | {"drift": []}


def _description(model: type[BaseModel], place: tuple[int | str, ...]) -> str | None:
    """Returns what the innermost described field on the way to a place says would be right."""
    said: str | None = None
    annotation: Any = model
    for part in place:
        choices = (annotation, *get_args(annotation))
        inner = next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if inner is not None:
            declared = inner.model_fields.get(str(part))
            if declared is None:
                return said
            said, annotation = declared.description or said, declared.annotation
        else:
            annotation = (get_args(annotation) or (None,))[-1]
            for extra in getattr(annotation, "__metadata__", ()):
                said = getattr(extra, "description", None) or said
    return said


AnyResource = Resource[Any]
"""A resource type, whatever its inputs."""
