"""One-time passwords against the vectors of RFC 6238."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp.totp import TOTP

from services.security.domain.totp import matching_step

SECRET = base64.b32encode(b"12345678901234567890").decode()  # RFC 6238, appendix B
VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize(("now", "code"), VECTORS.items())
def test_vectors_of_rfc_6238(now: int, code: str) -> None:
    assert matching_step(SECRET, code[-6:], now, None) == now // 30


@given(st.integers(10**9, 2 * 10**9), st.integers(-4, 4))
def test_one_step_of_drift_and_no_more(now: int, drift: int) -> None:
    code = TOTP(SECRET).at(now + 30 * drift)
    step = matching_step(SECRET, code, now, None)
    if abs(drift) <= 1:
        assert step == now // 30 + drift
    else:
        assert step is None or code == TOTP(SECRET).generate_otp(step)  # one in a million


@given(st.integers(10**9, 2 * 10**9), st.integers(-1, 1), st.integers(-3, 3))
def test_a_step_that_was_used_is_not_accepted_again(now: int, drift: int, used: int) -> None:
    present = now // 30
    code = TOTP(SECRET).generate_otp(present + drift)
    step = matching_step(SECRET, code, now, present + used)
    assert step is None or step > present + used
    if drift > used:
        assert step is not None
