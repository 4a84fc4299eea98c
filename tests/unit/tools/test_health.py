"""When an update may go on: all addresses answer well, several times in a row, in time."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.apply.health import Gate, UnhealthyError

GATE = Gate(rounds=3, pause=0.01, patience=0.5, timeout=1)


class _Server(ThreadingHTTPServer):
    """Answers with statuses in turn; the last one for ever."""

    statuses: list[int]
    asked: int = 0


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        assert self.path == "/healthz"
        self.send_response(server.statuses[min(server.asked, len(server.statuses) - 1)])
        self.send_header("Content-Length", "0")
        self.end_headers()
        server.asked += 1

    def log_message(self, *_args: object, **_keywords: object) -> None:
        """Keeps quiet."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def url(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_good_answers_have_to_be_in_a_row(server: _Server) -> None:
    server.statuses = [200, 200, 503, 200]
    replace(GATE, patience=30).wait({"one": url(server)})
    assert server.asked == 6


def test_an_address_that_comes_and_goes_is_not_healthy(server: _Server) -> None:
    server.statuses = [200, 200, 503] * 100
    with pytest.raises(UnhealthyError, match="3 good answers in a row are wanted"):
        GATE.wait({"one": url(server)})


def test_every_address_counts_and_who_is_wrong_is_said(server: _Server) -> None:
    server.statuses = [200]
    with pytest.raises(UnhealthyError) as refused:
        GATE.wait({"one": url(server), "other": "http://127.0.0.1:1"})
    assert GATE.answering({"one": url(server), "other": "http://127.0.0.1:1"}) == {"one"}
    said = str(refused.value)
    assert "other: http://127.0.0.1:1/healthz does not answer" in said
    assert "one:" not in said
