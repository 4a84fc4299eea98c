"""Answers health checks as it is told: ``python -m tests.simulation.health_double <folder>``.

The folder holds ``told.json``, the status of each name that is not healthy; the port is written to
``port``, and the names that were asked for to ``asked.log``.
"""

import http.server
import json
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = json.loads((FOLDER / "told.json").read_text())
        name, _, path = self.path.strip("/").partition("/")
        self.send_response(told.get(name, 200) if path == "healthz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()
        with (FOLDER / "asked.log").open("a") as log:
            log.write(f"{name}\n")

    def log_message(self, *_args: object, **_keywords: object) -> None:
        """Keeps quiet."""


if __name__ == "__main__":
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        fresh = FOLDER / "port.new"
        fresh.write_text(str(server.server_port))
        fresh.rename(FOLDER / "port")
        server.serve_forever()
