"""Serves gRPC until it is told to stop, and then lets calls in flight end."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.runtime.access import Access
from services.runtime.certificates import Certificates
from services.runtime.interceptors.authentication import authentication
from services.runtime.interceptors.authorization import authorization
from services.runtime.interceptors.chain import Chain
from services.runtime.interceptors.deadline import deadline
from services.runtime.interceptors.errors import error_mapping
from services.runtime.interceptors.observation import observation
from services.runtime.interceptors.request_id import request_id
from services.runtime.interceptors.validation import validation
from services.runtime.metrics_endpoint import MetricsEndpoint
from services.runtime.settings import ServiceSettings
from services.runtime.telemetry import Metrics
from services.runtime.tokens import KeySource, TokenVerifier

_log = logging.getLogger(__name__)

Background = Callable[[], Awaitable[None]]
"""A task that runs for as long as the process does; its end, however it ends, ends the process."""

_KEEPALIVE = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.so_reuseport", 0),  # a second process on the port is a mistake, not a second replica
)


# The stubs know only the synchronous health servicer, and no types of what is generated.
_HEALTH: Any = health
_ADD_HEALTH: Any = vars(health_pb2_grpc)["add_HealthServicer_to_server"]


class StartError(Exception):
    """The server cannot start; the message names the setting that is wrong."""


class BackgroundTaskError(Exception):
    """A background task ended although the process should go on."""


@dataclass(frozen=True)
class Servicer:
    """One gRPC service to serve.

    Attributes:
        add: Generated ``add_…Servicer_to_server``.
        implementation: The servicer.
    """

    add: Callable[..., None]
    implementation: object


@dataclass(frozen=True, kw_only=True)
class Service:
    """All that one process serves.

    Attributes:
        settings: Settings of the process.
        metrics: Its meters; the servicers may have added their own.
        servicers: What it serves besides health and reflection.
        keys: Where the public keys of tokens come from.
        background: Tasks by name, started before the first call and cancelled after the last.
    """

    settings: ServiceSettings
    metrics: Metrics
    servicers: Sequence[Servicer]
    keys: KeySource
    background: Mapping[str, Background] = field(default_factory=dict[str, Background])


class _Names:
    """Stands in for a server and notes which services are added to it."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.ServiceRpcHandler]) -> None:
        self.names += [handler.service_name() or "" for handler in handlers]

    def add_registered_method_handlers(self, _service: str, _handlers: object) -> None:
        """Newer generated code adds the same handlers this way too."""


class Server:
    """A running service: mTLS gRPC port, metrics port, background tasks.

    Raises:
        StartError: certificate files are wrong, or the port is taken.
        PolicyError: access policies are wrong.
    """

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self._service = service
        self._health: Any = _HEALTH.aio.HealthServicer()
        self._stopping = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._failure: BackgroundTaskError | None = None
        self._serving = False
        interceptors = (
            request_id,
            observation(service.metrics),
            error_mapping,
            deadline(settings.default_deadline_seconds),
            authentication(TokenVerifier(service.keys, settings.issuer), settings.trust_domain),
            authorization(Access(settings.access_policies)),
            validation(),
        )
        size = settings.max_message_bytes
        self._server = grpc.aio.server(
            interceptors=(Chain(interceptors),),
            options=(
                *_KEEPALIVE,
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", size),
            ),
        )
        self._names = self._add_servicers()
        self._endpoint = MetricsEndpoint(service.metrics.registry, lambda: self._serving)
        try:
            certificates = Certificates(
                settings.tls_certificate_file, settings.tls_key_file, settings.tls_ca_file
            )
        except ValueError as error:
            raise StartError(f"AIP_TLS_*: {error}") from None
        address = f"{settings.listen_address}:{settings.grpc_port}"
        try:
            self.port = self._server.add_secure_port(address, certificates.server_credentials())
        except RuntimeError:
            message = f"AIP_GRPC_PORT: {address} cannot be listened on; another process may be"
            raise StartError(message) from None
        self.metrics_port = settings.metrics_port

    def _add_servicers(self) -> list[str]:
        names = _Names()
        for servicer in self._service.servicers:
            servicer.add(servicer.implementation, names)
            servicer.add(servicer.implementation, self._server)
        _ADD_HEALTH(self._health, self._server)
        reflection.enable_server_reflection(
            (*names.names, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        return names.names

    async def start(self) -> None:
        """Opens the ports and reports SERVING."""
        settings = self._service.settings
        try:
            self.metrics_port = await self._endpoint.start(
                settings.listen_address, settings.metrics_port
            )
        except OSError as error:
            raise StartError(f"AIP_METRICS_PORT: {error.strerror}") from None
        for name, run in self._service.background.items():
            task = asyncio.create_task(self._supervised(name, run), name=name)
            self._tasks[task] = name
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._serving = True
        fields = {"grpc_port": self.port, "metrics_port": self.metrics_port}
        _log.info("serving", extra={"fields": {**fields, "version": settings.version}})

    def request_stop(self) -> None:
        """Makes ``run`` drain and return; may be called from a signal handler, and repeatedly."""
        self._stopping.set()

    async def stop(self) -> None:
        """Drains: NOT_SERVING first, then no new calls, then the end of those in flight."""
        settings = self._service.settings
        self._serving = False
        await self._health.enter_graceful_shutdown()
        if self._failure is None:
            await asyncio.sleep(settings.drain_notice_seconds)
        await self._server.stop(settings.drain_grace_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._endpoint.stop()
        self._service.metrics.close()
        _log.info("stopped")

    async def run(self) -> None:
        """Serves until SIGTERM, SIGINT or ``request_stop``, then drains.

        Raises:
            BackgroundTaskError: a background task ended; the log says why.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)
        await self.start()
        try:
            await self._stopping.wait()
        finally:
            await self.stop()
        if self._failure is not None:
            raise self._failure

    async def _supervised(self, name: str, run: Background) -> None:
        try:
            await run()
            _log.error("background task ended", extra={"fields": {"task": name}})
        except Exception:  # noqa: BLE001  (logged, and it ends the process)
            _log.exception("background task failed", extra={"fields": {"task": name}})
        self._failure = BackgroundTaskError(f"background task {name} ended")
        self._stopping.set()
