"""What a caller gets from the gateway."""

import json
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from aiplatform.marketplace.v1 import marketplace_pb2 as pb
from tests.services.marketplace.conftest import MAX_REQUEST_BYTES
from tests.services.marketplace.gateway import Gateway, eventually
from tests.services.marketplace.stack import Api, Issuer
from tests.services.marketplace.upstream import Upstream


def reason(answer: httpx.Response) -> tuple[int, str, str]:
    """Returns status, reason and source of an error, which must have the platform's shape."""
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    body = answer.json()
    assert isinstance(body["code"], int)
    assert body["message"]
    info = body["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["domain"] == "ai-platform"
    return answer.status_code, info["reason"], info.get("metadata", {}).get("source", "")


def live(client: httpx.Client, service: pb.Service) -> float:
    """Waits until the gateway routes to a service; returns how long that took."""
    started = time.monotonic()
    eventually(
        lambda: (
            client.post(f"/api/v1/services/{service.id}/call", json={"endpoint": "?"}).json()[
                "details"
            ][0]["reason"]
            == "ENDPOINT_NOT_FOUND"
        )
    )
    return time.monotonic() - started


@pytest.fixture
def service(acme: Api, client: httpx.Client, upstream: Upstream) -> Iterator[pb.Service]:
    made = acme.register(
        f"calls-{uuid.uuid4()}",
        ("raw", f"{upstream.url}/raw"),
        ("echo", f"{upstream.url}/echo"),
        ("read", f"{upstream.url}/echo", "GET"),
        ("change", f"{upstream.url}/echo", "PUT"),
        ("slow", f"{upstream.url}/slow"),
        ("abort", f"{upstream.url}/abort"),
        ("broken", f"{upstream.url}/status/500"),
    )
    assert live(client, made) < 1
    yield made
    acme("DeleteService", pb.DeleteServiceRequest(service_id=made.id))


def call(client: httpx.Client, service: pb.Service, **body: object) -> httpx.Response:
    return client.post(f"/api/v1/services/{service.id}/call", json=body)


def test_a_call_reaches_the_endpoint_with_the_payload_alone(
    client: httpx.Client, service: pb.Service
) -> None:
    answer = client.post(
        f"/api/v1/services/{service.id}/call?ignored=1",
        json={"payload": {"text": "Grüße"}, "endpoint": "echo"},
        headers={"x-aip-target": "forged", "x-aip-other": "1", "x-request-id": "mine"},
    )
    seen = answer.json()
    assert (seen["method"], seen["path"]) == ("POST", "/echo")
    assert json.loads(seen["body"].encode("latin-1")) == {"text": "Grüße"}
    headers = seen["headers"]
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers
    assert not [name for name in headers if name.startswith("x-aip-")]
    assert headers["x-request-id"] != "mine"
    assert answer.headers["x-request-id"] == headers["x-request-id"]


@pytest.mark.parametrize(("endpoint", "method"), [("read", "GET"), ("change", "PUT")])
def test_the_endpoint_has_the_method_it_was_registered_with(
    client: httpx.Client, service: pb.Service, endpoint: str, method: str
) -> None:
    assert call(client, service, endpoint=endpoint, payload=None).json()["method"] == method


def test_a_get_takes_no_payload(client: httpx.Client, service: pb.Service) -> None:
    assert reason(call(client, service, endpoint="read", payload={"a": 1})) == (
        400,
        "INVALID_CALL",
        "gateway",
    )


def test_pass_through_keeps_method_path_query_and_body(
    client: httpx.Client, service: pb.Service
) -> None:
    seen = client.patch(
        f"/services/{service.id}/v1/things?a=b%20c&d=", content=b"\x00raw", headers={"x-own": "1"}
    ).json()
    assert (seen["method"], seen["path"]) == ("PATCH", "/v1/things?a=b%20c&d=")
    assert seen["body"] == "\x00raw"
    assert seen["headers"]["x-own"] == "1"
    assert "authorization" not in seen["headers"]


def test_pass_through_streams(
    client: httpx.Client, service: pb.Service, upstream: Upstream
) -> None:
    with client.stream("POST", f"/services/{service.id}/stream") as answer:
        events = answer.iter_lines()
        assert next(events) == "data: 0"  # while the service waits to be let on
        upstream.go_on.set()
        assert [line for line in events if line] == ["data: 1", "data: 2"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", f"/api/v1/services/{uuid.uuid4()}/call", (404, "SERVICE_NOT_FOUND", "gateway")),
        ("GET", f"/services/{uuid.uuid4()}/x", (404, "SERVICE_NOT_FOUND", "gateway")),
        ("GET", "/services/nothing/x", (404, "SERVICE_NOT_FOUND", "gateway")),
        ("GET", "/nothing", (404, "ROUTE_NOT_FOUND", "gateway")),
        ("GET", "/api/v1/nothing", (404, "ROUTE_NOT_FOUND", "gateway")),
        ("GET", "/api/v1/services?unknown=1", (400, "INVALID_REQUEST", "gateway")),
        ("POST", "/api/v1/services", (400, "INVALID_REQUEST", "gateway")),
    ],
)
def test_what_is_not_there_is_named(
    client: httpx.Client, method: str, path: str, expected: tuple[int, str, str]
) -> None:
    answer = client.request(method, path, content=b"{not json" if method == "POST" else None)
    assert reason(answer) == expected


