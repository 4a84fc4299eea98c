"""``make apply`` with the real engine: waves of regions, a gate after each, and going on."""

import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform import eventually
from tests.simulation.regions import MIDDLE, PRIMARY, SMALLEST, ThreeRegions, three_regions
from tools.apply.__main__ import StoppedError, apply
from tools.apply.health import Gate
from tools.review.applies import applies

GATE = Gate(rounds=2, pause=0.05, patience=2, timeout=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("regions")


@pytest.fixture
def environment(folder: Path) -> Iterator[ThreeRegions]:
    with three_regions(folder) as one:
        if not one.images():
            apply(one.deployed, gate=GATE)
            assert one.checked() == {PRIMARY, MIDDLE, SMALLEST, "director"}
            assert len(messages(one)) == 1, "who has nobody to disturb is brought up at once"
        one.checked()
        yield one


def messages(environment: ThreeRegions) -> list[str]:
    """Returns the messages of the stack's updates, the newest first."""
    history = json.loads(environment.running.succeed("stack", "history", "--json"))
    return [one["message"] for one in history]


def test_a_gate_that_fails_leaves_the_other_regions_alone_and_the_next_run_goes_on(
    environment: ThreeRegions,
) -> None:
    environment.ask(image="2")
    environment.tell({SMALLEST: 503})
    with pytest.raises(StoppedError) as stopped:
        apply(environment.deployed, gate=GATE)
    said = str(stopped.value)
    assert f"stopped at wave 1 of 3: {PRIMARY}, {SMALLEST}" in said
    assert f"{SMALLEST}: http://127.0.0.1" in said
    assert "answers 503" in said
    assert "applied and healthy: nothing" in said
    assert f"not touched: wave 2 of 3: {MIDDLE}; wave 3 of 3: {PRIMARY}" in said
    assert "git revert" in said
    assert environment.images() == {SMALLEST: "2", MIDDLE: "1", PRIMARY: "1"}

    environment.tell({})
    environment.checked()
    apply(environment.deployed, gate=GATE)
    assert environment.images() == {SMALLEST: "2", MIDDLE: "2", PRIMARY: "2"}
    assert environment.checked() == {SMALLEST, MIDDLE, PRIMARY, "director"}
    environment.running.nothing_to_do()
    done = messages(environment)
    assert done[0].startswith(f"wave 2 of 2: {PRIMARY}; apply ")
    assert done[1].startswith(f"wave 1 of 2: {MIDDLE}; apply ")
    history = applies(environment.running.succeed("stack", "history", "--json"))
    assert history[0].changes == {"update": 2}


def test_killed_while_it_waits_it_goes_on_when_run_again(environment: ThreeRegions) -> None:
    environment.ask(image="3")
    environment.tell({SMALLEST: 503})
    patient = Gate(rounds=2, pause=0.05, patience=600, timeout=1)
    applying = multiprocessing.get_context("fork").Process(
        target=apply, args=(environment.deployed,), kwargs={"gate": patient}
    )
    applying.start()
    try:
        eventually(lambda: SMALLEST in environment.checked(), seconds=120, what="first wave")
    finally:
        applying.kill()
        applying.join()
    assert environment.images() == {SMALLEST: "3", MIDDLE: "2", PRIMARY: "2"}
    environment.tell({})
    apply(environment.deployed, gate=GATE)
    assert environment.images() == {SMALLEST: "3", MIDDLE: "3", PRIMARY: "3"}
    environment.running.nothing_to_do()


def test_outputs_are_brought_up_to_date_where_nothing_else_changes(
    environment: ThreeRegions,
) -> None:
    apply(environment.deployed, gate=GATE)
    environment.ask(url="http://127.0.0.1:1")
    environment.checked()
    apply(environment.deployed, gate=GATE)
    assert environment.deployed.outputs()["api_url"] == "http://127.0.0.1:1/director"
    assert not environment.checked()


def test_what_stays_as_it_is_can_come_to_depend_on_something_new(
    environment: ThreeRegions,
) -> None:
    apply(environment.deployed, gate=GATE)
    environment.ask(more=True, image="5")
    environment.tell({SMALLEST: 503})
    with pytest.raises(StoppedError, match="stopped at wave 1 of 3"):
        apply(environment.deployed, gate=GATE)
    names = [one["urn"].rpartition("::")[2] for one in environment.running.resources()]
    assert len([name for name in names if name.endswith("-more")]) == 3, "what is new goes first"
    assert environment.images() == {SMALLEST: "5", MIDDLE: "1", PRIMARY: "1"}
    environment.tell({})
    apply(environment.deployed, gate=GATE)
    environment.running.nothing_to_do()


def test_a_region_that_is_removed_goes_after_the_others_are_healthy(
    environment: ThreeRegions,
) -> None:
    environment.ask(regions=[PRIMARY, MIDDLE], tags={"added": "tag"}, more=True)
    environment.tell({PRIMARY: 500})
    with pytest.raises(StoppedError, match="not touched: wave 3 of 3: what is in") as stopped:
        apply(environment.deployed, gate=GATE)
    assert f"stopped at wave 2 of 3: {PRIMARY}" in str(stopped.value), "it was ill before"
    assert set(environment.images()) == {SMALLEST, MIDDLE, PRIMARY}
    environment.tell({})
    apply(environment.deployed, gate=GATE)
    assert set(environment.images()) == {MIDDLE, PRIMARY}
    environment.running.nothing_to_do()


def test_what_a_rule_refuses_touches_nothing(
    environment: ThreeRegions, capfd: pytest.CaptureFixture[str]
) -> None:
    environment.ask(image="4", opened=True)
    with pytest.raises(StoppedError, match="the preview failed, see above; nothing is touched"):
        apply(environment.deployed, gate=GATE)
    assert "aws-security-group-closed" in capfd.readouterr().out
    assert "4" not in environment.images().values()
    assert not environment.checked()
