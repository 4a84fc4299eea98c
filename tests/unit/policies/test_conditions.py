"""Conditions and paths: what is right, what is wrong, and what is not known yet."""

import json
from typing import Any

import pytest

from components.clouds.local.provider.values import SIGNATURE, UNKNOWN, Properties, Value
from policies.infrastructure import access
from policies.infrastructure.conditions import (
    AtLeast,
    AtMost,
    Has,
    HasOne,
    Is,
    Matches,
    Mentions,
    NoneOf,
    OneOf,
    Set,
    Unset,
)
from policies.infrastructure.laws import Resides
from policies.infrastructure.paths import value_at, values_at, with_value
from policies.infrastructure.rule import judge


@pytest.mark.parametrize(
    ("condition", "right", "wrong"),
    [
        (Is(True), [True], [False, 1, "true", None]),
        (Is("1"), ["1"], [1, True, ""]),
        (OneOf(("a", "b")), ["a", "b"], ["c", None]),
        (NoneOf((True,)), [False, None, "x"], [True]),
        (NoneOf(("0.0.0.0/0",)), ["10.0.0.0/8", None], ["0.0.0.0/0"]),
        (Has("audit"), [["api", "audit"]], [["api"], [], None, "audit"]),
        (Set(), ["x", 0, False, ["x"], UNKNOWN], [None, "", [], {}]),
        (Unset(), [None, "", [], {}], ["x", 0, False]),
        (Matches("[a-z]+-[a-z]+", "be two words"), ["a-b"], ["a", "a-b-c", "A-b", 7, None]),
        (Mentions(("sox", "pci-dss")), ["soc2_sox", "pci-dss"], ["soc2", "soxx", "", None, 7]),
        (
            HasOne({"name": "a", "value": "1"}),
            [[{"name": "a", "value": "1", "x": 2}]],
            [[{"name": "a", "value": "2"}, {"name": "b", "value": "1"}], ["a"], [], None],
        ),
        (AtLeast(7), [7, "7", "P90D", 8.5], [6, "6d", None, "many", True]),
        (AtMost(90), [90, "P90D", "60s"], [91, "P91D", None, "soon", False]),
    ],
    ids=lambda one: one.words if hasattr(one, "words") else None,
)
def test_conditions(condition: Any, right: list[Value], wrong: list[Value]) -> None:
    assert [one for one in right if condition.judge(one) is not True] == []
    assert [one for one in wrong if condition.judge(one) is not False] == []
    assert condition.judge(condition.wrong) is False
    if not isinstance(condition, Set):
        assert condition.judge(UNKNOWN) is None


def test_what_is_not_known_yet_may_be_what_is_asked_for() -> None:
    assert Has("audit").judge(["api", UNKNOWN]) is None
    one = HasOne({"name": "a", "value": "1"})
    assert one.judge([UNKNOWN]) is None
    assert one.judge([{"name": "a", "value": UNKNOWN}]) is None
    assert one.judge([{"name": "a", "value": UNKNOWN}, {"name": "a", "value": "1"}]) is True


def test_a_tenant_is_where_its_file_says() -> None:
    condition = Resides("tags.tenant", "region")

    def at(tenant: Value, region: Value) -> bool | None:
        return condition.judge({"tags": {"tenant": tenant}, "region": region})

    assert at("northwind", "eu-central-1") is True
    assert at("northwind", "EUROPE-WEST4") is True
    assert at("northwind", "us-east-1") is False
    assert at("contoso", "us-east-1") is True
    assert at("nobody", "us-east-1") is False
    assert at("northwind", None) is False
    assert at("northwind", "nowhere") is False
    assert at("northwind", UNKNOWN) is None


def test_paths_reach_into_lists_json_secrets_and_names_with_signs() -> None:
    properties: Properties = {
        "policy": json.dumps({"Statement": {"Action": "*"}}),
        "rules": [{"ports": [1, 2]}, {"ports": []}, {}],
        "tags": {"data-class": "none", "a.b/c": "d"},
        "password": {SIGNATURE: "x", "value": "hidden"},
        "later": UNKNOWN,
    }

    def at(path: str) -> list[tuple[str, Value]]:
        return list(values_at(properties, path))

    assert at("policy@Statement[*].Action[*]") == [("policy.Statement[0].Action[0]", "*")]
    assert at("rules[*].ports[*]") == [("rules[0].ports[0]", 1), ("rules[0].ports[1]", 2)]
    assert at("tags['data-class']") == [("tags.data-class", "none")]
    assert at("tags['a.b/c']") == [("tags.a.b/c", "d")]
    assert at("password") == [("password", "hidden")]
    assert at("later.what.ever[*]") == [("later", UNKNOWN)]
    assert at("nothing.there") == [("nothing.there", None)]
    assert at("nothing[*].there") == []


def test_a_value_is_the_first_that_there_is_and_is_set_in_a_copy() -> None:
    properties: Properties = {"tags": {"a": 1}, "labels": {"b": 2}}
    assert value_at(properties, "nothing.here", "labels.b", "tags.a") == 2
    assert value_at(properties, "nothing.here") is None
    assert with_value(properties, "tags.b.c", 3) == {
        "tags": {"a": 1, "b": {"c": 3}},
        "labels": {"b": 2},
    }
    assert properties == {"tags": {"a": 1}, "labels": {"b": 2}}


@pytest.mark.parametrize(
    ("role", "right"),
    [
        ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", False),  # Owner
        ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", False),  # User Access Administrator
        ("acdd72a7-3385-48ef-bd42-f606fba81ae7", True),  # Reader
    ],
)
def test_roles_that_give_roles_are_refused(role: str, right: bool) -> None:
    (rule,) = [one for one in access.RULES if one.name == "azure-role-no-owner"]
    whole = f"/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/{role}"
    assert (not list(judge(rule, {"roleDefinitionId": whole}))) is right
