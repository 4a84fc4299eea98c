"""What the pack answers the engine: how firmly, what it cannot know, and when a rule fails."""

import json
from typing import Any

import pytest
from pulumi.runtime.proto import analyzer_pb2

from components.clouds.local.provider.values import SIGNATURE, UNKNOWN, Properties, to_struct
from policies.infrastructure import server
from policies.infrastructure.exemptions import ExemptionError
from policies.infrastructure.server import NOT_KNOWN
from policies.infrastructure.stack_rule import Resource
from tests.unit.policies.asked import CONTEXT, Asked, RefusedError, urn

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OPEN: Properties = {"bucket": "b", "blockPublicAcls": False, "ignorePublicAcls": True}


def test_small_environments_are_advised_and_others_refused() -> None:
    rule = "aws-bucket-private"
    assert Asked("small").levels(BLOCK, "one", OPEN)[rule] == analyzer_pb2.ADVISORY
    assert Asked("medium").levels(BLOCK, "one", OPEN)[rule] == analyzer_pb2.MANDATORY
    assert Asked("large").levels(BLOCK, "one", OPEN)[rule] == analyzer_pb2.MANDATORY


def test_every_rule_is_told_with_severity_framework_and_remedy() -> None:
    asked = Asked("small")
    told = {one.name: one for one in asked.pack.GetAnalyzerInfo(_empty(), CONTEXT).policies}
    assert len(told) == len(server.RULES) + len(server.STACK_RULES)
    for one in told.values():
        assert one.severity, one.name
        assert one.framework.name, one.name
        assert one.remediation_steps, one.name
    assert told["aws-bucket-private"].enforcementLevel == analyzer_pb2.REMEDIATE
    assert told["aws-database-own-key"].enforcementLevel == analyzer_pb2.ADVISORY
    assert told["standby-exists"].policy_type == analyzer_pb2.POLICY_TYPE_STACK


def test_what_a_preview_cannot_know_is_said_and_refuses_nothing() -> None:
    unknown: Properties = {"policy": UNKNOWN}
    said = Asked("large").about(ROLE_POLICY, "one", unknown)["aws-role-no-wildcard"]
    assert said == f"{NOT_KNOWN}: policy is not known before `pulumi up`"
    levels = Asked("large").levels(ROLE_POLICY, "one", unknown)
    assert levels["aws-role-no-wildcard"] == analyzer_pb2.ADVISORY


def test_what_is_wrong_is_mended_in_small_environments_only_and_the_rest_is_kept() -> None:
    secret: Any = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": "hidden"}
    properties: Properties = {**OPEN, "bucket": secret, "later": UNKNOWN, "nothing": None}
    better = Asked("small").mended(BLOCK, properties)
    assert better["blockPublicAcls"] is True
    assert better["restrictPublicBuckets"] is True
    assert better["bucket"] == secret
    assert better["later"] is UNKNOWN
    assert better["nothing"] is None
    assert Asked("medium").mended(BLOCK, properties) == properties


def test_a_rule_that_raises_ends_the_call_with_its_name_and_the_resources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("broken on purpose")

    monkeypatch.setattr(server, "judge", broken)
    monkeypatch.setattr(server, "mended", broken)
    monkeypatch.setattr(server, "judge_stack", broken)
    name = "INTERNAL: rule aws-bucket-private failed on urn:pulumi:test::.*::one: ZeroDivisionError"
    with pytest.raises(RefusedError, match=name):
        Asked("large").about(BLOCK, "one", OPEN)
    with pytest.raises(RefusedError, match=name):
        Asked("small").mended(BLOCK, OPEN)
    with pytest.raises(RefusedError, match="rule aws-bucket-has-block failed on the stack"):
        Asked("large").about_stack([])


def test_a_stack_is_judged_by_what_was_declared_not_by_what_clouds_answer() -> None:
    database, setting = (
        "azure-native:dbforpostgresql:Server",
        "azure-native:dbforpostgresql:Configuration",
    )
    answered = [
        Resource(urn=urn(database, "db"), kind=database, provider="", properties={}),
        Resource(
            urn=urn(setting, "tls"),
            kind=setting,
            provider="",
            properties={"name": "require_secure_transport", "value": "on"},
            needs={"serverName": frozenset({urn(database, "db")})},
        ),
    ]
    asked = Asked("medium")
    assert "azure-database-has-tls" in asked.about_stack(answered)
    declared: Properties = {"configurationName": "require_secure_transport", "value": "on"}
    assert not asked.about(setting, "tls", declared)
    assert "azure-database-has-tls" not in asked.about_stack(answered)


def test_configuration_is_refused() -> None:
    request = analyzer_pb2.ConfigureAnalyzerRequest(
        policyConfig={"aws-tagged": analyzer_pb2.PolicyConfig()}
    )
    with pytest.raises(RefusedError, match="takes no configuration"):
        Asked("small").pack.Configure(request, CONTEXT)


def test_a_wrong_exemption_keeps_the_pack_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ExemptionError("exemption of x: it ended")

    monkeypatch.setattr(server, "check", refuse)
    with pytest.raises(SystemExit, match="exemption of x: it ended"):
        server.serve()


def test_until_it_is_told_which_stack_it_is_the_pack_is_strictest() -> None:
    request = analyzer_pb2.AnalyzeRequest(
        type=BLOCK, urn=urn(BLOCK, "one"), properties=to_struct(json.loads(json.dumps(OPEN)))
    )
    (said,) = server.InfrastructurePolicies().Analyze(request, CONTEXT).diagnostics
    assert said.enforcementLevel == analyzer_pb2.MANDATORY


def _empty() -> Any:
    return analyzer_pb2.AnalyzerInfo()
