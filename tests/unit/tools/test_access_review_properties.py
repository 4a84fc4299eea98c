"""What holds of every review, whatever the policies are."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tools.access_review import AccessReview, review
from tools.access_review.answers import Decider, Truths
from tools.access_review.compare import Difference, Direction, Place, Term, compared, places
from tools.access_review.conditions import conditions_of
from tools.access_review.policies import Policies, read
from tools.access_review.space import Request, space

SCHEMA = """
namespace N {
  entity Group;
  entity User in [Group] { tenant: String, level: Long, roles: Set<String> };
  entity Anonymous;
  entity Thing { tenant: String, owner?: User };
  action "all";
  action "read", "write" in ["all"] appliesTo { principal: [User, Anonymous], resource: [Thing],
    context: { mfa: Bool } };
}
"""
EXAMPLES = settings(max_examples=20)

PRINCIPALS = st.sampled_from(
    [
        "principal is N::User",
        'principal == N::User::"eve"',
        'principal is N::User in N::Group::"staff"',
    ]
)
ACTIONS = st.sampled_from(
    [
        "action",
        'action == N::Action::"read"',
        'action in N::Action::"all"',
        'action == N::Action::"write"',
    ]
)
RESOURCES = st.sampled_from(["resource is N::Thing", 'resource == N::Thing::"lamp"'])
LEAVES = st.sampled_from(
    [
        "context.mfa",
        'principal.roles.contains("admin")',
        'principal.roles.containsAny(["admin", "clerk"])',
        'principal.roles.containsAll(["clerk", "auditor"])',
        "principal.tenant == resource.tenant",
        'principal.tenant == "acme"',
        'resource.tenant like "a*"',
        "principal.level > 2",
        "(resource has owner && resource.owner == principal)",
    ]
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} && {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} || {two[1]})"),
        inner.map(lambda one: f"!({one})"),
    ),
    max_leaves=2,
)


@dataclass(frozen=True)
class Drawn:
    """A policy without its name."""

    effect: str
    scope: str
    condition: str

    def text(self, name: str) -> str:
        return f'@id("{name}")\n{self.effect} ({self.scope})\nwhen {{ {self.condition} }};'


def drawn(effects: Sequence[str]) -> st.SearchStrategy[Drawn]:
    scope = st.tuples(PRINCIPALS, ACTIONS, RESOURCES).map(", ".join)
    return st.builds(Drawn, st.sampled_from(effects), scope, EXPRESSIONS)


ANY = drawn(["permit", "permit", "forbid"])
SETS = st.lists(ANY, max_size=2)


def files(policies: Sequence[str]) -> dict[str, str]:
    return {"n/schema.cedarschema": SCHEMA, "n/all.cedar": "\n\n".join(policies)}


def named(policies: Sequence[Drawn]) -> list[str]:
    return [one.text(f"p{number}") for number, one in enumerate(policies)]


def made(before: Sequence[Drawn], after: Sequence[Drawn]) -> AccessReview:
    said = review(files(named(before)), files(named(after)))
    assert not said.errors
    assert not said.errors_before
    return said


def directions(said: AccessReview) -> set[Direction]:
    return {one.direction for one in said.differences}


@EXAMPLES
@given(SETS, st.data())
def test_format_comments_and_order_are_no_difference(
    policies: list[Drawn], data: st.DataObject
) -> None:
    texts = named(policies)
    moved = [f"// {number}\n{' '.join(one.split())}  // end" for number, one in enumerate(texts)]
    said = review(files(texts), files(data.draw(st.permutations(moved))))
    assert not said.differences
    assert said.analysis.verdict == "equivalent"
    assert said.requests > 0


@EXAMPLES
@given(SETS, drawn(["permit"]))
def test_without_a_permit_nobody_gains(policies: list[Drawn], permit: Drawn) -> None:
    assert directions(made([*policies, permit], policies)) <= {"loses"}


@EXAMPLES
@given(SETS, drawn(["forbid"]))
def test_with_one_more_forbid_nobody_gains(policies: list[Drawn], forbid: Drawn) -> None:
    assert directions(made(policies, [*policies, forbid])) <= {"loses"}


@EXAMPLES
@given(SETS, SETS)
def test_the_way_back_loses_what_the_way_there_gains(one: list[Drawn], other: list[Drawn]) -> None:
    swapped: dict[Direction, Direction] = {"gains": "loses", "loses": "gains"}

    def told(differences: Sequence[Difference], *, back: bool) -> set[str]:
        return {
            repr(
                (
                    swapped[one.direction] if back else one.direction,
                    one.place,
                    one.terms,
                    one.unless,
                )
            )
            for one in differences
        }

    there, back = made(one, other), made(other, one)
    assert told(there.differences, back=False) == told(back.differences, back=True)


@settings(max_examples=10)
@given(SETS, SETS)
def test_what_is_told_is_true_of_all_requests_and_of_no_others(
    one: list[Drawn], other: list[Drawn]
) -> None:
    before, after = (parsed(files(named(policies))) for policies in (one, other))
    deciders = Decider(before), Decider(after)
    for place in places(before, after):
        comparison = compared(place, before, after)
        for request in requests(place, before, after):
            was, is_ = (decider.allows(request) for decider in deciders)
            for direction, changes in (("gains", is_ and not was), ("loses", was and not is_)):
                told = any(
                    difference.direction == direction and covers(difference, request)
                    for difference in comparison.differences
                )
                assert told is changes


def parsed(content: dict[str, str]) -> Policies:
    policies, _ = read(content)
    assert policies is not None
    return policies


def requests(place: Place, before: Policies, after: Policies) -> Sequence[Request]:
    conditions = [
        condition
        for policy in (*before.policies, *after.policies)
        for condition in conditions_of(policy)
    ]
    return space(after.schema, place.action, place.principal, place.resource, conditions).requests


def covers(difference: Difference, request: Request) -> bool:
    def holds(terms: Sequence[Term]) -> bool:
        true = Truths([term.condition for term in terms]).of(request)
        return all((number in true) is term.holds for number, term in enumerate(terms))

    return holds(difference.terms) and not any(holds(terms) for terms in difference.unless)
