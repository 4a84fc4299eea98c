"""The chain around every call, over real mTLS channels."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from envoy.service.discovery.v3 import ads_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from aiplatform.security.v1 import security_pb2 as pb
from aiplatform.security.v1.security_pb2_grpc import SecurityServiceStub
from services.runtime.server import Server
from services.runtime.settings import ServiceSettings
from services.runtime.telemetry import JsonFormatter, Metrics
from tests.certificates import Authority
from tests.services.echo import SECRET, discovery_pb2, service
from tests.services.running import (
    REGION,
    Surroundings,
    channel,
    eventually,
    refused,
    running,
    surroundings,
)
from tests.tokens import Signer


@dataclass
class Target:
    """A running echo service and what is needed to call it."""

    server: Server
    signer: Signer
    authority: Authority
    around: Surroundings

    def channel(self, workload: str = f"{REGION}/gateway") -> Any:
        return channel(self.server.port, self.authority, workload)


@pytest.fixture
async def target(tmp_path: Path, authority: Authority) -> AsyncIterator[Target]:
    around = surroundings(tmp_path, authority, "echo")
    settings = around.load(ServiceSettings, default_deadline_seconds=0.3)
    signer = Signer()
    metrics = Metrics("echo", REGION, "0")
    async with running(service(settings, metrics, signer)) as server:
        yield Target(server, signer, authority, around)


@pytest.fixture
async def stub(target: Target) -> AsyncIterator[Any]:
    async with target.channel() as opened:
        yield SecurityServiceStub(opened)


def login(what: str) -> pb.LoginRequest:
    return pb.LoginRequest(username=what, password="p")


QUESTION = pb.AuthorizeRequest(resource="a", action="read")


async def test_a_request_id_is_made_or_kept(stub: Any) -> None:
    call = stub.Login(login("hello"))
    assert (await call).access_token == "hello"
    made = dict(await call.trailing_metadata())["x-request-id"]
    assert len(made) == 36
    kept = stub.Login(login("hello"), metadata=(("x-request-id", "abc-1"),))
    await kept
    assert dict(await kept.trailing_metadata())["x-request-id"] == "abc-1"
    insane = await refused(stub.Login(login("missing:1"), metadata=(("x-request-id", 'a"b c'),)))
    assert len(insane.request_id) == 36


async def test_domain_errors_arrive_with_their_details(stub: Any) -> None:
    missing = await refused(stub.Login(login("missing:7")))
    assert (missing.code, missing.reason) == ("NOT_FOUND", "THING_NOT_FOUND")
    assert dict(missing.details["ErrorInfo"].metadata) == {"thing": "7"}
    busy = await refused(stub.Login(login("busy")))
    assert (busy.code, busy.reason) == ("RESOURCE_EXHAUSTED", "BUSY")
    assert busy.details["RetryInfo"].retry_delay.ToMilliseconds() == 1500


async def test_an_unexpected_error_says_nothing_but_the_request_id(
    stub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        crash = await refused(stub.Login(login("crash"), metadata=(("x-request-id", "find-me"),)))
    assert (crash.code, crash.reason, crash.message) == ("INTERNAL", "INTERNAL", "Internal error.")
    assert crash.details["RequestInfo"].request_id == "find-me"
    assert SECRET not in str(crash)
    logged = [record for record in caplog.records if record.exc_info]
    assert SECRET in str(logged[0].exc_info)
    # A TimeoutError of the servicer's own is no deadline.
    assert (await refused(stub.Login(login("timeout")))).code == "INTERNAL"


async def test_every_wrong_field_is_named(stub: Any, target: Target) -> None:
    wrong = await refused(stub.Login(pb.LoginRequest(mfa_token="12a")))
    assert (wrong.code, wrong.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert wrong.violations == {
        "username": "STRING_MIN_LEN",
        "password": "STRING_MIN_LEN",
        "mfa_token": "STRING_PATTERN",
    }
    roles = pb.CreateUserRequest(username="x", password="long enough 1", roles=["viewer", "root"])
    metadata = target.signer.metadata(roles=["admin"])
    wrong = await refused(stub.CreateUser(roles, metadata=metadata))
    assert wrong.violations == {"roles[1]": "STRING_IN"}


async def test_a_call_without_deadline_gets_the_default_one(stub: Any) -> None:
    late = await refused(stub.Login(login("sleep:30")))
    assert (late.code, late.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")


async def test_the_clients_deadline_ends_the_servicer(tmp_path: Path, authority: Authority) -> None:
    settings = surroundings(tmp_path, authority, "echo").load(ServiceSettings)
    made = service(settings, Metrics("echo", REGION, "0"), Signer())
    echo: Any = made.servicers[0].implementation
    async with running(made) as server, channel(server.port, authority) as opened:
        stub: Any = SecurityServiceStub(opened)
        assert (await refused(stub.Login(login("sleep:30"), timeout=0.3))).code == (
            "DEADLINE_EXCEEDED"
        )
        async with asyncio.timeout(5):
            await echo.cancelled.wait()
        assert 90 < (await stub.Login(login("remaining"), timeout=100)).expires_in <= 100


async def test_the_caller_is_the_token_and_the_certificate(stub: Any, target: Target) -> None:
    answer = await stub.Authorize(QUESTION, metadata=target.signer.metadata())
    user, tenant, workload = answer.policies
    assert (user, tenant) == ("00000000-0000-0000-0000-000000000007", "acme")
    assert workload == "spiffe://test.ai-platform.internal/us-east-1/gateway"


async def test_refusals_say_what_is_wrong_with_the_token(stub: Any, target: Target) -> None:
    async def reason(*metadata: tuple[str, str]) -> tuple[str, str]:
        refusal = await refused(stub.Authorize(QUESTION, metadata=metadata))
        return refusal.code, refusal.reason

    signer = target.signer
    assert await reason() == ("UNAUTHENTICATED", "TOKEN_MISSING")
    assert await reason(*signer.metadata(exp=1)) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")
    assert await reason(*signer.metadata(iss="x")) == ("UNAUTHENTICATED", "TOKEN_INVALID")
    assert await reason(("authorization", "Basic YQ==")) == ("UNAUTHENTICATED", "TOKEN_INVALID")
    twice = (*signer.metadata(), *signer.metadata())
    assert await reason(*twice) == ("UNAUTHENTICATED", "TOKEN_INVALID")
    create = pb.CreateUserRequest(username="x", password="long enough 1")
    denied = await refused(stub.CreateUser(create, metadata=signer.metadata(roles=["viewer"])))
    assert (denied.code, denied.reason) == ("PERMISSION_DENIED", "ACCESS_DENIED")


async def test_a_bad_token_does_not_matter_where_none_is_needed(stub: Any, target: Target) -> None:
    metadata = target.signer.metadata(exp=1)
    assert (await stub.Login(login("hello"), metadata=metadata)).access_token == "hello"


async def test_a_bad_token_does_not_fall_back_to_the_workload(target: Target) -> None:
    async with target.channel() as opened:
        health: Any = health_pb2_grpc.HealthStub(opened)
        assert await health.Check(health_pb2.HealthCheckRequest())
        metadata = target.signer.metadata(exp=1)
        refusal = await refused(health.Check(health_pb2.HealthCheckRequest(), metadata=metadata))
        assert refusal.reason == "TOKEN_EXPIRED"


async def test_health_of_each_service(target: Target) -> None:
    async with target.channel(f"{REGION}/marketplace") as opened:
        health: Any = health_pb2_grpc.HealthStub(opened)
        names = ("", "aiplatform.security.v1.SecurityService")
        for name in (*names, "envoy.service.discovery.v3.AggregatedDiscoveryService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        unknown = await refused(health.Check(health_pb2.HealthCheckRequest(service="x")))
        assert unknown.code == "NOT_FOUND"


async def test_reflection_is_for_users(target: Target) -> None:
    async with target.channel() as opened:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(opened)
        requests = [reflection_pb2.ServerReflectionRequest(list_services="")]
        assert (await refused(stub.ServerReflectionInfo(iter(requests)))).reason == "TOKEN_MISSING"
        call = stub.ServerReflectionInfo(iter(requests), metadata=target.signer.metadata())
        listed = {entry.name async for one in call for entry in one.list_services_response.service}
        assert "aiplatform.security.v1.SecurityService" in listed


async def test_only_gateways_open_discovery_streams(target: Target) -> None:
    request = discovery_pb2.DeltaDiscoveryRequest(type_url="t")
    async with target.channel() as opened:
        stub: Any = ads_pb2_grpc.AggregatedDiscoveryServiceStub(opened)
        stream = stub.DeltaAggregatedResources()
        for _ in range(3):
            await stream.write(request)
            assert (await stream.read()).type_url == "t"
        await asyncio.sleep(0.5)  # longer than the default deadline, which is for unary calls
        await stream.write(request)
        assert (await stream.read()).type_url == "t"
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK
        crash = discovery_pb2.DeltaDiscoveryRequest(type_url="crash")
        crashed = await refused(stub.DeltaAggregatedResources(iter([crash])))
        assert (crashed.code, crashed.message) == ("INTERNAL", "Internal error.")
        # Its identity alone lets it do nothing else.
        security: Any = SecurityServiceStub(opened)
        assert (await refused(security.Authorize(QUESTION))).reason == "TOKEN_MISSING"
    async with target.channel(f"{REGION}/marketplace") as opened:
        stub = ads_pb2_grpc.AggregatedDiscoveryServiceStub(opened)
        refusal = await refused(stub.DeltaAggregatedResources(iter([request])))
        assert refusal.code == "UNAUTHENTICATED"
        refusal = await refused(
            stub.DeltaAggregatedResources(iter([request]), metadata=target.signer.metadata())
        )
        assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "ACCESS_DENIED")


async def test_a_client_without_a_certificate_is_not_served(target: Target) -> None:
    credentials = grpc.ssl_channel_credentials(target.authority.pem)
    async with grpc.aio.secure_channel(f"127.0.0.1:{target.server.port}", credentials) as opened:
        stub: Any = SecurityServiceStub(opened)
        assert (await refused(stub.Login(login("hello")))).code == "UNAVAILABLE"
    stranger = Authority()
    certificate, key = stranger.issue(f"{REGION}/gateway")
    credentials = grpc.ssl_channel_credentials(target.authority.pem, key, certificate)
    async with grpc.aio.secure_channel(f"127.0.0.1:{target.server.port}", credentials) as opened:
        stub = SecurityServiceStub(opened)
        assert (await refused(stub.Login(login("hello")))).code == "UNAVAILABLE"


async def test_a_workload_of_another_trust_domain_is_nobody(target: Target) -> None:
    certificate, key = target.authority.issue(f"{REGION}/gateway", trust_domain="elsewhere")
    credentials = grpc.ssl_channel_credentials(target.authority.pem, key, certificate)
    async with grpc.aio.secure_channel(f"127.0.0.1:{target.server.port}", credentials) as opened:
        health: Any = health_pb2_grpc.HealthStub(opened)
        refusal = await refused(health.Check(health_pb2.HealthCheckRequest()))
        assert refusal.code == "UNAUTHENTICATED"


async def test_a_renewed_certificate_is_served_to_new_connections(target: Target) -> None:
    async def served() -> bytes:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", target.server.port, ssl=_context(target)
        )
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        del reader
        return certificate

    before = await served()
    files = target.around.files
    certificate, key = target.authority.issue(f"{REGION}/echo")
    files.certificate.write_bytes(certificate)  # half of a renewal: the pair does not match
    assert await served() == before
    files.key.write_bytes(key)
    after = await served()
    assert after != before


def _context(target: Target) -> Any:
    context = ssl.create_default_context(cadata=target.authority.pem.decode())
    context.set_alpn_protocols(["h2"])
    certificate, key = target.authority.issue(f"{REGION}/gateway")
    pem = target.around.folder / "client.pem"
    pem.write_bytes(certificate + key)
    context.load_cert_chain(pem)
    return context


async def test_messages_over_the_limit_are_refused(stub: Any) -> None:
    big = pb.LoginRequest(username="u", password="x" * (4 * 2**20))
    assert (await refused(stub.Login(big))).code == "RESOURCE_EXHAUSTED"


async def test_metrics_and_liveness_over_http(stub: Any, target: Target) -> None:
    await stub.Login(login("hello"))
    await refused(stub.Login(login("missing:1")))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{target.server.metrics_port}") as http:
        method = 'rpc_method="aiplatform.security.v1.SecurityService/Login"'
        metrics = ""
        counts: list[str] = []
        async with asyncio.timeout(15):
            while len(counts) < 2:  # a call is counted just after its answer
                metrics = (await http.get("/metrics")).text
                samples = [line for line in metrics.splitlines() if "_count{" in line]
                counts = [line for line in samples if method in line]
        assert (await http.get("/healthz")).text == "serving\n"
        assert (await http.get("/other")).status_code == 404
        assert (await http.post("/metrics")).status_code == 405
    assert sorted(line.rpartition(" ")[2] for line in counts) == ["1.0", "1.0"]
    assert any('rpc_grpc_status_code="NOT_FOUND"' in line for line in counts)
    assert "rpc_server_in_flight{" in metrics


async def test_the_access_log_has_one_json_line_a_call_and_no_message(
    stub: Any, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    formatter = JsonFormatter("echo", REGION)
    lines: list[dict[str, Any]] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(formatter.format(record)))

    collect = Collect()
    access = logging.getLogger("access")
    access.addHandler(collect)
    try:
        with caplog.at_level(logging.INFO, "access"):
            request = pb.LoginRequest(username="missing:1", password="swordfish")
            sent = (("x-request-id", "r-1"), *target.signer.metadata())
            await refused(stub.Login(request, metadata=sent))
            await eventually(lambda: lines)  # the line follows the answer
    finally:
        access.removeHandler(collect)
    (line,) = lines
    assert line["method"] == "aiplatform.security.v1.SecurityService/Login"
    assert (line["code"], line["reason"]) == ("NOT_FOUND", "THING_NOT_FOUND")
    assert (line["request_id"], line["tenant"]) == ("r-1", "acme")
    assert line["peer"].endswith("/gateway")
    assert line["duration_ms"] >= 0
    assert "swordfish" not in str(line)
    assert "eyJ" not in str(line)
