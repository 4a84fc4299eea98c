"""What Azure lets things be called, and which address blocks it takes.

Source: "Naming rules and restrictions for Azure resources".
"""

import re
from collections.abc import Iterator
from typing import Final

from components.clouds.local.provider.values import Value
from tools.simulation import networks
from tools.simulation.behaviour import Call, text
from tools.simulation.sdk.check import Mistake

_PATTERNS: Final[dict[str, tuple[str, str]]] = {
    "storage:StorageAccount": (r"[a-z0-9]{3,24}", "3 to 24 lower-case letters and digits"),
    "storage:BlobContainer": (
        r"(?!.*--)[a-z0-9$][a-z0-9-]{1,61}[a-z0-9]",
        "3 to 63 lower-case letters, digits and single hyphens",
    ),
    "keyvault:Vault": (
        r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
        "3 to 24 letters, digits and single hyphens, a letter first",
    ),
    "keyvault:Secret": (r"[a-zA-Z0-9-]{1,127}", "1 to 127 letters, digits and hyphens"),
    "keyvault:Key": (r"[a-zA-Z0-9-]{1,127}", "1 to 127 letters, digits and hyphens"),
    "containerregistry:Registry": (r"[a-zA-Z0-9]{5,50}", "5 to 50 letters and digits"),
    "containerservice:ManagedCluster": (
        r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?",
        "1 to 63 letters, digits, _ and -",
    ),
    "containerservice:AgentPool": (
        r"[a-z][a-z0-9]{0,11}",
        "1 to 12 lower-case letters and digits, a letter first",
    ),
    "dbforpostgresql:Server": (
        r"(?!-)[a-z0-9-]{3,63}(?<!-)",
        "3 to 63 lower-case letters, digits and hyphens",
    ),
    "redisenterprise:RedisEnterprise": (
        r"(?!.*--)[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]",
        "2 to 60 letters, digits and single hyphens",
    ),
    "eventhub:Namespace": (
        r"[a-zA-Z][a-zA-Z0-9-]{4,48}[a-zA-Z0-9]",
        "6 to 50 letters, digits and hyphens, a letter first",
    ),
    "resources:ResourceGroup": (r"[-\w.()]{0,89}[-\w()]", "1 to 90 letters, digits and -_.()"),
    "network:VirtualNetwork": (r"[a-zA-Z0-9][\w.-]{0,62}\w", "2 to 64 letters, digits and _.-"),
    "network:Subnet": (r"[a-zA-Z0-9](?:[\w.-]{0,78}\w)?", "1 to 80 letters, digits and _.-"),
    "managedidentity:UserAssignedIdentity": (
        r"[a-zA-Z0-9][\w-]{2,127}",
        "3 to 128 letters, digits, _ and -",
    ),
    "managedidentity:FederatedIdentityCredential": (
        r"[a-zA-Z0-9][\w-]{2,119}",
        "3 to 120 letters, digits, _ and -",
    ),
    "operationalinsights:Workspace": (
        r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
        "4 to 63 letters, digits and hyphens",
    ),
}
_BLOCK_KEYS: Final = ("addressPrefix", "serviceCidr", "podCidr")
_BLOCK_LISTS: Final = ("addressPrefixes", "serviceCidrs", "podCidrs")
_MOST_TAGS: Final = 50
_FEDERATED: Final = ("issuer", "subject", "audiences")


def mistakes(call: Call, key: str) -> Iterator[Mistake]:
    """Yields names that Azure does not take, and bad address blocks.

    Args:
        call: the resource.
        key: input that holds its name.
    """
    name = call.inputs.get(key)
    kind = call.token.removeprefix("azure-native:")
    pattern, allowed = _PATTERNS.get(kind, ("", ""))
    if pattern and isinstance(name, str) and not re.fullmatch(pattern, name):
        yield Mistake(key, f"{name!r} must be {allowed}")
    tags = call.inputs.get("tags")
    if isinstance(tags, dict) and len(tags) > _MOST_TAGS:
        yield Mistake("tags", f"there are {len(tags)}; at most {_MOST_TAGS} are allowed")
    if kind in {"network:VirtualNetwork", "network:Subnet", "containerservice:ManagedCluster"}:
        yield from _blocks(call.inputs, "")
    if kind == "containerservice:ManagedCluster":
        yield from _cluster(call)
    if kind == "managedidentity:FederatedIdentityCredential":
        for needed in _FEDERATED:
            if not call.inputs.get(needed):
                yield Mistake(needed, "is missing; Azure needs issuer, subject and audiences")


def _cluster(call: Call) -> Iterator[Mistake]:
    profile = call.inputs.get("networkProfile")
    if not isinstance(profile, dict):
        return
    service, dns = networks.parse(text(profile, "serviceCidr")), text(profile, "dnsServiceIP")
    inside = networks.parse(f"{dns}/32") if dns else None
    if service and inside and not inside.subnet_of(service):
        yield Mistake("networkProfile.dnsServiceIP", f"{dns} must be within serviceCidr {service}")


def _blocks(value: Value, at: str) -> Iterator[Mistake]:
    match value:
        case dict():
            for key, item in value.items():
                if not key.startswith("__"):
                    yield from _blocks(item, f"{at}.{key}" if at else key)
        case list():
            for place, item in enumerate(value):
                yield from _blocks(item, f"{at}[{place}]")
        case str() if re.sub(r"\[\d+\]$", "", at).endswith((*_BLOCK_KEYS, *_BLOCK_LISTS)):
            if reason := networks.problem(value):
                yield Mistake(at, reason)
        case _:
            pass
