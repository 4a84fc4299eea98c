"""What policies answer to a request, and which conditions hold for it."""

import json
from collections.abc import Sequence
from typing import Any

import cedarpy

from tools.access_review.conditions import Expression
from tools.access_review.policies import Policies, Policy, together
from tools.access_review.schema import Action
from tools.access_review.space import Request

_CEDAR: Any = cedarpy  # its annotations leave out type arguments


class Decider:
    """Answers as the services do with a set of policies (``services/runtime/access.py``)."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._slices: dict[tuple[str, str, str], Any] = {}

    def allows(self, request: Request) -> bool:
        """Tells whether the policies permit what a request asks."""
        kinds = request.principal["uid"]["type"], request.resource["uid"]["type"]
        asked = request.action.id, *kinds
        if asked not in self._slices:
            chosen = self.relevant(request.action, *kinds)
            self._slices[asked] = cedarpy.PolicySet.from_json_str(together(chosen))
        return bool(_asked(request, self._own(request.action), self._slices[asked]).allowed)

    def relevant(self, action: Action, principal: str, resource: str) -> list[Policy]:
        """Returns the policies that may match an action between two kinds of entities."""
        own = self._own(action)
        return [one for one in self._policies.policies if one.may_match(principal, own, resource)]

    def _own(self, action: Action) -> Action:
        """Returns an action as these policies' schema has it; one that it lacks is in no group."""
        unknown = Action(type=action.type, id=action.id)
        return self._policies.schema.actions.get(action.id, unknown)


class Truths:
    """Tells which of some conditions hold for a request."""

    def __init__(self, conditions: Sequence[Expression]) -> None:
        scope = {"op": "All"}
        asking = [
            Policy(
                name=str(number),
                path="",
                meaning={
                    "effect": "permit",
                    "principal": scope,
                    "action": scope,
                    "resource": scope,
                    "conditions": [{"kind": "when", "body": condition}],
                },
            )
            for number, condition in enumerate(conditions)
        ]
        self._policies = cedarpy.PolicySet.from_json_str(together(asking))

    def of(self, request: Request) -> frozenset[int]:
        """Returns the positions of the conditions that hold."""
        result = _asked(request, request.action, self._policies)
        return frozenset(int(one) for one in result.diagnostics.reasons)


def _asked(request: Request, action: Action, policies: Any) -> Any:
    groups = [{"type": action.type, "id": group} for group in action.groups]
    entities = [request.principal, request.resource]
    uid = {"type": action.type, "id": action.id}
    if request.principal["uid"] == request.resource["uid"]:
        entities.pop()
    asked = {
        "principal": request.principal["uid"],
        "action": uid,
        "resource": request.resource["uid"],
        "context": request.context,
    }
    hierarchy = json.dumps([*entities, {"uid": uid, "attrs": {}, "parents": groups}])
    return _CEDAR.is_authorized(asked, policies, hierarchy)
