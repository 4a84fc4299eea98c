"""The Aurora Global Database: who leads is one change, and no cluster's."""

import json

import pulumi
import pytest

from components.clouds.aws.cloud import AwsCloud
from components.clouds.cloud import CloudDatabaseArgs
from tests.components.clouds.aws.platform import (
    FRANKFURT,
    IRELAND,
    SYDNEY,
    AwsRecorder,
    declare,
    environment,
    seen,
)
from tests.components.recording import Made, resolved, settle

REGIONS = (FRANKFURT, IRELAND, SYDNEY)
CLUSTER = "aws:rds/cluster:Cluster"
INVOCATION = "aws:lambda/invocation:Invocation"
IGNORED = {"masterUsername", "masterPassword"}


def registered(leader: str) -> dict[tuple[str, str], Made]:
    return {(one.type, one.name): one for one in seen(*REGIONS, leader=leader).made}


def test_another_leader_is_one_changed_resource() -> None:
    before, after = registered(FRANKFURT), registered(SYDNEY)
    assert before.keys() == after.keys()

    def without_ignored(one: Made) -> dict[str, object]:
        if one.type == "aws:rds/globalCluster:GlobalCluster":
            return {key: value for key, value in one.inputs.items() if key != "region"}
        if one.type != CLUSTER:
            return one.inputs
        return {key: value for key, value in one.inputs.items() if key not in IGNORED}

    changed = [key for key in before if without_ignored(before[key]) != without_ignored(after[key])]
    assert changed == [(INVOCATION, "aws-database-leader")]


def test_what_differs_between_leader_and_follower_is_ignored_later() -> None:
    """Otherwise a switch would change the master's name, which replaces the cluster."""
    recorder = seen(*REGIONS, leader=FRANKFURT)
    for region in REGIONS:
        assert recorder.ignored[f"{region}-database"] >= IGNORED
    assert recorder.ignored["aws-database"] == {"region"}


def test_the_new_leaders_own_function_is_asked() -> None:
    invocation = registered(SYDNEY)[INVOCATION, "aws-database-leader"]
    assert invocation.inputs["region"] == "ap-southeast-2"
    assert invocation.inputs["functionName"].startswith(f"{SYDNEY}-database-lead")
    assert invocation.inputs["lifecycleScope"] == "CREATE_ONLY"
    request = json.loads(invocation.inputs["input"])
    assert request["global_cluster"] == "production"
    assert request["leader"].endswith(f"{SYDNEY}-database")
    assert f"{SYDNEY}-database-0" in invocation.depends_on
    assert f"{SYDNEY}-database-1" in invocation.depends_on


def test_the_leader_is_written_to_and_the_others_are_read(recorder: AwsRecorder) -> None:
    made = declare(environment(*REGIONS), leader=IRELAND)
    settle()
    clusters = recorder.of(CLUSTER)
    hosts = {name: resolved(one.endpoint.host) for name, one in made.databases.items()}
    assert hosts[IRELAND] == f"{IRELAND}-database.eu-west-1.example"
    assert hosts[SYDNEY].startswith("reader.")
    assert "masterPassword" in clusters[f"{IRELAND}-database"].inputs
    for follower in (FRANKFURT, SYDNEY):
        assert "masterPassword" not in clusters[f"{follower}-database"].inputs
        assert "aws-database-leader" in clusters[f"{follower}-database"].depends_on
    assert {one.role for one in made.databases.values()} == {"primary", "standby"}


def test_all_are_members_of_one_global_cluster() -> None:
    recorder = seen(*REGIONS, leader=FRANKFURT)
    (whole,) = recorder.of("aws:rds/globalCluster:GlobalCluster").values()
    assert whole.inputs["globalClusterIdentifier"] == "production"
    assert {one.inputs["globalClusterIdentifier"] for one in recorder.of(CLUSTER).values()} == {
        f"{whole.name}-id"
    }


def test_every_region_has_the_function_ready_before_it_is_needed() -> None:
    recorder = seen(*REGIONS, leader=FRANKFURT)
    functions = recorder.of("aws:lambda/function:Function")
    assert set(functions) == {f"{region}-database-lead" for region in REGIONS}
    for one in functions.values():
        assert "def handler(" in one.inputs["code"]
        assert one.inputs["handler"] == "lead_database.handler"


def test_a_follower_without_its_leader_is_refused(recorder: AwsRecorder) -> None:
    spec = environment(FRANKFURT, IRELAND)
    made = declare(spec)
    settle()
    before = len(recorder.made)
    args = CloudDatabaseArgs(
        region=IRELAND,
        cluster=made.regions[IRELAND].cluster,
        leader=FRANKFURT,
        followers=[IRELAND],
        leader_server=None,
        version="17",
        role="standby",
        administrator_password=pulumi.Output.secret("x"),
    )
    parent = made.regions[IRELAND].cluster.resource
    with pytest.raises(ValueError, match=f"{IRELAND} follows {FRANKFURT}"):
        AwsCloud(spec).database_server("late", args, parent=parent)
    settle()
    assert len(recorder.made) == before
