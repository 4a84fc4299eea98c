"""What a change costs a month, estimated from the price file.

It compares list prices of what is declared. Traffic, what is billed by use, discounts and what
scales with load are not in it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, cast

from components.clouds.local.provider.values import UNKNOWN_TEXT, Unknown, Value
from policies.infrastructure.paths import values_at
from tools.review.prices import Part, Prices, Quantity

_QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")
_SUFFIXES: Mapping[str, Decimal] = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}
"""Of Kubernetes' quantities (kubernetes.io/docs/reference/kubernetes-api/common-definitions)."""

_GIB = Decimal(2**30)
_ENDS = re.compile(r"(?<=.)(?=[.\[])|$")
"""Where a path, or the path of something that it leads through, ends."""

_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as far as its price goes.

    Attributes:
        place: the region it is in, ``aws-us-east-1``; empty for none.
        properties: its inputs, as Pulumi writes them.
    """

    kind: str
    name: str
    place: str
    properties: Mapping[str, Any]


class Contribution(NamedTuple):
    """What a kind adds to a difference: how many resources cost more or less, and how much."""

    resources: int
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a change costs a month.

    Attributes:
        before, after: what the given resources cost, in the currency; not rounded.
        parts: what makes the difference, by kind; the largest first.
        usage: how many more (or, below zero, fewer) resources, by kind, are billed by use.
        holes: what the price file lacks, each in words; with one the amounts say nothing.
    """

    before: Decimal
    after: Decimal
    currency: str
    parts: Mapping[str, Contribution]
    usage: Mapping[str, int]
    holes: tuple[str, ...]

    @property
    def amount(self) -> Decimal:
        """More (or, below zero, less) than before, in the currency; not rounded."""
        return self.after - self.before


class _HoleError(Exception):
    """The price file does not say what something costs; the message leaves out its name."""


@dataclass(frozen=True, kw_only=True)
class _Bill:
    """What resources cost together.

    Attributes:
        amounts: by kind and name.
        usage: how many, by kind, are billed by use.
        holes: names of the resources, by what the price file lacks for them.
    """

    amounts: Mapping[tuple[str, str], Decimal]
    usage: Counter[str]
    holes: Mapping[str, Sequence[str]]

    @property
    def total(self) -> Decimal:
        return sum(self.amounts.values(), Decimal(0))


def difference(prices: Prices, before: Iterable[Resource], after: Iterable[Resource]) -> Difference:
    """Returns what it costs a month to have some resources in place of others.

    A price may depend on another resource, as that of an instance on its cluster's least capacity:
    it is looked for among the resources of the same side, so give what does not change on both.

    Args:
        prices: the price file.
        before: resources that are there.
        after: what they become, and what is made.
    """
    old, new = _bill(prices, before), _bill(prices, after)
    changed: dict[str, list[Decimal]] = defaultdict(list)
    for kind, name in {**old.amounts, **new.amounts}:
        more = new.amounts.get((kind, name), Decimal(0)) - old.amounts.get((kind, name), Decimal(0))
        if more:
            changed[kind].append(more)
    parts = {
        kind: Contribution(len(amounts), sum(amounts, Decimal(0)))
        for kind, amounts in changed.items()
    }
    usage = Counter(new.usage)
    usage.subtract(old.usage)
    holes: dict[str, dict[str, None]] = {}
    for what, names in (*old.holes.items(), *new.holes.items()):
        holes.setdefault(what, {}).update(dict.fromkeys(names))
    return Difference(
        before=old.total,
        after=new.total,
        currency=prices.currency,
        parts=dict(sorted(parts.items(), key=lambda one: (-abs(one[1].amount), one[0]))),
        usage={kind: count for kind, count in sorted(usage.items()) if count},
        holes=tuple(f"{what} ({_listed(list(names))})" for what, names in holes.items()),
    )


def monthly(prices: Prices, resource: Resource) -> Decimal:
    """Returns what a resource costs a month by itself, 0 for what is free or billed by use.

    Raises:
        ValueError: the price file does not say it, or a property is not known.
    """
    found = difference(prices, (), (resource,))
    if found.holes:
        raise ValueError(found.holes[0])
    return found.after


def _bill(prices: Prices, resources: Iterable[Resource]) -> _Bill:
    given = list(resources)
    among = {(one.kind, one.name): one for one in given}
    amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    holes: dict[str, list[str]] = defaultdict(list)
    for one in given:
        try:
            amounts[one.kind, one.name] += _Estimate(prices, one, among).monthly()
        except _HoleError as error:
            holes[str(error)].append(one.name)
    return _Bill(
        amounts=amounts,
        usage=Counter(one.kind for one in given if prices.is_usage(one.kind)),
        holes=holes,
    )


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


