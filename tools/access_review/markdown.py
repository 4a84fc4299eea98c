"""The review of an access change as a few lines of Markdown."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.access_review import wording
from tools.access_review.analysis import Analysis, Counterexample
from tools.access_review.change import AccessReview, Changed
from tools.access_review.compare import Difference, Direction, Term
from tools.access_review.policies import Mistake

_LINES = 15
"""Differences that are told one by one."""

_COUNTEREXAMPLES = 3
"""Requests found by analysis that are shown."""

_ACTIONS = 8
"""Actions that a sentence names."""

_ANONYMOUS = "Anonymous"
_SERVICES = "Api"
_VERBS: dict[Direction, str] = {"gains": "may", "loses": "may no longer"}
_ONLY: dict[Direction, str] = {"gains": "so far only", "loses": "from now on only"}


@dataclass(frozen=True, kw_only=True)
class _Line:
    """Differences that are told in one sentence."""

    direction: Direction
    kinds: tuple[str, ...]
    resource: str
    terms: tuple[Term, ...]
    unless: tuple[tuple[Term, ...], ...]
    actions: tuple[str, ...]
    anyone: bool

    @property
    def grave(self) -> bool:
        """Whether it is about administrators or about those that nobody knows."""
        anonymous = any(kind.rpartition("::")[2] == _ANONYMOUS for kind in self.kinds)
        return anonymous or wording.of_admins(self.terms)


def render(review: AccessReview) -> str:
    """Returns what a reviewer reads: gains and losses, the gravest first, then what backs them."""
    if review.errors:
        return _joined(_mistakes(review.errors, "**wrong**: "))
    if review.errors_before:
        before = "the policies before this change are wrong, so there is nothing to compare with"
        return _joined([before, *_mistakes(review.errors_before, "before: ")])
    lines = [_sentence(one) for one in _grouped(review.differences)]
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"… and {len(lines) - _LINES} more like these"]
    shown = review.analysis.counterexamples
    lines += [_counterexample(one) for one in shown[:_COUNTEREXAMPLES]]
    if len(shown) > _COUNTEREXAMPLES:
        lines.append(f"… and {len(shown) - _COUNTEREXAMPLES} more that the analysis found")
    lines += _reversals(review)
    said = _backing(review)
    if not lines:
        return _joined([f"no principal gains or loses anything ({said})", *_doubts(review)])
    return _joined([*lines, *_changes(review), said, *_doubts(review)])


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) + "\n" if len(lines) > 1 else f"{lines[0]}\n"


def _mistakes(mistakes: Iterable[Mistake], lead: str) -> list[str]:
    return [f"{lead}`{one.path}:{one.line}`: {' '.join(one.said.split())}" for one in mistakes]


def _grouped(differences: Iterable[Difference]) -> list[_Line]:
    """Returns differences as sentences, for all actions and all kinds that one is true of."""
    by_action: dict[tuple[str, str, str, str, str], list[Difference]] = {}
    for one in differences:
        asked = (one.direction, one.place.principal, one.place.resource)
        by_action.setdefault((*asked, str(one.terms), str(one.unless)), []).append(one)
    by_kind: dict[tuple[object, ...], list[list[Difference]]] = {}
    for (direction, _, resource, terms, unless), alike in by_action.items():
        actions = tuple(sorted({one.place.action.id for one in alike}))
        by_kind.setdefault((direction, resource, terms, unless, actions), []).append(alike)
    lines = [_line(kinds) for kinds in by_kind.values()]
    return sorted(lines, key=lambda one: (not one.grave, one.direction, one.kinds, one.actions))


def _line(kinds: Sequence[Sequence[Difference]]) -> _Line:
    first = kinds[0][0]
    named = tuple(alike[0].place.principal for alike in kinds)
    return _Line(
        direction=first.direction,
        kinds=named,
        resource=first.place.resource,
        terms=first.terms,
        unless=first.unless,
        actions=tuple(sorted({one.place.action.id for one in kinds[0]})),
        anyone=_ANONYMOUS in {kind.rpartition("::")[2] for kind in named}
        and set(named) == set(first.place.action.principals),
    )


def _sentence(line: _Line) -> str:
    said = wording.phrases(line.terms)
    subject = "anyone, unknown callers too," if line.anyone else wording.who(line.kinds)
    actions = _listed([wording.action(one) for one in line.actions])
    kind = line.resource.rpartition("::")[2]
    where = said["where"] or ("" if kind == _SERVICES else f"on any {kind.lower()}")
    parts = [subject, said["who"], _VERBS[line.direction], actions, where, said["when"]]
    sentence = " ".join(part for part in parts if part)
    if line.unless:
        only = ", or ".join(wording.restriction(terms) for terms in line.unless)
        sentence += f" ({_ONLY[line.direction]} {only})"
    text = f"**{line.direction}**: {sentence}"
    return f"**{line.direction}: {sentence}**" if line.grave else text


def _listed(actions: Sequence[str]) -> str:
    more = len(actions) - _ACTIONS
    return ", ".join(actions[:_ACTIONS]) + (f" and {more} more" if more > 0 else "")


def _counterexample(found: Counterexample) -> str:
    kind = wording.who([found.place.principal])
    verb = _VERBS[found.direction]
    request = "\n".join(f"  {line}" for line in found.request.splitlines())
    return (
        f"**{found.direction}: {kind} {verb} {wording.action(found.place.action.id)}**, as the"
        f" analysis found and no request compared shows:\n\n  ```text\n{request}\n  ```"
    )


def _reversals(review: AccessReview) -> list[str]:
    """Returns how many recorded decisions change; of whom is not for a comment to say."""
    counted: dict[tuple[bool, str], Counter[str]] = {}
    for one in review.reversals:
        request = one.decision.request
        kind = request.principal["uid"]["type"]
        counted.setdefault((one.allowed, kind), Counter())[request.action.id] += 1
    return [
        f"**recorded**: {actions.total()} of {review.recorded} decisions, by {wording.who([kind])},"
        f" {'denied → allowed' if allowed else 'allowed → denied'}: "
        + _listed([f"{count} {wording.action(one)}" for one, count in sorted(actions.items())])
        for (allowed, kind), actions in sorted(counted.items())
    ]


def _changes(review: AccessReview) -> list[str]:
    said = [
        f"{name} " + ", ".join(wording.code(one) for one in policies)
        for name, policies in _named(review.changed)
        if policies
    ]
    if review.schema_changed:
        said.append("the schema changed")
    return ["policies: " + "; ".join(said)] if said else []


def _named(changed: Changed) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("added", changed.added), ("removed", changed.removed), ("edited", changed.edited)


def _backing(review: AccessReview) -> str:
    recorded = f" and {review.recorded} recorded decisions" if review.recorded else ""
    return f"{review.requests} requests{recorded} compared; {_proved(review.analysis)}"


def _proved(analysis: Analysis) -> str:
    match analysis.verdict:
        case None:
            return f"not analysed symbolically: {analysis.missing}"
        case "equivalent":
            return "equivalent by analysis"
        case "neither":
            return "neither strictly more nor strictly less permissive"
        case permissive:
            return f"strictly {permissive} by analysis"


def _doubts(review: AccessReview) -> list[str]:
    """Returns what the requests did not cover."""
    said: list[str] = []
    if review.thinned:
        actions = ", ".join(wording.action(one) for one in review.thinned)
        said.append(f"too many possible requests to compare all: {actions}")
    if review.untouched:
        paths = ", ".join(f"`{one}`" for one in review.untouched)
        said.append(f"conditions on {paths} were not varied in the requests")
    return said
