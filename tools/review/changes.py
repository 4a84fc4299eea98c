"""What one preview says: the resources that change, what the rules found, and what went wrong.

Read from the engine's own events and from the JSON that ``pulumi preview`` prints; secrets are
masked in both.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from components.clouds.local.provider.values import UNKNOWN_TEXT
from policies.infrastructure.server import NOT_KNOWN
from tools.urn import kind_and_name

Operation = Literal["create", "update", "replace", "delete"]

_OPERATIONS: Mapping[str, Operation] = {
    "create": "create",
    "update": "update",
    "replace": "replace",
    "delete": "delete",
    "import": "create",
}
"""The steps that stand for a change; the other two of a replacement are left out."""

_NO_RESOURCES = ("pulumi:pulumi:", "pulumi:providers:", "ai-platform:")
"""How the kinds begin of what is nothing in a cloud: stacks, providers, components."""

STORES = frozenset(
    {
        "aws:eks/cluster:Cluster",
        "aws:kms/key:Key",
        "aws:msk/cluster:Cluster",
        "aws:rds/cluster:Cluster",
        "aws:rds/globalCluster:GlobalCluster",
        "aws:s3/bucket:Bucket",
        "azure-native:containerservice:ManagedCluster",
        "azure-native:dbforpostgresql:Database",
        "azure-native:dbforpostgresql:Server",
        "azure-native:eventhub:Namespace",
        "azure-native:keyvault:Key",
        "azure-native:keyvault:Vault",
        "azure-native:storage:BlobContainer",
        "azure-native:storage:StorageAccount",
        "gcp:container/cluster:Cluster",
        "gcp:kms/cryptoKey:CryptoKey",
        "gcp:managedkafka/cluster:Cluster",
        "gcp:sql/database:Database",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:storage/bucket:Bucket",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:elasticsearch.k8s.elastic.co/v1:Elasticsearch",
    }
)
"""Kinds that data is lost with: stores, the keys they are under, clusters with their volumes."""

_REFUSED = "preview failed"
"""What the engine says of a preview for no other reason than that a rule refuses it."""

_COLOUR = re.compile(r"<\{%.*?%\}>")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A resource that is made, changed, replaced or destroyed.

    Attributes:
        kind: its type, ``aws:s3/bucket:Bucket``.
        place: the region that it is in, empty for what is in none.
        paths: the properties that change, where it is changed or replaced; sorted.
        forced_by: those of them that cannot change without a replacement.
        before, after: its inputs; empty where it was, or will be, none.
        holds_data: whether data is lost with it.
    """

    operation: Operation
    kind: str
    name: str
    place: str
    paths: tuple[str, ...] = ()
    forced_by: tuple[str, ...] = ()
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    holds_data: bool


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A resource that stays as it is; what changes may cost more or less because of it."""

    kind: str
    name: str
    place: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a rule found.

    Attributes:
        mandatory: whether it is refused; otherwise it is advice.
        judged: whether it could be judged; otherwise ``pulumi up`` will.
        message: what is wrong and what to do.
    """

    rule: str
    severity: str
    mandatory: bool
    judged: bool
    resource: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a preview of one stack said.

    Attributes:
        kept: the resources that stay as they are.
        unknown: how many values are known only once what they come from is made or changed.
        providers: upgrades of providers, each in words.
        problems: why the preview is not to be trusted; none of a whole one.
    """

    stack: str
    changes: tuple[Change, ...] = ()
    kept: tuple[Kept, ...] = ()
    unknown: int = 0
    found: tuple[Found, ...] = ()
    providers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read(
    stack: str, *, events: Iterable[str], printed: str, failed: bool, regions: Collection[str]
) -> Preview:
    """Reads a preview.

    Args:
        stack: its name.
        events: the lines of the engine's event log.
        printed: what it printed on standard output.
        failed: whether it ended with an error.
        regions: the environment's, to find where a resource is.
    """
    kinds = [cast("dict[str, Any]", json.loads(line)) for line in events if line.strip()]
    steps = [one["resourcePreEvent"]["metadata"] for one in kinds if "resourcePreEvent" in one]
    problems = [_plain(one["diagnosticEvent"]) for one in kinds if _is_said(one, "error")]
    refused = any(_is_mandatory(one) for one in kinds)
    if refused:
        problems = [one for one in problems if one != _REFUSED]
    if failed and not problems:
        problems += _raised([one for one in kinds if _is_said(one, "info#err")])
    unknowns = _Unknowns(_digest(printed))
    if not any("summaryEvent" in one for one in kinds):
        problems.append("the preview ended before it was whole")
    if failed and not problems and not refused:
        problems.append("the preview failed and did not say why")
    problems += unknowns.unexplained
    return Preview(
        stack=stack,
        # The engine takes what does not depend on each other in any order.
        changes=tuple(sorted(_changes(steps, regions), key=lambda one: (one.kind, one.name))),
        kept=tuple(sorted(_kept(steps, regions), key=lambda one: (one.kind, one.name))),
        unknown=unknowns.explained,
        found=tuple(
            sorted(
                (_found(one["policyEvent"]) for one in kinds if "policyEvent" in one),
                key=lambda one: (one.rule, one.resource),
            )
        ),
        providers=tuple(_upgrades(steps)),
        problems=tuple(dict.fromkeys(problems)),
    )


def place_of(name: str, regions: Collection[str]) -> str:
    """Returns the region that a resource's name says it is in; empty for none."""
    for region in sorted(regions, key=len, reverse=True):
        if re.search(rf"(^|-){re.escape(region)}(-|$)", name):
            return region
    return ""


