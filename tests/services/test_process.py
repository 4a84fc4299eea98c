"""A service as a process: draining, failing, and refusing to start."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from aiplatform.security.v1 import security_pb2 as pb
from aiplatform.security.v1.security_pb2_grpc import SecurityServiceStub
from tests.certificates import Authority
from tests.services.running import (
    ROOT,
    Process,
    Surroundings,
    channel,
    refused,
    surroundings,
)

ECHO = ("-m", "tests.services.echo")
Start = Callable[..., Awaitable[Process]]


@pytest.fixture
def around(tmp_path: Path, authority: Authority) -> Surroundings:
    return surroundings(tmp_path, authority, "echo")


@pytest.fixture
async def start(around: Surroundings) -> AsyncIterator[Start]:
    started: list[Process] = []

    async def begin(**variables: str) -> Process:
        around.variables.update(variables)
        process = await Process.start(around, *ECHO)
        started.append(process)
        return process

    yield begin
    for process in started:
        await process.close()


def login(what: str) -> pb.LoginRequest:
    return pb.LoginRequest(username=what, password="p")


async def test_sigterm_lets_a_call_in_flight_end_and_takes_no_new_one(
    start: Start, authority: Authority
) -> None:
    process = await start(AIP_DRAIN_NOTICE_SECONDS="0.4")
    async with channel(process.grpc_port, authority) as opened:
        stub: Any = SecurityServiceStub(opened)
        health: Any = health_pb2_grpc.HealthStub(opened)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        call = asyncio.ensure_future(_answer(stub.Login(login("sleep:1.2"))))
        await process.wait_for("sleeping")
        process.terminate()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        async with httpx.AsyncClient() as http:
            url = f"http://127.0.0.1:{process.metrics_port}/healthz"
            assert (await http.get(url)).status_code == 503
        # Between NOT_SERVING and the end of the notice, who has not heard yet is still answered.
        assert (await stub.Login(login("hello"))).access_token == "hello"
        assert await call == "sleep:1.2"
        watch.cancel()
    assert await process.ended() == 0
    async with channel(process.grpc_port, authority) as opened:
        late: Any = SecurityServiceStub(opened)
        assert (await refused(late.Login(login("hello"), timeout=2))).code == "UNAVAILABLE"


async def _answer(call: Any) -> str:
    return (await call).access_token


async def test_a_call_longer_than_the_grace_is_cut(start: Start, authority: Authority) -> None:
    process = await start(AIP_DRAIN_GRACE_SECONDS="0.3")
    async with channel(process.grpc_port, authority) as opened:
        stub: Any = SecurityServiceStub(opened)
        call = asyncio.ensure_future(refused(stub.Login(login("sleep:30"), timeout=20)))
        await process.wait_for("sleeping")
        process.terminate()
        assert (await call).code in {"UNAVAILABLE", "CANCELLED"}
        assert await process.ended() == 0


async def test_a_failing_background_task_ends_the_process(start: Start) -> None:
    process = await start(AIP_SERVICE="failing")
    assert await process.ended() == 1
    failed = [line for line in process.lines if line["message"] == "background task failed"]
    assert failed[0]["task"] == "watch"
    assert "the background task broke" in failed[0]["exception"]
    assert failed[0]["level"] == "ERROR"


async def test_a_taken_port_is_a_clear_error(start: Start, around: Surroundings) -> None:
    process = await start()
    around.variables["AIP_GRPC_PORT"] = str(process.grpc_port)
    second = run(around)
    assert second.returncode == 1
    assert f"AIP_GRPC_PORT: 127.0.0.1:{process.grpc_port} cannot be listened on" in second.stderr
    assert "Traceback" not in second.stderr


async def test_an_idle_process_is_small(start: Start) -> None:
    process = await start()
    memory: Any = psutil.Process(process.pid).memory_full_info()
    assert memory.uss < 100 * 2**20


def run(around: Surroundings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name[:4] != "AIP_"}
    return subprocess.run(
        [sys.executable, *ECHO, *arguments],
        env={**environment, **around.variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_every_wrong_setting_is_listed_without_its_value(around: Surroundings) -> None:
    del around.variables["AIP_REGION"], around.variables["AIP_ISSUER"]
    around.variables["AIP_GRPC_PORT"] = "many"
    around.variables["AIP_TLS_KEY_FILE"] = "/nowhere/key"
    around.variables["AIP_SECURITY_ADDRESSES"] = "localhost"
    (around.folder / "secrets" / "aip_database_password").unlink()
    refusal = run(around)
    assert refusal.returncode == 1
    lines = refusal.stderr.splitlines()
    assert lines[0] == "6 setting(s) are missing or wrong:"
    assert "  AIP_ISSUER: missing (iss of the platform's tokens, https://<trust domain>)" in lines
    assert any(
        line.startswith("  AIP_GRPC_PORT: Input should be a valid integer") for line in lines
    )
    assert any(
        line.startswith("  AIP_TLS_KEY_FILE: Path does not point to a file") for line in lines
    )
    assert any("AIP_SECURITY_ADDRESSES" in line and "host:port" in line for line in lines)
    secret = f"  file aip_database_password in {around.folder / 'secrets'}: missing"
    assert any(line.startswith(secret) for line in lines)
    assert "Traceback" not in refusal.stderr


def test_a_missing_secrets_folder_is_named(around: Surroundings) -> None:
    around.variables["AIP_SECRETS_DIR"] = "/nowhere"
    refusal = run(around)
    assert refusal.returncode == 1
    assert refusal.stderr.startswith("AIP_SECRETS_DIR: /nowhere is not a folder")


def test_certificates_that_do_not_match_are_named(around: Surroundings) -> None:
    _, key = Authority().issue("us-east-1/echo")
    around.files.key.write_bytes(key)
    refusal = run(around)
    assert refusal.returncode == 1
    assert f"{around.files.key} is not the key of {around.files.certificate}" in refusal.stderr
    assert "Traceback" not in refusal.stderr


def test_an_unknown_command_says_how_it_is_used(around: Surroundings) -> None:
    refusal = run(around, "serve")
    assert refusal.returncode == 1
    assert refusal.stderr == "usage: python -m services.echo [migrate [--check]]\n"
