"""Drives the provider's resources as the engine would, without one.

``Machine.declare`` checks and creates; ``Declared.up`` is a later `pulumi up`: it looks at the real
thing, compares, and creates or updates only where something differs.
"""

import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from components.clouds.local.provider import processes, registry
from components.clouds.local.provider.framework import AnyResource, Difference, Live
from components.clouds.local.provider.values import Properties, Value
from tests.ports import free_port

PASSWORD = "correct-horse-battery-staple"
LOOPBACK = "127.0.0.1"

T = TypeVar("T")


def answers(port: int) -> bool:
    """Tells whether somebody listens on a port."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=2):
        return True
    return False


def wait_for(condition: Callable[[], T], what: str, seconds: float = 15) -> T:
    """Returns the first truthy result of a condition, failing when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Declared:
    """A resource in the state: what was declared and what came of it."""

    resource: AnyResource
    inputs: Properties
    properties: Properties

    def read(self) -> Live | None:
        """Returns what `pulumi refresh` finds."""
        return self.resource.read(self.resource.parse(self.inputs), self.properties)

    def drift(self) -> list[str]:
        """Returns in words what is not as declared."""
        live = self.read()
        return ["gone"] if live is None else live.drift

    def up(self, **changes: Any) -> Difference:
        """Runs an update with some inputs changed (None removes one); returns what differed."""
        news, failures = self.resource.check(
            {key: value for key, value in {**self.inputs, **changes}.items() if value is not None}
        )
        assert failures == []
        live = self.read()
        if live is None:
            difference = Difference(replaces=frozenset({"gone"}))
            outputs = self.resource.apply(self.resource.parse(news), None)
        else:
            found: list[Value] = [*live.drift]
            self.properties |= live.outputs | {"drift": found}
            difference = self.resource.diff(self.inputs, news, self.properties)
            if difference == Difference():
                return difference
            outputs = self.resource.apply(self.resource.parse(news), self.properties)
        self.inputs, self.properties = news, news | outputs | {"drift": []}
        return difference

    def delete(self) -> None:
        """Removes it."""
        self.resource.delete(self.resource.parse(self.inputs))


class Machine:
    """A folder with resources in it."""

    def __init__(self, home: Path) -> None:
        """Sets the folder."""
        self.home = home

    def declare(self, kind: str, **inputs: Any) -> Declared:
        """Checks and creates a resource."""
        resource = registry.find(registry.PREFIX + kind)
        news, failures = resource.check(inputs)
        assert failures == []
        outputs = resource.apply(resource.parse(news), None)
        return Declared(resource, news, news | outputs | {"drift": []})

    def supervisor(self, name: str = "region") -> Declared:
        """Creates a supervisor."""
        folder = str(self.home / name)
        return self.declare("Supervisor", name=name, folder=folder, port=free_port())

    def running(self, name: str = "") -> list[processes.Marked]:
        """Returns the processes below the folder, or those whose mark ends so."""
        return [one for one in processes.marked_below(self.home) if one.mark.endswith(name)]

    def only(self, name: str, supervisor: str = "region") -> int:
        """Returns the id of a supervisor's one process with a name, of the parent if it forks."""
        found = self.running(f"{supervisor}/{name}")
        ids = {one.pid for one in found}
        roots = [one.pid for one in found if one.process.ppid() not in ids]
        assert len(roots) == 1, found
        return roots[0]

    def kill(self, name: str = "") -> None:
        """Kills the processes whose mark ends so, all at once, and waits for their end."""

        def none_left() -> bool:
            found = self.running(name)
            for one in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)
            return not found

        wait_for(none_left, f"{name or 'everything'} is dead")

    def close(self) -> None:
        """Ends what a test left running, the quick way."""
        self.kill()


def vanish(folder: Path) -> None:
    """Deletes a folder in which a running server may be writing."""
    gone = folder.rename(folder.with_name(f"{folder.name}.gone"))
    wait_for(lambda: shutil.rmtree(gone, ignore_errors=True) or not gone.exists(), "deleted")