def _changes(steps: Iterable[Mapping[str, Any]], regions: Collection[str]) -> Iterator[Change]:
    for step in steps:
        operation = _OPERATIONS.get(step["op"])
        if operation is None or not _is_resource(step):
            continue
        name = str(step["urn"]).rpartition("::")[2]
        before, after = (_inputs(_mapping(step, side)) for side in ("old", "new"))
        changes = operation in {"update", "replace"}
        yield Change(
            operation=operation,
            kind=step["type"],
            name=name,
            place=place_of(name, regions),
            paths=tuple(sorted(_mapping(step, "detailedDiff") or _list(step, "diffs")))
            if changes
            else (),
            forced_by=tuple(sorted(_list(step, "keys"))) if operation == "replace" else (),
            before=before if operation != "create" else {},
            after=after if operation != "delete" else {},
            holds_data=step["type"] in STORES,
        )


def _kept(steps: Iterable[Mapping[str, Any]], regions: Collection[str]) -> Iterator[Kept]:
    for step in steps:
        if step["op"] == "same" and _is_resource(step):
            name = str(step["urn"]).rpartition("::")[2]
            yield Kept(
                kind=step["type"],
                name=name,
                place=place_of(name, regions),
                inputs=_inputs(_mapping(step, "new")),
            )


def _is_resource(step: Mapping[str, Any]) -> bool:
    return not str(step["type"]).startswith(_NO_RESOURCES)


def _inputs(state: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(state, "inputs")


def _mapping(holder: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = holder.get(key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _list(holder: Mapping[str, Any], key: str) -> list[str]:
    found = holder.get(key)
    return cast("list[str]", found) if isinstance(found, list) else []


def _found(event: Mapping[str, Any]) -> Found:
    message = _COLOUR.sub("", event["message"]).strip()
    return Found(
        rule=event["policyName"],
        severity=event.get("severity") or "",
        mandatory=event["enforcementLevel"] == "mandatory",
        resource=str(event.get("resourceUrn", "")).rpartition("::")[2],
        judged=not message.startswith(NOT_KNOWN),
        message=message,
    )


def _is_mandatory(event: Mapping[str, Any]) -> bool:
    return _mapping(event, "policyEvent").get("enforcementLevel") == "mandatory"


def _is_said(event: Mapping[str, Any], severity: str) -> bool:
    return _mapping(event, "diagnosticEvent").get("severity") == severity


def _raised(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns what a program printed as it failed, its last line, which names the error, first."""
    said = [_COLOUR.sub("", one["diagnosticEvent"]["message"]).rstrip() for one in events]
    lines = list(_own_frames(line for line in said if line.strip()))
    return [f"{lines[-1].strip()}\n" + "\n".join(lines)] if lines else []


def _own_frames(lines: Iterable[str]) -> Iterator[str]:
    """Yields a traceback without the frames of Python itself and of packages."""
    foreign = False
    for line in lines:
        if line.startswith("  File "):
            foreign = "site-packages" in line or "<frozen" in line
        elif not line.startswith("    "):
            foreign = False
        if not foreign and line.strip(" ^~"):
            yield line


def _plain(event: Mapping[str, Any]) -> str:
    return _COLOUR.sub("", event["message"]).strip()


def _upgrades(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yields which providers' versions change; those of the programs' SDKs are resources too."""
    versions: dict[str, dict[str, set[str]]] = {}
    for step in steps:
        kind = str(step["type"])
        if not kind.startswith("pulumi:providers:"):
            continue
        sides = versions.setdefault(kind.rpartition(":")[2], {"old": set(), "new": set()})
        for side in ("old", "new"):
            if step.get(side) and not (side == "new" and step["op"].startswith("delete")):
                sides[side].add(str(_inputs(_mapping(step, side)).get("version", "")))
    for name, sides in sorted(versions.items()):
        old, new = (" and ".join(sorted(sides[side] - {""})) for side in ("old", "new"))
        if old and new and old != new:
            yield f"{name} {old} → {new}"


def _digest(printed: str) -> Sequence[Mapping[str, Any]]:
    """Returns the steps that ``pulumi preview --json`` prints; none where it failed before that."""
    try:
        return cast("list[Mapping[str, Any]]", json.loads(printed)["steps"] or [])
    except (ValueError, KeyError):
        return []


class _Unknowns:
    """Values that a preview does not know.

    Those that come from something that the same preview makes or changes will be known once it is
    there. One that comes from nothing of the kind hides a part of the change.
    """

    def __init__(self, steps: Sequence[Mapping[str, Any]]) -> None:
        self.explained = 0
        self.unexplained: list[str] = []
        moving = {step["urn"] for step in steps if step["op"] != "same"}
        for step in steps:
            if step["op"] not in _OPERATIONS or not _is_resource(
                {"type": kind_and_name(step["urn"])[0]}
            ):
                continue
            state = _mapping(step, "newState")
            sources = _mapping(state, "propertyDependencies")
            for key, value in _inputs(state).items():
                unknown = len(UNKNOWN_TEXT.findall(json.dumps(value)))
                if not unknown:
                    continue
                if moving.intersection(_list(sources, key)):
                    self.explained += unknown
                else:
                    name = str(step["urn"]).rpartition("::")[2]
                    self.unexplained.append(
                        f"{key} of {name} is not known, and nothing that it comes from changes"
                    )
