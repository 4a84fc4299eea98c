"""The environment file: ``environments/Pulumi.<stack>.yaml``, checked and typed.

One place decides what an environment may say. A mistake is reported with the file, the key and
what would be right, all mistakes at once. This module has what every environment says; what only
one kind of target says is in ``local_environment.py`` and ``cloud_environment.py``.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

CONFIG_KEY = "ai-platform:environment"
SERVICES = ("security", "marketplace")
"""Services of the platform, in the order they are brought up."""

Domain = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,126}[a-z0-9])?$")]
Percent = Annotated[int, Field(ge=0, le=100)]
Replicas = Annotated[int, Field(ge=1, le=16)]


class Model(BaseModel, extra="forbid", frozen=True, strict=True):
    """A part of a file: unknown keys and wrong types are refused."""


class Versions(Model, frozen=True):
    """Versions the environment runs."""

    platform: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    postgresql: str
    valkey: str


class RegionSpec(Model, frozen=True):
    """A region and its share of the traffic, in percent."""

    name: str
    weight: Percent


class ServiceSpec(Model, frozen=True):
    """How a service is run in every region."""

    replicas: Replicas


class ServiceSpecs(Model, frozen=True):
    """The platform's services."""

    security: ServiceSpec
    marketplace: ServiceSpec

    def replicas(self) -> dict[str, int]:
        """Returns the replicas of each service."""
        return {name: getattr(self, name).replicas for name in SERVICES}


class Environment(Model, frozen=True):
    """What every environment says; see docs/environment.md."""

    target: Literal["local", "clouds"]
    primary_region: str
    trust_domain: Domain
    versions: Versions
    regions: Annotated[Sequence[RegionSpec], Field(min_length=1)]
    services: ServiceSpecs

    @model_validator(mode="after")
    def _regions_agree(self) -> Self:
        names = [region.name for region in self.regions]
        for name in repeated(names):
            raise problem("regions", f"region {name!r} is there twice; name each region once")
        total = sum(region.weight for region in self.regions)
        if total != 100:
            raise problem("regions", f"the weights sum to {total}; they must sum to 100")
        if self.primary_region not in names:
            raise problem(
                "primary_region",
                f"{self.primary_region!r} is not one of the regions: {', '.join(names)}",
            )
        return self

    @property
    def standby_regions(self) -> list[str]:
        """Every region but the primary, in the file's order."""
        return [region.name for region in self.regions if region.name != self.primary_region]


ModelT = TypeVar("ModelT", bound=BaseModel)


class EnvironmentFileError(Exception):
    """An environment file says something that can't be; the message has file, keys and reasons."""


def check(model: type[ModelT], value: Any, *, file: str, key: str = CONFIG_KEY) -> ModelT:
    """Checks what a file holds under a key.

    Args:
        model: what it must be.
        value: the value of that key, as YAML gives it.
        file: the file's name, for messages.
        key: where the value is, for messages; empty for a whole file.

    Raises:
        EnvironmentFileError: lists every mistake.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        lines = [f"{file}: {_explain(mistake, key)}" for mistake in error.errors()]
        raise EnvironmentFileError("\n".join(lines)) from None


def problem(key: str, reason: str) -> PydanticCustomError:
    """Returns the error for a key whose value contradicts another one."""
    return PydanticCustomError("environment", "{reason}", {"key": key, "reason": reason})


def repeated(names: Iterable[str]) -> list[str]:
    """Returns the names that are there more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def _explain(mistake: ErrorDetails, prefix: str) -> str:
    context = mistake.get("ctx", {})
    key = context.get("key") or ".".join(str(part) for part in mistake["loc"])
    reason = mistake["msg"]
    if mistake["type"] == "extra_forbidden":
        reason = "there is no such key"
    elif mistake["type"] == "missing":
        reason = "is missing"
    elif mistake["type"] != "environment":
        reason = f"{reason[0].lower()}{reason[1:]}, not {mistake['input']!r}"
    where = ".".join(part for part in (prefix, key) if part)
    return f"{where}: {reason}" if where else reason
