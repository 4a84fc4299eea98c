"""Page tokens: where a listing goes on; opaque, and only good for the listing they are from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_POSITION: Final = struct.Struct(">q16s")
# With the position 42 bytes, which base64 writes without spare bits that could be changed unseen.
_SEAL_BYTES: Final = 18
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class InvalidPageTokenError(ValueError):
    """A token that this listing did not give out."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last item of a page: the next one begins after it."""

    create_time: datetime
    id: uuid.UUID


class PageTokens:
    """Makes and reads page tokens.

    Args:
        secret: Shared by all replicas; a token is sealed with a key derived from it.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2b(secret, person=b"page-token").digest()

    def encode(self, position: Position, *scope: str) -> str:
        """Returns the token for a position in the listing that `scope` describes."""
        micros = (position.create_time - _EPOCH) // _MICROSECOND
        packed = _POSITION.pack(micros, position.id.bytes)
        return base64.urlsafe_b64encode(packed + self._seal(packed, scope)).decode()

    def decode(self, token: str, *scope: str) -> Position:
        """Returns the position that a token stands for.

        Raises:
            InvalidPageTokenError: It was changed, or is of another listing or another tenant.
        """
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise InvalidPageTokenError("not a page token") from error
        packed, seal = raw[: _POSITION.size], raw[_POSITION.size :]
        if not hmac.compare_digest(seal, self._seal(packed, scope)):
            raise InvalidPageTokenError("not a page token of this listing")
        micros, identifier = _POSITION.unpack(packed)
        return Position(_EPOCH + micros * _MICROSECOND, uuid.UUID(bytes=identifier))

    def _seal(self, packed: bytes, scope: tuple[str, ...]) -> bytes:
        sealed = hashlib.blake2b(key=self._key, digest_size=_SEAL_BYTES)
        for part in (packed, *(text.encode() for text in scope)):
            sealed.update(len(part).to_bytes(4, "big") + part)
        return sealed.digest()
