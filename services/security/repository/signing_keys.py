"""Signing keys in PostgreSQL, and caches of them that survive its loss."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from sqlalchemy import text

from services.runtime.database import Database
from services.runtime.errors import Unavailable
from services.security.domain.signing import PublishedKey, SigningKey, current_key, outlived

CACHE_SECONDS = 5.0

INSERT = text(
    "INSERT INTO signing_key (kid, public_key, private_key, activate_time) "
    "VALUES (:kid, :public_key, :private_key, :activate_time)"
)
_PUBLISHED = text("SELECT kid, public_key, activate_time FROM signing_key")
_SIGNING = text("SELECT kid, public_key, activate_time, private_key FROM signing_key")
_DELETE = text("DELETE FROM signing_key WHERE kid = ANY(:kids)")


def row_of(key: SigningKey) -> dict[str, Any]:
    """Returns what ``INSERT`` stores of a key."""
    return {
        "kid": key.kid,
        "public_key": key.public_der,
        "private_key": key.sealed_private_key,
        "activate_time": key.activate_time,
    }


class SigningKeys:
    """The keys that sign, from the primary, where logins are written too."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: list[SigningKey] = []
        self._read = float("-inf")

    async def current(self, now: datetime) -> SigningKey:
        """Returns the key that signs at ``now``.

        Raises:
            Unavailable: the database is down, or there is no key yet.
        """
        if time.monotonic() - self._read > CACHE_SECONDS:
            async with self._database.as_system() as session:
                rows = (await session.execute(_SIGNING)).all()
            self._keys = [SigningKey(*row) for row in rows]
            self._read = time.monotonic()
        key = current_key(self._keys, now)
        if key is None:
            raise Unavailable("NO_SIGNING_KEY", "There is no signing key yet; run migrate.")
        return key

    async def add(self, key: SigningKey, token_lifetime: timedelta) -> None:
        """Stores a new key and deletes those that nobody needs any more."""
        async with self._database.as_system() as session:
            keys = [PublishedKey(*row) for row in (await session.execute(_PUBLISHED)).all()]
            gone = outlived(keys, datetime.now(UTC), token_lifetime)
            await session.execute(_DELETE, {"kids": [old.kid for old in gone]})
            await session.execute(INSERT, row_of(key))


class PublishedKeys:
    """The public keys, from the region's replica; the service's own key source.

    While the database is down, the keys read before stay good.

    Args:
        database: Sessions.
        token_lifetime: How long a key stays published after its successor signs.
    """

    def __init__(self, database: Database, token_lifetime: timedelta) -> None:
        self._database = database
        self._lifetime = token_lifetime
        self._keys: list[PublishedKey] = []
        self._parsed: dict[str, EllipticCurvePublicKey] = {}
        self._read = float("-inf")
        self._lock = asyncio.Lock()

    async def all(self) -> Sequence[PublishedKey]:
        """Returns the keys, newest first.

        Raises:
            Unavailable: the database is down and no key was read before.
        """
        async with self._lock:
            if time.monotonic() - self._read > CACHE_SECONDS:
                try:
                    await self._refresh()
                except Unavailable:
                    if not self._keys:
                        raise
        return self._keys

    async def key(self, kid: str) -> EllipticCurvePublicKey | None:
        """Returns the key of that id, or None when there is none."""
        await self.all()
        return self._parsed.get(kid)

    async def _refresh(self) -> None:
        async with self._database.as_system(replica=True) as session:
            keys = [PublishedKey(*row) for row in (await session.execute(_PUBLISHED)).all()]
        gone = {key.kid for key in outlived(keys, datetime.now(UTC), self._lifetime)}
        published = [key for key in keys if key.kid not in gone]
        self._keys = sorted(published, key=lambda key: key.activate_time, reverse=True)
        self._parsed = {key.kid: key.public_key() for key in self._keys}
        self._read = time.monotonic()
