"""Starts services as the platform does: settings from the environment, mTLS, a real database."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import grpc
import grpc.aio
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from google.rpc import error_details_pb2, status_pb2

from services.runtime.process import Build
from services.runtime.server import Server, Service
from services.runtime.settings import PlatformSettings, ServiceSettings
from services.runtime.telemetry import Metrics
from tests.certificates import TRUST_DOMAIN, Authority, Files
from tests.postgres import ServiceDatabase

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ISSUER = f"https://{TRUST_DOMAIN}"
P = TypeVar("P", bound=PlatformSettings)
S = TypeVar("S", bound=ServiceSettings)
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Surroundings:
    """What infrastructure gives a service: variables, secret files, certificates.

    Attributes:
        variables: ``AIP_*``.
        files: Certificates of the service.
        folder: Where all of it is.
        database: Where its variables point.
    """

    variables: dict[str, str]
    files: Files
    folder: Path
    database: ServiceDatabase | None = None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Makes them the environment of this process."""
        with mock.patch.dict(os.environ, self.variables):
            yield

    def load(self, settings: type[P], **changes: Any) -> P:
        """Reads settings from them."""
        with self.applied():
            return settings.load().model_copy(update=changes)


def surroundings(
    folder: Path,
    authority: Authority,
    service: str,
    database: ServiceDatabase | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Surroundings:
    """Writes certificates and secrets to ``folder``."""
    files = authority.write(folder / "tls", f"{REGION}/{service}")
    secret_folder = folder / "secrets"
    secret_folder.mkdir(parents=True, exist_ok=True)
    values = {
        "aip_database_password": database.password if database else "unused",
        "aip_system_database_password": database.system_password if database else "unused",
        "aip_owner_database_password": database.owner_password if database else "unused",
        "aip_cache_password": "unused",
        **(secrets or {}),
    }
    for name, value in values.items():
        (secret_folder / name).write_text(value)
    host = database.host if database else "127.0.0.1"
    port = str(database.port if database else 9)
    variables = {
        "AIP_SERVICE": service,
        "AIP_VERSION": "0.0.0",
        "AIP_REGION": REGION,
        "AIP_REPLICA_INDEX": "0",
        "AIP_GRPC_PORT": "0",
        "AIP_METRICS_PORT": "0",
        "AIP_TRUST_DOMAIN": TRUST_DOMAIN,
        "AIP_TLS_CERTIFICATE_FILE": str(files.certificate),
        "AIP_TLS_KEY_FILE": str(files.key),
        "AIP_TLS_CA_FILE": str(files.authority),
        "AIP_DATABASE_HOST": host,
        "AIP_DATABASE_PORT": port,
        "AIP_DATABASE_NAME": database.name if database else service,
        "AIP_REPLICA_HOST": host,
        "AIP_REPLICA_PORT": port,
        "AIP_CACHE_HOST": "127.0.0.1",
        "AIP_CACHE_PORT": "9",
        "AIP_SECURITY_ADDRESSES": "127.0.0.1:9",
        "AIP_ISSUER": ISSUER,
        "AIP_LOG_LEVEL": "INFO",
        "AIP_SECRETS_DIR": str(secret_folder),
        "AIP_DRAIN_NOTICE_SECONDS": "0",
    }
    return Surroundings(variables, files, folder, database)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Server]:
    """Serves in this process, and drains at the end."""
    server = Server(service)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def running_build(settings: S, build: Build[S]) -> AsyncIterator[Server]:
    """Wires and serves a service in this process."""
    metrics = Metrics(settings.service, settings.region, settings.version)
    async with (
        AsyncExitStack() as resources,
        running(build(settings, metrics, resources)) as server,
    ):
        yield server


@asynccontextmanager
async def channel(
    port: int, authority: Authority, workload: str = f"{REGION}/gateway"
) -> AsyncIterator[grpc.aio.Channel]:
    """Opens a channel as a workload."""
    certificate, key = authority.issue(workload)
    credentials = grpc.ssl_channel_credentials(authority.pem, key, certificate)
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as opened:
        yield opened


