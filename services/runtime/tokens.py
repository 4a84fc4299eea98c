"""Verifies the platform's access tokens: JWT (RFC 7519) signed with ES256, read strictly.

The rules are those of RFC 8725: one algorithm, fixed here and not taken from the token; an explicit
type; a key found by ``kid`` in a set we trust, never in the token; every claim checked.
"""

import re
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from services.runtime.caller import User
from services.runtime.errors import Unauthenticated

ALGORITHM = "ES256"
AUDIENCE = "ai-platform"
TYPE = "at+jwt"
CLOCK_SKEW_SECONDS = 5
"""How far the clocks of the issuing and the verifying machine may be apart."""

_HEADER = frozenset({"alg", "typ", "kid"})
_MAX_BYTES = 8192
_CLAIMS = ("iss", "aud", "sub", "tenant", "username", "roles", "iat", "exp", "jti")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


class KeySource(Protocol):
    """Where the public keys that sign tokens come from."""

    async def key(self, kid: str) -> EllipticCurvePublicKey | None:
        """Returns the P-256 key of that id, or None when there is none.

        Raises:
            Unavailable: the keys cannot be had now and none are known from before.
        """
        ...


def invalid_token(why: str) -> Unauthenticated:
    """Returns the error for a token that is refused; ``why`` is a clause without its contents."""
    return Unauthenticated("TOKEN_INVALID", f"The token is refused: {why}.")


class TokenVerifier:
    """Turns a token into the user it speaks for.

    Args:
        keys: Where public keys come from.
        issuer: The only ``iss`` accepted.
    """

    def __init__(self, keys: KeySource, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer

    async def verify(self, token: str) -> User:
        """Returns the user of a valid token.

        Raises:
            Unauthenticated: reason TOKEN_EXPIRED or TOKEN_INVALID.
            Unavailable: the keys cannot be had.
        """
        if len(token) > _MAX_BYTES:
            raise invalid_token(f"it is longer than {_MAX_BYTES} bytes")
        key = await self._keys.key(_key_id(token))
        if key is None:
            raise invalid_token("its key id is not known")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": list(_CLAIMS), "strict_aud": True},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("TOKEN_EXPIRED", "The token has expired; log in again.") from None
        except jwt.MissingRequiredClaimError as error:
            raise invalid_token(f"it has no {error.claim}") from None
        except jwt.InvalidIssuerError:
            raise invalid_token("its issuer is another") from None
        except jwt.InvalidAudienceError:
            raise invalid_token("it is for another audience") from None
        except jwt.PyJWTError:
            raise invalid_token("its signature or a claim is not valid") from None
        return _user(claims)


def _key_id(token: str) -> str:
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise invalid_token("it is not a signed JWT") from None
    if header.get("alg") != ALGORITHM:
        raise invalid_token(f"its algorithm is not {ALGORITHM}")
    if str(header.get("typ", "")).lower() != TYPE:
        raise invalid_token(f"its type is not {TYPE}")
    if unexpected := sorted(header.keys() - _HEADER):
        raise invalid_token(f"its header has {', '.join(unexpected)[:100]}, which is not accepted")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise invalid_token("it has no key id")
    return kid


def _user(claims: dict[str, Any]) -> User:
    subject, tenant, username = claims["sub"], claims["tenant"], claims["username"]
    roles: object = claims["roles"]
    well_formed = (
        isinstance(subject, str)
        and _UUID.fullmatch(subject)
        and isinstance(tenant, str)
        and _TENANT.fullmatch(tenant)
        and isinstance(username, str)
        and isinstance(roles, list)
        and all(isinstance(role, str) for role in roles)  # pyright: ignore[reportUnknownVariableType]
    )
    if not well_formed:
        raise invalid_token("sub, tenant, username or roles is malformed")
    return User(
        id=subject,
        tenant=tenant,
        username=username,
        roles=frozenset(roles),  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]
    )
