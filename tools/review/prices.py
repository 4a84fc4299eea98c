"""The price file: what kinds of resources cost, as data with a type check.

A price is a list of parts that are added up. A part is a rate, or a table of rates by the value of
a property, times quantities, which are properties too.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.clouds.locations import LOCATIONS, CloudName

Rate = Annotated[Decimal, Field(ge=0)]


class PriceFileError(ValueError):
    """The price file is wrong; the message names file, key and reason."""


class _Model(BaseModel, frozen=True):
    model_config = ConfigDict(extra="forbid")


class Quantity(_Model, frozen=True):
    """A property that says how many there are.

    Attributes:
        of: path of a number or of a Kubernetes quantity (cores, GiB); ``[*]`` adds elements up.
        otherwise: how many there are where nothing is there.
    """

    of: str
    otherwise: Rate | None = None


class Part(_Model, frozen=True):
    """A part of what something costs.

    Attributes:
        cloud: only what is in a region of this cloud.
        where: only where these properties have these values.
        each: path of a list, each element of which costs this; other paths start there.
        hourly, monthly: the rate, in the file's currency at the cloud's base location.
        by: path of the property that a table of rates is looked up by.
        times: quantities that the rate is multiplied by.
    """

    cloud: CloudName | None = None
    where: Mapping[str, str | bool | int] = Field(default_factory=dict)
    each: str | None = None
    hourly: Rate | Mapping[str, Rate] | None = None
    monthly: Rate | Mapping[str, Rate] | None = None
    by: str | None = None
    times: Sequence[Quantity] = ()

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
        continents: what prices are multiplied by on each continent.
        free: patterns of kinds that cost nothing of themselves.
        usage: patterns of kinds that are billed by use, which nothing here says.
        prices: parts by kind.
    """

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    hours_per_month: Annotated[int, Field(gt=0)]
    continents: Mapping[str, Annotated[Decimal, Field(gt=0)]]
    free: Sequence[str]
    usage: Sequence[str]
    prices: Mapping[str, Annotated[Sequence[Part], Field(min_length=1)]]

    @model_validator(mode="after")
    def _knows_every_location(self) -> Self:
        missing = sorted({one.continent for one in LOCATIONS} - self.continents.keys())
        if missing:
            raise ValueError(f"continents has no {', '.join(missing)}, where there are locations")
        return self

    def factor(self, place: str) -> Decimal:
        """Returns what prices are multiplied by in a region; 1 outside regions."""
        for one in LOCATIONS:
            if place == f"{one.cloud}-{one.name}":
                return self.continents[one.continent]
        return Decimal(1)

    def is_free(self, kind: str) -> bool:
        """Tells whether a kind costs nothing of itself."""
        return any(fnmatchcase(kind, pattern) for pattern in self.free)

    def is_usage(self, kind: str) -> bool:
        """Tells whether a kind is billed by use."""
        return any(fnmatchcase(kind, pattern) for pattern in self.usage)


def cloud_of(place: str) -> str:
    """Returns the cloud that a region is on; empty outside regions."""
    cloud = place.partition("-")[0]
    return cloud if cloud in get_args(CloudName) else ""


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
