"""Structured logs and metrics of a process.

Logs are one JSON object a line on standard output. Code logs through the standard library and
passes facts as ``extra={"fields": {...}}``; a request's id is added by itself.
"""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from typing_extensions import override

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Id of the request this task serves; empty outside one."""


class JsonFormatter(logging.Formatter):
    """Renders a record as one line of JSON.

    Args:
        service: Name of the service, on every line.
        region: Region of the process, on every line.
    """

    def __init__(self, service: str, region: str) -> None:
        super().__init__()
        self._constant = {"service": service, "region": region}

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            **self._constant,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identifier := request_id.get():
            line["request_id"] = identifier
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(service: str, region: str, level: str) -> None:
    """Sends every log of this process to standard output as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service, region))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


class Metrics:
    """The meter provider of a process and the registry that Prometheus scrapes."""

    def __init__(self, service: str, region: str, version: str) -> None:
        self.registry = CollectorRegistry()
        self._provider = MeterProvider(
            metric_readers=[PrometheusMetricReader(registry=self.registry)],
            resource=Resource(
                {"service.name": service, "service.version": version, "cloud.region": region}
            ),
            shutdown_on_exit=False,
        )
        self.meter = self._provider.get_meter("services.runtime")

    def close(self) -> None:
        """Stops collecting."""
        self._provider.shutdown()
