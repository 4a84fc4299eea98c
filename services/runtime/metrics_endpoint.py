"""The plain HTTP port of a process: ``/metrics`` for Prometheus, ``/healthz`` for a supervisor."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_TIMEOUT_SECONDS = 5
_TEXT = "text/plain; charset=utf-8"


class MetricsEndpoint:
    """Answers GET on two paths; one request a connection, nothing else of HTTP.

    Args:
        registry: What ``/metrics`` shows.
        healthy: Whether ``/healthz`` answers 200 (else 503).
    """

    def __init__(self, registry: CollectorRegistry, healthy: Callable[[], bool]) -> None:
        self._registry = registry
        self._healthy = healthy
        self._server: asyncio.Server | None = None

    async def start(self, address: str, port: int) -> int:
        """Listens.

        Returns:
            The port, also where a free one was asked for with 0.
        """
        self._server = await asyncio.start_server(self._answer, address, port, limit=8192)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, *_ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
                status, kind, body = self._response(method, path.partition("?")[0])
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        writer.close()

    def _response(self, method: str, path: str) -> tuple[str, str, bytes]:
        if method != "GET":
            return "405 Method Not Allowed", _TEXT, b"only GET\n"
        if path == "/metrics":
            return "200 OK", CONTENT_TYPE_LATEST, generate_latest(self._registry)
        if path == "/healthz":
            if self._healthy():
                return "200 OK", _TEXT, b"serving\n"
            return "503 Service Unavailable", _TEXT, b"not serving\n"
        return "404 Not Found", _TEXT, b"/metrics or /healthz\n"
