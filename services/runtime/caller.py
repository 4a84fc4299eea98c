"""Who is calling: the user of the verified token, the workload of the verified certificate."""

import re
from contextvars import ContextVar
from dataclasses import dataclass

from services.runtime.errors import Unauthenticated


@dataclass(frozen=True)
class User:
    """A user as their token says.

    Attributes:
        id: UUID, the token's ``sub``.
        tenant: Tenant the user belongs to.
        username: Name they log in with.
        roles: Roles that policies refer to.
    """

    id: str
    tenant: str
    username: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Workload:
    """A process of the platform as its certificate says.

    Attributes:
        id: SPIFFE id, ``spiffe://<trust domain>/<region>/<name>``.
        region: Region it runs in, or ``global``.
        name: For example ``gateway``.
    """

    id: str
    region: str
    name: str


@dataclass(frozen=True)
class Caller:
    """Both identities of a call; either may be missing.

    Attributes:
        user: From the token; None without a valid one.
        workload: From the client certificate; None where it names none of this trust domain.
        token_error: Why the token that was sent is refused; None when it is good or none was sent.
    """

    user: User | None = None
    workload: Workload | None = None
    token_error: Unauthenticated | None = None


_SPIFFE = re.compile(r"spiffe://([a-z0-9._-]+)/([A-Za-z0-9._-]+)/([A-Za-z0-9._-]+)")
_current: ContextVar[Caller | None] = ContextVar("caller", default=None)


def workload_from_spiffe_id(spiffe_id: str, trust_domain: str) -> Workload | None:
    """Returns the workload a SPIFFE id names, or None when it is not one of this trust domain."""
    match = _SPIFFE.fullmatch(spiffe_id)
    if match is None or match[1] != trust_domain:
        return None
    return Workload(id=spiffe_id, region=match[2], name=match[3])


def set_caller(caller: Caller) -> None:
    """Makes ``caller`` the caller of the call this task serves; only authentication does this."""
    _current.set(caller)


def current_caller() -> Caller:
    """Returns who made the call this task serves; nobody outside a call."""
    return _current.get() or Caller()


def current_user() -> User:
    """Returns the user of the call this task serves.

    Raises:
        Unauthenticated: the call carries no valid token.
    """
    user = current_caller().user
    if user is None:
        raise Unauthenticated("TOKEN_MISSING", "This call needs a user's token.")
    return user
