"""All rules, by the types of resources that they are about."""

from collections.abc import Mapping
from functools import cache

from policies.infrastructure import (
    access,
    audit,
    companions,
    compliance,
    cost,
    encryption,
    exposure,
    inventory,
    naming,
    reliability,
    residency,
    transit,
    workloads,
)
from policies.infrastructure.rule import Rule
from policies.infrastructure.stack_rule import StackRule
from stacks.cloud_environment import Size

RULES: tuple[Rule, ...] = (
    *encryption.RULES,
    *transit.RULES,
    *exposure.RULES,
    *access.RULES,
    *audit.RULES,
    *reliability.RULES,
    *workloads.RULES,
    *residency.RULES,
    *compliance.RULES,
    *inventory.RULES,
    *cost.RULES,
    *naming.RULES,
)

STACK_RULES: tuple[StackRule, ...] = (*companions.RULES, *residency.STACK_RULES)

STACK_KINDS = frozenset(kind for rule in STACK_RULES for kind in (*rule.kinds, *rule.others))
"""Types of resources that some rule about several resources is about."""


@cache
def rules_for(size: Size) -> Mapping[str, tuple[Rule, ...]]:
    """Returns the rules of environments of a size, by type of resource."""
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in RULES:
        if rule.is_for(size):
            sized = rule.sized(size)
            for kind in rule.kinds:
                found[kind] = (*found.get(kind, ()), sized)
    return found
