"""One access log line and the metrics of every call. Messages are never logged."""

import asyncio
import logging
import time

from services.runtime.caller import current_caller
from services.runtime.interceptors.chain import Call, Interceptor, Proceed
from services.runtime.telemetry import Metrics

_log = logging.getLogger("access")
_QUIET = frozenset({"grpc.health.v1.Health"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def observation(metrics: Metrics) -> Interceptor:
    """Returns the interceptor that measures and logs calls."""
    duration = metrics.meter.create_histogram(
        "rpc.server.duration",
        unit="s",
        description="Time from a call's first request message to its end.",
        explicit_bucket_boundaries_advisory=_SECONDS,
    )
    in_flight = metrics.meter.create_up_down_counter(
        "rpc.server.in_flight", description="Calls being served."
    )

    async def observe(call: Call, proceed: Proceed) -> None:
        started = time.perf_counter()
        labels = {"rpc_method": call.method}
        in_flight.add(1, labels)
        try:
            await proceed()
        except asyncio.CancelledError:
            call.code = "CANCELLED"
            raise
        finally:
            seconds = time.perf_counter() - started
            in_flight.add(-1, labels)
            duration.record(seconds, {**labels, "rpc_grpc_status_code": call.code})
            _log_call(call, seconds)

    return observe


def _log_call(call: Call, seconds: float) -> None:
    quiet = call.code == "OK" and call.service in _QUIET
    level = logging.DEBUG if quiet else logging.INFO
    if not _log.isEnabledFor(level):
        return
    caller = current_caller()
    fields: dict[str, object] = {
        "method": call.method,
        "code": call.code,
        "duration_ms": round(seconds * 1000, 3),
    }
    if call.reason:
        fields["reason"] = call.reason
    if caller.workload:
        fields["peer"] = caller.workload.id
    if caller.user:
        fields |= {"user": caller.user.id, "tenant": caller.user.tenant}
    _log.log(level, "call", extra={"fields": fields})
