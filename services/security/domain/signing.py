"""The keys that sign tokens: ES256 (RFC 7518), rotated by overlap.

A new key is published at once and signs only when every verifier has had time to fetch it; the key
before stays published until the last token it signed has expired.
"""

import base64
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from services.runtime.tokens import ALGORITHM, AUDIENCE, CLOCK_SKEW_SECONDS, TYPE
from services.security.domain.accounts import Account
from services.security.domain.sealing import Sealer

_COORDINATE_BYTES = 32


@dataclass(frozen=True)
class PublishedKey:
    """A public key.

    Attributes:
        kid: Key id.
        public_der: SubjectPublicKeyInfo, DER.
        activate_time: When it begins to sign.
    """

    kid: str
    public_der: bytes
    activate_time: datetime

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Returns the key, ready to verify with."""
        key = load_der_public_key(self.public_der)
        assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101  (we make no others)
        return key

    def coordinates(self) -> tuple[str, str]:
        """Returns x and y as a JWK has them, base64url without padding."""
        numbers = self.public_key().public_numbers()
        x, y = (
            base64.urlsafe_b64encode(number.to_bytes(_COORDINATE_BYTES, "big")).decode()
            for number in (numbers.x, numbers.y)
        )
        return x.rstrip("="), y.rstrip("=")


@dataclass(frozen=True)
class SigningKey(PublishedKey):
    """A key with its private half, encrypted and bound to the key id."""

    sealed_private_key: bytes


def new_key(sealer: Sealer, activate_time: datetime) -> SigningKey:
    """Makes a P-256 key that signs from ``activate_time`` on."""
    private = ec.generate_private_key(ec.SECP256R1())
    kid = secrets.token_urlsafe(12)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(kid, public, activate_time, sealer.seal(der, kid))


def current_key(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """Returns the key that signs at ``now``: the one activated last."""
    active = [key for key in keys if key.activate_time <= now]
    return max(active, key=lambda key: key.activate_time, default=None)


def outlived(
    keys: Sequence[PublishedKey], now: datetime, token_lifetime: timedelta
) -> list[PublishedKey]:
    """Returns the keys whose last token has expired by ``now``; nobody needs them."""
    by_time = sorted(keys, key=lambda key: key.activate_time)
    margin = token_lifetime + timedelta(seconds=CLOCK_SKEW_SECONDS)
    return [key for key, successor in pairwise(by_time) if successor.activate_time + margin < now]


class TokenIssuer:
    """Signs tokens.

    Args:
        sealer: Opens private keys.
        issuer: ``iss``.
        lifetime: From ``iat`` to ``exp``.
    """

    def __init__(self, sealer: Sealer, issuer: str, lifetime: timedelta) -> None:
        self._sealer = sealer
        self._issuer = issuer
        self._lifetime = lifetime
        self._opened: tuple[str, ec.EllipticCurvePrivateKey] | None = None

    def issue(
        self, key: SigningKey, account: Account, amr: Sequence[str], now: datetime
    ) -> tuple[str, int]:
        """Returns a token for a user, and the seconds it is good for.

        Raises:
            SealError: the private key cannot be opened.
        """
        issued = int(now.timestamp())
        seconds = int(self._lifetime.total_seconds())
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(account.id),
            "tenant": account.tenant,
            "username": account.username,
            "roles": list(account.roles),
            "amr": list(amr),
            "iat": issued,
            "nbf": issued,
            "exp": issued + seconds,
            "jti": str(uuid.uuid4()),
        }
        token = jwt.encode(
            claims, self._private(key), algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TYPE}
        )
        return token, seconds

    def _private(self, key: SigningKey) -> ec.EllipticCurvePrivateKey:
        if self._opened is None or self._opened[0] != key.kid:
            private = load_der_private_key(
                self._sealer.open(key.sealed_private_key, key.kid), password=None
            )
            assert isinstance(private, ec.EllipticCurvePrivateKey)  # noqa: S101  (we make no others)
            self._opened = (key.kid, private)
        return self._opened[1]
