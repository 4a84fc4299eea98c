"""In which order the steps of an update reach the regions of an environment.

The smallest region goes first, then about a third of them, then the rest, and the primary region by
itself at the end. What a step needs goes no later than the step; what is destroyed goes last.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tools.review.changes import place_of

_SAME = "same"
_LOOKING = frozenset({"read", "refresh"})
_REMOVING = frozenset({"delete", "delete-replaced", "replace"})
_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What an update does to one resource.

    Attributes:
        urn: names the resource.
        place: the region that it is in, empty for what is in none.
        needs: URNs of what it depends on, as it will be, or was where it is destroyed.
        made: whether it is there afterwards.
        removed: whether what was there is destroyed: deleted, or replaced.
        kept: whether it stays as it is, and only depends on something else than before.
        freed: whether it no longer depends on something that it depended on.
        new: whether there is nothing of it yet.
    """

    urn: str
    place: str
    needs: frozenset[str]
    made: bool = True
    removed: bool = False
    kept: bool = False
    freed: bool = False
    new: bool = False


@dataclass(frozen=True, kw_only=True)
class Wave:
    """What is applied together.

    Attributes:
        regions: that it changes, in the environment's order; none where it is in no region.
        steps: URNs of its steps.
        later: URNs of the steps of all waves after it.
    """

    regions: tuple[str, ...]
    steps: frozenset[str]
    later: frozenset[str]


def steps_of(previewed: Iterable[Mapping[str, Any]], regions: Collection[str]) -> list[Step]:
    """Returns the changes among the steps that ``pulumi preview --json --show-sames`` prints.

    What stays as it is and will depend on something new is among them: its new state may not be
    written before what it depends on is there.

    Args:
        previewed: a resource that is replaced has several.
        regions: names of the environment's.
    """
    operations: dict[str, set[str]] = {}
    needs: dict[str, set[str]] = {}
    freed: set[str] = set()
    for step in previewed:
        urn = str(step["urn"])
        needed = _needs(step.get("newState") or step["oldState"])
        before = _needs(step.get("oldState") or {})
        if step["op"] in _LOOKING or (step["op"] == _SAME and needed == before):
            continue
        operations.setdefault(urn, set()).add(step["op"])
        needs.setdefault(urn, set()).update(needed)
        if before - needed:
            freed.add(urn)
    return [
        Step(
            urn=urn,
            place=place_of(urn.rpartition("::")[2], regions),
            needs=frozenset(needs[urn]),
            made=not ops <= {"delete", "delete-replaced"},
            removed=bool(ops & _REMOVING),
            kept=ops == {_SAME},
            freed=urn in freed,
            new=ops == {"create"},
        )
        for urn, ops in operations.items()
    ]


def _needs(state: Mapping[str, Any]) -> set[str]:
    found = {*cast("Sequence[str]", state.get("dependencies") or ()), state.get("deletedWith")}
    found |= {state.get("parent"), str(state.get("provider") or "").rpartition("::")[0]}
    return {one for one in found if one and f"::{_STACK}::" not in one}


def waves(steps: Sequence[Step], *, weights: Mapping[str, int], primary: str) -> list[Wave]:
    """Puts steps into waves; each step is in exactly one.

    A step that a step of another region needs goes with the earlier of the two: the migration of
    the shared database, say, which is in the primary region, goes before the first region's new
    services. What is replaced takes along what is replaced because of it.

    Two kinds go first in every region, since the engine cannot leave them out. Of what is new, a
    program would be given no properties, and nothing runs on it yet. What is freed of something
    would keep its old dependency, in a state that the engine refuses to read where that is declared
    no more or comes later.

    Args:
        steps: in any order.
        weights: each region's share of the traffic.
        primary: the region that goes last.
    """
    changes = [step for step in steps if not step.kept or step.freed]
    stages = _stages({step.place for step in changes if step.made}, weights, primary)
    last = max(len(stages), 1)  # after what is made outside regions, too
    stage_of = {region: index for index, stage in enumerate(stages) for region in stage}
    by_urn = {step.urn: step for step in changes}
    at = {step.urn: stage_of.get(step.place, 0) if step.made else last for step in changes}
    while late := _held_up(changes, by_urn, at):
        at |= late
    at |= {step.urn: 0 for step in changes if step.made and (step.freed or step.new)}
    while early := _needed_earlier(changes, by_urn, at):
        at |= early
    first = min(at.values(), default=0)
    at |= {
        step.urn: max((at[one] for one in step.needs if one in by_urn), default=first)
        for step in steps
        if step.kept and not step.freed
    }
    found: list[Wave] = []
    for stage in sorted(set(at.values()), reverse=True):
        members = [step for step in steps if at[step.urn] == stage]
        reached = {step.place for step in members if not step.kept}
        found.append(
            Wave(
                regions=tuple(one for one in weights if one in reached),
                steps=frozenset(step.urn for step in members),
                later=found[-1].steps | found[-1].later if found else frozenset(),
            )
        )
    return found[::-1]


def _stages(
    touched: Collection[str], weights: Mapping[str, int], primary: str
) -> Sequence[Sequence[str]]:
    """Returns the regions that a change touches, in the groups in which they take their turns."""
    others = sorted(
        (one for one in weights if one in touched and one != primary), key=weights.__getitem__
    )
    third = 1 + -(-len(others) // 3)
    groups = [others[:1], others[1:third], others[third:], [primary] if primary in touched else []]
    return [group for group in groups if group]


def _held_up(
    steps: Iterable[Step], by_urn: Mapping[str, Step], at: Mapping[str, int]
) -> dict[str, int]:
    """Returns later stages for steps that are in no region and need something of a later one."""
    found: dict[str, int] = {}
    for step in steps:
        if step.place or not step.made:
            continue
        latest = max((at[one] for one in step.needs if one in at and by_urn[one].made), default=0)
        if latest > at[step.urn]:
            found[step.urn] = latest
    return found


def _needed_earlier(
    steps: Iterable[Step], by_urn: Mapping[str, Step], at: Mapping[str, int]
) -> dict[str, int]:
    """Returns earlier stages for steps that cannot be as late as they are."""
    found: dict[str, int] = {}
    for step in steps:
        for need in (by_urn[one] for one in step.needs if one in by_urn):
            if step.made and need.made and at[need.urn] > at[step.urn]:
                found[need.urn] = min(at[step.urn], found.get(need.urn, at[step.urn]))
            # Who stands on something that is destroyed is destroyed before it.
            if step.removed and need.removed and at[step.urn] > at[need.urn]:
                found[step.urn] = min(at[need.urn], found.get(step.urn, at[need.urn]))
    return found
