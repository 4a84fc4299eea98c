"""What a marketplace service is, and which descriptions of one make sense.

Rules about single fields are in the proto; here are the ones that relate fields to one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

Visibility: TypeAlias = Literal["tenant", "public"]
PricingModel: TypeAlias = Literal["pay_per_use", "subscription", "enterprise"]

DEFAULT_METHOD: Final = "POST"
PRICE_STEP: Final = Decimal("0.000000001")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request: the field's path and what would be right."""

    field: str
    description: str


class InvalidServiceError(ValueError):
    """A service description that contradicts itself."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in violations))
        self.violations = tuple(violations)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port that all endpoints of a service share (RFC 6454)."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host, and the port where it is not the scheme's own; for the Host header."""
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return self.host
        return f"{self.host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether it is reached over TLS."""
        return self.scheme == "https"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of a service: a name, an absolute URL and an HTTP method."""

    name: str
    url: str
    method: str = DEFAULT_METHOD

    @property
    def path(self) -> str:
        """Path of the URL, never empty."""
        return urlsplit(self.url).path or "/"


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the catalogue, as the control plane and the API see it."""

    id: str
    tenant_id: str
    name: str
    category: str
    pricing_model: PricingModel
    base_price: Decimal
    visibility: Visibility
    endpoints: tuple[Endpoint, ...]
    create_time: datetime

    @property
    def origin(self) -> Origin:
        """Origin of the endpoints."""
        return origin_of(self.endpoints[0].url)


def origin_of(url: str) -> Origin:
    """Returns the origin of an absolute http or https URL.

    Raises:
        ValueError: The port is not between 1 and 65535, or the host is not a host name.
    """
    parts: SplitResult = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    labels = host.split(".")
    if not host or len(host) > 253 or any(not label or len(label) > 63 for label in labels):
        raise ValueError("must name a host: labels of 1 to 63 characters, 253 in all (RFC 1123)")
    port = parts.port
    if port == 0:
        raise ValueError("port must be between 1 and 65535")
    return Origin(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme])


def price(value: float) -> Decimal:
    """Rounds a price to the nine decimals that are stored."""
    return Decimal(repr(value)).quantize(PRICE_STEP, ROUND_HALF_EVEN)


def check_endpoints(endpoints: Sequence[Endpoint]) -> None:
    """Checks that endpoint names are unique and that all URLs are on one origin.

    Raises:
        InvalidServiceError: With one violation for every endpoint that breaks a rule.
    """
    violations: list[Violation] = []
    seen: dict[str, int] = {}
    expected: Origin | None = None
    for index, endpoint in enumerate(endpoints):
        first = seen.setdefault(endpoint.name, index)
        if first != index:
            violations.append(
                Violation(
                    f"endpoints[{index}].name",
                    f"'{endpoint.name}' is the name of endpoints[{first}] too; names must differ",
                )
            )
        try:
            origin = origin_of(endpoint.url)
        except ValueError as error:
            violations.append(Violation(f"endpoints[{index}].url", str(error)))
            continue
        if expected is None:
            expected = origin
        elif origin != expected:
            violations.append(
                Violation(
                    f"endpoints[{index}].url",
                    f"is on {origin.scheme}://{origin.authority}, the first endpoint is on "
                    f"{expected.scheme}://{expected.authority}; all must share one origin",
                )
            )
    if violations:
        raise InvalidServiceError(violations)
