"""Exemptions: of a rule that there is, with a reason, for a time."""

import datetime as dt

import pytest

from policies.infrastructure.catalogue import RULES, STACK_RULES
from policies.infrastructure.exemptions import (
    EXEMPTIONS,
    Exemption,
    ExemptionError,
    check,
    exempt,
)

TODAY = dt.date(2030, 6, 15)
NAMES = {rule.name for rule in (*RULES, *STACK_RULES)}


def exemption(
    *, rule: str = "aws-tagged", reason: str = "it has none", until: dt.date = TODAY
) -> Exemption:
    return Exemption(
        rule=rule, stack="production-*", resource="aws-us-east-1-*", reason=reason, until=until
    )


def test_those_of_the_repository_are_right() -> None:
    check(EXEMPTIONS, NAMES, dt.datetime.now(tz=dt.UTC).date())


def test_an_exemption_holds_on_its_last_day() -> None:
    check([exemption()], NAMES, TODAY)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (exemption(until=TODAY - dt.timedelta(days=1)), "it ended on 2030-06-14"),
        (exemption(rule="aws-taged"), "from aws-taged: there is no rule of that name"),
        (exemption(reason=" "), "it has no reason"),
    ],
)
def test_a_wrong_one_is_refused_by_name(wrong: Exemption, said: str) -> None:
    with pytest.raises(ExemptionError, match=said) as refused:
        check([exemption(), wrong], NAMES, TODAY)
    assert "exemption of aws-us-east-1-* in production-* from " in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "stack", "resource", "spared"),
    [
        ("aws-tagged", "production-cell-1", "aws-us-east-1-cache", True),
        ("aws-tagged", "production", "aws-us-east-1-cache", False),
        ("aws-tagged", "production-cell-1", "aws-us-west-2-cache", False),
        ("gcp-tagged", "production-cell-1", "aws-us-east-1-cache", False),
    ],
)
def test_it_is_for_its_rule_stacks_and_resources(
    rule: str, stack: str, resource: str, spared: bool
) -> None:
    assert exempt([exemption()], rule, stack, resource) is spared
