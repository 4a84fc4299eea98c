"""The service's HTTP side: a thread a connection, kept alive, every answer one write."""

import json
import logging
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from examples.language import chat
from examples.language.detector import LanguageDetector

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
IDLE_SECONDS = 120


class RefusedError(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class LanguageServer(ThreadingHTTPServer):
    """Serves one detector.

    Args:
        address: Host and port to listen on; port 0 takes a free one.
        detector: Answers the requests.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], detector: LanguageDetector) -> None:
        super().__init__(address, partial(_Handler, detector))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "language-example"
    sys_version = ""
    timeout = IDLE_SECONDS
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def __init__(self, detector: LanguageDetector, *arguments: Any) -> None:
        self._detector = detector
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answers `GET`."""
        self._serve({"/healthz": self._health, "/v1/models": self._models})

    def do_POST(self) -> None:
        """Answers `POST`."""
        self._serve({"/v1/detect": self._detect, "/v1/chat/completions": self._chat})

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Logs no line a request."""

    def _serve(self, routes: dict[str, Callable[[], None]]) -> None:
        route = routes.get(self.path.partition("?")[0], self._nothing_here)
        try:
            route()
        except RefusedError as error:
            # A body that was not read would be taken for the next request.
            self.close_connection = True
            self._answer(error.status, {"error": _error(str(error))})
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _nothing_here(self) -> None:
        raise RefusedError(HTTPStatus.NOT_FOUND, f"no {self.command} {self.path} here")

    def _health(self) -> None:
        self._answer(HTTPStatus.OK, {"status": "ok"})

    def _models(self) -> None:
        models = [{"id": chat.MODEL, "object": "model", "created": 0, "owned_by": "example"}]
        self._answer(HTTPStatus.OK, {"object": "list", "data": models})

    def _detect(self) -> None:
        body = self._json()
        text = body.get("text") if isinstance(body, dict) else None
        if not isinstance(text, str):
            raise RefusedError(HTTPStatus.BAD_REQUEST, 'the body must be {"text": "<a text>"}')
        found = self._detector.detect(text)
        self._answer(HTTPStatus.OK, {"language": found.language, "confidence": found.confidence})

    def _chat(self) -> None:
        try:
            asked = chat.parse(self._json())
        except chat.InvalidChatError as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
        if asked.stream:
            self._stream(chat.stream(asked, self._detector))
        else:
            self._answer(HTTPStatus.OK, chat.complete(asked, self._detector))

    def _json(self) -> Any:
        try:
            return json.loads(self._body())
        except (ValueError, RecursionError) as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunked_body()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit():
            raise RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        return self._read(int(length), 0)

    def _chunked_body(self) -> bytes:
        body = b""
        while True:
            size_line = self.rfile.readline(64).partition(b";")[0].strip()
            try:
                size = int(size_line, 16)
            except ValueError as error:
                raise RefusedError(HTTPStatus.BAD_REQUEST, "a chunk has no size") from error
            body += self._read(size, len(body))
            if size == 0:
                while self.rfile.readline(8192) not in {b"\r\n", b"\n", b""}:
                    pass
                return body
            self.rfile.readline(2)

    def _read(self, size: int, already: int) -> bytes:
        if size < 0 or already + size > MAX_BODY_BYTES:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is over {MAX_BODY_BYTES} bytes"
            )
        data = self.rfile.read(size)
        if len(data) != size:
            raise ConnectionError("the body ended early")
        return data

    def _answer(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _stream(self, events: Iterable[bytes]) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


def _error(message: str) -> dict[str, Any]:
    """Returns an error in OpenAI's shape, which its clients show."""
    return {"message": message, "type": "invalid_request_error", "param": None, "code": None}