@dataclass(frozen=True)
class _Estimate:
    """What one resource costs.

    Attributes:
        among: the resources it is one of, by kind and name.
    """

    prices: Prices
    resource: Resource
    among: Mapping[tuple[str, str], Resource]

    def monthly(self) -> Decimal:
        kind = self.resource.kind
        parts = self.prices.prices.get(kind)
        if parts is not None:
            return sum((self._part(part) for part in parts), Decimal(0))
        if self.prices.covers(kind):
            return Decimal(0)
        raise _HoleError(
            f"prices.yaml has no price of {kind}: add it to `prices`, `usage` or `free`"
        )

    def _part(self, part: Part) -> Decimal:
        found = [one for one in self._elements(part) if self._is_meant(one, part)]
        if not found or (part.only and self._cloud() not in part.only):
            return Decimal(0)
        scale = Decimal(self.prices.hours_per_month if part.hourly is not None else 1)
        if not part.everywhere:
            scale *= self._factor()
        return scale * sum((self._price(one, part) for one in found), Decimal(0))

    def _is_meant(self, element: Value, part: Part) -> bool:
        return all(self._text(element, path) == str(is_) for path, is_ in part.where.items())

    def _price(self, element: Value, part: Part) -> Decimal:
        price = self._rate(element, part)
        for quantity in part.times:
            price *= self._quantity(element, quantity)
        return price

    def _cloud(self) -> str:
        """Returns the cloud of the region it is in, which may be another than the one it is of."""
        if self.prices.factor(self.resource.place) is not None:
            return self.resource.place.partition("-")[0]
        raise _HoleError(
            f"the price of {self.resource.kind} depends on the cloud it is on, and {self._where()}"
        )

    def _factor(self) -> Decimal:
        """Returns the factor of its region, else of the location that it names itself."""
        properties, cloud = self.resource.properties, self.resource.kind.partition(":")[0]
        own = properties.get("region") or properties.get("location")
        for place in (self.resource.place, f"{cloud.removesuffix('-native')}-{own}"):
            factor = self.prices.factor(place)
            if factor is not None:
                return factor
        if self.resource.place:
            raise _HoleError(
                f"the price of {self.resource.kind} depends on its location, and {self._where()}"
            )
        return Decimal(1)

    def _where(self) -> str:
        place = self.resource.place
        return f"{place} is no location of a cloud" if place else "it is in no region"

    def _elements(self, part: Part) -> Iterator[Value]:
        properties = cast("Value", dict(self.resource.properties))
        if part.each is None:
            yield properties
        else:
            yield from self._values(properties, f"{part.each}[*]")

    def _rate(self, element: Value, part: Part) -> Decimal:
        if not isinstance(part.rate, Mapping):
            return part.rate
        by = part.by or ""
        value = self._text(element, by)
        if value not in part.rate:
            raise _HoleError(
                f"prices.yaml has no price of {self.resource.kind} where {by} is "
                f"{value or 'not set'}: add it to its table of {', '.join(part.rate)}"
            )
        return part.rate[value]

    def _text(self, element: Value, path: str) -> str:
        for value in self._values(element, path):
            if isinstance(value, float) and value.is_integer():
                return str(int(value))
            return "" if value is None else str(value)
        return ""

    def _quantity(self, element: Value, quantity: Quantity) -> Decimal:
        holder = element if quantity.kind is None else self._other(quantity.kind)
        found = [value for value in self._values(holder, quantity.of) if value is not None]
        if found:
            total = sum((self._number(quantity.of, one) for one in found), Decimal(0))
            return total / _GIB if quantity.unit else total
        if isinstance(quantity.otherwise, Quantity):
            return self._quantity(element, quantity.otherwise)
        if quantity.otherwise is None:
            raise _HoleError(
                f"{quantity.of} of {self.resource.kind}, which its price needs, is not set: "
                "prices.yaml can say what it is `otherwise`"
            )
        return quantity.otherwise

    def _other(self, kind: str) -> Value:
        name = self.resource.name
        while name:
            if found := self.among.get((kind, name)):
                return cast("Value", dict(found.properties))
            name = name.rpartition("-")[0]
        return None

    def _number(self, path: str, value: Value) -> Decimal:
        if isinstance(value, list):
            return Decimal(len(value))
        written = _QUANTITY.match(str(value))
        if not written:
            raise _HoleError(
                f"{path} of {self.resource.kind}, which its price needs, is {value!r}, no number"
            )
        return Decimal(written[1]) * _SUFFIXES[written[2] or ""]

    def _values(self, element: Value, path: str) -> Iterator[Value]:
        """Yields the values at a path; one that is within something unknown is a hole too."""
        for end in _ENDS.finditer(path):
            for _, value in values_at(element, path[: end.start()]):
                text = value if isinstance(value, str) else ""
                if isinstance(value, Unknown) or UNKNOWN_TEXT.search(text):
                    raise _HoleError(
                        f"{path} of {self.resource.kind}, which its price needs, is not known yet"
                    )
        yield from (value for _, value in values_at(element, path))
