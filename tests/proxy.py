"""A proxy between a client and a server: puts TLS before it, or loses the connection on demand."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.ports import free_port

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""PostgreSQL's protocol, section "SSL Session Encryption"."""

Cut = Callable[[bytes], bool]
"""Given what a client sends, tells whether the connection is lost instead."""


class Proxy:
    """Accepts connections on 127.0.0.1 and passes them on to another port there.

    Args:
        upstream: Port of the server.
        tls: Speaks TLS with clients, by this server-side context.
        postgres: Begins TLS as PostgreSQL does, and refuses clients that do not ask for it.
        cut: Looks at every message of clients.
    """

    def __init__(
        self,
        upstream: int,
        *,
        tls: ssl.SSLContext | None = None,
        postgres: bool = False,
        cut: Cut | None = None,
    ) -> None:
        self.port = free_port()
        self.handshakes = 0
        self.open: list[list[asyncio.StreamWriter]] = []
        self._upstream = upstream
        self._tls = tls
        self._postgres = postgres
        self._cut = cut

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one client."""
        ends = [writer]
        self.open.append(ends)
        try:
            if not await self._greet(reader, writer):
                return
            upstream, downstream = await asyncio.open_connection("127.0.0.1", self._upstream)
            ends.append(downstream)
            pumps = (self._pump(reader, downstream, self._cut), self._pump(upstream, writer, None))
            tasks = [asyncio.ensure_future(pump) for pump in pumps]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self.open.remove(ends)
            for end in ends:
                end.transport.abort()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Returns whether the client is one to serve."""
        if self._tls is None:
            return True
        if self._postgres:
            if await reader.readexactly(8) != _SSL_REQUEST:
                return False
            writer.write(b"S")
            await writer.drain()
        await writer.start_tls(self._tls)
        self.handshakes += 1
        return True

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: Cut | None
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if cut is not None and cut(data):
                    return
                writer.write(data)
                await writer.drain()


@contextmanager
def proxying(proxy: Proxy) -> Iterator[Proxy]:
    """Runs a proxy in a thread of its own, so that blocking clients can use it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port)
    serving = asyncio.run_coroutine_threadsafe(starting, loop).result(10)

    async def end() -> None:
        serving.close()
        for writer in [writer for ends in proxy.open for writer in ends]:
            writer.transport.abort()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
