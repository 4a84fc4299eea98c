"""What is proved of a change, for every request there can be and not only for those asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tools.access_review.answers import Decider
from tools.access_review.compare import Comparison, Direction, Place
from tools.access_review.conditions import key
from tools.access_review.policies import Policies, Policy, accepts, together

Verdict = Literal["equivalent", "more permissive", "less permissive", "neither"]


class ProofUnavailableError(Exception):
    """The analyser can't be had or can't answer; the message says why, in one line."""


class Proof(Protocol):
    """The symbolic analyser."""

    def implies(self, schema: str, one: str, other: str, place: Place) -> str:
        """Proves that whatever ``one`` allows at a place, ``other`` allows too.

        Args:
            schema: in Cedar's syntax.
            one: policies in Cedar's JSON form.
            other: policies in Cedar's JSON form.
            place: where they are asked.

        Returns:
            A request that ``one`` allows and ``other`` does not; empty when there is none.

        Raises:
            ProofUnavailableError: neither could be shown.
        """
        ...


class Unproved:
    """Does without the analyser.

    Args:
        reason: why, for whoever reads the review.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def implies(self, schema: str, one: str, other: str, place: Place) -> str:  # noqa: ARG002
        """Proves nothing.

        Raises:
            ProofUnavailableError: always.
        """
        raise ProofUnavailableError(self._reason)


@dataclass(frozen=True, kw_only=True)
class Counterexample:
    """A request answered otherwise that was not among those asked.

    Attributes:
        direction: whether it is gained or lost.
        place: what is asked for.
        request: as the analyser writes it.
    """

    direction: Direction
    place: Place
    request: str


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What was proved.

    Attributes:
        verdict: how the policies after compare with those before; None when nothing was proved.
        missing: why nothing was proved; empty when something was.
        counterexamples: what only the analysis found.
    """

    verdict: Verdict | None = None
    missing: str = ""
    counterexamples: tuple[Counterexample, ...] = ()


def analysed(
    before: Policies, after: Policies, comparisons: Sequence[Comparison], proof: Proof
) -> Analysis:
    """Returns what is proved, asking for proofs only of what the comparisons leave open.

    Args:
        before: the policies before the change.
        after: those after it.
        comparisons: what came of asking both; a difference found there needs no proof.
        proof: the analyser; not asked where the same policies are in force before and after.
    """
    schema = _schema(before, after)
    if schema is None:
        return Analysis(missing="the schema changed so that no one schema holds for both")
    found: list[Counterexample] = []
    seen: set[Direction] = {
        one.direction for comparison in comparisons for one in comparison.differences
    }
    try:
        for comparison in comparisons:
            for direction in _DIRECTIONS:
                if not comparison.has(direction):
                    found += _proved(schema, before, after, comparison.place, direction, proof)
    except ProofUnavailableError as error:
        return Analysis(missing=str(error))
    seen |= {one.direction for one in found}
    return Analysis(verdict=_VERDICTS[frozenset(seen)], counterexamples=tuple(found))


_DIRECTIONS: tuple[Direction, ...] = ("gains", "loses")
_VERDICTS: dict[frozenset[Direction], Verdict] = {
    frozenset(): "equivalent",
    frozenset({"gains"}): "more permissive",
    frozenset({"loses"}): "less permissive",
    frozenset({"gains", "loses"}): "neither",
}


def _proved(
    schema: str,
    before: Policies,
    after: Policies,
    place: Place,
    direction: Direction,
    proof: Proof,
) -> list[Counterexample]:
    old, new = (
        Decider(one).relevant(place.action, place.principal, place.resource)
        for one in (before, after)
    )
    if _meanings(old) == _meanings(new):
        return []
    permits, over = (new, old) if direction == "gains" else (old, new)
    request = proof.implies(schema, together(permits), together(over), place)
    return [Counterexample(direction=direction, place=place, request=request)] if request else []


def _meanings(policies: Sequence[Policy]) -> set[str]:
    return {key(one.meaning) for one in policies}


def _schema(before: Policies, after: Policies) -> str | None:
    """Returns a schema that the policies of both states are valid with, if there is one."""
    if before.schema.text == after.schema.text:
        return after.schema.text
    for schema in (after.schema, before.schema):
        if accepts(schema, before.policies) and accepts(schema, after.policies):
            return schema.text
    return None
