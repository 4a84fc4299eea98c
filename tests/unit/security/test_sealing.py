"""Secrets at rest open with the right key, for the right owner, unaltered, or not at all."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.security.domain.sealing import Sealer, SealError

SEALER = Sealer(bytes(range(32)))


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_sealed_opens(secret: bytes, owner: str) -> None:
    sealed = SEALER.seal(secret, owner)
    assert SEALER.open(sealed, owner) == secret
    assert SEALER.seal(secret, owner) != sealed
    assert len(secret) < 4 or secret not in sealed


@given(st.integers(0, 60), st.integers(1, 255))
def test_any_altered_byte_is_noticed(position: int, change: int) -> None:
    sealed = bytearray(SEALER.seal(b"s" * 32, "kid"))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(SealError):
        SEALER.open(bytes(sealed), "kid")


def test_another_owner_or_key_opens_nothing() -> None:
    sealed = SEALER.seal(b"secret", "kid-1")
    with pytest.raises(SealError, match="aip_key_encryption_key"):
        SEALER.open(sealed, "kid-2")
    with pytest.raises(SealError):
        Sealer(os.urandom(32)).open(sealed, "kid-1")
    for short in (b"", b"\x01", sealed[:10]):
        with pytest.raises(SealError):
            SEALER.open(short, "kid-1")
