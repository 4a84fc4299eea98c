"""Every resource type and function of one SDK, read when first asked for and kept on disk."""

import json
import os
import sqlite3
import threading
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tools.paths import CACHE
from tools.simulation.sdk import source
from tools.simulation.sdk.reading import Reader
from tools.simulation.sdk.types import (
    Definition,
    Properties,
    dump_definition,
    dump_properties,
    load_definition,
    load_properties,
)

_FORMAT = 5
"""Raised when what is kept changes shape or meaning."""


class UnknownTokenError(Exception):
    """The SDK has no such resource type or function; the message names the nearest ones."""


class Catalogue:
    """Knows one SDK. Serves many threads."""

    def __init__(self, provider: str, cache: Path = CACHE) -> None:
        """Opens what earlier runs have read of the installed version.

        Raises:
            SdkMissingError: the SDK is not installed.
        """
        self.provider = provider
        self._lock = threading.RLock()
        self._definitions: dict[str, Definition] = {}
        self._nested: dict[str, Properties] = {}
        self._reader = Reader(provider)
        self.version = source.version(provider)
        place = cache / "sdk" / f"{provider}-{self.version}.{_FORMAT}.sqlite"
        place.parent.mkdir(parents=True, exist_ok=True)
        self._kept = sqlite3.connect(
            place, check_same_thread=False, isolation_level=None, timeout=60
        )
        self._kept.execute("PRAGMA journal_mode=WAL")
        self._kept.execute("PRAGMA synchronous=OFF")
        self._kept.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT)")
        self._index = self._load_index()

    def find(self, token: str) -> Definition:
        """Returns a resource type or function.

        Raises:
            UnknownTokenError: there is none of that name.
        """
        with self._lock:
            found = self._definitions.get(token)
            if found is None:
                found = self._definitions[token] = self._read(token)
            return found

    def nested(self, reference: str) -> Properties:
        """Returns the properties of an object type that a `Type` refers to."""
        with self._lock:
            found = self._nested.get(reference)
            if found is None:
                stored = self._get(reference)
                if stored is None:
                    stored = dump_properties(self._reader.nested(reference))
                    self._put(reference, stored)
                found = self._nested[reference] = load_properties(stored)
            return found

    def _read(self, token: str) -> Definition:
        place = self._index.get(token)
        if place is None:
            near = get_close_matches(token, self._index, n=3, cutoff=0.7)
            meant = f"; there is {', '.join(near)}" if near else ""
            installed = f"{source.package_name(self.provider)} {self.version}"
            raise UnknownTokenError(f"{installed} has no {token}{meant}")
        stored = self._get(token)
        if stored is None:
            name = place.rpartition(":")[2]
            is_function = token.rpartition(":")[2][:1].islower() and name.endswith("Result")
            read = self._reader.function if is_function else self._reader.resource
            stored = dump_definition(read(token, place))
            self._put(token, stored)
        return load_definition(stored)

    def _load_index(self) -> dict[str, str]:
        stored = self._get("index")
        if stored is None:
            stored = source.index(self.provider)
            self._put("index", stored)
        return stored

    def _get(self, key: str) -> Any:
        row = self._kept.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def _put(self, key: str, value: Any) -> None:
        text = json.dumps(value, separators=(",", ":"))
        self._kept.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, text))


_OPEN: dict[tuple[int, str], Catalogue] = {}


def catalogue(provider: str) -> Catalogue:
    """Returns this process's catalogue of a provider's SDK.

    Raises:
        SdkMissingError: the SDK is not installed.
    """
    key = (os.getpid(), provider)
    if key not in _OPEN:
        _OPEN[key] = Catalogue(provider)
    return _OPEN[key]
