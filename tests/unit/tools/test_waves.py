"""In which order changes reach regions, whatever depends on what."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.apply.waves import Step, Wave, steps_of, waves

WEIGHTS = {"aws-a": 40, "aws-b": 25, "gcp-c": 5, "gcp-d": 10, "azure-e": 12, "azure-f": 8}
PRIMARY = "aws-a"


def step(urn: str, place: str = "", *needs: str, made: bool = True, removed: bool = False) -> Step:
    return Step(urn=urn, place=place, needs=frozenset(needs), made=made, removed=removed)


def planned(*steps: Step) -> list[list[str]]:
    """Returns the URNs of each wave."""
    return [sorted(one.steps) for one in waves(steps, weights=WEIGHTS, primary=PRIMARY)]


@st.composite
def updates(draw: st.DrawFn) -> list[Step]:
    """Any steps; each may need those that come before it."""
    count = draw(st.integers(0, 24))
    steps: list[Step] = []
    for number in range(count):
        known = [one.urn for one in steps]
        needs = draw(st.sets(st.sampled_from(known), max_size=3)) if known else set[str]()
        kind = draw(
            st.sampled_from(("make", "make", "make", "create", "replace", "delete", "keep"))
        )
        steps.append(
            Step(
                urn=f"urn-{number}",
                place=draw(st.sampled_from(("", *WEIGHTS))),
                needs=frozenset(needs),
                made=kind != "delete",
                removed=kind in {"replace", "delete"},
                kept=kind == "keep",
                freed=kind != "delete" and draw(st.integers(0, 7)) == 0,
                new=kind == "create",
            )
        )
    return draw(st.permutations(steps))


@given(updates())
def test_every_step_is_in_exactly_one_wave(steps: Sequence[Step]) -> None:
    found = waves(steps, weights=WEIGHTS, primary=PRIMARY)
    assert sorted(urn for wave in found for urn in wave.steps) == sorted(one.urn for one in steps)
    for number, wave in enumerate(found):
        assert wave.steps
        assert wave.later == {urn for after in found[number + 1 :] for urn in after.steps}


@given(updates())
def test_what_a_step_needs_is_there_and_what_stands_on_it_is_gone_in_time(
    steps: Sequence[Step],
) -> None:
    at = _numbers(waves(steps, weights=WEIGHTS, primary=PRIMARY))
    by_urn = {one.urn: one for one in steps}
    for one in steps:
        for need in (by_urn[urn] for urn in one.needs):
            if one.made and need.made and (need.freed or not need.kept):
                assert at[need.urn] <= at[one.urn]
            if one.removed and need.removed:
                assert at[one.urn] <= at[need.urn]


@given(updates())
def test_a_region_is_disturbed_early_only_for_what_an_earlier_one_needs(
    steps: Sequence[Step],
) -> None:
    """Nothing but needs, and what is replaced with something, moves a region's step forward."""
    found = waves(steps, weights=WEIGHTS, primary=PRIMARY)
    if not found:
        return
    steps = [one for one in steps if one.freed or not one.kept]
    regions = sorted({one.place for one in steps if one.made and one.place}, key=_turn)
    entitled = {
        one.urn
        for one in steps
        if one.made and (one.freed or one.new or one.place in ("", *regions[:1]))
    }
    by_urn = {one.urn: one for one in steps}
    while True:
        more = {need for urn in entitled for need in by_urn[urn].needs if need in by_urn}
        more |= {one.urn for one in steps if one.removed and one.needs & entitled}
        if more <= entitled:
            break
        entitled |= more
    if any(one.made for one in steps):
        assert found[0].steps & set(by_urn) <= entitled


@given(updates())
def test_the_order_of_the_steps_says_nothing(steps: Sequence[Step]) -> None:
    either = waves(steps, weights=WEIGHTS, primary=PRIMARY)
    assert either == waves(sorted(steps, key=lambda one: one.urn), weights=WEIGHTS, primary=PRIMARY)


def _turn(region: str) -> tuple[bool, int]:
    return region == PRIMARY, WEIGHTS[region]


def _numbers(found: Sequence[Wave]) -> Mapping[str, int]:
    return {urn: number for number, wave in enumerate(found) for urn in wave.steps}


def test_the_smallest_goes_first_then_a_third_then_the_rest_then_the_primary() -> None:
    services = [step(f"{region}-service", region) for region in WEIGHTS]
    found = waves(services, weights=WEIGHTS, primary=PRIMARY)
    assert [one.regions for one in found] == [
        ("gcp-c",),
        ("gcp-d", "azure-f"),
        ("aws-b", "azure-e"),
        ("aws-a",),
    ]


