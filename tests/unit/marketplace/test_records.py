"""Which lines are records."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketplace.meter.records import GarbageLineError, parse

RECORD: dict[str, Any] = {
    "flags": "-",
    "id": str(uuid.UUID(int=1)),
    "in": 10,
    "method": "POST",
    "ms": 1500,
    "out": 20,
    "region": "us-east-1",
    "request": "r",
    "start": "1700000000.250000",
    "status": 200,
    "subject": "s",
    "target": f"{uuid.UUID(int=2)}/detect",
    "tenant": "acme",
    "upstream_ms": 7,
}


def line(**changes: Any) -> bytes:
    return json.dumps({**RECORD, **changes}).encode()


def test_a_record_is_read() -> None:
    record = parse(line())
    assert (record.service_id, record.endpoint) == (uuid.UUID(int=2), "detect")
    assert record.start_time == datetime(2023, 11, 14, 22, 13, 20, 250000, UTC)
    assert record.end_time == datetime(2023, 11, 14, 22, 13, 21, 750000, UTC)
    passed = parse(line(target=f"{uuid.UUID(int=2)}/", upstream_ms=None, subject=None))
    assert (passed.endpoint, passed.upstream_ms, passed.subject) == ("", None, "")


def test_a_record_after_a_torn_one_is_read() -> None:
    assert parse(line()[:40] + line()) == parse(line())


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "x"},
        {"id": None},
        {"target": "x/y"},
        {"status": -1},
        {"status": "200"},
        {"status": True},
        {"in": 2**63},
        {"in": 1.5},
        {"tenant": None},
        {"tenant": "a\0b"},
        {"method": "\ud800"},
        {"start": "never"},
        {"start": "99999999999999999999"},
        {"ms": 2**62},
    ],
)
def test_what_cannot_be_stored_is_garbage(changes: dict[str, Any]) -> None:
    with pytest.raises(GarbageLineError):
        parse(line(**changes))


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_nothing_else_gets_out_of_any_line(text: bytes) -> None:
    with pytest.raises(GarbageLineError):
        parse(text)


def test_deep_nesting_is_garbage() -> None:
    with pytest.raises(GarbageLineError):
        parse(b"[" * 100_000)
