"""Which requests are answered otherwise, and the fewest conditions that say which those are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tools.access_review.answers import Decider, Truths
from tools.access_review.conditions import Expression, conditions_of, key
from tools.access_review.policies import Policies
from tools.access_review.schema import Action
from tools.access_review.space import Request, space

Direction = Literal["gains", "loses"]


@dataclass(frozen=True, kw_only=True)
class Term:
    """A condition, and whether it has to hold or must not.

    Attributes:
        condition: in Cedar's JSON form.
        holds: which of the two.
    """

    condition: Expression
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where policies are asked: for an action, between two kinds of entities."""

    principal: str
    action: Action
    resource: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What principals of a kind gain or lose.

    Attributes:
        direction: which of the two.
        place: which action, for and on which kinds of entities.
        terms: what has to be true of a request.
        unless: requests among those that are allowed before and after all the same, each as terms.
    """

    direction: Direction
    place: Place
    terms: tuple[Term, ...]
    unless: tuple[tuple[Term, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of asking two sets of policies the same.

    Attributes:
        place: where they were asked.
        requests: how many were asked.
        differences: what is answered otherwise.
        thinned: whether there were too many requests to ask all.
        untouched: what conditions look at that was not varied.
    """

    place: Place
    requests: int
    differences: tuple[Difference, ...]
    thinned: bool
    untouched: tuple[str, ...]

    def has(self, direction: Direction) -> bool:
        """Tells whether something is gained, or lost."""
        return any(one.direction == direction for one in self.differences)


def places(before: Policies, after: Policies) -> list[Place]:
    """Returns where the policies of either state can be asked, in a stable order."""
    found: dict[tuple[str, str, str], Place] = {}
    for policies in (after, before):
        for action in policies.schema.actions.values():
            for principal in action.principals:
                for resource in action.resources:
                    place = Place(principal=principal, action=action, resource=resource)
                    found.setdefault((action.id, principal, resource), place)
    return [found[asked] for asked in sorted(found)]


def compared(place: Place, before: Policies, after: Policies) -> Comparison:
    """Asks both policies every request of a place."""
    action = place.action
    deciders = Decider(before), Decider(after)
    policies = [
        policy
        for decider in deciders
        for policy in decider.relevant(action, place.principal, place.resource)
    ]
    unique = {key(one): one for policy in policies for one in conditions_of(policy)}
    conditions = [unique[text] for text in sorted(unique)]
    declaring = after if action.id in after.schema.actions else before
    asked = space(declaring.schema, action, place.principal, place.resource, conditions)
    truths = Truths(conditions)
    answers: dict[frozenset[int], set[tuple[bool, bool]]] = {}
    for request in asked.requests:
        answer = _answers(deciders, request)
        answers.setdefault(truths.of(request), set()).add(answer)
    differences: list[Difference] = []
    for direction in ("gains", "loses"):
        differences += _differences(direction, place, conditions, answers)
    return Comparison(
        place=place,
        requests=len(asked.requests),
        differences=tuple(differences),
        thinned=asked.thinned,
        untouched=asked.untouched,
    )


def _answers(deciders: tuple[Decider, Decider], request: Request) -> tuple[bool, bool]:
    before, after = deciders
    return before.allows(request), after.allows(request)


def _differences(
    direction: Direction,
    place: Place,
    conditions: Sequence[Expression],
    answers: Mapping[frozenset[int], set[tuple[bool, bool]]],
) -> list[Difference]:
    changed = (False, True) if direction == "gains" else (True, False)
    same = (True, True)
    points = {point for point, said in answers.items() if changed in said}
    permitted = points | {point for point, said in answers.items() if same in said}
    exact = [(cube, _NONE) for cube in _cover(points, points, set(answers), len(conditions))]
    wide: list[tuple[_Cube, Sequence[_Cube]]] = []
    for cube in _cover(points, permitted, set(answers), len(conditions)):
        inside = {point for point in answers if _within(point, cube)}
        exceptions = _cover(inside - points, inside - points, inside, len(conditions))
        wide.append((cube, [_without(exception, cube) for exception in exceptions]))
    return [
        Difference(
            direction=direction,
            place=place,
            terms=_terms(cube, conditions),
            unless=tuple(_terms(exception, conditions) for exception in exceptions),
        )
        for cube, exceptions in min(wide, exact, key=_length)
    ]


_Cube = Mapping[int, bool]
"""Conditions by position, each with whether it has to hold."""

_NONE: Sequence[_Cube] = ()


def _length(said: Sequence[tuple[_Cube, Sequence[_Cube]]]) -> int:
    """Returns how many conditions it takes to say something."""
    return sum(len(one) for cube, exceptions in said for one in (cube, *exceptions))


def _without(cube: _Cube, known: _Cube) -> _Cube:
    return {condition: holds for condition, holds in cube.items() if condition not in known}


def _cover(
    points: set[frozenset[int]],
    permitted: set[frozenset[int]],
    every: set[frozenset[int]],
    conditions: int,
) -> list[_Cube]:
    """Returns as few and as short conjunctions as a greedy search finds that hold for all points.

    Args:
        points: the truths to cover, each as the conditions that hold.
        permitted: what may be covered besides.
        every: all truths there are.
        conditions: how many conditions there are.
    """
    refused = every - permitted
    left: set[frozenset[int]] = set(points)
    cubes: list[_Cube] = []
    while left:
        # Fewest true conditions first: what all the others have more of is the shortest to say.
        point = min(left, key=lambda one: (len(one), sorted(one)))
        cube = _widened({one: one in point for one in range(conditions)}, refused)
        cubes.append(cube)
        left = {one for one in left if not _within(one, cube)}
    return cubes


def _widened(cube: dict[int, bool], refused: Iterable[frozenset[int]]) -> _Cube:
    """Drops each condition that is not needed to keep out what is refused; negative ones first."""
    for condition in sorted(cube, key=lambda one: (cube[one], one)):
        wider = {one: holds for one, holds in cube.items() if one != condition}
        if not any(_within(point, wider) for point in refused):
            cube = wider
    return cube


def _within(point: frozenset[int], cube: _Cube) -> bool:
    return all((condition in point) is holds for condition, holds in cube.items())


def _terms(cube: _Cube, conditions: Sequence[Expression]) -> tuple[Term, ...]:
    return tuple(Term(condition=conditions[one], holds=holds) for one, holds in cube.items())
