"""All rules, by the types of resources that they are about."""

from collections.abc import Mapping
from functools import cache

from policies.infrastructure import inventory, reliability, security
from policies.infrastructure.rule import Rule
from stacks.cloud_environment import Size

RULES: tuple[Rule, ...] = (*security.RULES, *reliability.RULES, *inventory.RULES)


@cache
def rules_for(size: Size) -> Mapping[str, tuple[Rule, ...]]:
    """Returns the rules of environments of a size, by type of resource."""
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in RULES:
        if rule.is_for(size):
            for kind in rule.kinds:
                found[kind] = (*found.get(kind, ()), rule)
    return found
