"""Signs tokens for tests, good ones and bad ones."""

import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.certificates import TRUST_DOMAIN

ISSUER = f"https://{TRUST_DOMAIN}"


class Signer:
    """A key source that knows one key, and signs tokens with it."""

    kid = "test-key"

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.asked = 0

    async def key(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """Returns the public key of ``kid``."""
        self.asked += 1
        return self.private.public_key() if kid == self.kid else None

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Returns the claims of a good token, changed; None removes one."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": "ai-platform",
            "sub": str(uuid.UUID(int=7)),
            "tenant": "acme",
            "username": "alice",
            "roles": ["developer"],
            "amr": ["pwd"],
            "iat": now,
            "nbf": now,
            "exp": now + 900,
            "jti": str(uuid.uuid4()),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """Returns a signed token; ``headers`` and ``changes`` make it differ from a good one."""
        header = {"kid": self.kid, "typ": "at+jwt", **(headers or {})}
        kept = {name: value for name, value in header.items() if value is not None}
        return jwt.encode(self.claims(**changes), self.private, "ES256", headers=kept)

    def metadata(self, **changes: Any) -> tuple[tuple[str, str], ...]:
        """Returns call metadata with a token."""
        return (("authorization", f"Bearer {self.token(**changes)}"),)
