"""IAM policy documents: who may do what to which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement of a policy; ``principal`` only where the policy is a resource's own."""

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]] = ("*",)
    principal: Mapping[str, pulumi.Input[str]] | str | None = None
    conditions: Mapping[str, Any] | None = None
    effect: str = "Allow"

    def render(self, *, trusts: bool) -> dict[str, Any]:
        """Returns the statement as IAM writes it; one that trusts a principal has no resource."""
        rendered: dict[str, Any] = {"Effect": self.effect, "Action": list(self.actions)}
        if not trusts:
            rendered["Resource"] = list(self.resources)
        if self.principal:
            rendered["Principal"] = self.principal
        if self.conditions:
            rendered["Condition"] = self.conditions
        return rendered


def document(*statements: Statement) -> pulumi.Output[str]:
    """Returns a policy of an identity or of a resource, as JSON."""
    return _json([one.render(trusts=False) for one in statements])


def trust_document(statement: Statement) -> pulumi.Output[str]:
    """Returns who may take a role, as JSON."""
    return _json([statement.render(trusts=True)])


def trust(service: str, *, account: str) -> pulumi.Output[str]:
    """Returns the trust of a role that a service of AWS takes.

    ``aws:SourceAccount`` keeps the service from taking it for somebody else's resource. EC2 takes
    roles for instances and sends no such key; the instance profile's owner is the account itself.
    """
    return trust_document(
        Statement(
            actions=["sts:AssumeRole", "sts:TagSession"]
            if service == "eks"
            else ["sts:AssumeRole"],
            principal={"Service": f"{service}.amazonaws.com"},
            conditions=None
            if service in {"ec2", "eks", "lambda"}
            else {"StringEquals": {"aws:SourceAccount": account}},
        )
    )


def _json(statements: Sequence[Mapping[str, Any]]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})
