"""The simulated cloud on disk: every resource there is, what names it, and what it refers to.

One SQLite file, committed before an answer is sent, so that a killed run loses nothing it was told
of. Tests open the same file to look, to tamper (drift) and to delete behind Pulumi's back.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from components.clouds.local.provider.values import Properties, Value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    key INTEGER PRIMARY KEY, token TEXT NOT NULL, place TEXT NOT NULL, id TEXT NOT NULL,
    urn TEXT NOT NULL, inputs TEXT NOT NULL, properties TEXT NOT NULL,
    UNIQUE (token, place, id)
);
CREATE TABLE IF NOT EXISTS names (name TEXT NOT NULL, key INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mentions (name TEXT NOT NULL, key INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS names_by_name ON names (name);
CREATE INDEX IF NOT EXISTS names_by_key ON names (key);
CREATE INDEX IF NOT EXISTS mentions_by_name ON mentions (name);
CREATE INDEX IF NOT EXISTS mentions_by_key ON mentions (key);
"""
_COLUMNS = "key, token, place, id, urn, inputs, properties"
_NAMING = {"id", "arn", "selfLink", "arnSuffix", "email", "member"}
"""Outputs by which other resources refer to one."""

_COMPANION = re.compile(r"(sg|rtb|acl|eni|pl|dopt)-[0-9a-f]{8,17}")
_WITH_COMPANIONS = ("vpcConfig",)
"""Inputs in which AWS adds ids of its own."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of the cloud.

    Attributes:
        place: where its id is unique: account and region, project or subscription.
        inputs: as last declared, without what a drift changed.
        properties: as they are.
    """

    key: int
    token: str
    place: str
    id: str
    urn: str
    inputs: Properties
    properties: Properties

    @property
    def name(self) -> str:
        """The resource's name in the program that made it."""
        return self.urn.rpartition("::")[2]


