"""Every rule about several resources: all there, something missing, exempt; and what is unknown."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

import pytest

from components.clouds.local.provider.values import UNKNOWN, Properties, Value
from policies.infrastructure.catalogue import STACK_RULES
from policies.infrastructure.conditions import Is, OneOf
from policies.infrastructure.exemptions import Exemption
from policies.infrastructure.mutation import stack_mutants
from policies.infrastructure.paths import with_value
from policies.infrastructure.rule import Must
from policies.infrastructure.stack_rule import (
    Differs,
    In,
    Of,
    Resource,
    Same,
    StackRule,
    by_kind,
    judge_stack,
)
from tests.unit.policies.asked import Asked, urn
from tools.simulation.sdk.catalogue import catalogue

EVERY_RULE = pytest.mark.parametrize("rule", STACK_RULES, ids=lambda rule: rule.name)

OBJECTS = StackRule(
    name="objects",
    about="Objects stay.",
    kinds=("replication",),
    others=("bucket",),
    linked=(In("rules"),),
    place="region",
    severity="low",
    frameworks=("none",),
    remedy="move it",
)
NAMESPACES = StackRule(
    name="namespaces",
    about="Namespaces are closed.",
    kinds=("namespace",),
    others=("policy",),
    others_where=(Must("closed", Is(True)),),
    linked=(Same("name", "namespace"),),
    severity="low",
    frameworks=("none",),
    remedy="close it",
)


def _made(kind: str, name: str, properties: Properties, **needs: str) -> Resource:
    return Resource(
        urn=urn(kind, name),
        kind=kind,
        provider="cluster",
        properties=properties,
        needs={key: frozenset({one}) for key, one in needs.items()},
    )


def whole(rule: StackRule, name: str = "one") -> list[Resource]:
    """Returns a resource that a rule is about and all that must be beside it."""
    kind = rule.kinds[0]
    subject = _made(kind, name, _keeping(rule.where))
    beside: list[Resource] = []
    for number in range(rule.least):
        other = _made(rule.others[0], f"{name}-{number}", _keeping(rule.others_where))
        for link in rule.linked:
            if isinstance(link, Of):
                other = dataclasses.replace(other, needs={link.named: frozenset({subject.urn})})
            elif isinstance(link, In):
                before = subject.needs.get(link.named, frozenset())
                needs = {link.named: before | {other.urn}}
                subject = dataclasses.replace(subject, needs=needs)
            elif isinstance(link, Same):
                subject, other = _set(subject, link.own, name), _set(other, link.others, name)
            elif isinstance(link, Differs):
                subject = _set(subject, link.paths[0], f"{name}-here")
                other = _set(other, link.paths[0], f"{name}-there")
        if rule.place:
            subject = _set(subject, rule.place, "europe-west4")
            other = _set(other, rule.place, "europe-west1")
        beside.append(other)
    return [subject, *beside]


def _keeping(musts: Sequence[Must]) -> Properties:
    """Returns properties of which all of something holds."""
    properties: Properties = {}
    for must in musts:
        if isinstance(must.condition, Is):
            path = must.path.replace("['", ".").replace("']", "")
            properties = with_value(properties, path, must.condition.value)
        assert not isinstance(must.condition, OneOf)
    return properties


def _set(resource: Resource, path: str, value: Value) -> Resource:
    return dataclasses.replace(resource, properties=with_value(resource.properties, path, value))


def _flat(resources: dict[str, Sequence[Resource]]) -> list[Resource]:
    return [one for these in resources.values() for one in these]


@EVERY_RULE
def test_a_whole_stack_keeps_the_rule(rule: StackRule) -> None:
    assert rule.name not in Asked("large").about_stack(whole(rule))
    assert rule.name not in Asked("large").about_stack([])


@EVERY_RULE
def test_what_is_missing_or_abroad_is_found(rule: StackRule) -> None:
    broken = list(stack_mutants(rule, by_kind([*whole(rule), *whole(rule, "two")])))
    assert broken
    for what, resources in broken:
        found = Asked("large").about_stack(_flat(dict(resources)))
        assert rule.name in found, what


@EVERY_RULE
def test_only_the_exempt_resource_is_spared(rule: StackRule) -> None:
    one, *_ = whole(rule, "spared")
    two, *_ = whole(rule, "other")
    exemption = Exemption(
        rule=rule.name, stack="test", resource="spared", reason="a test", until=dt.date.max
    )
    alone = [one, two] if rule.name != "standby-exists" else [one]
    assert "spared" in Asked("large").about_stack(alone)[rule.name]
    spared = Asked("large", [exemption]).about_stack(alone).get(rule.name, ())
    assert set(spared) == {resource.name for resource in alone} - {"spared"}


@EVERY_RULE
def test_smaller_environments_are_exempt_from_what_costs_more(rule: StackRule) -> None:
    one, *_ = whole(rule)
    assert (rule.name in Asked("small").about_stack([one])) is (rule.smallest == "small")


@EVERY_RULE
def test_a_rules_types_and_properties_are_the_sdks(rule: StackRule) -> None:
    for kind in (*rule.kinds, *rule.others):
        provider = kind.partition(":")[0]
        if provider == "kubernetes":
            continue  # its API server checks what we declare, in tests of the previews
        inputs = catalogue(provider).find(kind).inputs
        theirs = kind in rule.others and kind not in rule.kinds
        for must in rule.others_where if theirs else rule.where:
            first = must.path.partition(".")[0].partition("[")[0]
            assert first in inputs or len(rule.kinds) > 1, f"{kind} has no {first}"
        for link in rule.linked:
            if isinstance(link, Of if theirs else In):
                assert link.named in inputs, f"{kind} has no {link.named}"


def _said(rule: StackRule, *resources: Resource) -> list[tuple[str, bool]]:
    return [(one.said, one.known) for _, one in judge_stack(rule, by_kind(resources))]


def test_copies_under_another_law_are_named() -> None:
    bucket = _made("bucket", "there", {"region": "us-east-1"})
    replication = _made("replication", "copy", {"region": "eu-central-1"}, rules=bucket.urn)
    assert _said(OBJECTS, bucket, replication) == [
        ("eu-central-1 (eu), us-east-1 (us) must be under one law", True)
    ]
    nowhere = dataclasses.replace(bucket, properties={"region": "eu-nowhere-1"})
    assert _said(OBJECTS, nowhere, replication) == [
        ("eu-central-1 (eu), eu-nowhere-1 (None) must be under one law", True)
    ]
    later = dataclasses.replace(bucket, properties={"region": UNKNOWN})
    assert _said(OBJECTS, later, replication) == [("region is not known before `pulumi up`", False)]


def test_what_only_up_will_know_may_be_what_is_wanted() -> None:
    namespace = _made("namespace", "one", {"name": "one"})
    closed = _made("policy", "a", {"namespace": "one", "closed": True})
    assert _said(NAMESPACES, namespace, closed) == []
    ((_, known),) = _said(NAMESPACES, namespace)
    assert known
    for path in ("namespace", "closed"):
        later = _set(closed, path, UNKNOWN)
        ((_, known),) = _said(NAMESPACES, namespace, later)
        assert not known
    another = _set(closed, "namespace", "another")
    ((_, known),) = _said(NAMESPACES, namespace, another)
    assert known
