"""Empties a gateway: `python -m services.marketplace.gateway.drain <admin port> <seconds>`.

Run beside Envoy, before it is told to stop, which it does at once whatever is under way. Envoy goes
on taking calls, and asks ever more of its callers to go elsewhere, all of them after its
`--drain-time-s`: GOAWAY for HTTP/2, `Connection: close` for HTTP/1.1.

Source: https://www.envoyproxy.io/docs/envoy/v1.40.0/operations/admin, /drain_listeners.
"""

from __future__ import annotations

import http.client
import sys
import time
from typing import Final

_TIMEOUT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.5
_ACTIVE: Final = "http.gateway.downstream_rq_active"


def drain(port: int, seconds: float) -> int:
    """Waits until a gateway has no call under way, but no longer than it may.

    Args:
        port: Of the gateway's admin interface, on this host.
        seconds: How long callers are given: the whole of it while there is a call under way, and
            half of it in any case, because load balancers learn late that the gateway ends.

    Returns:
        How many calls are still under way.

    Raises:
        OSError: The admin interface cannot be reached.
    """
    _ask(port, "POST", "/drain_listeners?graceful&skip_exit")
    began = time.monotonic()
    while True:
        passed = time.monotonic() - began
        active = _active(port)
        if passed >= seconds or (active == 0 and passed >= seconds / 2):
            return active
        time.sleep(min(_POLL_SECONDS, seconds))


def _active(port: int) -> int:
    text = _ask(port, "GET", f"/stats?filter=^{_ACTIVE}$")
    return int(text.rpartition(":")[2] or 0)


def _ask(port: int, method: str, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, path)
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()


if __name__ == "__main__":
    left = drain(int(sys.argv[1]), float(sys.argv[2]))
    sys.stderr.write(f"{left} calls still under way\n")