class Cloud:
    """What there is, of all clouds together. Serves many threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Opens the cloud of a folder, an empty one at first."""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            folder / "cloud.sqlite", check_same_thread=False, isolation_level=None, timeout=60
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        # A killed process loses nothing with this; only a machine that loses power would.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._depth = 0

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Lets nobody else change the cloud within; takes all back when it is left by an error."""
        with self._lock:
            if self._depth:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")
            finally:
                self._depth = 0

    def add(
        self,
        *,
        token: str,
        place: str,
        id: str,  # noqa: A002 - the protocol's word
        urn: str,
        inputs: Properties,
        properties: Properties,
    ) -> None:
        """Adds a resource.

        Raises:
            sqlite3.IntegrityError: there is one of that type, place and id.
        """
        with self.transaction():
            cursor = self._connection.execute(
                "INSERT INTO resources (token, place, id, urn, inputs, properties)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (token, place, id, urn, json.dumps(inputs), json.dumps(properties)),
            )
            assert cursor.lastrowid is not None  # noqa: S101 - an INSERT has one
            self._describe(cursor.lastrowid, id, inputs, properties)

    def change(self, resource: Resource, *, inputs: Properties, properties: Properties) -> None:
        """Gives a resource other inputs and properties."""
        with self.transaction():
            self._connection.execute(
                "UPDATE resources SET inputs = ?, properties = ? WHERE key = ?",
                (json.dumps(inputs), json.dumps(properties), resource.key),
            )
            self._describe(resource.key, resource.id, inputs, properties)

    def adjust(self, resource: Resource, properties: Properties) -> None:
        """Changes some properties of a resource because another one has changed."""
        with self.transaction():
            now = self._select("WHERE key = ?", resource.key)
            if now:
                merged = now[0].properties | properties
                self.change(now[0], inputs=now[0].inputs, properties=merged)

    def remember(self, name: str) -> None:
        """Keeps a name taken after its bearer has gone, as clouds that delete softly do."""
        self.count(f"remembered {name}")

    def remembers(self, name: str) -> bool:
        """Tells whether a name is kept taken."""
        with self._lock:
            row = self._connection.execute(
                "SELECT 1 FROM counts WHERE name = ?", (f"remembered {name}",)
            ).fetchone()
        return row is not None

    def remove(self, resource: Resource) -> None:
        """Removes a resource."""
        with self.transaction():
            for table in ("resources", "names", "mentions"):
                self._connection.execute(f"DELETE FROM {table} WHERE key = ?", (resource.key,))  # noqa: S608 - of the three above

    def find(self, token: str, place: str, id: str) -> Resource | None:  # noqa: A002 - as above
        """Returns a resource."""
        found = self._select("WHERE token = ? AND place = ? AND id = ?", token, place, id)
        return found[0] if found else None

    def resources(self, token: str = "", place: str = "") -> list[Resource]:
        """Returns the resources of a type and place, of all when not said, oldest first."""
        conditions = {"token": token, "place": place}
        said = [name for name, value in conditions.items() if value]
        where = " AND ".join(f"{name} = ?" for name in said)
        return self._select(f"WHERE {where}" if where else "", *(conditions[name] for name in said))

    def named(self, name: str) -> list[Resource]:
        """Returns the resources that an id, an ARN or a link of any cloud means."""
        return self._select("WHERE key IN (SELECT key FROM names WHERE name = ?)", _canonical(name))

    def mentioning(self, resource: Resource) -> list[Resource]:
        """Returns the other resources whose inputs hold one of a resource's names."""
        return self._select(
            "WHERE key != ? AND key IN (SELECT mentions.key FROM mentions JOIN names"
            " ON names.name = mentions.name WHERE names.key = ?)",
            resource.key,
            resource.key,
        )

    def tamper(self, id: str, **properties: Value) -> None:  # noqa: A002 - as above
        """Changes properties of a resource as somebody with a console would.

        Raises:
            KeyError: nothing has that id.
        """
        with self.transaction():
            resource = self._only(id)
            self._connection.execute(
                "UPDATE resources SET properties = ? WHERE key = ?",
                (json.dumps(resource.properties | properties), resource.key),
            )

    def lose(self, id: str) -> None:  # noqa: A002 - as above
        """Deletes a resource as somebody with a console would.

        Raises:
            KeyError: nothing has that id.
        """
        with self.transaction():
            self.remove(self._only(id))

    def count(self, name: str) -> int:
        """Returns how often this has been called with a name, this call included."""
        with self.transaction():
            row = self._connection.execute(
                "INSERT INTO counts VALUES (?, 1)"
                " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
            return int(row[0])

    def _only(self, id: str) -> Resource:  # noqa: A002 - as above
        found = self._select("WHERE id = ?", id) or self.named(id)
        if len(found) != 1:
            raise KeyError(f"{len(found)} resources are called {id!r}")
        return found[0]

    def _select(self, condition: str, *values: str | int) -> list[Resource]:
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM resources {condition} ORDER BY key",  # noqa: S608 - ours
                values,
            ).fetchall()
        return [_resource(row) for row in rows]

    def _describe(self, key: int, id: str, inputs: Properties, properties: Properties) -> None:  # noqa: A002 - as above
        names = {_canonical(id)}
        for name in _NAMING:
            value = properties.get(name)
            if isinstance(value, str) and value:
                names.add(_canonical(value))
        # What a cloud makes along with a resource, as a VPC's default security group.
        own = {key: value for key, value in properties.items() if key not in inputs}
        own |= {key: properties[key] for key in _WITH_COMPANIONS if key in properties}
        companions = {text for text in strings(own) if _COMPANION.fullmatch(text)}
        mentioned = {_canonical(text) for text in strings(inputs)}
        names |= companions - mentioned
        for table, found in (("names", names), ("mentions", mentioned)):
            self._connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608 - of the two
            self._connection.executemany(
                f"INSERT INTO {table} VALUES (?, ?)",  # noqa: S608 - of the two above
                [(name, key) for name in found],
            )


def strings(value: Value) -> Iterable[str]:
    """Yields every string within a value."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from strings(item)
        case dict():
            for key, item in value.items():
                if not key.startswith("__"):
                    yield from strings(item)
        case _:
            pass


def _canonical(name: str) -> str:
    """Returns a name as all its spellings share it: no host before a path, Azure in lower case."""
    if name.startswith("https://www.googleapis.com/compute/"):
        return name.split("/", 5)[5]
    if name.lower().startswith("/subscriptions/"):
        return name.lower().rstrip("/")
    return name


def _resource(row: tuple[Any, ...]) -> Resource:
    key, token, place, id_, urn, inputs, properties = row
    return Resource(
        key=cast("int", key),
        token=str(token),
        place=str(place),
        id=str(id_),
        urn=str(urn),
        inputs=json.loads(inputs),
        properties=json.loads(properties),
    )
