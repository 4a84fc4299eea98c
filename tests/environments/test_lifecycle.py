"""An environment's life on simulated clouds: made, left alone, drifted, broken off, changed, gone.

Every test goes on from the folder of the one before it only where its name says so; the module's
stack is brought up once, since that is what takes time.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environments.clouds import STORES, Running, on_aws, running
from tools.simulation.faults import Fault

LOCATIONS = ("us-east-1", "eu-central-1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environment")


@pytest.fixture(scope="module", autouse=True)
def up(folder: Path) -> None:
    """Brings the environment up, with failures on the way, as on a bad day."""
    with running(folder, on_aws(*LOCATIONS)) as stack:
        for fault in (
            Fault(operation="create", matches="aws:ec2/subnet:Subnet", nth=5),
            Fault(operation="create", matches="aws:rds/cluster:Cluster"),
            Fault(operation="create", matches="kubernetes:apps/v1:Deployment", nth=2),
        ):
            stack.simulation.order(fault)
            assert "error" in stack.fail("up", "--yes", "--skip-preview")
        stack.simulation.order()
        stack.stack.up()


@pytest.fixture
def stack(folder: Path) -> Iterator[Running]:
    with running(folder, on_aws(*LOCATIONS)) as one:
        yield one


def test_an_up_that_failed_three_times_is_finished_by_the_next(stack: Running) -> None:
    stack.nothing_to_do()


def test_drift_is_found_by_a_refresh_and_repaired(stack: Running) -> None:
    clouds = stack.simulation.cloud
    vpc = clouds.resources("aws:ec2/vpc:Vpc")[0]
    clouds.tamper(vpc.id, enableDnsHostnames=False)
    assert "update" in stack.succeed("refresh", "--yes", "--skip-preview", "--diff")
    assert stack.steps() == {f"{vpc.name} {vpc.token}": "update"}
    stack.up()
    stack.nothing_to_do()


def test_another_primary_region_replaces_and_deletes_nothing(folder: Path) -> None:
    there = on_aws(*LOCATIONS, primary_region="aws-eu-central-1")
    with running(folder, there) as stack:
        steps = stack.steps()
        gone = {
            name
            for name, step in steps.items()
            if step not in ("update", "create") and name.rpartition(" ")[2].startswith(STORES)
        }
        assert not gone
        assert "aws-database-leader aws:lambda/invocation:Invocation" in steps
        stack.up()
        stack.nothing_to_do()
    with running(folder, on_aws(*LOCATIONS)) as stack:
        stack.up()
        stack.nothing_to_do()


def test_a_region_comes_and_goes_and_the_others_stay_as_they_are(folder: Path) -> None:
    with running(folder, on_aws(*LOCATIONS, "ap-southeast-1")) as stack:
        others = {
            name: step
            for name, step in stack.steps().items()
            if step not in ("create", "update") or "aws-eu-central-1-network" in name
        }
        assert not others
        stack.up()
        stack.nothing_to_do()
    with running(folder, on_aws(*LOCATIONS)) as stack:
        stack.up()
        stack.nothing_to_do()
        left = [one["urn"] for one in stack.resources() if "ap-southeast-1" in one["urn"]]
        assert not left


def test_destroy_leaves_the_clouds_empty(folder: Path) -> None:
    with running(folder, on_aws(*LOCATIONS)) as stack:
        stack.succeed("destroy", "--yes", "--skip-preview")
        assert not stack.simulation.cloud.resources()
        assert not stack.resources()
