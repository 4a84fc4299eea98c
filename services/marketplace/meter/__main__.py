"""The usage meter of a region: `python -m services.marketplace.meter`."""

from __future__ import annotations

import asyncio
import logging
import signal

from prometheus_client import CollectorRegistry

from services.marketplace.meter.meter import Meter
from services.marketplace.meter.settings import MeterSettings
from services.runtime.metrics_endpoint import MetricsEndpoint
from services.runtime.settings import SettingsError
from services.runtime.telemetry import configure_logging

_log = logging.getLogger(__name__)


async def _run(settings: MeterSettings) -> None:
    registry = CollectorRegistry()
    meter = Meter(settings, registry)
    endpoint = MetricsEndpoint(registry, lambda: meter.healthy)
    port = await endpoint.start(settings.listen_address, settings.metrics_port)
    task = asyncio.create_task(meter.run())
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    _log.info("metering", extra={"fields": {"call_log": str(settings.call_log), "port": port}})
    await told_to_stop.wait()
    meter.finish()
    await asyncio.wait({task}, timeout=settings.drain_seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await endpoint.stop()


def main() -> None:
    """Runs the meter until SIGTERM or SIGINT."""
    try:
        settings = MeterSettings.load()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logging(settings.service, settings.region, settings.log_level)
    asyncio.run(_run(settings))


if __name__ == "__main__":
    main()
