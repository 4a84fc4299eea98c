"""What one run of the engine declares for one cluster, as far as its program has come."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from tools.simulation.kubernetes.api import Object
from tools.simulation.kubernetes.objects import name_of
from tools.simulation.kubernetes.references import (
    Reference,
    dangling,
    keys_of,
    made_secrets,
    needed,
)

_PATIENCE_SECONDS = 3.0
"""How long an object waits for one that it names: the program may declare that a moment later."""


class Declared:
    """The objects declared so far; safe for many threads."""

    def __init__(self) -> None:
        """Starts with none."""
        self._objects: dict[str, Mapping[str, Any]] = {}
        self._releases: dict[str, Mapping[str, Any]] = {}
        self._changed = threading.Condition()

    def add(self, urn: str, manifest: Mapping[str, Any]) -> None:
        """Notes an object of the program."""
        with self._changed:
            self._objects[urn] = manifest
            self._changed.notify_all()

    def add_release(self, urn: str, chart: str, namespace: str) -> None:
        """Notes a Helm release of the program."""
        with self._changed:
            self._releases[urn] = {"kind": "Release", "chart": chart, "namespace": namespace}
            self._changed.notify_all()

    def namespace(self, name: str) -> Mapping[str, Any] | None:
        """Returns a declared Namespace, waiting for it a little."""

        def find() -> Mapping[str, Any] | None:
            return next((one for one in self._of("Namespace") if name_of(one) == name), None)

        return self._await(find)

    def has_release(self, chart: str) -> bool:
        """Tells whether a Helm release of a chart is declared, waiting for it a little."""
        found = self._await(
            lambda: next(
                (one for one in self._releases.values() if one["chart"] == chart),
                None,
            )
        )
        return found is not None

    def missing(
        self, manifest: Mapping[str, Any], live: Callable[[Reference], Object | None]
    ) -> str | None:
        """Returns what an object names that is nowhere, in words; None when all is there.

        Args:
            manifest: the object.
            live: looks in the cluster itself.
        """
        for reference in needed(manifest):
            if not reference.built_in:
                said = self._await(lambda one=reference: self._found(one, live)) or "nothing"
                if said != "found":
                    return self._refusal(reference)
        return None

    def dangling(self) -> list[str]:
        """Returns selectors and targets that match nothing of what is declared, in words."""
        with self._changed:
            return dangling([*self._objects.values(), *self._releases.values()])

    def _refusal(self, reference: Reference) -> str:
        where = f" in namespace {reference.namespace}" if reference.namespace else ""
        what = f"{reference.kind} {reference.name}"
        if reference.key and self._found(
            Reference(reference.path, reference.kind, reference.name, reference.namespace),
            lambda _: None,
        ):
            what = f"entry {reference.key!r} of {what}"
        return f"{reference.path}: there is no {what}{where}; declare it, or name one that exists"

    def _found(
        self, reference: Reference, live: Callable[[Reference], Object | None]
    ) -> str | None:
        for one in self._of(reference.kind):
            name = name_of(one)
            if name is None and "name" in one.get("metadata", {}):
                return "found"  # its name is not known yet, and may be this one
            if name == reference.name and self._fits(one, reference):
                return "found" if _holds(keys_of(one), reference.key) else None
        if reference.kind == "Secret":
            for one in list(self._objects.values()):
                made = made_secrets(one)
                if reference.name in made and self._fits(one, reference):
                    return "found" if _holds(made[reference.name], reference.key) else None
        existing = live(reference)
        if existing is not None and _holds(keys_of(existing), reference.key):
            return "found"
        return None

    @staticmethod
    def _fits(one: Mapping[str, Any], reference: Reference) -> bool:
        namespace = one.get("metadata", {}).get("namespace", "default")
        return (
            reference.namespace is None
            or not isinstance(namespace, str)
            or namespace == reference.namespace
        )

    def _of(self, kind: str) -> list[Mapping[str, Any]]:
        return [one for one in list(self._objects.values()) if one.get("kind") == kind]

    def _await(self, find: Callable[[], Any]) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: find() is not None, _PATIENCE_SECONDS)
            return find()


def _holds(keys: frozenset[str] | None, wanted: str | None) -> bool:
    return wanted is None or keys is None or wanted in keys
