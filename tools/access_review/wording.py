"""Differences in words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import cedarpy

from tools.access_review.compare import Term
from tools.access_review.conditions import Expression, literals_in, path_of
from tools.access_review.policies import Policy, together

_KINDS = {"Anonymous": "anonymous callers"}
_OURS = re.compile(r"aiplatform\.(\w+)\.v\d+\.\w+/(\w+)")
_BODY = re.compile(r"when \{(.*)\};?\s*$", re.DOTALL)
_ADMIN = "admin"

_Phrase = tuple[str, str]
"""Where it goes in a sentence (who, where or when), and what it says."""


def action(id_: str) -> str:
    """Returns an action's name: of an RPC of ours, without what all of them have."""
    return code(_OURS.sub(r"\1.\2", id_))


def code(text: str) -> str:
    """Returns text as Markdown code, whatever it has in it."""
    return "`" + text.replace("`", "'") + "`"


def who(kinds: Sequence[str]) -> str:
    """Returns what principals of some kinds are called."""
    names = [kind.rpartition("::")[2] for kind in kinds]
    return " and ".join(_KINDS.get(name, f"{name.lower()}s") for name in names)


def of_admins(terms: Iterable[Term]) -> bool:
    """Tells whether terms ask for administrators."""
    return any(term.holds and _ADMIN in literals_in(term.condition) for term in terms)


def phrases(terms: Iterable[Term]) -> Mapping[str, str]:
    """Returns terms as what to put after a principal (who), an action (where), and last (when)."""
    found: dict[str, list[str]] = {"who": [], "where": [], "when": []}
    for term in sorted(terms, key=lambda one: not one.holds):
        where, said = _phrase(term)
        found[where].append(said)
    return {where: " and ".join(said) for where, said in found.items()}


def restriction(terms: Iterable[Term]) -> str:
    """Returns terms as what restricts a sentence that has a subject already."""
    said = phrases(terms)
    return " ".join(said[one] for one in ("who", "where", "when") if said[one])


def _phrase(term: Term) -> _Phrase:
    ((operator, operands),) = term.condition.items()
    left, right = _sides(operands)
    paths = path_of(left), path_of(right)
    match operator, paths, _value(right):
        case "contains", (("principal", "roles"), None), str(role):
            return "who", f"{'with' if term.holds else 'without'} role {code(role)}"
        case "==", (("principal", name), None), str(value):
            return "who", f"{'of' if term.holds else 'not of'} {name} {code(value)}"
        case "==", (("principal", one), ("resource", other)), None if one == other:
            return "where", f"in {'their own' if term.holds else 'another'} {one}"
        case "==", (("resource", one), ("principal", other)), None if one == other:
            return "where", f"in {'their own' if term.holds else 'another'} {one}"
        case "==", (("resource",), None), {"__entity": {"id": id_}}:
            return "where", f"{'on' if term.holds else 'on anything but'} {code(id_)}"
        case "==", (("principal",), None), {"__entity": {"id": id_}}:
            return "who", f"{'called' if term.holds else 'not called'} {code(id_)}"
        case "in", (("principal",), None), {"__entity": {"type": kind, "id": id_}}:
            group = kind.rpartition("::")[2].lower()
            return "who", f"{'in' if term.holds else 'not in'} {group} {code(id_)}"
        case "in", (("resource",), None), {"__entity": {"type": kind, "id": id_}}:
            group = kind.rpartition("::")[2].lower()
            return "where", f"{'in' if term.holds else 'not in'} {group} {code(id_)}"
        case _:
            return "when", f"{'when' if term.holds else 'unless'} {code(_cedar(term.condition))}"


def _sides(operands: Any) -> tuple[Expression, Expression]:
    """Returns what an operator stands between; functions have a list of operands instead."""
    if not isinstance(operands, dict):
        return {}, {}
    sides = cast("dict[str, Expression]", operands)
    return sides.get("left", {}), sides.get("right", {})


def _value(expression: Expression) -> Any:
    return expression.get("Value") if len(expression) == 1 else None


def _cedar(condition: Expression) -> str:
    """Returns a condition in Cedar's own syntax."""
    scope = {"op": "All"}
    meaning = {
        "effect": "permit",
        **dict.fromkeys(("principal", "action", "resource"), scope),
        "conditions": [{"kind": "when", "body": condition}],
    }
    text = cedarpy.policies_from_json_str(together([Policy(name="", path="", meaning=meaning)]))
    match = _BODY.search(text)
    assert match is not None  # noqa: S101 - it has this one condition
    # Cedar puts every attribute in parentheses; those of a call stay.
    return re.sub(r"(?<!\w)\(([\w.]+)\)", r"\1", " ".join(match[1].split()))
