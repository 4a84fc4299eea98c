"""What a policy looks at: the conditions that its answer is made of, and what those compare.

Expressions are Cedar's JSON form: an object with one key, the operator.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from tools.access_review.policies import Policy, entities_of

Expression = Mapping[str, Any]
Path = tuple[str, ...]
"""Where a value is: ``principal``, ``resource`` or ``context``, then names of attributes."""

PARENTS = "(in)"
"""Stands in a path for the entities that one is in."""

_EACH = {"containsAny": "contains", "containsAll": "contains"}


def conditions_of(policy: Policy) -> Iterator[Expression]:
    """Yields the conditions that, each true or false, settle whether a policy applies."""
    for variable in ("principal", "resource"):
        scope = policy.meaning[variable]
        inner = scope if scope["op"] in {"==", "in"} else scope.get("in")
        if inner:
            operator = "==" if scope["op"] == "==" else "in"
            (entity,) = entities_of(inner)
            yield {operator: {"left": {"Var": variable}, "right": {"Value": {"__entity": entity}}}}
    for condition in policy.meaning["conditions"]:
        yield from _leaves(condition["body"])


def _leaves(expression: Expression) -> Iterator[Expression]:
    ((operator, operands),) = expression.items()
    match operator:
        case "&&" | "||":
            yield from _leaves(operands["left"])
            yield from _leaves(operands["right"])
        case "!":
            yield from _leaves(operands["arg"])
        case "if-then-else":
            for part in ("if", "then", "else"):
                yield from _leaves(operands[part])
        case "containsAny" | "containsAll" | "in" if "Set" in operands["right"]:
            for one in operands["right"]["Set"]:
                yield {_EACH.get(operator, operator): {"left": operands["left"], "right": one}}
        case "Value":
            pass
        case _:
            yield expression


def key(expression: Expression) -> str:
    """Returns an expression as text that is the same for the same expression."""
    return json.dumps(expression, sort_keys=True)


def paths_in(expression: Expression) -> list[Path]:
    """Returns the longest paths of an expression."""
    whole = path_of(expression)
    if whole:
        return [whole]
    ((operator, operands),) = expression.items()
    if operator == "has" and (base := path_of(operands["left"])):
        return [(*base, *_attributes(operands["attr"]))]
    found = [path for part in _parts(operands) for path in paths_in(part)]
    if operator == "in" and (subject := path_of(operands["left"])):
        return [(*subject, PARENTS), *(path for path in found if path != subject)]
    return found


def path_of(expression: Expression) -> Path | None:
    """Returns the path that an expression is, None when it is something else."""
    if "Var" in expression:
        return (expression["Var"],)
    if "." in expression:
        base = path_of(expression["."]["left"])
        return (*base, expression["."]["attr"]) if base else None
    return None


def literals_in(expression: Expression) -> list[Any]:
    """Returns the values that an expression names, as entities hold them."""
    ((operator, operands),) = expression.items()
    if operator == "Value":
        return [operands]
    if operator == "like":
        parts = cast("list[str | dict[str, str]]", operands["pattern"])
        return ["".join(one["Literal"] if isinstance(one, dict) else "-" for one in parts)]
    if operator in {"ip", "decimal", "datetime", "duration"} and "Value" in operands[0]:
        return [{"__extn": {"fn": operator, "arg": operands[0]["Value"]}}]
    return [value for part in _parts(operands) for value in literals_in(part)]


def _attributes(attribute: str | list[str]) -> list[str]:
    return attribute if isinstance(attribute, list) else [attribute]


def _parts(operands: Any) -> Iterator[Expression]:
    """Yields the expressions among what an operator is applied to."""
    listed: list[Any] = []
    if isinstance(operands, dict):
        listed = list(cast("dict[str, Any]", operands).values())
    elif isinstance(operands, list):
        listed = cast("list[Any]", operands)
    yield from (one for one in listed if isinstance(one, dict) and len(cast("Any", one)) == 1)
