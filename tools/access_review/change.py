"""What a change of the access policies means, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tools.access_review.analysis import Analysis, Proof, Unproved, analysed
from tools.access_review.answers import Decider
from tools.access_review.compare import Difference, compared, places
from tools.access_review.policies import Mistake, Policies, Policy, read
from tools.access_review.recordings import Recorded


@dataclass(frozen=True, kw_only=True)
class Changed:
    """The policies that differ, by ``@id``, sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """A recorded decision that would be made otherwise.

    Attributes:
        decision: as a service made it.
        allowed: what it would be after the change.
    """

    decision: Recorded
    allowed: bool


@dataclass(frozen=True, kw_only=True)
class AccessReview:
    """What a change of the access policies means.

    Attributes:
        errors: what is wrong with the policies after the change; with any, nothing else is said.
        errors_before: the same of the policies before it.
        changed: which policies differ.
        schema_changed: whether the schema declares something else.
        differences: what which principals gain and lose.
        requests: how many requests both policies were asked.
        thinned: actions with too many possible requests to ask all.
        untouched: what conditions look at that no request varied.
        recorded: how many recorded decisions were made anew.
        reversals: those that come out otherwise.
        analysis: what could be proved.
    """

    errors: tuple[Mistake, ...] = ()
    errors_before: tuple[Mistake, ...] = ()
    changed: Changed = field(default_factory=Changed)
    schema_changed: bool = False
    differences: tuple[Difference, ...] = ()
    requests: int = 0
    thinned: tuple[str, ...] = ()
    untouched: tuple[str, ...] = ()
    recorded: int = 0
    reversals: tuple[Reversal, ...] = ()
    analysis: Analysis = field(default_factory=Analysis)


_UNPROVED = Unproved("the analyser was not asked for")


def review(
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    recorded: Sequence[Recorded] = (),
    proof: Proof = _UNPROVED,
) -> AccessReview:
    """Returns what a change of the access policies means.

    Args:
        before: content of the files below ``policies/access/`` by path; none before there were any.
        after: the same after the change.
        recorded: decisions to make anew.
        proof: the symbolic analyser.
    """
    new, mistakes = read(after)
    if new is None:
        return AccessReview(errors=tuple(mistakes))
    old, mistakes_before = (
        read(before) if before else (Policies(schema=new.schema, policies=()), [])
    )
    if old is None:
        return AccessReview(errors_before=tuple(mistakes_before))
    comparisons = [compared(place, old, new) for place in places(old, new)]
    thinned = {one.place.action.id for one in comparisons if one.thinned}
    untouched = {path for one in comparisons for path in one.untouched}
    return AccessReview(
        changed=_changed(old.policies, new.policies),
        schema_changed=old.schema.text != new.schema.text,
        differences=tuple(one for comparison in comparisons for one in comparison.differences),
        requests=sum(one.requests for one in comparisons),
        thinned=tuple(sorted(thinned)),
        untouched=tuple(sorted(untouched)),
        recorded=len(recorded),
        reversals=_reversals(old, new, recorded),
        analysis=analysed(old, new, comparisons, proof),
    )


def _changed(before: Sequence[Policy], after: Sequence[Policy]) -> Changed:
    old, new = ({one.name: one.meaning for one in policies} for policies in (before, after))
    return Changed(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        edited=tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
    )


def _reversals(
    before: Policies, after: Policies, recorded: Sequence[Recorded]
) -> tuple[Reversal, ...]:
    """Returns what the change reverses; that other policies held when it was recorded is not it."""
    old, new = Decider(before), Decider(after)
    found: list[Reversal] = []
    for one in recorded:
        allowed = new.allows(one.request)
        if old.allows(one.request) is not allowed:
            found.append(Reversal(decision=one, allowed=allowed))
    return tuple(found)
