"""Fingerprints of the code a process runs, so that `pulumi up` restarts what has changed.

On the clouds an image's digest plays this part.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_SUFFIXES = {".py", ".cedar", ".cedarschema", ".binpb", ".lua"}


@cache
def _fingerprint(folder: Path) -> bytes:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in _SUFFIXES and path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


def fingerprint(folders: Iterable[Path]) -> str:
    """Returns a SHA-256, hexadecimal, of the code below the folders."""
    return hashlib.sha256(b"".join(_fingerprint(folder) for folder in folders)).hexdigest()
