"""The script that reads a call's body, in the real gateway, against Python's JSON."""

import json
import uuid
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiplatform.marketplace.v1 import marketplace_pb2 as pb
from tests.services.marketplace.gateway import Gateway
from tests.services.marketplace.stack import Api, Issuer, marketplace_channel
from tests.services.marketplace.test_calls import live, reason
from tests.services.marketplace.upstream import Upstream

SPACE = st.text(" \t\r\n", max_size=2)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner)
    ),
    max_leaves=12,
)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class Target:
    """A service whose upstream keeps the bodies it gets."""

    def __init__(self, client: httpx.Client, upstream: Upstream, service: pb.Service) -> None:
        self.client = client
        self.upstream = upstream
        self.path = f"/api/v1/services/{service.id}/call"

    def send(self, body: bytes) -> httpx.Response:
        """Makes a call with a body as it stands."""
        return self.client.post(self.path, content=body)

    def received(self, body: bytes) -> bytes:
        """Returns what the service gets of a call."""
        answer = self.send(body)
        assert answer.status_code == 200, (body, answer.text)
        assert answer.content == self.upstream.seen[-1]
        return self.upstream.seen[-1]


@pytest.fixture(scope="module")
def target(gateway: Gateway, issuer: Issuer, marketplace, authority) -> Iterator[Target]:
    upstream = Upstream()
    with (
        gateway.client(issuer.token("acme")) as client,
        marketplace_channel(marketplace.grpc_port, authority) as channel,
    ):
        api = Api(channel, issuer.token("acme"))
        service = api.register(f"bodies-{uuid.uuid4()}", ("raw", f"{upstream.url}/raw"))
        live(client, service)
        yield Target(client, upstream, service)
    upstream.close()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    value=VALUES,
    pads=st.lists(SPACE, min_size=6, max_size=6),
    escaped=st.booleans(),
    data=st.data(),
)
def test_any_payload_arrives_byte_for_byte(
    target: Target,
    value: object,
    pads: list[str],
    escaped: bool,
    data: st.DataObject,
) -> None:
    indent = data.draw(st.sampled_from([None, 1]))
    payload = json.dumps(value, ensure_ascii=escaped, indent=indent).encode()
    a, b, c, d, e, f = (pad.encode() for pad in pads)
    members = [b'"endpoint"' + b + b":" + c + b'"raw"', b'"payload"' + c + b":" + d + payload + e]
    if data.draw(st.booleans()):
        members.reverse()
    assert target.received(a + b"{" + b + b",".join(members) + f + b"}" + a) == payload


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (rb'{"endpoint":"raw"}', b"null"),
        (rb'{"\u0065ndpoint":"\u0072aw","payload":1e400}', b"1e400"),
        (rb'{"endpoint":"raw","payload":-0.0E+1}', b"-0.0E+1"),
        (rb'{"endpoint":"raw","payload":123456789012345678901234567890}', None),
        (rb'{"endpoint":"raw","payload":{"a":1,"a":2}}', None),
        (rb'{"endpoint":"raw","payload":"\ud800 \"\\\/\b\f\n\r\t"}', None),
        ('{"endpoint":"raw","payload":"\x7f\U0010ffff\u2028"}'.encode(), None),
        (b'{"endpoint":"raw","payload":' + b"[" * 900 + b"]" * 900 + b"}", None),
        (b'{"endpoint":"raw","payload":"' + b"\\n" * 60_000 + b'"}', None),
        (b'{"endpoint":"raw","payload":[' + b"1," * 60_000 + b"1]}", None),
    ],
)
def test_what_json_allows_is_taken(target: Target, body: bytes, payload: bytes | None) -> None:
    expected = payload if payload is not None else body.partition(b'"payload":')[2][:-1]
    assert target.received(body) == expected


REFUSED = [
    b"",
    b" ",
    b"[]",
    b'"x"',
    b"{}",
    b"null",
    b"{",
    b"}",
    b'{"endpoint"}',
    b'{"endpoint":}',
    b'{"endpoint":1}',
    b'{"endpoint":null}',
    b'{"endpoint":"raw"',
    b'{"endpoint":"raw",}',
    b'{,"endpoint":"raw"}',
    b'{"endpoint":"raw"}}',
    b'{"endpoint":"raw"} x',
    b'{"endpoint":"raw"}{"endpoint":"raw"}',
    b'{"endpoint":"raw" "payload":1}',
    b'{"endpoint":"raw","payload"}',
    b'{"endpoint":"raw","payload":}',
    b'{"endpoint":"raw","payload":,}',
    b'{"endpoint":"raw","payload":1,"payload":1}',
    b'{"endpoint":"raw","payload":null,"payload":1}',
    b'{"endpoint":"raw","endpoint":"raw"}',
    b'{"endpoint":"raw","\\u0065ndpoint":"raw"}',
    b'{"endpoint":"raw","other":1}',
    b'{endpoint:"raw"}',
    b"{'endpoint':'raw'}",
    b'\xef\xbb\xbf{"endpoint":"raw"}',
    b'{"endpoint":"raw","payload":"\xff"}',
    b'{"endpoint":"raw","payload":"\xc0\xaf"}',
    b'{"endpoint":"raw","payload":"\xed\xa0\x80"}',
    b'{"endpoint":"raw","payload":"\xf4\x90\x80\x80"}',
    b'{"endpoint":"raw","payload":"\xe2\x82"}',
    b'{"endpoint":"raw","payload":' + b"[" * 1001 + b"]" * 1001 + b"}",
    b'{"endpoint":"raw","payload":' + b"[" * 100_000,
    *(
        b'{"endpoint":"raw","payload":' + value + b"}"
        for value in (
            b"01", b"-", b"+1", b".5", b"1.", b"1e", b"1e+", b"0x1", b"NaN", b"Infinity", b"-01",
            b"tru", b"True", b"nul", b"nulll", b'"', b'"\\"', b'"\\x"', b'"\\u12"', b'"\\u12g4"',
            b'"a\nb"', b'"a\tb"', b'"\0"', b"[", b"]", b"[1,]", b"[,1]", b"[1 2]", b"[1}", b'{"a"}',
            b'{"a":}', b'{"a":1,}', b'{"a":1]', b"{1:2}", b'{"a":1 "b":2}', b'{"a" 1}', b"//x",
            b"1 1",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: repr(body[:50]))
def test_what_is_no_call_is_refused(target: Target, body: bytes) -> None:
    before = len(target.upstream.seen)
    assert reason(target.send(body)) == (400, "INVALID_CALL", "gateway")
    assert len(target.upstream.seen) == before


@settings(max_examples=150, deadline=None)
@given(
    text=st.lists(
        st.sampled_from([*'{}[]:,"\\ueE+-.019tfn \n\x01é', "true", "null", '"a"', "\\u00e9"]),
        max_size=12,
    ).map("".join)
)
def test_the_scanner_agrees_with_python(target: Target, text: str) -> None:
    body = b'{"endpoint":"raw","payload":' + text.encode() + b"}"
    try:
        pairs = json.loads(body, object_pairs_hook=list, parse_constant=_refuse)
        valid = [key for key, _ in pairs] == ["endpoint", "payload"]
    except ValueError:
        valid = False
    answer = target.send(body)
    assert answer.status_code == (200 if valid else 400), body
    if valid:
        assert target.upstream.seen[-1] == text.strip(" \t\r\n").encode()
