"""What Google Cloud lets things be called, and which address blocks it takes.

Sources: the REST references of the services (patterns of ``name`` and of the id parameters).
"""

import re
from collections.abc import Iterator
from typing import Final

from components.clouds.local.provider.values import Value
from tools.simulation import networks
from tools.simulation.behaviour import Call
from tools.simulation.sdk.check import Mistake

_COMPUTE: Final = (r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", "1 to 63 lower-case letters, digits and -")
_PATTERNS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("gcp:container/cluster:Cluster", "name"): (
        r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?",
        "1 to 40 lower-case letters, digits and -, a letter first",
    ),
    ("gcp:container/nodePool:NodePool", "name"): (
        r"[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?",
        "1 to 40 lower-case letters, digits and -, a letter first",
    ),
    ("gcp:storage/bucket:Bucket", "name"): (
        r"(?!goog)(?!.*google)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
        "3 to 63 lower-case letters, digits, - _ and ., and not hold google",
    ),
    ("gcp:serviceaccount/account:Account", "accountId"): (
        r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])",
        "6 to 30 lower-case letters, digits and -, a letter first",
    ),
    ("gcp:sql/databaseInstance:DatabaseInstance", "name"): (
        r"[a-z](?:[-a-z0-9]{0,96}[a-z0-9])?",
        "1 to 98 lower-case letters, digits and -, a letter first",
    ),
    ("gcp:secretmanager/secret:Secret", "secretId"): (
        r"[a-zA-Z0-9_-]{1,255}",
        "1 to 255 letters, digits, - and _",
    ),
    ("gcp:kms/keyRing:KeyRing", "name"): (r"[a-zA-Z0-9_-]{1,63}", "1 to 63 letters, digits, - _"),
    ("gcp:kms/cryptoKey:CryptoKey", "name"): (
        r"[a-zA-Z0-9_-]{1,63}",
        "1 to 63 letters, digits, - and _",
    ),
    ("gcp:memorystore/instance:Instance", "instanceId"): (
        r"[a-z](?:[-a-z0-9]{2,61}[a-z0-9])",
        "4 to 63 lower-case letters, digits and -, a letter first",
    ),
    ("gcp:managedkafka/cluster:Cluster", "clusterId"): _COMPUTE,
    ("gcp:artifactregistry/repository:Repository", "repositoryId"): _COMPUTE,
    ("gcp:dns/managedZone:ManagedZone", "name"): _COMPUTE,
    ("gcp:cloudrunv2/job:Job", "name"): (
        r"[a-z](?:[-a-z0-9]{0,47}[a-z0-9])?",
        "1 to 49 lower-case letters, digits and -, a letter first",
    ),
}
_LABEL_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")


def mistakes(call: Call) -> Iterator[Mistake]:
    """Yields names and labels that Google does not take, and bad address blocks."""
    for key in ("name", "accountId", "secretId", "instanceId", "clusterId", "repositoryId"):
        value = call.inputs.get(key)
        pattern = _PATTERNS.get((call.token, key))
        if pattern is None and key == "name" and call.token.startswith("gcp:compute/"):
            pattern = _COMPUTE
        if pattern and isinstance(value, str) and not re.fullmatch(pattern[0], value):
            yield Mistake(key, f"{value!r} must be {pattern[1]}")
    labels = call.inputs.get("labels")
    for key, value in labels.items() if isinstance(labels, dict) else ():
        bad = isinstance(value, str) and not _LABEL.fullmatch(value)
        if bad or not _LABEL_KEY.fullmatch(key):
            yield Mistake(
                f"labels.{key}",
                "labels have at most 63 lower-case letters, digits, _ and -, and start with one",
            )
    yield from _blocks(call.inputs, "")


def _blocks(value: Value, at: str) -> Iterator[Mistake]:
    match value:
        case dict():
            for key, item in value.items():
                if not key.startswith("__"):
                    yield from _blocks(item, f"{at}.{key}" if at else key)
        case list():
            for place, item in enumerate(value):
                yield from _blocks(item, f"{at}[{place}]")
        case str() if at.endswith(("ipCidrRange", "masterIpv4CidrBlock")):
            if reason := networks.problem(value):
                yield Mistake(at, reason)
        case _:
            pass
