"""The decisions that services made, as their logs have them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.runtime.access import DECISIONS, NAMESPACE
from tools.access_review.schema import Action
from tools.access_review.space import Request
from tools.paths import ROOT, home

KEPT = ROOT / "tests" / "golden" / "access" / "decisions.jsonl"
"""Decisions for a machine that has made none."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A decision that a service made.

    Attributes:
        request: what was asked.
        allowed: what the service answered.
    """

    request: Request
    allowed: bool


_SIGN = f'"{DECISIONS}"'


def logs() -> list[Path]:
    """Returns the logs on this machine that decisions may be in, the kept recording among them."""
    return [KEPT, *sorted(home().glob("*/logs/*.log*"))]


def recorded(files: Sequence[Path]) -> list[Recorded]:
    """Returns the decisions in logs, each once."""
    found: list[str] = []
    for file in files:
        with file.open(errors="replace") as lines:
            # What else is in a log can be much, and is not kept.
            found += (line for line in lines if _SIGN in line)
    return recorded_in(found)


def recorded_in(lines: Iterable[str]) -> list[Recorded]:
    """Returns the decisions in lines of a log, each once; other lines are passed over."""
    found: dict[str, Recorded] = {}
    for line in lines:
        try:
            decision = _decision(json.loads(line))
        except (ValueError, KeyError, TypeError):
            continue  # another program's line, or one that was cut off
        if decision is not None:
            found.setdefault(repr(decision), decision)
    return list(found.values())


def _decision(said: Mapping[str, Any]) -> Recorded | None:
    if said["logger"] != DECISIONS:
        return None
    request = Request(
        principal=_entity(said["principal"]),
        action=Action(type=f"{NAMESPACE}::Action", id=said["action"]),
        resource=_entity(said["resource"]),
        context=said["context"],
    )
    return Recorded(request=request, allowed=said["allowed"])


def _entity(said: Mapping[str, Any]) -> dict[str, Any]:
    uid = {"type": f"{NAMESPACE}::{said['kind']}", "id": said["id"]}
    return {"uid": uid, "attrs": said["attributes"], "parents": []}
