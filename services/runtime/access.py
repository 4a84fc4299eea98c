"""Decides who may do what, by the Cedar policies in ``policies/access``.

``python -m services.runtime.access check`` checks policies and schema without a service.
"""

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cedarpy

from services.runtime.caller import Caller

NAMESPACE = "AiPlatform"
SCHEMA = "schema.cedarschema"
DECISIONS = "decisions"
"""The logger that every decision is written to, with all that it was made from."""

_log = logging.getLogger(DECISIONS)
_QUIET = "grpc.health.v1.Health/"
_CEDAR: Any = cedarpy  # its annotations leave out type arguments
_DEFAULT = Path(__file__).resolve().parents[2] / "policies" / "access"


class PolicyError(Exception):
    """The policies or their schema are wrong; the message lists each mistake."""


@dataclass(frozen=True)
class Entity:
    """A principal or a resource.

    Attributes:
        kind: Entity type in the schema, without the namespace.
        id: Its id.
        attributes: What policies may look at; strings and lists of strings.
    """

    kind: str
    id: str
    attributes: Mapping[str, str | list[str]] = field(default_factory=dict[str, str | list[str]])

    @property
    def uid(self) -> dict[str, str]:
        """The entity's id in Cedar's JSON form."""
        return {"type": f"{NAMESPACE}::{self.kind}", "id": self.id}

    @property
    def fields(self) -> dict[str, object]:
        """What a log says of the entity."""
        return {"kind": self.kind, "id": self.id, "attributes": self.attributes}


@dataclass(frozen=True)
class Decision:
    """An answer.

    Attributes:
        allowed: Whether the action is permitted.
        policies: ``@id`` of the policies that decided; empty when none permits.
    """

    allowed: bool
    policies: tuple[str, ...]


ANONYMOUS = Entity("Anonymous", "anonymous")


def entity_of(caller: Caller) -> Entity:
    """Returns the principal a call is decided for.

    The user where a token says who it is, else the workload. A caller whose token is bad is nobody:
    falling back to the workload would let an expired token do what its user never could.
    """
    if caller.user is not None:
        user = caller.user
        attributes: dict[str, str | list[str]] = {
            "tenant": user.tenant,
            "username": user.username,
            "roles": sorted(user.roles),
        }
        return Entity("User", user.id, attributes)
    if caller.workload is None or caller.token_error is not None:
        return ANONYMOUS
    workload = caller.workload
    return Entity("Workload", workload.id, {"region": workload.region, "name": workload.name})


class Access:
    """Policies, parsed once.

    Cedar evaluates every policy it is given, so each action gets the slice that can match it.

    Args:
        folder: Holds ``schema.cedarschema`` and any number of ``*.cedar``.

    Raises:
        PolicyError: a file is missing or wrong.
    """

    def __init__(self, folder: Path = _DEFAULT) -> None:
        schema_text, policies_text = _read(folder)
        try:
            schema = cedarpy.Schema.from_str(schema_text)
            self._policies: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(policies_text))
        except ValueError as error:
            message = f"{folder}: {error}"
            raise PolicyError(message) from None
        self._actions: Any = _CEDAR.Entities.from_json_str("[]", schema)
        self._groups = {
            action["uid"]["id"]: frozenset(group["id"] for group in action["parents"])
            for action in json.loads(str(self._actions))
        }
        self._slices: dict[str, cedarpy.PolicySet] = {}

    @property
    def methods(self) -> frozenset[str]:
        """RPC methods that the schema knows, ``package.Service/Method``."""
        return frozenset(action for action in self._groups if "/" in action)

    def decide(self, principal: Entity, action: str, resource: Entity) -> Decision:
        """Returns whether ``principal`` may do ``action`` on ``resource``; unknown means no.

        The decision is logged, so that a change of the policies can be held against it.
        """
        delta = json.dumps(
            [
                {"uid": entity.uid, "attrs": dict(entity.attributes), "parents": []}
                for entity in (principal, resource)
            ]
        )
        request = {
            "principal": principal.uid,
            "action": {"type": f"{NAMESPACE}::Action", "id": action},
            "resource": resource.uid,
            "context": {},
        }
        entities = self._actions.with_added_json_str(delta) if self._groups.get(action) else delta
        result = _CEDAR.is_authorized(request, self._policies_for(action), entities)
        names: dict[str, str] = result.diagnostics.id_annotations_by_reason
        reasons: list[str] = result.diagnostics.reasons
        policies = tuple(sorted(names.get(id_, id_) for id_ in reasons))
        decision = Decision(bool(result.allowed), policies)
        _record(principal, action, resource, decision)
        return decision

    def _policies_for(self, action: str) -> cedarpy.PolicySet:
        known = action if action in self._groups else ""  # so that callers cannot grow the table
        if known not in self._slices:
            self._slices[known] = self._slice({known, *self._groups.get(known, ())})
        return self._slices[known]

    def _slice(self, actions: set[str]) -> cedarpy.PolicySet:
        chosen = {
            name: policy
            for name, policy in self._policies["staticPolicies"].items()
            if _may_match(policy["action"], actions)
        }
        return cedarpy.PolicySet.from_json_str(
            json.dumps({**self._policies, "staticPolicies": chosen})
        )


