"""What holds for every resource on AWS, whichever it is."""

import importlib
import inspect
import json
import re
import subprocess
import sys

import pulumi_aws as aws
import pytest

from components.clouds.aws.cloud import AwsCloud
from components.clouds.cloud import AccountError
from tests.components.clouds.aws.platform import (
    ACCOUNT,
    FRANKFURT,
    IRELAND,
    SYDNEY,
    AwsRecorder,
    environment,
    seen,
)
from tests.components.recording import Made, recording, settle

_GLOBAL = {"aws", "zone", "registry", "director"}


def inputs_of(token: str) -> set[str]:
    """Returns the names of what a type can be told, from the SDK itself."""
    match = re.fullmatch(r"aws:(\w+)/\w+:(\w+)", token)
    assert match, token
    module = importlib.import_module(
        f"pulumi_aws.{match[1] if match[1] != 'lambda' else 'lambda_'}"
    )
    kind = getattr(module, match[2])
    return set(inspect.signature(kind._internal_init).parameters)


def everything() -> AwsRecorder:
    recorder = seen(FRANKFURT, IRELAND, SYDNEY)
    assert len(recorder.aws()) > 200
    return recorder


def test_every_resource_that_has_a_region_is_told_which() -> None:
    for one in everything().aws():
        if "region" in inputs_of(one.type):
            assert one.inputs.get("region"), f"{one.type} {one.name}"
            named = [r for r in (FRANKFURT, IRELAND, SYDNEY) if one.name.startswith(r)]
            for region in named:
                assert f"aws-{one.inputs['region']}" == region, f"{one.type} {one.name}"


def test_every_resource_that_takes_tags_says_whose_it_is() -> None:
    for one in everything().aws():
        if "tags" not in inputs_of(one.type):
            continue
        tags = one.inputs["tags"]
        assert tags["environment"] == "production", one.name
        assert tags["managed-by"] == "pulumi", one.name
        named = [r for r in (FRANKFURT, IRELAND, SYDNEY) if one.name.startswith(r)]
        if named and not one.name.endswith("-dns"):  # a role over the zone, which has no region
            assert tags["region"] == named[0], one.name
            assert tags["compliance"] == "gdpr_iso27001", one.name


@pytest.mark.parametrize(
    "kind",
    [
        "aws:rds/cluster:Cluster",
        "aws:rds/clusterInstance:ClusterInstance",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:msk/cluster:Cluster",
        "aws:s3/bucket:Bucket",
        "aws:secretsmanager/secret:Secret",
    ],
)
def test_what_holds_customers_data_says_so(kind: str) -> None:
    recorder = seen(FRANKFURT)
    found = recorder.of(kind)
    assert found
    assert {one.inputs["tags"]["data-class"] for one in found.values()} == {"customer"}


def test_nothing_but_a_component_has_no_parent_and_all_go_by_one_provider() -> None:
    recorder = everything()
    made = recorder.aws()
    roots = {one.name for one in recorder.made if one.parent.endswith("-test")}
    assert roots == {"platform", "aws"}
    assert all(one.parent for one in made)
    providers = recorder.of("pulumi:providers:aws")
    assert set(providers) == {"aws"}
    inputs = providers["aws"].inputs
    assert json.loads(inputs["allowedAccountIds"]) == [ACCOUNT]
    assert json.loads(inputs["defaultTags"])["tags"]["environment"] == "production"


def test_names_are_short_enough_for_the_longest_location() -> None:
    longest = {
        "aws:elasticache/replicationGroup:ReplicationGroup": ("replicationGroupId", 40),
        "aws:elasticache/user:User": ("userId", 40),
        "aws:elasticache/userGroup:UserGroup": ("userGroupId", 40),
        "aws:rds/cluster:Cluster": ("clusterIdentifier", 63),
        "aws:msk/cluster:Cluster": ("clusterName", 64),
        "aws:s3/bucket:Bucket": ("bucket", 63),
        "aws:eks/cluster:Cluster": ("name", 100),
    }
    recorder = seen(SYDNEY)
    for kind, (key, length) in longest.items():
        for one in recorder.of(kind).values():
            assert 0 < len(one.inputs[key]) <= length, one
    for one in recorder.of("aws:iam/role:Role").values():
        assert len(one.name) + len("-1234567") <= 64, one.name


def registrations(*regions: str, leader: str | None = None) -> dict[tuple[str, str], Made]:
    """Returns what a declaration registers, by type and name."""
    return {(one.type, one.name): one for one in seen(*regions, leader=leader).made}


def test_an_added_region_leaves_the_others_as_they_are() -> None:
    before = registrations(IRELAND, SYDNEY)
    after = registrations(FRANKFURT, IRELAND, SYDNEY, leader=IRELAND)
    shared = {"aws:ecr/replicationConfiguration:ReplicationConfiguration"}
    weights = {"aws:route53/record:Record"}
    assert before.keys() <= after.keys()
    for key, one in before.items():
        if key[0] not in shared | weights:
            assert one == after[key], key


def test_the_order_of_regions_changes_nothing() -> None:
    assert registrations(FRANKFURT, IRELAND, SYDNEY, leader=IRELAND) == registrations(
        SYDNEY, IRELAND, FRANKFURT, leader=IRELAND
    )


def test_the_right_account_is_let_pass(recorder: AwsRecorder) -> None:
    AwsCloud(environment(FRANKFURT)).check_account()
    settle()
    assert not recorder.aws()


def test_another_account_is_refused_with_both_and_the_way_out() -> None:
    with recording(AwsRecorder(account="999999999999")):
        cloud = AwsCloud(environment(FRANKFURT))
        with pytest.raises(AccountError) as refused:
            cloud.check_account()
        settle()
    message = str(refused.value)
    for part in ("accounts.aws", ACCOUNT, "999999999999", "aws sso login", "AWS_PROFILE"):
        assert part in message


@pytest.mark.usefixtures("recorder")
def test_missing_credentials_are_refused_with_what_aws_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_credentials(**_: object) -> None:
        raise RuntimeError("no valid credential sources found")

    monkeypatch.setattr(aws, "get_caller_identity", no_credentials)
    with pytest.raises(AccountError) as refused:
        AwsCloud(environment(FRANKFURT)).check_account()
    settle()
    for part in ("accounts.aws", ACCOUNT, "no valid credential sources", "aws sso login"):
        assert part in str(refused.value)


def test_making_the_cloud_makes_nothing(recorder: AwsRecorder) -> None:
    AwsCloud(environment(FRANKFURT))
    settle()
    assert not recorder.made


def test_no_other_clouds_sdk_is_imported() -> None:
    program = (
        "import sys, components.clouds.aws.cloud as c; "
        "print([m for m in sys.modules if m in ('pulumi_gcp', 'pulumi_azure_native')])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr
