"""A service behind the gateway, with the manners that tests need."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Upstream(ThreadingHTTPServer):
    """Answers by path: /raw, /echo, /stream, /slow, /status/<n>, /abort.

    Attributes:
        go_on: A stream waits for it after its first event.
        seen: Bodies of the requests to /raw.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.go_on = threading.Event()
        self.seen: list[bytes] = []
        self.requests = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        """Stops it."""
        self.go_on.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def handle_any(self) -> None:
        upstream: Any = self.server
        upstream.requests += 1
        body = self._body()
        path = self.path.partition("?")[0]
        if path == "/raw":
            upstream.seen.append(body)
            self._answer(200, body)
        elif path == "/stream":
            self._stream(upstream)
        elif path == "/slow":
            upstream.go_on.wait(20)
            self._answer(200, b"late")
        elif path == "/abort":
            self.close_connection = True
        elif path.startswith("/status/"):
            self._answer(int(path.rpartition("/")[2]), b"{}")
        else:
            seen = {
                "method": self.command,
                "path": self.path,
                "headers": {key.lower(): value for key, value in self.headers.items()},
                "body": body.decode("latin-1"),
            }
            self._answer(200, json.dumps(seen).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        # A caller that breaks off ends the body.
        while size := int(self.rfile.readline() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _stream(self, upstream: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            event = f"data: {number}\n\n".encode()
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()
            upstream.go_on.wait(20)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
