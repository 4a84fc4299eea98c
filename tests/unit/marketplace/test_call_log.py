"""Reading a log that is written, torn, put aside and replaced meanwhile."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from services.marketplace.meter.call_log import CHUNK_BYTES, CallLog, Position


def read_all(log: CallLog, position: Position | None) -> tuple[list[bytes], Position | None]:
    lines: list[bytes] = []
    while (batch := log.next_batch(position)) is not None:
        lines += batch.lines
        position = batch.position
        log.forget_full(position)
    return lines, position


def test_a_log_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "log", 100)
    assert log.next_batch(None) is None
    assert log.unread_bytes(None) == 0
    assert not log.rotate()


def test_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = CallLog(path, 100)
    path.write_bytes(b"one\ntw")
    lines, position = read_all(log, None)
    assert lines == [b"one"]
    assert log.unread_bytes(position) == 2
    path.write_bytes(b"one\ntwo\n")
    assert read_all(log, position)[0] == [b"two"]


def test_the_full_log_is_read_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = CallLog(path, 5)
    path.write_bytes(b"one\ntwo\n")
    position = read_all(log, None)[1]
    with path.open("ab") as gateway:
        gateway.write(b"three\n")
        gateway.flush()
        assert log.rotate()
        assert log.waits_for_gateway
        gateway.write(b"four\nfi")
        gateway.flush()
        lines, position = read_all(log, position)
        assert lines == [b"three", b"four"]
        assert log.full_path.exists(), "the gateway may still write to it"
        gateway.write(b"ve\ntorn")
    path.write_bytes(b"six\n")
    assert not log.waits_for_gateway
    lines, position = read_all(log, position)
    assert lines == [b"five", b"torn", b"six"]
    assert not log.full_path.exists()
    assert log.unread_bytes(position) == 0


def test_a_meter_that_died_between_storing_and_deleting_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = CallLog(path, 5)
    path.write_bytes(b"one\ntwo\n")
    position = read_all(log, None)[1]
    assert log.rotate()
    path.write_bytes(b"three\n")
    batch = log.next_batch(position)
    assert batch is not None
    assert batch.lines == ()
    again = CallLog(path, 5)
    again.forget_full(batch.position)
    assert not again.full_path.exists()
    assert read_all(again, batch.position)[0] == [b"three"]


def test_another_file_under_the_same_inode_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = CallLog(path, 1000)
    path.write_bytes(b"first line\n")
    position = read_all(log, None)[1]
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(b"other line\nmore\n")
    assert read_all(log, position)[0] == [b"other line", b"more"]


def test_a_line_without_end_does_not_stop_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (2 * CHUNK_BYTES + 7) + b"\nnext\n")
    assert read_all(CallLog(path, 10**9), None)[0][-1] == b"next"


@settings(max_examples=60)
@given(
    parts=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=12),
    rotate=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_every_whole_line_is_read_once(
    tmp_path_factory: object, parts: list[bytes], rotate: list[bool]
) -> None:
    folder: Path = tmp_path_factory.mktemp("log")  # type: ignore[attr-defined]
    path = folder / "log"
    log, position, seen = CallLog(path, 30), None, list[bytes]()
    gateway = path.open("ab")
    for part, reopen in zip(parts, rotate, strict=False):
        gateway.write(part)
        gateway.flush()
        lines, position = read_all(log, position)
        seen += lines
        log.rotate()
        if reopen and log.waits_for_gateway:
            gateway.write(b"\n")
            gateway.close()
            gateway = path.open("ab")
    gateway.write(b"\n")
    gateway.close()
    if log.waits_for_gateway:
        path.touch()
    seen += read_all(log, position)[0]
    expected = b""
    for part, reopen in zip(parts, rotate, strict=False):
        expected += part
        del reopen
    assert b"".join(seen) == expected.replace(b"\n", b"")
