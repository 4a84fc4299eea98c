"""``make drift`` with the real engine: changed and lost behind the state's back, and never told."""

from collections.abc import Iterator
from typing import cast

import pytest

from components.clouds.local.provider.values import Value
from tests.simulation.regions import MIDDLE, PRIMARY, ThreeRegions, three_regions
from tools.deployed import UnreachableError
from tools.drift import Difference, look, table
from tools.simulation import accounts

TOPIC = "aws:sns/topic:Topic"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeRegions]:
    with three_regions(tmp_path_factory.mktemp("regions")) as one:
        yield one


def test_a_stack_that_is_not_up_cannot_be_looked_at(environment: ThreeRegions) -> None:
    with pytest.raises(UnreachableError, match="nothing is deployed"):
        look(environment.deployed)


def test_what_was_changed_and_lost_is_found_until_it_is_mended(environment: ThreeRegions) -> None:
    environment.running.up()
    assert look(environment.deployed) == []

    clouds = environment.running.simulation.cloud
    topics = {one.name: one for one in clouds.resources(TOPIC)}
    changed = topics[f"{PRIMARY}-service"]
    tags = {**cast("dict[str, Value]", changed.inputs["tags"]), "by": "hand"}
    clouds.tamper(changed.id, displayName="shouted", tags=tags)
    clouds.lose(topics[f"director-{MIDDLE}"].id)
    found = look(environment.deployed)
    assert found == [
        Difference(kind=TOPIC, name=f"director-{MIDDLE}", place=MIDDLE, gone=True),
        Difference(
            kind=TOPIC, name=f"{PRIMARY}-service", place=PRIMARY, paths=("displayName", "tags.by")
        ),
    ]
    said = table("test", found)
    assert "hush" not in said
    assert "shouted" not in said
    assert len(found) == 2, "looking changes nothing"
    assert look(environment.deployed) == found

    environment.running.succeed("refresh", "--yes", "--skip-preview")
    environment.running.up()
    assert look(environment.deployed) == []


def test_credentials_that_do_not_work_are_not_taken_for_no_drift(
    environment: ThreeRegions,
) -> None:
    folder = environment.running.simulation.folder
    accounts.save(folder, accounts.Accounts(without_credentials=("aws",)))
    with pytest.raises(UnreachableError, match="No valid credential sources found"):
        look(environment.deployed)