@dataclass(frozen=True)
class Refusal:
    """How a call failed.

    Attributes:
        code: Name of the status code.
        reason: Of the ErrorInfo.
        message: For people.
        violations: Reason of each wrong field by its path.
        details: Every detail by its message's name.
        request_id: Of the trailing metadata.
    """

    code: str
    reason: str
    message: str
    violations: dict[str, str]
    request_id: str
    details: dict[str, Any] = field(default_factory=dict[str, Any])


_DETAILS: tuple[type[Message], ...] = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.RetryInfo,
    error_details_pb2.RequestInfo,
)


async def refused(call: Any) -> Refusal:
    """Awaits a call (or reads a stream) that must fail, and returns how it did."""
    try:
        if hasattr(call, "read"):
            while await call.read() is not grpc.aio.EOF:
                pass
            await call.code()
            raise AssertionError("the call succeeded")
        await call
    except grpc.aio.AioRpcError as error:
        return _refusal(error)
    raise AssertionError("the call succeeded")


def _refusal(error: grpc.aio.AioRpcError) -> Refusal:
    trailers = dict(error.trailing_metadata() or ())
    encoded = trailers.get("grpc-status-details-bin", b"")
    assert isinstance(encoded, bytes)
    status = status_pb2.Status.FromString(encoded)
    details: dict[str, Any] = {}
    for detail in status.details:
        for kind in _DETAILS:
            message = kind()
            if detail.Unpack(message):
                details[kind.DESCRIPTOR.name] = message
    if encoded:
        assert status.code == error.code().value[0]
        assert status.message == error.details()
        assert details["ErrorInfo"].domain == "ai-platform"
    violations = details["BadRequest"].field_violations if "BadRequest" in details else ()
    return Refusal(
        code=error.code().name,
        reason=details["ErrorInfo"].reason if "ErrorInfo" in details else "",
        message=error.details() or "",
        violations={violation.field: _reason(violation) for violation in violations},
        details=details,
        request_id=str(trailers.get("x-request-id", "")),
    )


def _reason(violation: Message) -> str:
    """Reads field 3; the installed google/rpc/error_details_pb2.py may be too old to know it."""
    known: str = getattr(violation, "reason", "")
    unknown = [one.data for one in UnknownFieldSet(violation) if one.field_number == 3]
    return known or b"".join(unknown).decode()


async def eventually(condition: Callable[[], Any], seconds: float = 15) -> None:
    """Waits until a condition holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (it happens elsewhere)
            await asyncio.sleep(0.02)


class Process:
    """A service as a process of its own.

    Attributes:
        grpc_port: Port it serves on.
        metrics_port: Port of its metrics.
        lines: Its log.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []
        self.grpc_port = self.metrics_port = 0

    @classmethod
    async def start(cls, around: Surroundings, *arguments: str) -> "Process":
        """Starts ``python <arguments>`` and waits until it serves."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env={**os.environ, **around.variables},
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        started = cls(child)
        try:
            line = await started.wait_for("serving")
        except BaseException:
            await started.close()
            raise
        started.grpc_port = line["grpc_port"]
        started.metrics_port = line["metrics_port"]
        return started

    async def wait_for(self, message: str, seconds: float = 20) -> dict[str, Any]:
        """Reads the log until a line with that message comes, and returns it."""
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            while line := await self._process.stdout.readline():
                self.lines.append(json.loads(line))
                if self.lines[-1]["message"] == message:
                    return self.lines[-1]
        raise AssertionError(f"the process ended without {message!r}: {self.lines}")

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def kill(self) -> None:
        """Kills the process without a chance to tidy up."""
        self._process.kill()

    def terminate(self) -> None:
        """Asks the process to drain and end."""
        self._process.send_signal(signal.SIGTERM)

    async def ended(self, seconds: float = 20) -> int:
        """Waits for its end and returns the exit status; the rest of the log is in ``lines``."""
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            rest = await self._process.stdout.read()
            self.lines += [json.loads(line) for line in rest.splitlines()]
            return await self._process.wait()

    async def close(self) -> None:
        """Makes sure that it has ended."""
        if self._process.returncode is None:
            self.kill()
        await self.ended()
