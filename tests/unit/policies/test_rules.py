"""Every rule about a resource: right as it is, broken in each asserted property, and exempt."""

import datetime as dt

import pytest

from policies.infrastructure.catalogue import RULES, STACK_RULES, rules_for
from policies.infrastructure.conditions import Is
from policies.infrastructure.exemptions import Exemption
from policies.infrastructure.mutation import Mutant, mutants
from policies.infrastructure.rule import SIZES, Must, Rule, judge
from stacks.cloud_environment import Size
from tests.unit.policies.asked import Asked
from tests.unit.policies.samples import ENVIRONMENTS, judged, resources
from tools.simulation.aws import replacement as aws
from tools.simulation.azure import replacement as azure
from tools.simulation.gcp import replacement as gcp
from tools.simulation.sdk.catalogue import catalogue
from tools.simulation.sdk.types import Definition

EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environments_of_the_repository_keep_every_rule(environment: str) -> None:
    rules = rules_for(ENVIRONMENTS[environment])
    broken = [
        f"{kind}: {finding.said} ({rule.name})"
        for kind, properties in resources(environment)
        for rule in rules.get(kind, ())
        for finding in judge(rule, properties)
    ]
    assert not broken


@EVERY_RULE
def test_a_clean_resource_keeps_the_rule(rule: Rule) -> None:
    found = list(judged(rule))
    assert found, "nothing in the repository's environments is judged"
    for _, sized, _, properties in found:
        assert not list(judge(sized, properties))


@EVERY_RULE
def test_each_asserted_property_is_missed_when_it_is_wrong(rule: Rule) -> None:
    missed: set[str] = set()
    for _, sized, _, properties in judged(rule):
        for mutant in mutants(sized, properties):
            found = [one for one in judge(sized, mutant.properties) if one.known]
            assert found or mutant.what.startswith("no "), mutant.what
            if any(one.said.endswith(f"must {mutant.must.condition.words}") for one in found):
                missed.add(mutant.must.path)
    asserted = {must.path for size in SIZES for must in rule.sized(size).holds}
    assert missed == asserted


def _broken(rule: Rule) -> tuple[Size, str, Mutant]:
    for size, sized, kind, properties in judged(rule):
        for mutant in mutants(sized, properties):
            return size, kind, mutant
    raise AssertionError("nothing to break")


@EVERY_RULE
def test_only_the_exempt_resource_is_spared(rule: Rule) -> None:
    size, kind, mutant = _broken(rule)
    exemption = Exemption(
        rule=rule.name,
        stack="test",
        resource="spared-*",
        reason="a test",
        until=dt.date.max,
    )
    asked = Asked(size, [exemption])
    assert rule.name not in asked.about(kind, "spared-one", mutant.properties)
    assert rule.name in asked.about(kind, "another-one", mutant.properties)
    others = asked.about(kind, "another-one", mutant.properties).keys() - {rule.name}
    assert asked.about(kind, "spared-one", mutant.properties).keys() == others


@EVERY_RULE
def test_what_a_rule_mends_is_right_and_never_replaces_anything(rule: Rule) -> None:
    mended = [must for must in rule.holds if must.mend is not None]
    for kind in rule.kinds:
        for must in mended:
            first = must.path.partition(".")[0]
            assert first not in _replacing(kind), f"{kind} is replaced for another {first}"
    if mended and rule.is_for("small"):
        _, sized, kind, properties = next(iter(judged(rule)))
        asked = Asked("small")
        for mutant in mutants(sized, properties):
            if mutant.must in mended:
                better = asked.mended(kind, mutant.properties)
                assert rule.name not in asked.about(kind, "one", better)


def _replacing(kind: str) -> frozenset[str]:
    cloud = kind.partition(":")[0]
    if cloud == "aws":
        return frozenset({*aws.ALWAYS, *aws.REPLACING.get(kind, ())})
    return (azure if cloud == "azure-native" else gcp).replacing(kind, frozenset())


def test_rules_are_named_once_and_say_what_to_do() -> None:
    rules = (*RULES, *STACK_RULES)
    assert len(rules) >= 60
    assert len({rule.name for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.about.endswith("."), rule.name
        assert rule.frameworks, rule.name
        assert rule.remedy, rule.name
    for rule in RULES:
        assert rule.holds or set(rule.holds_in) == set(SIZES), rule.name


@EVERY_RULE
def test_a_rules_types_and_properties_are_the_sdks(rule: Rule) -> None:
    holds = [must for size in SIZES for must in rule.sized(size).holds]
    for kind in rule.kinds:
        provider = kind.partition(":")[0]
        if provider == "kubernetes":
            continue  # its API server checks what we declare, in tests of the previews
        definition: Definition = catalogue(provider).find(kind)
        for path in _paths(rule, holds):
            first = path.replace("[", ".").replace("@", ".").split(".")[0]
            assert first in definition.inputs, f"{kind} has no {first}"


def _paths(rule: Rule, holds: list[Must]) -> list[str]:
    """Returns the paths that a rule reads; one about the whole names those it breaks."""
    paths = [must.path for must in (*rule.where, *holds) if must.path]
    whole = [
        path
        for must in holds
        if not must.path and isinstance(must.condition.wrong, dict)
        for path in must.condition.wrong
    ]
    return [f"{rule.each}.{path}".strip(".") for path in (*paths, *whole)]


@pytest.mark.parametrize("rule", [one for one in RULES if one.smallest != "small"], ids=str)
def test_smaller_environments_are_exempt_from_what_costs_more(rule: Rule) -> None:
    names = {size: {one.name for of in rules_for(size).values() for one in of} for size in SIZES}
    sizes = [size for size in SIZES if rule.name in names[size]]
    assert sizes == [size for size in SIZES if SIZES.index(size) >= SIZES.index(rule.smallest)]


def test_a_rule_that_cannot_mend_is_refused() -> None:
    with pytest.raises(ValueError, match="mends nothing"):
        Must("enabled", Is(True), mend=False)
    with pytest.raises(ValueError, match="only a single property"):
        Must("rules[*].enabled", Is(True), mend=True)
