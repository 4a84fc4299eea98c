"""The life of an environment over three clouds: made, drifted, led from another cloud, gone.

As ``test_lifecycle`` has it on AWS. Every test goes on from the one before it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environments.clouds import Running, on_clouds, running
from tools.simulation.faults import Fault

REGIONS = ("aws-us-east-1", "gcp-europe-west4", "azure-canadacentral")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environment")


@pytest.fixture(scope="module", autouse=True)
def up(folder: Path) -> None:
    """Brings the environment up, with failures on the way on two of its clouds."""
    with running(folder, on_clouds(*REGIONS)) as stack:
        for kind in (
            "gcp:sql/databaseInstance:DatabaseInstance",
            "azure-native:containerservice:ManagedCluster",
        ):
            stack.simulation.order(Fault(operation="create", matches=kind, message=f"no {kind}"))
            assert f"no {kind}" in stack.fail("up", "--yes", "--skip-preview")
        stack.simulation.order()
        stack.stack.up()


@pytest.fixture
def stack(folder: Path) -> Iterator[Running]:
    with running(folder, on_clouds(*REGIONS)) as one:
        yield one


def test_an_up_that_failed_on_two_clouds_is_finished_by_the_next(stack: Running) -> None:
    stack.nothing_to_do()


def test_stores_that_somebody_opened_are_found_by_a_refresh_and_closed(stack: Running) -> None:
    clouds = stack.simulation.cloud
    bucket = clouds.resources("gcp:storage/bucket:Bucket")[0]
    account = clouds.resources("azure-native:storage:StorageAccount")[0]
    clouds.tamper(bucket.id, publicAccessPrevention="inherited")
    clouds.tamper(account.id, allowBlobPublicAccess=True)
    stack.succeed("refresh", "--yes", "--skip-preview")
    assert stack.steps() == {
        f"{bucket.name} {bucket.token}": "update",
        f"{account.name} {account.token}": "update",
    }
    stack.up()
    closed = {one.id: one.properties for one in clouds.resources()}
    assert closed[bucket.id]["publicAccessPrevention"] == "enforced"
    assert closed[account.id]["allowBlobPublicAccess"] is False


def test_another_cloud_leads_and_no_store_is_touched(folder: Path) -> None:
    with running(folder, on_clouds(*REGIONS, primary_region=REGIONS[2])) as stack:
        stores = stack.stores()
        stack.up()
        assert _primaries(stack) == [REGIONS[2]]
        assert stack.stores() == stores
        stack.nothing_to_do()
    with running(folder, on_clouds(*REGIONS)) as stack:
        stack.up()
        assert _primaries(stack) == [REGIONS[0]]
        assert stack.stores() == stores


def test_destroy_leaves_the_clouds_empty(stack: Running) -> None:
    stack.succeed("destroy", "--yes", "--skip-preview")
    assert not stack.simulation.cloud.resources()
    assert not stack.resources()


def _primaries(stack: Running) -> list[str]:
    """Returns the regions that the stack says take writes."""
    regions = stack.stack.outputs()["regions"]
    return [name for name, one in regions.items() if one["database_role"] == "primary"]
