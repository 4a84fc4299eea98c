"""Lines of the call log, which `gateway.listener` has the gateway write, as usage records."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_BIGINT: Final = 2**63 - 1
_MAX_STATUS: Final = 999
_RECORD_START: Final = b'{"'


class GarbageLineError(ValueError):
    """A line that is not a record."""


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One call; sizes in bytes, durations in milliseconds."""

    id: uuid.UUID
    tenant_id: str
    subject: str
    service_id: uuid.UUID
    endpoint: str
    region: str
    method: str
    status: int
    flags: str
    request_bytes: int
    response_bytes: int
    duration_ms: int
    upstream_ms: int | None
    request_id: str
    start_time: datetime
    end_time: datetime


def parse(line: bytes) -> UsageRecord:
    """Reads one line, without its newline.

    A gateway that is killed can leave a line unfinished, and the next one goes on writing right
    after it: a record at the end of such a line is still read.

    Raises:
        GarbageLineError: There is no record in the line.
    """
    try:
        return _record(line)
    except GarbageLineError:
        start = line.rfind(_RECORD_START)
        if start <= 0:
            raise
        return _record(line[start:])


def _record(line: bytes) -> UsageRecord:
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise GarbageLineError("not a JSON object")
        return _from_fields(fields)  # pyright: ignore[reportUnknownArgumentType]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise GarbageLineError(f"{type(error).__name__}: {error}") from error


def _from_fields(fields: Mapping[str, Any]) -> UsageRecord:
    service_id, _, endpoint = _text(fields["target"]).partition("/")
    seconds, _, micros = _text(fields["start"]).partition(".")
    start = _EPOCH + timedelta(seconds=int(seconds), microseconds=int(micros or "0"))
    duration = _count(fields["ms"])
    upstream = fields["upstream_ms"]
    return UsageRecord(
        id=uuid.UUID(_text(fields["id"])),
        tenant_id=_text(fields["tenant"]),
        subject=_text(fields["subject"] or ""),
        service_id=uuid.UUID(service_id),
        endpoint=endpoint,
        region=_text(fields["region"]),
        method=_text(fields["method"]),
        status=_count(fields["status"], _MAX_STATUS),
        flags=_text(fields["flags"] or ""),
        request_bytes=_count(fields["in"]),
        response_bytes=_count(fields["out"]),
        duration_ms=duration,
        upstream_ms=None if upstream is None else _count(upstream),
        request_id=_text(fields["request"] or ""),
        start_time=start,
        end_time=start + timedelta(milliseconds=duration),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise GarbageLineError("a text is missing, or holds a NUL, which PostgreSQL cannot store")
    value.encode()
    return value


def _count(value: object, limit: int = _MAX_BIGINT) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise GarbageLineError("a number is missing or out of range")
    return value
