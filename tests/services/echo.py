# ruff: noqa: ARG002, N802  (names and parameters are the protos')
"""A service for tests of the chassis: its answers and failures are asked for in the request.

As a program it serves on its own, so that tests can send it signals.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from envoy.service.discovery.v3 import ads_pb2_grpc
from envoy.service.discovery.v3 import discovery_pb2 as discovery_messages

from aiplatform.security.v1 import security_pb2 as pb
from aiplatform.security.v1.security_pb2_grpc import (
    SecurityServiceServicer,
    add_SecurityServiceServicer_to_server,
)
from services.runtime.caller import current_caller, current_user
from services.runtime.errors import NotFound, ResourceExhausted
from services.runtime.process import main
from services.runtime.server import Background, Service, Servicer
from services.runtime.settings import ServiceSettings
from services.runtime.telemetry import Metrics
from services.runtime.tokens import KeySource
from tests.tokens import Signer

discovery_pb2: Any = discovery_messages  # it carries no types
SECRET = "hunter2-postgres://secret"


class Echo(SecurityServiceServicer):
    """Login does what the username says; Authorize answers with the caller."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def Login(self, request: pb.LoginRequest, context: Any) -> pb.LoginResponse:
        what, _, argument = request.username.partition(":")
        if what == "sleep":
            print('{"message": "sleeping"}', flush=True)  # noqa: T201
            self.started.set()
            try:
                await asyncio.sleep(float(argument))
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        elif what == "crash":
            raise RuntimeError(SECRET)
        elif what == "timeout":
            raise TimeoutError
        elif what == "missing":
            raise NotFound("THING_NOT_FOUND", "No such thing.", metadata={"thing": argument})
        elif what == "busy":
            raise ResourceExhausted("BUSY", "Too many.", retry_after=1.5)
        elif what == "remaining":
            return pb.LoginResponse(expires_in=int(context.time_remaining() or -1))
        return pb.LoginResponse(access_token=request.username)

    async def Authorize(self, request: pb.AuthorizeRequest, context: Any) -> Any:
        user, workload = current_user(), current_caller().workload
        return pb.AuthorizeResponse(
            policies=[user.id, user.tenant, workload.id if workload else ""]
        )


class Discovery(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):
    """Answers each request with its own type URL."""

    async def DeltaAggregatedResources(
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        async for request in request_iterator:
            if request.type_url == "crash":
                raise RuntimeError(SECRET)
            yield discovery_pb2.DeltaDiscoveryResponse(type_url=request.type_url)


def service(
    settings: ServiceSettings,
    metrics: Metrics,
    keys: KeySource,
    background: dict[str, Background] | None = None,
) -> Service:
    """Wires the service with a servicer of another's proto beside its own."""
    return Service(
        settings=settings,
        metrics=metrics,
        servicers=[
            Servicer(add_SecurityServiceServicer_to_server, Echo()),
            Servicer(ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server, Discovery()),
        ],
        keys=keys,
        background=background or {},
    )


def _build(settings: ServiceSettings, metrics: Metrics, _resources: AsyncExitStack) -> Service:
    async def fail_when_told() -> None:
        await asyncio.sleep(0.2 if settings.service == "failing" else 3600)
        raise RuntimeError("the background task broke")

    return service(settings, metrics, Signer(), {"watch": fail_when_told})


def _no_migrations() -> Any:
    raise NotImplementedError


if __name__ == "__main__":
    main("echo", ServiceSettings, _build, _no_migrations)
