"""The verifier against the attacks of RFC 8725 and every way a token can be wrong."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.errors import Unauthenticated
from services.runtime.tokens import TokenVerifier
from tests.tokens import ISSUER, Signer

SIGNER = Signer()
VERIFIER = TokenVerifier(SIGNER, ISSUER)
FAR_FUTURE = 4_000_000_000
"""Seconds since 1970: in 2096. What is made at import must outlast the whole run of the tests."""
GOOD = SIGNER.token(exp=FAR_FUTURE)


async def reason(token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await VERIFIER.verify(token)
    assert len(token) < 20 or token not in caught.value.message
    return caught.value.reason


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_a_good_token_names_its_user() -> None:
    user = await VERIFIER.verify(GOOD)
    assert (user.tenant, user.username, user.roles) == ("acme", "alice", {"developer"})
    assert user.id == "00000000-0000-0000-0000-000000000007"


async def test_alg_none_is_refused() -> None:
    header = {"alg": "none", "typ": "at+jwt", "kid": SIGNER.kid}
    for signature in ("", GOOD.rsplit(".", 1)[1]):
        token = f"{encoded(header)}.{encoded(SIGNER.claims())}.{signature}"
        assert await reason(token) == "TOKEN_INVALID"


async def test_hs256_with_the_public_key_as_secret_is_refused() -> None:
    public = SIGNER.private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    header = {"alg": "HS256", "typ": "at+jwt", "kid": SIGNER.kid}
    signed = f"{encoded(header)}.{encoded(SIGNER.claims())}"
    mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()
    token = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert await reason(token) == "TOKEN_INVALID"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES384"])
async def test_another_algorithm_is_refused(algorithm: str) -> None:
    key: Any = (
        ec.generate_private_key(ec.SECP384R1())
        if algorithm == "ES384"
        else rsa.generate_private_key(65537, 2048)
    )
    header = {"kid": SIGNER.kid, "typ": "at+jwt"}
    assert await reason(jwt.encode(SIGNER.claims(), key, algorithm, headers=header)) == (
        "TOKEN_INVALID"
    )


async def test_a_token_of_another_key_is_refused() -> None:
    assert await reason(Signer().token()) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "headers",
    [
        {"kid": None},
        {"kid": ""},
        {"kid": "unknown"},
        {"kid": "../../etc/passwd"},
        {"typ": None},
        {"typ": "JWT"},
        {"crit": ["exp"]},
        {"jku": "https://attacker.example/jwks.json"},
        {"x5u": "https://attacker.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
        {"b64": False},
        {"cty": "JWT"},
    ],
    ids=lambda headers: next(iter(headers)) + "=" + str(next(iter(headers.values()))),
)
async def test_a_header_that_is_not_exactly_ours_is_refused(headers: dict[str, Any]) -> None:
    assert await reason(SIGNER.token(headers=headers)) == "TOKEN_INVALID"


async def test_an_embedded_key_that_signed_the_token_is_not_trusted() -> None:
    attacker = Signer()
    numbers = attacker.private.public_key().public_numbers()
    x, y = (
        base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
        for number in (numbers.x, numbers.y)
    )
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    assert await reason(attacker.token(headers={"jwk": jwk})) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": "https://attacker.example"}, "TOKEN_INVALID"),
        ({"aud": "another"}, "TOKEN_INVALID"),
        ({"aud": ["ai-platform", "another"]}, "TOKEN_INVALID"),
        pytest.param({"exp": int(time.time()) - 60}, "TOKEN_EXPIRED", id="a minute ago"),
        ({"exp": "tomorrow"}, "TOKEN_INVALID"),
        ({"nbf": FAR_FUTURE}, "TOKEN_INVALID"),
        ({"iat": FAR_FUTURE}, "TOKEN_INVALID"),
        ({"sub": "alice"}, "TOKEN_INVALID"),
        ({"tenant": "../platform"}, "TOKEN_INVALID"),
        ({"tenant": ["platform"]}, "TOKEN_INVALID"),
        ({"roles": "admin"}, "TOKEN_INVALID"),
        ({"roles": [{"name": "admin"}]}, "TOKEN_INVALID"),
        *(
            ({claim: None}, "TOKEN_INVALID")
            for claim in ("iss", "aud", "sub", "tenant", "username", "roles", "iat", "exp", "jti")
        ),
    ],
    ids=str,
)
async def test_a_wrong_claim_is_refused(changes: dict[str, Any], expected: str) -> None:
    assert await reason(SIGNER.token(**changes)) == expected


async def test_an_over_long_token_is_refused_before_it_is_parsed() -> None:
    before = SIGNER.asked
    assert await reason(SIGNER.token(username="x" * 9000)) == "TOKEN_INVALID"
    assert SIGNER.asked == before


@given(st.integers(0, len(GOOD) - 1), st.sampled_from("ABCDabcd0129-_."))
async def test_no_changed_token_says_something_else(position: int, character: str) -> None:
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    original = await VERIFIER.verify(GOOD)
    try:
        user = await VERIFIER.verify(changed)
    except Unauthenticated:
        return
    assert user == original  # only spare bits of base64 may differ


@given(st.text(max_size=200))
async def test_garbage_is_refused(text: str) -> None:
    assert await reason(f"{text}.") == "TOKEN_INVALID"
