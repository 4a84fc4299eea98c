"""Keeps an idle process small."""

import ctypes
import sys
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
_BYTES = 1 << 20


def return_large_blocks() -> None:
    """Makes glibc give blocks of a mebibyte and more back to the system when they are freed.

    By default its threshold grows to the largest block freed so far (mallopt(3)): after one argon2
    hash of 19 MiB, every thread that hashes would keep as much for ever.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another libc
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BYTES)
