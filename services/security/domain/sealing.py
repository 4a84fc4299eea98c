"""Authenticated encryption of small secrets at rest: AES-256-GCM (NIST SP 800-38D)."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE_BYTES = 12


class SealError(Exception):
    """A sealed secret cannot be opened: another key, another owner, or it was altered."""


class Sealer:
    """Seals secrets so that each opens only together with what it belongs to.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, owner: str) -> bytes:
        """Returns ``secret`` encrypted, bound to ``owner`` as associated data."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes:
        """Returns what ``seal`` was given.

        Raises:
            SealError: it was sealed with another key or for another owner, or it was altered.
        """
        version, nonce, text = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        refusal = SealError(
            f"the secret of {owner} cannot be opened with this aip_key_encryption_key; "
            "restore the key it was sealed with"
        )
        if version != _VERSION:
            raise refusal
        try:
            return self._cipher.decrypt(nonce, text, owner.encode())
        except (InvalidTag, ValueError):
            raise refusal from None