def test_an_unknown_endpoint_is_named(client: httpx.Client, service: pb.Service) -> None:
    for name in ("nope", "", "x\r\ny: z", "raw/../echo", "é" * 40, "raw\0"):
        expected = (404, "ENDPOINT_NOT_FOUND", "gateway")
        assert reason(call(client, service, endpoint=name)) == expected


def test_a_failing_service_is_told_apart_from_a_failing_gateway(
    client: httpx.Client, service: pb.Service, upstream: Upstream
) -> None:
    assert call(client, service, endpoint="broken").status_code == 500
    expected = (504, "UPSTREAM_TIMEOUT", "upstream")
    assert reason(call(client, service, endpoint="slow")) == expected
    assert reason(client.get(f"/services/{service.id}/slow")) == expected
    unavailable = (503, "UPSTREAM_UNAVAILABLE", "upstream")
    assert reason(call(client, service, endpoint="abort")) == unavailable
    upstream.close()
    assert reason(call(client, service, endpoint="raw")) == unavailable
    assert reason(client.get(f"/services/{service.id}/x")) == unavailable


def test_a_body_over_the_limit_is_refused(client: httpx.Client, service: pb.Service) -> None:
    head, tail = b'{"endpoint": "raw", "payload": "', b'"}'
    fits = head + b"x" * (MAX_REQUEST_BYTES - len(head) - len(tail)) + tail
    path = f"/api/v1/services/{service.id}/call"
    assert client.post(path, content=fits).status_code == 200
    for target in (path, f"/services/{service.id}/raw", "/api/v1/services"):
        answer = client.post(target, content=fits + b" ")
        assert reason(answer) == (413, "PAYLOAD_TOO_LARGE", "gateway")

    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            yield b" " * (MAX_REQUEST_BYTES // 2)

    for target in (path, f"/services/{service.id}/raw"):
        assert reason(client.post(target, content=chunks()))[:2] == (413, "PAYLOAD_TOO_LARGE")


def test_only_the_owner_may_call_a_service_of_its_tenant(
    gateway: Gateway, issuer: Issuer, acme: Api, client: httpx.Client, upstream: Upstream
) -> None:
    private = acme.register(f"private-{uuid.uuid4()}", ("raw", f"{upstream.url}/raw"))
    public = acme.register(
        f"public-{uuid.uuid4()}", ("raw", f"{upstream.url}/raw"), visibility="public"
    )
    live(client, public)
    with gateway.client(issuer.token("globex")) as other:
        assert call(client, private, endpoint="raw", payload=1).text == "1"
        assert call(other, public, endpoint="raw", payload=1).text == "1"
        refused = (403, "NOT_ENTITLED", "gateway")
        assert reason(call(other, private, endpoint="raw", payload=1)) == refused
        assert reason(other.get(f"/services/{private.id}/raw")) == refused
        # A path that normalises into another service is judged as that one.
        sly = f"/services/{public.id}/../{private.id}/raw"
        assert reason(other.send(other.build_request("GET", gateway.url + sly))) == refused
    assert upstream.requests == 2


def test_only_a_valid_token_gets_through(
    gateway: Gateway, issuer: Issuer, service: pb.Service, upstream: Upstream
) -> None:
    forged = Issuer().token("acme")
    good = issuer.token("acme")
    cases = {
        None: "TOKEN_MISSING",
        "nonsense": "TOKEN_INVALID",
        forged: "TOKEN_INVALID",
        good[:-4] + "AAAA": "TOKEN_INVALID",
        issuer.token(exp=int(time.time()) - 60): "TOKEN_EXPIRED",
        issuer.token(aud="another"): "TOKEN_INVALID",
        issuer.token(iss="https://another"): "TOKEN_INVALID",
    }
    for token, expected in cases.items():
        with gateway.client(token) as caller:
            for answer in (
                call(caller, service, endpoint="raw"),
                caller.get(f"/services/{service.id}/raw"),
                caller.get("/api/v1/services"),
                caller.get("/healthz/../api/v1/services"),
                caller.get(f"/services/{service.id}/raw?access_token={good}"),
            ):
                assert reason(answer) == (401, expected, "gateway"), token
            assert caller.get("/healthz").json() == {"status": "ok"}
            assert caller.get("/.well-known/jwks.json").json()["keys"][0]["kid"] == "k1"
            sneaky = {"x-aip-target": f"{service.id}/raw"}
            assert caller.get("/healthz", headers=sneaky).json() == {"status": "ok"}
    assert upstream.requests == 0


def test_a_deleted_service_is_not_routed_to(
    client: httpx.Client, acme: Api, upstream: Upstream
) -> None:
    made = acme.register(f"gone-{uuid.uuid4()}", ("raw", f"{upstream.url}/raw"))
    live(client, made)
    acme("DeleteService", pb.DeleteServiceRequest(service_id=made.id))
    gone = (404, "SERVICE_NOT_FOUND", "gateway")
    eventually(lambda: call(client, made, endpoint="raw").is_client_error, 1)
    assert reason(call(client, made, endpoint="raw")) == gone
    assert reason(client.get(f"/services/{made.id}/raw")) == gone


def test_the_api_answers_in_json(client: httpx.Client, upstream: Upstream) -> None:
    name = f"rest-{uuid.uuid4()}"
    endpoints = [{"name": "raw", "url": f"{upstream.url}/raw"}]
    body = {
        "name": name,
        "category": "test",
        "pricing_model": "pay_per_use",
        "base_price": 0.001,
        "endpoints": endpoints,
    }
    made = client.post("/api/v1/services", json=body)
    assert made.status_code == 200, made.text
    service = made.json()["service"]
    assert service["tenant_id"] == "acme"
    assert service["visibility"] == "tenant"
    assert client.get(f"/api/v1/services/{service['id']}").json()["service"] == service
    taken = client.post("/api/v1/services", json=body)
    assert taken.status_code == 409
    assert taken.json()["details"][0]["reason"] == "SERVICE_NAME_TAKEN"
    wrong = client.post("/api/v1/services", json={**body, "endpoints": endpoints * 2})
    assert wrong.status_code == 400
    violations = [
        violation
        for detail in wrong.json()["details"]
        for violation in detail.get("field_violations", [])
    ]
    assert violations[0]["field"] == "endpoints[1].name"
    assert client.delete(f"/api/v1/services/{service['id']}").json() == {}
