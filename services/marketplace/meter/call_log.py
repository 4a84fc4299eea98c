"""Reads a gateway's call log while the gateway writes it, and puts a full one aside."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHUNK_BYTES: Final = 256 * 1024
_HEAD_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file was read.

    Attributes:
        device: Device of the file.
        inode: Inode of the file; together they survive a rename.
        offset: Bytes read.
        head: Hash of the file's first bytes, because inodes of deleted files are used again.
    """

    device: int
    inode: int
    offset: int
    head: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole lines from a file, and the position after them."""

    lines: tuple[bytes, ...]
    position: Position
    more: bool


class CallLog:
    """The log that the gateway appends to, and the full one before it while it is read to its end.

    Args:
        path: Where the gateway writes.
        rotate_bytes: A log larger than this is put aside.
    """

    def __init__(self, path: Path, rotate_bytes: int) -> None:
        self.path = path
        self.full_path = path.with_name(path.name + ".full")
        self._rotate_bytes = rotate_bytes

    def next_batch(self, position: Position | None) -> Batch | None:
        """Reads what comes after a position.

        Returns:
            Lines and the new position; None when there is nothing new. The full log comes first,
            and it is done when the gateway has begun a new one and the last byte was read.
        """
        if self.full_path.exists():
            # Looked at before the last read: the gateway closes the full log before it makes this.
            begun = self.path.exists()
            batch = _read(self.full_path, position, complete=begun)
            if batch is not None or not begun:
                return batch
            return Batch((), _beginning(self.path), more=True)
        return _read(self.path, position, complete=False)

    def rotate(self) -> bool:
        """Puts the log aside if it is full and the one before it is done; True when it did."""
        if self.full_path.exists() or _size(self.path) <= self._rotate_bytes:
            return False
        self.path.rename(self.full_path)
        return True

    @property
    def waits_for_gateway(self) -> bool:
        """Whether the gateway has still to begin a new log."""
        return self.full_path.exists() and not self.path.exists()

    def forget_full(self, position: Position | None) -> None:
        """Deletes the full log once the stored position is in the new one."""
        if position is None or not self.full_path.exists():
            return
        status = self.full_path.stat()
        if (status.st_dev, status.st_ino) != (position.device, position.inode) and _is_at(
            self.path, position
        ):
            self.full_path.unlink()

    def unread_bytes(self, position: Position | None) -> int:
        """Returns how many bytes were written and not read."""
        unread = 0
        for path in (self.full_path, self.path):
            unread += _size(path)
            if position is not None and _is_at(path, position):
                unread = _size(path) - position.offset
        return max(unread, 0)


def _beginning(path: Path) -> Position:
    status = path.stat()
    return Position(status.st_dev, status.st_ino, 0, _hash(b""))


def _is_at(path: Path, position: Position) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    return (status.st_dev, status.st_ino) == (position.device, position.inode)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, position: Position | None, *, complete: bool) -> Batch | None:
    """Reads whole lines; of a complete file also a last one without its newline."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(descriptor)
        offset = _offset(descriptor, status, position)
        data = os.pread(descriptor, CHUNK_BYTES, offset)
        end = data.rfind(b"\n") + 1
        # A line that fills a whole chunk is no record; what is left of it later is none either.
        if end == 0 and (len(data) == CHUNK_BYTES or (complete and data)):
            end = len(data)
        if end == 0:
            return None
        new_offset = offset + end
        head = _hash(os.pread(descriptor, min(new_offset, _HEAD_BYTES), 0))
        lines = tuple(line for line in data[:end].split(b"\n") if line)
        return Batch(
            lines,
            Position(status.st_dev, status.st_ino, new_offset, head),
            more=status.st_size > new_offset,
        )
    finally:
        os.close(descriptor)


def _offset(descriptor: int, status: os.stat_result, position: Position | None) -> int:
    if position is None or (status.st_dev, status.st_ino) != (position.device, position.inode):
        return 0
    head = os.pread(descriptor, min(position.offset, _HEAD_BYTES), 0)
    if status.st_size < position.offset or _hash(head) != position.head:
        return 0
    return position.offset


def _hash(head: bytes) -> str:
    return hashlib.blake2b(head, digest_size=12).hexdigest()
