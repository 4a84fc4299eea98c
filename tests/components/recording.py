"""Pulumi's mocks, made to remember what the engine would have been told.

``Recorder.made`` has every resource with its type, name, inputs, parent and dependencies, as
registered: tests assert on that and not on our own arguments.
"""

import asyncio
import gc
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks as pulumi_mocks

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key with which Pulumi's wire format marks a secret."""


@dataclass(frozen=True)
class Made:
    """A resource as the engine was told of it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    depends_on: frozenset[str]


class Recorder(pulumi_mocks.Mocks):
    """Answers like a provider that has made everything, and remembers what was asked."""

    def __init__(
        self,
        outputs: Callable[[pulumi_mocks.MockResourceArgs], Mapping[str, Any]],
        calls: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Remembers nothing yet.

        Args:
            outputs: gives a resource's outputs besides its inputs.
            calls: results of the functions that may be called, by token.
        """
        self.made: list[Made] = []
        self._outputs = outputs
        self._calls = calls or {}

    def remember(self, request: Any) -> None:
        """Keeps a registration as the engine would get it; not the stack's, made once a process."""
        if request.type == "pulumi:pulumi:Stack":
            return
        properties = json_format.MessageToDict(request.object)
        urns = [*request.dependencies, request.parent]
        self.made.append(
            Made(
                type=request.type,
                name=request.name,
                inputs=_plain(properties),
                parent=request.parent.rpartition("::")[2],
                depends_on=frozenset(urn.rpartition("::")[2] for urn in urns),
            )
        )

    def new_resource(
        self, args: pulumi_mocks.MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        return f"{args.name}-id", {**self._outputs(args), **args.inputs}

    def call(self, args: pulumi_mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token not in self._calls:
            raise AssertionError(f"nobody expects a call of {args.token}")
        return dict(self._calls[args.token]), []

    def of(self, kind: str) -> dict[str, Made]:
        """Returns the resources of a type (such as ``aws:ec2/vpc:Vpc``), by name."""
        return {one.name: one for one in self.made if one.type == kind}


def _plain(value: Any) -> Any:
    """Returns a value without the marks that say it is secret."""
    if isinstance(value, dict):
        return (
            _plain(value["value"])
            if _SIGNATURE in value
            else {key: _plain(one) for key, one in value.items()}
        )
    return [_plain(one) for one in value] if isinstance(value, list) else value


class RecordingMonitor(pulumi_mocks.MockMonitor):
    """Lets the recorder see parents and dependencies, which mocks are not shown."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        if isinstance(self.mocks, Recorder):
            self.mocks.remember(request)
        return super().RegisterResource(request)


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Lets programs run against a recorder."""
    try:
        before = the_loop()
    except RuntimeError:  # asynchronous tests that ran earlier have left none
        before = None
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(
        recorder,
        project="ai-platform",
        stack="test",
        preview=False,
        monitor=RecordingMonitor(recorder),
    )
    yield recorder
    the_loop().close()
    asyncio.set_event_loop(before)
    # Pulumi's mocks leave an open event loop in each of their threads; collected at a moment of
    # the interpreter's own choice, the warnings end up in whatever it is doing then.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def the_loop() -> asyncio.AbstractEventLoop:
    """Returns the event loop that set_mocks has made current."""
    return asyncio.get_event_loop_policy().get_event_loop()


def settle() -> None:
    """Waits until every resource that was declared has been registered."""
    the_loop().run_until_complete(pulumi.runtime.stack.wait_for_rpcs())


def resolved(output: pulumi.Output[Any]) -> Any:
    """Returns the value of an output; unlike an assert inside `apply`, it can fail a test."""
    return the_loop().run_until_complete(output.future())
