"""Regions do not touch each other: not when one is added, nor when another leads."""

from typing import Any

from components.clouds.azure.database import DECIDED_ONCE
from tests.components.clouds.azure.subject import Recorded, record
from tests.components.recording import Made

WEST, NORTH = "azure-westeurope", "azure-northeurope"
Declaration = tuple[str, dict[str, Any], frozenset[str]]


def declarations(recorded: Recorded, region: str) -> dict[tuple[str, str], Declaration]:
    return {
        (one.type, one.name): (one.parent, one.inputs, one.depends_on)
        for one in recorded.made
        if one.name.startswith(region)
    }


def test_a_region_that_is_added_changes_nothing_of_the_others() -> None:
    before, after = record(), record("swedencentral", "westeurope", "northeurope", leader=WEST)
    for region in (WEST, NORTH):
        then, now = declarations(before, region), declarations(after, region)
        assert len(then) > 60
        assert {key: now.get(key) for key in then} == then
        added = [name for _, name in now.keys() - then.keys()]
        assert added == [f"{region}-azure-swedencentral-database-link"]  # to look its server up


def test_the_order_of_regions_does_not_matter() -> None:
    one = record()
    other = record("northeurope", "westeurope", leader=WEST, order=(NORTH, WEST))

    def by_name(recorded: Recorded) -> dict[tuple[str, str], Declaration]:
        every = declarations(recorded, "")
        return {key: one for key, one in every.items() if key[0] != "pulumi:pulumi:Stack"}

    assert by_name(one) == by_name(other)


def test_what_belongs_to_no_region_is_below_one_parent() -> None:
    zones = record().of("privatedns:PrivateZone").values()
    assert {one.parent for one in zones if not one.name.endswith("-database-zone")} == {"azure"}
    assert record().one("azure-global").parent == "azure"


def test_another_leader_replaces_nothing() -> None:
    before, after = record(), record(leader=NORTH)
    names = {(one.type, one.name, one.parent) for one in before.made}
    assert names == {(one.type, one.name, one.parent) for one in after.made}
    changed = {
        one.name: (one, after.one(one.name))
        for one in before.made
        if one.inputs != after.one(one.name).inputs
    }
    servers = {f"{region}-database" for region in (WEST, NORTH)}
    scripts = {f"{server}-leader" for server in servers}
    assert set(changed) == servers | scripts
    for server in servers:
        # The engine is told to ignore these once the server is there.
        assert differing(*changed[server]) <= set(DECIDED_ONCE)
    for script in scripts:
        assert differing(*changed[script]) == {"forceUpdateTag", "environmentVariables"}


def differing(one: Made, other: Made) -> set[str]:
    keys = one.inputs.keys() | other.inputs.keys()
    return {key for key in keys if one.inputs.get(key) != other.inputs.get(key)}


def test_followers_wait_until_the_leader_leads() -> None:
    follower = record().one(f"{NORTH}-database")
    assert follower.inputs["createMode"] == "Replica"
    assert follower.inputs["sourceServerResourceId"].endswith(f"/{WEST}-database-id")
    assert f"{WEST}-database-leader" in follower.depends_on
    assert "administratorLoginPassword" not in follower.inputs
    switched = record(leader=NORTH)
    assert f"{NORTH}-database-leader" in switched.one(f"{WEST}-database").depends_on


def test_only_the_leaders_script_is_told_to_lead() -> None:
    for recorded, leader in ((record(), WEST), (record(leader=NORTH), NORTH)):
        for region in (WEST, NORTH):
            script = recorded.one(f"{region}-database-leader").inputs
            told = {one["name"]: one["value"] for one in script["environmentVariables"]}
            assert told["INTENT"] == ("lead" if region == leader else "follow")
            assert told["SERVER"].endswith(f"/{region}-database-id")
