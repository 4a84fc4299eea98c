"""Drift is found and changes are applied in waves on the platform as it runs on one machine."""

import json

from tests.platform import Platform
from tools.apply.__main__ import apply
from tools.apply.health import Gate
from tools.deployed import Deployed
from tools.drift import look

PRIMARY = "us-east-1"
STANDBY = "eu-central-1"


def deployed(platform: Platform) -> Deployed:
    return Deployed(stack=platform.stack, of=platform.stack, environment=platform.environment)


def test_a_file_that_was_edited_is_drift_until_it_is_as_declared(platform: Platform) -> None:
    assert not look(deployed(platform))
    bootstrap = next(platform.region(STANDBY).glob("gateway/*.json"))
    declared = bootstrap.read_text()
    bootstrap.write_text(f"{declared}\n")
    (found,) = look(deployed(platform))
    assert found.place == STANDBY
    assert found.name == f"{STANDBY}-gateway"
    bootstrap.write_text(declared)
    assert not look(deployed(platform))


def test_an_update_reaches_the_smaller_region_first_and_both_are_healthy(
    platform: Platform,
) -> None:
    before = platform.settings["versions"]
    platform.write(versions={**before, "platform": "0.1.1"})
    try:
        apply(deployed(platform), gate=Gate(rounds=2, pause=0.2, patience=60))
        first, second = json.loads(platform.pulumi("stack", "history", "--json").stdout)[1::-1]
        assert first["message"].startswith(f"wave 1 of 2: {STANDBY}; apply ")
        assert second["message"].startswith(f"wave 2 of 2: {PRIMARY}; apply ")
        assert platform.changes() == ""
    finally:
        platform.write(versions=before)
        platform.up()
