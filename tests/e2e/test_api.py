"""The platform as its callers see it: REST and gRPC through the director, from outside."""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from openai import DefaultHttpxClient, OpenAI

from aiplatform.marketplace.v1 import marketplace_pb2, marketplace_pb2_grpc
from aiplatform.security.v1 import security_pb2, security_pb2_grpc
from tests.platform import Platform, eventually, tls_version

GERMAN = "Wo ist der Bahnhof, bitte? Ich muss heute noch nach Hause fahren."


def reason(response: httpx.Response) -> str:
    body = response.json()
    return next(one["reason"] for one in body["details"] if "reason" in one)


def grpc_reason(error: grpc.RpcError) -> str:
    status = rpc_status.from_call(error)  # pyright: ignore[reportArgumentType]
    assert status
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    raise AssertionError(f"no ErrorInfo in {status}")


def call_path(service: dict[str, Any]) -> str:
    return f"/api/v1/services/{service['id']}/call"


def test_login_gives_a_token_that_authorizes(platform: Platform) -> None:
    with platform.client() as client:
        allowed = client.request(
            "GET", "/api/v1/auth/authorize", params={"resource": "api.users", "action": "read"}
        )
    assert allowed["allowed"] is True


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"username": "admin", "password": "wrong"}, 401, "INVALID_CREDENTIALS"),
        ({"username": "nobody", "password": "wrong"}, 401, "INVALID_CREDENTIALS"),
        ({"username": "admin"}, 400, "INVALID_REQUEST"),
    ],
)
def test_a_bad_login_is_refused(
    platform: Platform, body: dict[str, str], status: int, expected: str
) -> None:
    with platform.client(login=False) as client:
        response = client.send("POST", "/api/v1/auth/login", json=body)
    assert (response.status_code, reason(response)) == (status, expected)