def test_one_region_is_one_wave() -> None:
    assert planned(step("a", PRIMARY), step("b", PRIMARY, "a"), step("c")) == [["a", "b", "c"]]


def test_nothing_is_no_wave() -> None:
    assert planned() == []


def test_the_migration_of_the_shared_database_goes_before_the_first_regions_services() -> None:
    assert planned(
        step("image"),
        step("migration", PRIMARY, "image"),
        step("small-service", "gcp-c", "image", "migration"),
        step("primary-service", PRIMARY, "image", "migration"),
    ) == [["image", "migration", "small-service"], ["primary-service"]]


def test_what_is_in_no_region_waits_for_what_it_needs() -> None:
    assert planned(
        step("first"),
        step("small", "gcp-c"),
        step("primary", PRIMARY),
        step("of-both", "", "small", "primary"),
    ) == [["first", "small"], ["of-both", "primary"]]


def test_what_is_replaced_takes_along_what_is_replaced_because_of_it() -> None:
    assert planned(
        step("network", "", removed=True),
        step("small", "gcp-c", "network", removed=True),
        step("primary", PRIMARY, "network", removed=True),
        step("other", PRIMARY),
    ) == [["network", "primary", "small"], ["other"]]


def test_what_is_new_is_never_excluded() -> None:
    new = Step(urn="new", place=PRIMARY, needs=frozenset(["old"]), new=True)
    assert planned(new, step("old", PRIMARY), step("small", "gcp-c"), step("more", PRIMARY)) == [
        ["new", "old", "small"],
        ["more"],
    ]


def test_what_is_freed_of_something_is_never_excluded() -> None:
    freed = Step(urn="freed", place=PRIMARY, needs=frozenset(["new"]), freed=True)
    kept = Step(urn="kept", place="aws-b", needs=frozenset(), kept=True, freed=True)
    assert planned(
        step("new", PRIMARY), freed, kept, step("small", "gcp-c"), step("primary", PRIMARY)
    ) == [["freed", "kept", "new", "small"], ["primary"]]


def test_what_is_destroyed_goes_last() -> None:
    assert planned(
        step("gone", "gcp-c", made=False, removed=True),
        step("small", "gcp-c"),
        step("primary", PRIMARY),
    ) == [["small"], ["primary"], ["gone"]]


def urn(name: str, kind: str = "aws:sns/topic:Topic") -> str:
    return f"urn:pulumi:test::ai-platform::{kind}::{name}"


def test_what_will_depend_on_something_new_waits_for_it_and_no_longer() -> None:
    kept = Step(urn="gateway", place="gcp-c", needs=frozenset(["service"]), kept=True)
    assert planned(step("service", PRIMARY), step("small", "gcp-c"), kept) == [
        ["small"],
        ["gateway", "service"],
    ]
    state = {"dependencies": [urn("old")]}
    same = {"op": "same", "urn": urn("gateway"), "oldState": state}
    (found,) = steps_of([{**same, "newState": {"dependencies": [urn("new")]}}], [])
    assert found.kept
    assert found.freed
    assert found.needs == {urn("new")}
    assert not steps_of([{**same, "newState": state}], [])


@pytest.mark.parametrize("operation", ["same", "read", "refresh"])
def test_what_stays_as_it_is_is_no_step(operation: str) -> None:
    assert not steps_of([{"op": operation, "urn": urn("one"), "newState": {"urn": urn("one")}}], [])


def test_a_preview_is_read_with_all_that_a_resource_stands_on() -> None:
    state: dict[str, Any] = {
        "parent": urn("gcp-c", "ai-platform:index:Region"),
        "provider": f"{urn('aws', 'pulumi:providers:aws')}::0000",
        "dependencies": [urn("other")],
        "deletedWith": urn("holder"),
    }
    stack = urn("ai-platform-test", "pulumi:pulumi:Stack")
    found = steps_of(
        [
            {"op": "create", "urn": stack, "newState": {"urn": stack}},
            {"op": "create-replacement", "urn": urn("gcp-c-topic"), "newState": state},
            {"op": "delete-replaced", "urn": urn("gcp-c-topic"), "oldState": {"parent": stack}},
            {"op": "delete", "urn": urn("gone"), "oldState": {"dependencies": [urn("other")]}},
        ],
        ["gcp-c", "gcp-c2"],
    )
    assert found[1:] == [
        Step(
            urn=urn("gcp-c-topic"),
            place="gcp-c",
            needs=frozenset(
                (
                    urn("gcp-c", "ai-platform:index:Region"),
                    urn("aws", "pulumi:providers:aws"),
                    urn("other"),
                    urn("holder"),
                )
            ),
            made=True,
            removed=True,
        ),
        Step(urn=urn("gone"), place="", needs=frozenset([urn("other")]), made=False, removed=True),
    ]