def _record(principal: Entity, action: str, resource: Entity, decision: Decision) -> None:
    quiet = decision.allowed and action.startswith(_QUIET)
    fields = {
        "principal": principal.fields,
        "action": action,
        "resource": resource.fields,
        "context": {},
        "allowed": decision.allowed,
        "policies": decision.policies,
    }
    _log.log(logging.DEBUG if quiet else logging.INFO, "decided", extra={"fields": fields})


def _may_match(scope: dict[str, Any], actions: set[str]) -> bool:
    """Returns whether a policy's action scope names one of an action and its groups, or none."""
    if scope["op"] == "All":
        return True
    uids = scope["entities"] if "entities" in scope else [scope["entity"]]
    return any(uid["id"] in actions for uid in uids)


def _read(folder: Path) -> tuple[str, str]:
    files = sorted(folder.glob("*.cedar"))
    schema = folder / SCHEMA
    if not schema.is_file() or not files:
        message = f"{folder}: needs {SCHEMA} and at least one .cedar file"
        raise PolicyError(message)
    return schema.read_text(), "\n".join(file.read_text() for file in files)


def check(folder: Path = _DEFAULT) -> int:
    """Checks every policy against the schema.

    Returns:
        How many policies there are.

    Raises:
        PolicyError: lists every mistake, with the file and the policy's ``@id``.
    """
    schema, _ = _read(folder)
    mistakes: list[str] = []
    seen: dict[str, str] = {}
    for file in sorted(folder.glob("*.cedar")):
        text = file.read_text()
        result = _CEDAR.validate_policies(text, schema)
        names: dict[str, str] = result.id_annotations_by_policy_id
        mistakes += [
            f"{file.name}: {names.get(error.policy_id, error.policy_id)}: {error.error}"
            for error in result.errors
        ]
        if result.validation_passed:
            policies = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
            for policy in policies.values():
                name = policy.get("annotations", {}).get("id")
                if not name:
                    mistakes.append(f"{file.name}: a policy has no @id; give each a unique one")
                elif name in seen:
                    mistakes.append(f"{file.name}: @id {name} is used in {seen[name]} too")
                else:
                    seen[name] = file.name
    if mistakes:
        raise PolicyError("\n".join(mistakes))
    Access(folder)
    return len(seen)


if __name__ == "__main__":
    if sys.argv[1:] != ["check"]:
        raise SystemExit("usage: python -m services.runtime.access check")
    try:
        sys.stdout.write(f"{check()} access policies are valid\n")
    except PolicyError as problem:
        raise SystemExit(str(problem)) from None
