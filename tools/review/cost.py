"""What a change costs a month, estimated from the price file.

It compares list prices of what is declared. Traffic, what is billed by use, discounts and what
scales with load are not in it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from components.clouds.local.provider.values import Value
from policies.infrastructure.paths import values_at
from tools.review.prices import Part, Prices, Quantity, cloud_of

_UNKNOWN = re.compile("04da6b54-80e4-46f7-96ec-b56ff0331ba[0-9]")
_QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(m|Ki|Mi|Gi|Ti)?$")
_UNITS: Mapping[str, Decimal] = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "Ki": Decimal(1) / 2**20,
    "Mi": Decimal(1) / 2**10,
    "Gi": Decimal(1),
    "Ti": Decimal(2**10),
}
"""Of Kubernetes' quantities: cores, and GiB."""


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


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a change costs a month.

    Attributes:
        amount: more (or, below zero, less) than before, in the currency.
        usage: how many resources, by kind, are billed by use.
        holes: what the price file lacks, each in words; with one the amount says nothing.
    """

    amount: Decimal
    currency: str
    usage: Mapping[str, int]
    holes: tuple[str, ...]


class _HoleError(Exception):
    """The price file does not say what something costs."""


def difference(prices: Prices, before: Iterable[Resource], after: Iterable[Resource]) -> Difference:
    """Returns what it costs a month to have some resources in place of others.

    Args:
        prices: the price file.
        before: resources that are there and change or go.
        after: what they become, and what is made.
    """
    amount = Decimal(0)
    usage: Counter[str] = Counter()
    holes: dict[str, None] = {}
    for sign, resources in ((-1, before), (1, after)):
        for one in resources:
            if prices.is_usage(one.kind):
                usage[one.kind] += sign
            try:
                amount += sign * monthly(prices, one)
            except _HoleError as error:
                holes[str(error)] = None
    return Difference(
        amount=amount,
        currency=prices.currency,
        usage={kind: count for kind, count in usage.items() if count},
        holes=tuple(holes),
    )


def monthly(prices: Prices, resource: Resource) -> Decimal:
    """Returns what a resource costs a month, 0 for what is free or billed by use.

    Raises:
        _HoleError: the price file does not say it, or a property is not known.
    """
    parts = prices.prices.get(resource.kind)
    if parts is None:
        if prices.is_free(resource.kind) or prices.is_usage(resource.kind):
            return Decimal(0)
        raise _HoleError(
            f"prices.yaml has no price of {resource.kind}; add it to `prices`, `usage` or `free`"
        )
    factor = prices.factor(resource.place)
    return factor * sum((_part(prices, resource, part) for part in parts), Decimal(0))


def _part(prices: Prices, resource: Resource, part: Part) -> Decimal:
    if part.cloud is not None and part.cloud != cloud_of(resource.place):
        return Decimal(0)
    hours = prices.hours_per_month if part.hourly is not None else 1
    total = Decimal(0)
    for element in _elements(resource, part):
        if all(_text(resource, element, path) == str(is_) for path, is_ in part.where.items()):
            price = _rate(resource, element, part) * hours
            for quantity in part.times:
                price *= _quantity(resource, element, quantity)
            total += price
    return total


def _elements(resource: Resource, part: Part) -> Iterator[Value]:
    properties = cast("Value", dict(resource.properties))
    if part.each is None:
        yield properties
    else:
        yield from (value for _, value in values_at(properties, f"{part.each}[*]"))


def _rate(resource: Resource, element: Value, part: Part) -> Decimal:
    if not isinstance(part.rate, Mapping):
        return part.rate
    by = part.by or ""
    value = _text(resource, element, by)
    if value not in part.rate:
        raise _HoleError(
            f"prices.yaml has no price of {resource.kind} where {by} is {value}; "
            f"it has {', '.join(part.rate)}"
        )
    return part.rate[value]


def _text(resource: Resource, element: Value, path: str) -> str:
    for _, value in values_at(element, path):
        if isinstance(value, str) and _UNKNOWN.search(value):
            raise _HoleError(f"{path} of {resource.name}, which its price needs, is not known yet")
        return "" if value is None else str(value)
    return ""


def _quantity(resource: Resource, element: Value, quantity: Quantity) -> Decimal:
    found = [value for _, value in values_at(element, quantity.of) if value is not None]
    if not found:
        if quantity.otherwise is None:
            raise _HoleError(
                f"{quantity.of} of {resource.name} ({resource.kind}), which its price needs, is "
                "not set; prices.yaml can say what it is `otherwise`"
            )
        return quantity.otherwise
    return sum((_number(resource, quantity.of, one) for one in found), Decimal(0))


def _number(resource: Resource, path: str, value: Value) -> Decimal:
    if isinstance(value, list):
        return Decimal(len(value))
    said = str(value)
    if _UNKNOWN.search(said):
        raise _HoleError(f"{path} of {resource.name}, which its price needs, is not known yet")
    written = _QUANTITY.match(said)
    try:
        return Decimal(written[1]) * _UNITS[written[2] or ""] if written else Decimal(said)
    except InvalidOperation:
        raise _HoleError(f"{path} of {resource.name} is {said!r}, which is no number") from None
