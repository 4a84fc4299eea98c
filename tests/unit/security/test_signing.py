"""Which key signs and which are published, at every moment of any history of rotations."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.security.domain.sealing import Sealer
from services.security.domain.signing import SigningKey, current_key, new_key, outlived

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIME = timedelta(minutes=15)
SEALER = Sealer(bytes(32))


def history(gaps: list[int]) -> list[SigningKey]:
    times = [START]
    for gap in gaps:
        times.append(times[-1] + timedelta(seconds=gap))
    return [SigningKey(f"k{i}", b"", moment, b"") for i, moment in enumerate(times)]


@given(st.lists(st.integers(1, 4000), max_size=6), st.integers(0, 20_000))
def test_a_token_is_verifiable_for_all_its_life(gaps: list[int], after: int) -> None:
    keys = history(gaps)
    issued = START + timedelta(seconds=after)
    signs = current_key(keys, issued)
    assert signs is not None
    assert signs.activate_time <= issued
    for age in (timedelta(), LIFETIME / 2, LIFETIME):
        assert signs not in outlived(keys, issued + age, LIFETIME)


@given(st.lists(st.integers(1, 4000), max_size=6))
def test_in_the_end_only_the_newest_key_is_published(gaps: list[int]) -> None:
    keys = history(gaps)
    gone = outlived(keys, keys[-1].activate_time + LIFETIME + timedelta(minutes=1), LIFETIME)
    assert gone == keys[:-1]


def test_a_key_does_not_sign_before_its_time() -> None:
    first = new_key(SEALER, START)
    second = new_key(SEALER, START + timedelta(seconds=20))
    keys = [second, first]
    assert current_key(keys, START + timedelta(seconds=19)) == first
    assert current_key(keys, START + timedelta(seconds=20)) == second
    assert current_key(keys, START - timedelta(seconds=1)) is None
    assert outlived(keys, START + timedelta(seconds=19), LIFETIME) == []
