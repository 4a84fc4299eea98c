"""Resources that a rule is not for, each with a reason and a last day.

An exemption is a change of this file, reviewed as one. After its last day the pack does not start:
either the fault is gone by then, or somebody gives a reason anew.
"""

import datetime as dt
import fnmatch
from collections.abc import Collection, Sequence
from dataclasses import dataclass


class ExemptionError(ValueError):
    """An exemption is wrong; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """Resources of some stacks that a rule is not for.

    Attributes:
        rule: its name.
        stack: names of stacks, such as ``dev`` or ``production-cell-*``.
        resource: names of resources in the program, such as ``aws-us-east-1-cache``, or with ``*``.
        reason: why, for whoever reviews or meets it.
        until: its last day.
    """

    rule: str
    stack: str
    resource: str
    reason: str
    until: dt.date


EXEMPTIONS: tuple[Exemption, ...] = ()


def check(exemptions: Sequence[Exemption], rules: Collection[str], today: dt.date) -> None:
    """Makes sure that every exemption is of a rule that there is, has a reason and is not over.

    Raises:
        ExemptionError: lists everything that is wrong.
    """
    mistakes = [
        f"exemption of {one.resource} in {one.stack} from {one.rule}: {wrong}"
        for one in exemptions
        for wrong in _mistakes(one, rules, today)
    ]
    if mistakes:
        raise ExemptionError("\n".join(mistakes))


def exempt(exemptions: Sequence[Exemption], rule: str, stack: str, resource: str) -> bool:
    """Returns whether a rule is not for a resource of a stack."""
    return any(
        one.rule == rule
        and fnmatch.fnmatchcase(stack, one.stack)
        and fnmatch.fnmatchcase(resource, one.resource)
        for one in exemptions
    )


def _mistakes(one: Exemption, rules: Collection[str], today: dt.date) -> Sequence[str]:
    found: list[str] = []
    if one.rule not in rules:
        found.append("there is no rule of that name")
    if not one.reason.strip():
        found.append("it has no reason")
    if one.until < today:
        found.append(f"it ended on {one.until}; mend the resource, or give a reason anew")
    return found
