"""Every rule, on what the repository's own environments are made of: right as it is, and broken.

Clean resources are those of the golden previews; a rule's violations are made by giving one
asserted property a wrong value at a time.
"""

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import pytest
import yaml

from components.clouds.local.provider.values import SIGNATURE, UNKNOWN, Properties, Value
from policies.infrastructure.catalogue import RULES, rules_for
from policies.infrastructure.conditions import AtLeast, AtMost, Has, Is, NoneOf, OneOf, Set
from policies.infrastructure.rule import SIZES, Must, Rule, elements, judge, values_at
from stacks.cloud_environment import Size
from tools.paths import ROOT
from tools.simulation.sdk.catalogue import catalogue
from tools.simulation.sdk.types import Definition

ENVIRONMENTS: dict[str, Size] = {"dev": "small", "staging": "medium"}
UNKNOWN_IN_GOLDEN = "<known after up>"
ROLE = {"policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"]}]})}
"""Golden previews leave long texts out; this stands for a role's."""

# What only production is made with; the golden preview of production counts resources.
LARGE: dict[str, Properties] = {
    "aws:rds/cluster:Cluster": {"deletionProtection": True, "skipFinalSnapshot": False},
    "aws:eks/cluster:Cluster": {"deletionProtection": True},
    "aws:secretsmanager/secret:Secret": {"recoveryWindowInDays": 30},
    "gcp:sql/databaseInstance:DatabaseInstance": {"settings": {"deletionProtectionEnabled": True}},
    "gcp:container/cluster:Cluster": {"deletionProtection": True},
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": {"spec": {"minReplicas": 3}},
}


def _known(value: Any) -> Value:
    if value == UNKNOWN_IN_GOLDEN:
        return UNKNOWN
    if isinstance(value, dict):
        return {key: _known(one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_known(one) for one in cast("list[Any]", value)]
    return value


@cache
def resources(environment: str) -> list[tuple[str, Properties]]:
    written = yaml.safe_load((ROOT / "tests" / "golden" / f"{environment}.yaml").read_text())
    found: list[tuple[str, Properties]] = []
    for name, inputs in written.items():
        kind = name.split()[0]
        properties = ROLE if kind == "aws:iam/rolePolicy:RolePolicy" else _known(inputs)
        found.append((kind, cast("Properties", properties)))
    return found


def judged(rule: Rule) -> Iterator[Properties]:
    """Yields clean resources that a rule is about, where it applies to something in them."""
    if rule.smallest == "large":
        yield from (LARGE[kind] for kind in rule.kinds)
        return
    for environment, size in ENVIRONMENTS.items():
        if rule.is_for(size):
            for kind, properties in resources(environment):
                if kind in rule.kinds:
                    yield properties


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environments_of_the_repository_keep_every_rule(environment: str) -> None:
    rules = rules_for(ENVIRONMENTS[environment])
    broken = [
        f"{kind}: {finding.said}"
        for kind, properties in resources(environment)
        for rule in rules.get(kind, ())
        for finding in judge(rule, properties)
    ]
    assert not broken


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_clean_resource_keeps_the_rule(rule: Rule) -> None:
    assert any(True for _ in judged(rule)), "nothing in the repository's environments is judged"
    for properties in judged(rule):
        assert not list(judge(rule, properties))


def asserted() -> list[tuple[Rule, Must]]:
    return [(rule, must) for rule in RULES for must in rule.holds]


@pytest.mark.parametrize(
    ("rule", "must"), asserted(), ids=lambda one: one.name if isinstance(one, Rule) else one.path
)
def test_each_asserted_property_is_missed_when_it_is_wrong(rule: Rule, must: Must) -> None:
    for clean in judged(rule):
        for broken in mutants(rule, must, clean):
            found = list(judge(rule, broken))
            assert found, f"{must.path} may be {must.condition.wrong!r}"
            assert any(one.said.endswith(f"must {must.condition.words}") for one in found)
            return
    pytest.fail("no resource has an element that the rule is about")


def mutants(rule: Rule, must: Must, clean: Properties) -> Iterator[Properties]:
    """Yields copies of a resource in which one asserted property is wrong."""
    for place, _ in elements(rule, clean):
        broken = copy.deepcopy(clean)
        whole = cast("dict[str, Any]", broken)
        if "@" in rule.each:
            text = rule.each.partition("@")[0]
            parsed = json.loads(whole[text])
            wrong_at(parsed, f"{place.removeprefix(text).strip('.')}.{must.path}", must)
            whole[text] = json.dumps(parsed)
        else:
            wrong_at(whole, f"{place}.{must.path}", must)
        yield broken


def wrong_at(value: Any, path: str, must: Must) -> None:
    """Gives what a path names the value that its condition knows to be wrong."""
    steps = path.replace("['", ".").replace("']", "")
    names = steps.replace("[", ".[").strip(".").split(".")
    for name, after in zip(names, [*names[1:], None], strict=True):
        wanted: Any = must.condition.wrong if after is None else [] if after == "[*]" else {}
        if name == "[*]":
            if after is None or not value or not isinstance(value[0], (dict, list)):
                value[:] = [wanted]
            value = value[0]
        elif name.startswith("["):
            value = value[int(name[1:-1])]
        elif after is None:
            value[name] = wanted
        else:
            if not isinstance(value.get(name), (dict, list)):
                value[name] = wanted
            value = value[name]


def test_rules_are_named_once_and_say_what_to_do() -> None:
    assert len(RULES) >= 60
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.about.endswith("."), rule.name
        assert rule.frameworks, rule.name
        assert rule.remedy, rule.name
        assert rule.holds, rule.name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rules_types_and_properties_are_the_sdks(rule: Rule) -> None:
    for kind in rule.kinds:
        provider = kind.partition(":")[0]
        if provider == "kubernetes":
            continue  # its API server checks what we declare, in tests of the previews
        definition: Definition = catalogue(provider).find(kind)
        for must in (*rule.where, *rule.holds):
            whole = f"{rule.each}.{must.path}" if rule.each else must.path
            first = whole.replace("[", ".").replace("@", ".").split(".")[0]
            assert first in definition.inputs, f"{kind} has no {first}"


@pytest.mark.parametrize("rule", [one for one in RULES if one.smallest != "small"], ids=str)
def test_smaller_environments_are_exempt_from_what_costs_more(rule: Rule) -> None:
    sizes = [size for size in SIZES if any(rule in found for found in rules_for(size).values())]
    assert sizes == [size for size in SIZES if SIZES.index(size) >= SIZES.index(rule.smallest)]


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
