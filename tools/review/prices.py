"""The price file: what kinds of resources cost, as data with a type check.

A price is a list of parts that are added up. A part is a rate, or a table of rates by the value of
a property, times quantities, which are properties too.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from components.clouds.locations import LOCATIONS, CloudName

Rate = Annotated[Decimal, Field(ge=0)]
Factor = Annotated[Decimal, Field(gt=0)]


class PriceFileError(ValueError):
    """The price file is wrong; the message names file, key and reason."""


class _Model(BaseModel, frozen=True):
    model_config = ConfigDict(extra="forbid")


class Quantity(_Model, frozen=True):
    """A property that says how many there are.

    Attributes:
        of: path of a number, of a Kubernetes quantity (``500m``, ``4Gi``), or of a list, whose
            elements are counted; ``[*]`` adds elements up.
        kind: the property is that of the resource of this kind that has the same name, or whose
            name this one's begins with.
        unit: of a number of bytes; without it the number is taken as it is.
        otherwise: how many there are where the property is not set; without it that is a hole.
    """

    of: str
    kind: str | None = None
    unit: Literal["GiB"] | None = None
    otherwise: "Rate | Quantity | None" = None


class Part(_Model, frozen=True):
    """A part of what something costs.

    Attributes:
        only: only what is in a region of these clouds.
        where: only where these properties have these values.
        each: path of a list, each element of which costs this; other paths start there.
        hourly, monthly: the rate, in the file's currency at the cloud's base location.
        by: path of the property that a table of rates is looked up by; not set reads as "".
        times: quantities that the rate is multiplied by.
        everywhere: it costs the same in every location.
    """

    only: Sequence[CloudName] = ()
    where: Mapping[str, str | bool | int] = Field(default_factory=dict)
    each: str | None = None
    hourly: Rate | Mapping[str, Rate] | None = None
    monthly: Rate | Mapping[str, Rate] | None = None
    by: str | None = None
    times: Sequence[Quantity] = ()
    everywhere: bool = False

    @model_validator(mode="after")
    def _is_one_rate(self) -> Self:
        if (self.hourly is None) == (self.monthly is None):
            raise ValueError("give either hourly or monthly")
        if isinstance(self.rate, Mapping) != (self.by is not None):
            raise ValueError("a table of rates needs `by`, and a single rate has none")
        return self

    @property
    def rate(self) -> Decimal | Mapping[str, Decimal]:
        """The rate, or the table of rates, by the hour or by the month."""
        return self.hourly if self.hourly is not None else self.monthly or Decimal(0)


class Prices(_Model, frozen=True):
    """What everything costs.

    Attributes:
        currency: three letters.
        hours_per_month: what an hourly rate is multiplied by.
        locations: by cloud, what prices are multiplied by in each location.
        free: patterns of kinds that cost nothing of themselves.
        usage: patterns of kinds that are billed by use, which nothing here says.
        prices: parts by kind.
    """

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    hours_per_month: Annotated[int, Field(gt=0)]
    locations: Mapping[CloudName, Mapping[str, Factor]]
    free: Sequence[str]
    usage: Sequence[str]
    prices: Mapping[str, Annotated[Sequence[Part], Field(min_length=1)]]

    @field_validator("locations")
    @classmethod
    def _are_all(
        cls, value: Mapping[CloudName, Mapping[str, Decimal]]
    ) -> Mapping[CloudName, Mapping[str, Decimal]]:
        given = {f"{cloud}.{name}" for cloud, factors in value.items() for name in factors}
        known = {f"{one.cloud}.{one.name}" for one in LOCATIONS}
        if missing := sorted(known - given):
            raise ValueError(f"there is no factor for {', '.join(missing)}")
        if strange := sorted(given - known):
            raise ValueError(f"components/clouds/locations.py has no {', '.join(strange)}")
        return value

    @model_validator(mode="after")
    def _say_one_thing(self) -> Self:
        for kind in self.prices:
            if self.is_free(kind) or self.is_usage(kind):
                raise ValueError(f"{kind} is in prices, and in free or usage too")
        for pattern in self.usage:
            if self.is_free(pattern):
                raise ValueError(f"{pattern} is in usage, and in free too")
        return self

    def factor(self, place: str) -> Decimal | None:
        """Returns what prices are multiplied by in ``aws-us-east-1``; None for no location."""
        cloud, _, name = place.partition("-")
        return next((own.get(name) for one, own in self.locations.items() if one == cloud), None)

    def is_free(self, kind: str) -> bool:
        """Tells whether a kind costs nothing of itself."""
        return any(fnmatchcase(kind, pattern) for pattern in self.free)

    def is_usage(self, kind: str) -> bool:
        """Tells whether a kind is billed by use."""
        return any(fnmatchcase(kind, pattern) for pattern in self.usage)

    def covers(self, kind: str) -> bool:
        """Tells whether the file says anything of a kind."""
        return kind in self.prices or self.is_free(kind) or self.is_usage(kind)


def load(path: Path) -> Prices:
    """Reads a price file.

    Raises:
        PriceFileError: it is not there, or wrong; lists every mistake.
    """
    try:
        return Prices.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise PriceFileError(f"{path.name}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise PriceFileError(f"{path.name}: is no YAML: {error}") from None
    except ValidationError as error:
        said = [
            f"{path.name}: {'.'.join(str(one) for one in each['loc']) or 'file'}: {each['msg']}"
            for each in error.errors()
        ]
        raise PriceFileError("\n".join(said)) from None
