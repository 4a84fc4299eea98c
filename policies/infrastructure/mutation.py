"""Are the rules awake? Resources with one asserted property wrong, which some rule must find.

``python -m tools.policy_mutate`` tries it on all that an environment is made of.
"""

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from components.clouds.local.provider.values import Properties, Value
from policies.infrastructure.catalogue import STACK_RULES, rules_for
from policies.infrastructure.rule import Must, Rule, all_of, elements, judge
from policies.infrastructure.stack_rule import Resource, StackRule, beside, by_kind, judge_stack
from stacks.cloud_environment import Size

NOWHERE = "nowhere"
"""A location under nobody's law."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A resource with a property that is wrong.

    Attributes:
        rule: the one that asserts the property.
        what: the property and its value, or what is gone.
        properties: with the wrong value in them.
    """

    rule: Rule
    must: Must
    what: str
    properties: Properties


@dataclass(frozen=True, kw_only=True)
class Mutations:
    """What came of all mutants.

    Attributes:
        tried: how many there were.
        survivors: those that no rule found: resource, property and value.
    """

    tried: int
    survivors: Sequence[str]


def mutate(resources: Iterable[Resource], size: Size) -> Mutations:
    """Tries every mutant of every resource.

    Args:
        resources: all of a stack.
        size: of its environment.
    """
    found = list(resources)
    tried = 0
    survivors: list[str] = []
    for one in found:
        rules = rules_for(size).get(one.kind, ())
        before = _wrong_in(rules, one.properties)
        for mutant in (each for rule in rules for each in mutants(rule, one.properties)):
            tried += 1
            if _wrong_in(rules, mutant.properties) <= before:
                survivors.append(f"{one.kind} {one.name}: {mutant.what} ({mutant.rule.name})")
    stack = by_kind(found)
    for rule in STACK_RULES:
        if rule.is_for(size):
            before = _wrong_beside(rule, stack)
            for what, mutated in stack_mutants(rule, stack):
                tried += 1
                if _wrong_beside(rule, mutated) <= before:
                    survivors.append(f"{what} ({rule.name})")
    return Mutations(tried=tried, survivors=survivors)


def mutants(rule: Rule, properties: Properties) -> Iterator[Mutant]:
    """Yields copies of a resource, each with one property wrong or gone that a rule asserts."""
    for place, _ in elements(rule, properties):
        for must in rule.holds:
            for value in _wrongs(must):
                yield Mutant(
                    rule=rule,
                    must=must,
                    what=f"{place}.{must.path} = {json.dumps(value)}".strip("."),
                    properties=_with_wrong(rule, place, must, value, properties),
                )
    # A rule for chosen elements of a list is content when there are none of them.
    applies = not rule.where if rule.each else all_of(rule.where, properties)
    if applies:
        for must in rule.holds:
            first = re.split(r"[.\[@]", rule.each or must.path)[0]
            if first in properties and must.condition.judge(None) is False:
                rest = {key: value for key, value in properties.items() if key != first}
                yield Mutant(rule=rule, must=must, what=f"no {first}", properties=rest)


def stack_mutants(
    rule: StackRule, resources: Mapping[str, Sequence[Resource]]
) -> Iterator[tuple[str, Mapping[str, Sequence[Resource]]]]:
    """Yields a stack's resources without what must be beside one, or with it under no law."""
    for one in (one for kind in rule.kinds for one in resources.get(kind, ())):
        own = beside(rule, one, resources) if all_of(rule.where, one.properties) else []
        if not own:
            continue
        gone = {each.urn for each in own}
        yield (
            f"{one.name} without {', '.join(each.name for each in own[:3])}",
            _changed(resources, dict.fromkeys(gone)),
        )
        if rule.place:
            moved = replace(own[-1], properties={**own[-1].properties, rule.place: NOWHERE})
            yield f"{own[-1].name} moved", _changed(resources, {moved.urn: moved})


def _changed(
    resources: Mapping[str, Sequence[Resource]], changes: Mapping[str, Resource | None]
) -> Mapping[str, Sequence[Resource]]:
    """Returns resources with others in the place of some; None takes one away."""
    return {
        kind: [now for one in these if (now := changes.get(one.urn, one)) is not None]
        for kind, these in resources.items()
    }


def _wrong_in(rules: Sequence[Rule], properties: Properties) -> int:
    """Returns how much the rules find wrong in a resource."""
    return sum(finding.known for rule in rules for finding in judge(rule, properties))


def _wrong_beside(rule: StackRule, resources: Mapping[str, Sequence[Resource]]) -> int:
    """Returns how much a rule finds wrong in a stack."""
    return sum(finding.known for _, finding in judge_stack(rule, resources))


def _wrongs(must: Must) -> Sequence[Value]:
    """Returns values that a property must not have; None for no value."""
    wrong = must.condition.wrong
    if wrong is not None and must.path and must.condition.judge(None) is False:
        return [wrong, None]
    return [wrong]


def _with_wrong(
    rule: Rule, place: str, must: Must, value: Value, properties: Properties
) -> Properties:
    """Returns a copy with a wrong value at a property, also inside of a text that is JSON."""
    broken = cast("dict[str, Any]", copy.deepcopy(properties))
    if not must.path:
        # The condition is about the whole, and its wrong value says what of it to change.
        return {**broken, **cast("Properties", value)}
    if "@" in rule.each:
        text = rule.each.partition("@")[0]
        parsed = json.loads(broken[text])
        _put(parsed, f"{place.removeprefix(text).strip('.')}.{must.path}", value)
        broken[text] = json.dumps(parsed)
    else:
        _put(broken, f"{place}.{must.path}", value)
    return broken


def _put(inside: Any, path: str, value: Value) -> None:
    """Puts a value where a path says, and what is missing on the way."""
    steps = path.replace("['", ".").replace("']", "")
    names = steps.replace("[", ".[").strip(".").split(".")
    for name, after in zip(names, [*names[1:], None], strict=True):
        wanted: Any = value if after is None else [] if after == "[*]" else {}
        if name == "[*]":
            if after is None or not inside or not isinstance(inside[0], (dict, list)):
                inside[:] = [wanted]
            inside = inside[0]
        elif name.startswith("["):
            inside = inside[int(name[1:-1])]
        elif after is None:
            inside[name] = wanted
        else:
            if not isinstance(inside.get(name), (dict, list)):
                inside[name] = wanted
            inside = inside[name]
