"""Everything a call goes through, on this machine, with certificates and tokens of the test's."""

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from aiplatform.marketplace.v1 import marketplace_pb2 as pb
from aiplatform.marketplace.v1 import marketplace_pb2_grpc
from aiplatform.security.v1 import security_pb2, security_pb2_grpc
from services.runtime.server import Server, Service, Servicer
from services.runtime.settings import ServiceSettings
from services.runtime.telemetry import Metrics
from services.runtime.tokens import KeySource
from tests.certificates import Authority
from tests.postgres import ServiceDatabase
from tests.services.marketplace.gateway import eventually
from tests.services.running import ISSUER, ROOT, Surroundings, surroundings


class Issuer:
    """Signs tokens as the security service does, with a key of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def token(self, tenant: str = "acme", roles: Sequence[str] = ("admin",), **changes: Any) -> str:
        """Returns a token; `changes` replace claims."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "ai-platform",
            "sub": str(uuid.uuid4()),
            "tenant": tenant,
            "username": f"admin@{tenant}",
            "roles": list(roles),
            "amr": ["pwd"],
            "iat": now,
            "exp": now + 900,
            "jti": str(uuid.uuid4()),
            **changes,
        }
        return jwt.encode(claims, self._key, "ES256", headers={"kid": "k1", "typ": "at+jwt"})

    def jwk(self) -> security_pb2.Jwk:
        """Returns the public key."""
        numbers = self._key.public_key().public_numbers()
        x, y = (
            base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
            for value in (numbers.x, numbers.y)
        )
        return security_pb2.Jwk(kty="EC", kid="k1", use="sig", alg="ES256", crv="P-256", x=x, y=y)


class _Security(security_pb2_grpc.SecurityServiceServicer):
    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def GetJwks(self, request: Any, context: Any) -> security_pb2.GetJwksResponse:  # noqa: N802
        del request, context
        return security_pb2.GetJwksResponse(keys=[self._issuer.jwk()])


class _NoKeys(KeySource):
    async def key(self, kid: str) -> None:
        del kid


@contextmanager
def security_stand_in(around: Surroundings, issuer: Issuer) -> Iterator[int]:
    """Serves GetJwks on the chassis, in a thread; yields its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> Server:
        settings = around.load(ServiceSettings)
        server = Server(
            Service(
                settings=settings,
                metrics=Metrics("security", "test", "0"),
                servicers=[
                    Servicer(
                        security_pb2_grpc.add_SecurityServiceServicer_to_server, _Security(issuer)
                    )
                ],
                keys=_NoKeys(),
            )
        )
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    try:
        yield server.port
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class Marketplace:
    """The marketplace service as a process of its own.

    Attributes:
        around: What infrastructure gives it.
        database: Its database.
        grpc_port: Where it serves; the same after a restart.
    """

    around: Surroundings
    database: ServiceDatabase
    grpc_port: int
    metrics_port: int
    extra: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """Where its log is."""
        return self.around.folder / "marketplace.log"

    def migrate(self) -> None:
        """Migrates to head."""
        subprocess.run(
            [sys.executable, "-m", "services.marketplace", "migrate"],
            env=self._environment(),
            cwd=ROOT,
            check=True,
        )

    def start(self) -> None:
        """Starts it and waits until it serves."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.marketplace"],
                env=self._environment(),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        url = f"http://127.0.0.1:{self.metrics_port}/healthz"
        eventually(lambda: httpx.get(url).is_success, 30, self.log_file.read_text)

    def stop(self, *, kill: bool = False) -> None:
        """Ends it, in order or at once."""
        if self._process is not None:
            if kill:
                self._process.kill()
            else:
                self._process.terminate()
            self._process.wait(30)
            self._process = None

    def logged(self, message: str) -> list[dict[str, Any]]:
        """Returns the log's lines with that message."""
        lines = [json.loads(line) for line in self.log_file.read_text().splitlines()]
        return [line for line in lines if line["message"] == message]

    def metric(self, name: str) -> float:
        """Returns the sum of a metric's samples."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        samples = [line for line in text.splitlines() if line.startswith(name)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in samples)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.around.variables,
            "AIP_GRPC_PORT": str(self.grpc_port),
            "AIP_METRICS_PORT": str(self.metrics_port),
            **self.extra,
        }


@contextmanager
def marketplace_channel(
    port: int, authority: Authority, workload: str = "us-east-1/gateway"
) -> Iterator[grpc.Channel]:
    """Opens a channel to the service itself, as a workload."""
    certificate, key = authority.issue(workload)
    credentials = grpc.ssl_channel_credentials(authority.pem, key, certificate)
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        yield channel


class Api:
    """MarketplaceService as one user."""

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self.stub = marketplace_pb2_grpc.MarketplaceServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    def __call__(self, method: str, request: Any) -> Any:
        """Calls a method."""
        return getattr(self.stub, method)(request, metadata=self._metadata, timeout=10)

    def register(self, name: str, *endpoints: tuple[str, ...], **changes: Any) -> pb.Service:
        """Registers a service with endpoints (name, URL[, method])."""
        request = pb.RegisterServiceRequest(
            **{
                "name": name,
                "category": "test",
                "pricing_model": "pay_per_use",
                "base_price": 0.25,
                "endpoints": [
                    pb.Endpoint(name=one[0], url=one[1], method=one[2] if len(one) > 2 else "")
                    for one in endpoints
                ],
                **changes,
            }
        )
        return self("RegisterService", request).service


def new_marketplace(
    folder: Path, authority: Authority, database: ServiceDatabase, security_port: int, **extra: str
) -> Marketplace:
    """Prepares a marketplace service."""
    from tests.ports import free_port  # noqa: PLC0415

    around = surroundings(folder, authority, "marketplace", database)
    return Marketplace(
        around,
        database,
        free_port(),
        free_port(),
        {"AIP_SECURITY_ADDRESSES": f"127.0.0.1:{security_port}", **extra},
    )
