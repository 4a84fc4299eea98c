"""Address blocks: what is one, what lies within which, what overlaps."""

import ipaddress
from collections.abc import Iterable

from components.clouds.local.provider.values import Properties, Value

Network = ipaddress.IPv4Network


def parse(block: str) -> Network | None:
    """Returns an IPv4 block, None for what is not one (IPv6 is not looked at)."""
    try:
        return Network(block)
    except ValueError:
        return None


def problem(block: str) -> str:
    """Returns what is wrong with an IPv4 block and what would be right, "" for nothing."""
    if ":" in block:
        return ""
    try:
        Network(block)
    except ValueError:
        try:
            meant = Network(block, strict=False)
        except ValueError:
            return f"{block!r} is not a valid IPv4 CIDR block; one is 10.0.0.0/16"
        return f"{block!r} has host bits set; did you mean {str(meant)!r}?"
    return ""


def overlapping(block: Network, others: Iterable[tuple[str, str]]) -> str:
    """Returns the name of the first of some (name, block) that overlaps a block, "" for none."""
    for name, other in others:
        found = parse(other)
        if found is not None and found.overlaps(block):
            return name
    return ""


def blocks(properties: Properties, *names: str) -> list[str]:
    """Returns the blocks that properties hold, as strings or lists of them."""
    found: list[str] = []
    for name in names:
        value: Value = properties.get(name)
        if isinstance(value, str) and value:
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, str)]
    return found
