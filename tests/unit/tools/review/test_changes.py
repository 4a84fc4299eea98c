"""Reading a preview: what changes, what was found, and what makes it not whole."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from tools.paths import ROOT
from tools.review.changes import STORES, Preview, place_of, read

REGIONS = ["aws-us-east-1", "aws-us-east-11", "gcp-europe-west4"]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SUMMARY: Mapping[str, Any] = {"summaryEvent": {"result": "succeeded"}}
BUCKET = "aws:s3/bucket:Bucket"


def urn(name: str, kind: str = BUCKET) -> str:
    return f"urn:pulumi:test::ai-platform::ai-platform:components:Region${kind}::{name}"


def step(op: str, name: str, *, kind: str = BUCKET, **more: Any) -> dict[str, Any]:
    return {
        "resourcePreEvent": {"metadata": {"op": op, "urn": urn(name, kind), "type": kind, **more}}
    }


def said(message: str, severity: str) -> dict[str, Any]:
    return {"diagnosticEvent": {"message": message, "severity": severity}}


def preview(
    *events: Mapping[str, Any], steps: Sequence[Mapping[str, Any]] = (), failed: bool = False
) -> Preview:
    return read(
        "test",
        events=[json.dumps(one) for one in (*events, SUMMARY)],
        printed=json.dumps({"steps": steps}),
        failed=failed,
        regions=REGIONS,
    )


def test_a_change_says_where_it_is_and_what_forces_it() -> None:
    found = preview(
        step(
            "replace",
            "aws-us-east-1-object-store",
            old={"inputs": {"bucket": "a", "tags": {"data-class": "customer"}}},
            new={"inputs": {"bucket": "b", "tags": {"data-class": "customer"}}},
            keys=["bucket"],
            detailedDiff={"bucket": {"diffKind": "update-replace"}},
        ),
        step("create-replacement", "aws-us-east-1-object-store"),
        step("delete-replaced", "aws-us-east-1-object-store"),
        step("same", "aws-us-east-11-object-store"),
    )
    (change,) = found.changes
    assert change.operation == "replace"
    assert change.place == "aws-us-east-1"
    assert change.paths == change.forced_by == ("bucket",)
    assert (change.before["bucket"], change.after["bucket"]) == ("a", "b")
    assert change.holds_data
    assert [one.place for one in found.kept] == ["aws-us-east-11"]
    assert not found.problems


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("aws-us-east-1-database", "aws-us-east-1"),
        ("aws-us-east-11-database", "aws-us-east-11"),
        ("northwind-gcp-europe-west4-store", "gcp-europe-west4"),
        ("director-aws-us-east-1", "aws-us-east-1"),
        ("interconnect-aws-to-gcp", ""),
        ("aws-us-east-1x", ""),
    ],
)
def test_a_region_is_found_whole_in_a_name(name: str, place: str) -> None:
    assert place_of(name, REGIONS) == place


NO_STORES = {
    "aws:cloudwatch/logGroup:LogGroup": "logs are in Elasticsearch too",
    "aws:ec2/flowLog:FlowLog": "writes to a log group",
    "aws:elasticache/replicationGroup:ReplicationGroup": "a cache may be lost",
    "aws:rds/clusterInstance:ClusterInstance": "its cluster has the data",
    "aws:secretsmanager/secret:Secret": "made from the state, and made again from it",
    "azure-native:compute:DiskEncryptionSet": "points at a key",
    "azure-native:keyvault:Secret": "made from the state, and made again from it",
    "azure-native:managedidentity:UserAssignedIdentity": "says who may, and holds nothing",
    "azure-native:network:FlowLog": "writes to a storage account",
    "azure-native:operationalinsights:Workspace": "logs are in Elasticsearch too",
    "azure-native:redisenterprise:RedisEnterprise": "a cache may be lost",
    "gcp:artifactregistry/repository:Repository": "images are built again from the repository",
    "gcp:memorystore/instance:Instance": "a cache may be lost",
    "gcp:secretmanager/secret:Secret": "made from the state, and made again from it",
}
"""Kinds whose tag says that there is data in them, and that none is lost with; why."""


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_every_kind_that_says_it_has_data_is_known(environment: str) -> None:
    written = yaml.safe_load((ROOT / "tests" / "golden" / f"{environment}.yaml").read_text())
    with_data = {
        key.partition(" ")[0]
        for key, inputs in written.items()
        for tags in (inputs.get("tags"), inputs.get("labels"))
        if isinstance(tags, dict) and tags.get("data-class", "none") != "none"
    }
    assert "aws:rds/cluster:Cluster" in with_data
    assert with_data - STORES - NO_STORES.keys() == set()


def test_components_and_providers_are_no_resources() -> None:
    found = preview(
        step("create", "x", kind="ai-platform:components:Region"),
        step("create", "x", kind="pulumi:pulumi:Stack"),
        step("create", "default_2", kind="pulumi:providers:aws", new={"inputs": {"version": "2"}}),
        step("delete", "default_1", kind="pulumi:providers:aws", old={"inputs": {"version": "1"}}),
    )
    assert not found.changes
    assert found.providers == ("aws 1 → 2",)


def test_a_preview_without_its_end_is_not_whole() -> None:
    found = read(
        "test", events=[json.dumps(step("same", "x"))], printed="", failed=False, regions=[]
    )
    assert found.problems == ("the preview ended before it was whole",)


def test_an_error_is_a_problem() -> None:
    found = preview(said("<{%reset%}>no such bucket<{%reset%}>\n", "error"), failed=True)
    assert found.problems == ("no such bucket",)


def test_a_program_that_raises_is_a_problem_its_error_first_and_its_own_frames_only() -> None:
    lines = (
        "Traceback:",
        '  File ".venv/lib/site-packages/pulumi/run.py", line 3, in run',
        "    call()",
        "    ^^^^^^",
        '  File "stacks/platform.py", line 9, in deploy',
        "    raise RuntimeError(",
        "    ~~~~~^^^",
        "RuntimeError: broken",
    )
    found = preview(*(said(f"{line}\n\n", "info#err") for line in lines), failed=True)
    (problem,) = found.problems
    assert problem.splitlines() == ["RuntimeError: broken", lines[0], *lines[4:6], lines[7]]


def test_a_failure_that_says_nothing_is_a_problem() -> None:
    assert preview(failed=True).problems == ("the preview failed and did not say why",)


def test_what_a_rule_refuses_is_found_and_is_reason_enough_to_fail() -> None:
    event = {
        "policyName": "aws-key-rotation",
        "enforcementLevel": "mandatory",
        "severity": "high",
        "resourceUrn": urn("key"),
        "message": "<{%fg 1%}>is 365<{%reset%}>\n",
    }
    found = preview({"policyEvent": event}, failed=True)
    assert not found.problems
    (finding,) = found.found
    assert finding.mandatory
    assert (finding.rule, finding.resource, finding.message) == (
        "aws-key-rotation",
        "key",
        "is 365",
    )


def digest(name: str, op: str, **inputs: Any) -> dict[str, Any]:
    sources = {key: [urn("source")] for key in inputs}
    return {
        "urn": urn(name),
        "op": op,
        "newState": {"inputs": inputs, "propertyDependencies": sources},
    }


def test_an_unknown_is_explained_by_what_it_comes_from() -> None:
    user = digest("user", "update", key=UNKNOWN, keys=[UNKNOWN, UNKNOWN])
    found = preview(steps=[digest("source", "create"), user])
    assert found.unknown == 3
    assert not found.problems


def test_an_unknown_that_comes_from_nothing_that_changes_is_a_problem() -> None:
    found = preview(steps=[digest("source", "same"), digest("user", "update", key=UNKNOWN)])
    assert found.unknown == 0
    (problem,) = found.problems
    assert problem.startswith("key of user is not known")
