"""``make drift ENV=…``: what is other in the clouds, or on this machine, than the state says.

Nothing is changed, neither resources nor state. Exit status 0: nothing differs; 1: something does,
and is in ``.platform/drift.md`` as well; 2: it could not be looked, and nothing is known.
"""

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tools.deployed import Deployed, UnreachableError, deployed
from tools.paths import home
from tools.progress import say
from tools.review.changes import place_of
from tools.urn import kind_and_name

_SAME = "refresh"
"""The operation of a resource that is as the state says."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A resource that is not as the state says.

    Attributes:
        place: the region that it is in, empty for what is in none.
        paths: the properties that differ, never their values; none of what is gone.
        gone: whether there is no such resource any more.
    """

    kind: str
    name: str
    place: str
    paths: tuple[str, ...] = ()
    gone: bool = False


def differences(
    steps: Iterable[Mapping[str, Any]], regions: Collection[str]
) -> Sequence[Difference]:
    """Returns what the steps of ``pulumi refresh --preview-only --json`` say, sorted by place.

    Args:
        steps: as printed.
        regions: the environment's.
    """
    found: list[Difference] = []
    for step in steps:
        if step["op"] == _SAME:
            continue
        kind, name = kind_and_name(step["urn"])
        paths = cast("Mapping[str, Any]", step.get("detailedDiff") or {})
        reasons = cast("Sequence[str]", step.get("diffReasons") or ())
        found.append(
            Difference(
                kind=kind,
                name=name,
                place=place_of(name, regions),
                paths=tuple(sorted(paths or reasons)),
                gone=step["op"] == "delete",
            )
        )
    return sorted(found, key=lambda one: (one.place, one.kind, one.name))


def look(target: Deployed) -> Sequence[Difference]:
    """Asks the clouds, or this machine, and returns what differs.

    Raises:
        UnreachableError: there is no state, or the asking failed.
    """
    if not target.resources():
        raise UnreachableError("its state is empty: nothing is deployed")
    ended = target.stack.run("refresh", "--preview-only", "--json", capture=True)
    try:
        printed = cast("dict[str, Any]", json.loads(ended.stdout))
    except ValueError:
        printed = {}
    if ended.returncode != 0 or "steps" not in printed:
        said = cast("Iterable[Mapping[str, Any]]", printed.get("diagnostics") or ())
        why = "".join(str(one["message"]) for one in said) or ended.stderr or ended.stdout
        raise UnreachableError(f"`pulumi refresh` failed: {why.strip()}")
    return differences(printed["steps"] or (), target.weights)


def table(name: str, found: Sequence[Difference]) -> str:
    """Returns differences as Markdown that is readable on a terminal too."""
    rows = [
        (
            f"{one.kind} {one.name}",
            one.place or "-",
            "is gone" if one.gone else ", ".join(one.paths),
        )
        for one in found
    ]
    head = ("resource", "region", "what differs")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(3)]
    lines = [
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in (head, tuple("-" * width for width in widths), *rows)
    ]
    said = f"{name}: {len(found)} resource(s) are other than the state says."
    mend = (
        f"`make apply ENV={name}` makes them as declared again, after `pulumi refresh -s {name}`."
    )
    return "\n".join([said, "", *lines, "", mend, ""])


def main(name: str) -> int:
    """Looks at a stack, prints what differs and returns the exit code."""
    report = home() / "drift.md"
    report.unlink(missing_ok=True)
    try:
        found = look(deployed(name))
    except UnreachableError as error:
        say(f"cannot look for drift in {name}: {error}")
        return 2
    if not found:
        print(f"{name}: everything is as the state says")
        return 0
    text = table(name, found)
    report.write_text(text)
    print(text, end="")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "local"))
