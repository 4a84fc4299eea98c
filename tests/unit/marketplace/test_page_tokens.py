"""Page tokens come back as they went out, and not otherwise."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketplace.page_tokens import InvalidPageTokenError, PageTokens, Position

TOKENS = PageTokens(b"secret")
POSITIONS = st.builds(
    Position,
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.uuids(),
)


@given(position=POSITIONS, scope=st.lists(st.text(max_size=5), max_size=3))
def test_a_token_comes_back_as_its_position(position: Position, scope: list[str]) -> None:
    assert TOKENS.decode(TOKENS.encode(position, *scope), *scope) == position


@given(
    position=POSITIONS,
    at=st.integers(0, 55),
    to=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
)
def test_a_token_changed_anywhere_is_refused(position: Position, at: int, to: str) -> None:
    token = TOKENS.encode(position, "acme")
    forged = token[:at] + to + token[at + 1 :]
    if forged != token:
        with pytest.raises(InvalidPageTokenError):
            TOKENS.decode(forged, "acme")


@given(token=st.text(max_size=64))
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(InvalidPageTokenError):
        TOKENS.decode(token)


def test_parts_of_a_scope_cannot_run_together() -> None:
    token = TOKENS.encode(Position(datetime.now(UTC), uuid.uuid4()), "ab", "c")
    with pytest.raises(InvalidPageTokenError):
        TOKENS.decode(token, "a", "bc")
    with pytest.raises(InvalidPageTokenError):
        PageTokens(b"another").decode(token, "ab", "c")