def test_without_or_with_a_forged_token_nothing_is_answered(platform: Platform) -> None:
    with platform.client(login=False) as client:
        missing = client.send("GET", "/api/v1/services")
        forged = client.send(
            "GET", "/api/v1/services", headers={"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
        )
    assert (missing.status_code, reason(missing)) == (401, "TOKEN_MISSING")
    assert (forged.status_code, reason(forged)) == (401, "TOKEN_INVALID")


def test_a_call_is_answered_by_the_service_itself(
    platform: Platform, language_service: dict[str, Any]
) -> None:
    call = {"endpoint": "detect", "payload": {"text": GERMAN}}
    with platform.client() as client:
        answer = client.request("POST", call_path(language_service), json=call)
    assert answer["language"] == "de"


def test_an_unmodified_openai_client_works_with_the_pass_through_address(
    platform: Platform, language_service: dict[str, Any]
) -> None:
    trust = ssl.create_default_context(cafile=platform.outputs["ca_certificate"])
    with platform.client() as client, DefaultHttpxClient(verify=trust) as transport:
        openai = OpenAI(
            base_url=f"{platform.outputs['api_url']}/services/{language_service['id']}/v1",
            api_key=client.authorization.removeprefix("Bearer "),
            http_client=transport,
        )
        question: Any = [{"role": "user", "content": GERMAN}]
        answer = openai.chat.completions.create(model="language", messages=question)
        assert answer.choices[0].message.content
        assert "de" in answer.choices[0].message.content
        assert answer.usage
        assert answer.usage.total_tokens > 0
        streamed = openai.chat.completions.create(model="language", messages=question, stream=True)
        parts = [part.choices[0].delta.content or "" for part in streamed if part.choices]
    assert "".join(parts) == answer.choices[0].message.content


@pytest.mark.parametrize(
    ("path", "body", "status", "expected"),
    [
        (
            "/api/v1/services/00000000-0000-0000-0000-000000000000/call",
            {"endpoint": "detect", "payload": {}},
            404,
            "SERVICE_NOT_FOUND",
        ),
        ("{service}", {"endpoint": "nothing", "payload": {}}, 404, "ENDPOINT_NOT_FOUND"),
        ("{service}", {"payload": {}}, 400, "INVALID_CALL"),
        (
            "{service}",
            {"endpoint": "detect", "payload": {"text": "x" * (5 << 20)}},
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        ("/api/v1/nothing", {}, 404, "ROUTE_NOT_FOUND"),
        ("/api/v1/services", {"name": ""}, 400, "INVALID_REQUEST"),
    ],
)
def test_a_bad_call_says_what_is_wrong(
    platform: Platform,
    language_service: dict[str, Any],
    path: str,
    body: dict[str, Any],
    status: int,
    expected: str,
) -> None:
    path = path.replace("{service}", call_path(language_service))
    with platform.client() as client:
        response = client.send("POST", path, json=body)
    assert (response.status_code, reason(response)) == (status, expected)


def test_an_upstream_that_is_down_is_told_apart(platform: Platform) -> None:
    body = {
        "name": "nobody-home",
        "category": "test",
        "pricing_model": "subscription",
        "base_price": 10,
        "endpoints": [{"name": "any", "url": "http://127.0.0.1:1/x", "method": "POST"}],
    }
    with platform.client() as client:
        service = client.request("POST", "/api/v1/services", json=body)["service"]

        def refused() -> bool:
            response = client.send("POST", call_path(service), json={"endpoint": "any"})
            return (response.status_code, reason(response)) == (503, "UPSTREAM_UNAVAILABLE")

        eventually(refused)
        client.request("DELETE", f"/api/v1/services/{service['id']}")
        path = f"/api/v1/services/{service['id']}"
        assert client.send("GET", path).status_code == 404


def test_grpc_through_the_director(platform: Platform) -> None:
    with platform.channel() as channel:
        security = security_pb2_grpc.SecurityServiceStub(channel)
        login = security.Login(
            security_pb2.LoginRequest(
                username=platform.outputs["admin_username"],
                password=platform.outputs["admin_password"],
            )
        )
        marketplace = marketplace_pb2_grpc.MarketplaceServiceStub(channel)
        metadata = [("authorization", f"Bearer {login.access_token}")]
        listed = marketplace.ListServices(
            marketplace_pb2.ListServicesRequest(page_size=1), metadata=metadata
        )
        assert len(listed.services) <= 1
        with pytest.raises(grpc.RpcError) as malformed:
            marketplace.GetService(
                marketplace_pb2.GetServiceRequest(service_id="seven"), metadata=metadata
            )
        assert malformed.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]
        assert grpc_reason(malformed.value) == "INVALID_REQUEST"
        with pytest.raises(grpc.RpcError) as anonymous:
            marketplace.ListServices(marketplace_pb2.ListServicesRequest())
        assert anonymous.value.code() is grpc.StatusCode.UNAUTHENTICATED  # type: ignore[attr-defined]


def test_every_call_is_counted_by_region(
    platform: Platform, language_service: dict[str, Any]
) -> None:
    call = {"endpoint": "detect", "payload": {"text": GERMAN}}

    def counted() -> dict[str, int]:
        rows = client.request(
            "GET", "/api/v1/usage", params={"service_id": language_service["id"]}
        )["usage"]
        return {one["region"]: int(one["calls"]) for one in rows if one["endpoint"] == "detect"}

    with platform.client() as client:
        time_before = time.monotonic()
        before = counted()
        answered: dict[str, int] = {}
        for _ in range(200):
            response = client.send("POST", call_path(language_service), json=call)
            assert response.is_success
            region = response.headers["x-aip-region"]
            answered[region] = answered.get(region, 0) + 1
        assert time.monotonic() > time_before
        expected = {name: before.get(name, 0) + answered.get(name, 0) for name in answered}
        eventually(lambda: counted() == expected, what=f"usage {expected}")
    # Of 200 calls weighted 60/40, outside 90..150 is less likely than one in 100,000.
    assert 90 <= answered["us-east-1"] <= 150


def test_the_front_door_speaks_nothing_older_than_tls_1_3(platform: Platform) -> None:
    outputs = platform.outputs
    for url in (outputs["api_url"], *(one["api_url"] for one in outputs["regions"].values())):
        authority = outputs["ca_certificate"]
        assert tls_version(url, authority, ssl.TLSVersion.TLSv1_2) is None
        assert tls_version(url, authority, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


def test_services_take_no_caller_without_a_certificate(platform: Platform) -> None:
    port = platform.environment.local.regions["us-east-1"].services["security"]
    authority = Path(platform.outputs["ca_certificate"]).read_bytes()
    credentials = grpc.ssl_channel_credentials(authority)
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        stub = security_pb2_grpc.SecurityServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetJwks(security_pb2.GetJwksRequest(), timeout=5)
    # The server ends the connection; gRPC says so at once or tries again until the deadline.
    assert refused.value.code() in {  # type: ignore[attr-defined]
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }


def test_parallel_calls_are_all_answered(
    platform: Platform, language_service: dict[str, Any]
) -> None:
    call = {"endpoint": "detect", "payload": {"text": GERMAN}}

    def some(_: int) -> int:
        with platform.client() as client:
            return sum(
                client.send("POST", call_path(language_service), json=call).is_success
                for _ in range(25)
            )

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(some, range(4))) == 100
