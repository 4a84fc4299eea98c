"""Rules about several resources of a stack: what must exist beside what, and under one law.

Pulumi shows a policy pack all resources when a preview or an update is through, each with what its
properties came from. So that two resources belong together is told by the program itself, also
where a name or an address is not known yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from components.clouds.local.provider.values import Properties, Unknown
from policies.infrastructure.laws import law_of
from policies.infrastructure.paths import value_at
from policies.infrastructure.rule import About, Finding, Must, all_of


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a stack.

    Attributes:
        provider: URN of what makes it; a Kubernetes object's is its cluster's.
        needs: URNs of the resources that each property came from.
    """

    urn: str
    kind: str
    provider: str
    properties: Properties
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @property
    def name(self) -> str:
        """Its name in the program."""
        return self.urn.rpartition("::")[2]


class Link(Protocol):
    """What makes another resource one of a resource's own."""

    def judge(self, one: Resource, other: Resource) -> bool | None:
        """Returns whether the other is one of the resource's; None where it is not known yet."""
        ...

    @property
    def words(self) -> str:
        """Which other resources these are, as what follows "that"."""
        ...


@dataclass(frozen=True)
class Of:
    """The other's property came from the resource."""

    named: str

    def judge(self, one: Resource, other: Resource) -> bool:
        """Looks up what the other's property came from."""
        return one.urn in other.needs.get(self.named, ())

    @property
    def words(self) -> str:
        """Which these are."""
        return f"have it for their {self.named}"


@dataclass(frozen=True)
class In:
    """The resource's property came from the other."""

    named: str

    def judge(self, one: Resource, other: Resource) -> bool:
        """Looks up what the resource's property came from."""
        return other.urn in one.needs.get(self.named, ())

    @property
    def words(self) -> str:
        """Which these are."""
        return f"are its {self.named}"


@dataclass(frozen=True)
class SameProvider:
    """The same provider makes both: for objects, they are in the same cluster."""

    def judge(self, one: Resource, other: Resource) -> bool:
        """Compares the providers."""
        return one.provider == other.provider

    @property
    def words(self) -> str:
        """Which these are."""
        return "are in the same cluster"


@dataclass(frozen=True)
class Same:
    """A value of the resource is a value of the other."""

    own: str
    others: str

    def judge(self, one: Resource, other: Resource) -> bool | None:
        """Compares the two."""
        own, others = value_at(one.properties, self.own), value_at(other.properties, self.others)
        if isinstance(own, Unknown) or isinstance(others, Unknown):
            return None
        return own == others

    @property
    def words(self) -> str:
        """Which these are."""
        return f"have its {self.own} for their {self.others}"


@dataclass(frozen=True)
class Differs:
    """A value that both have is not the same; the first that there is of several paths."""

    paths: tuple[str, ...]

    def judge(self, one: Resource, other: Resource) -> bool | None:
        """Compares the two."""
        own, others = (value_at(each.properties, *self.paths) for each in (one, other))
        if isinstance(own, Unknown) or isinstance(others, Unknown):
            return None
        return own is not None and others is not None and own != others

    @property
    def words(self) -> str:
        """Which these are."""
        return f"have another {self.paths[0]}"


@dataclass(frozen=True, kw_only=True)
class StackRule(About):
    """What must exist beside each resource of certain kinds.

    Attributes:
        kinds: types of the resources that must have something beside them.
        where: the rule is for those of which all of this holds.
        others: types of what must be beside them.
        others_where: of those, only the ones of which all of this holds.
        linked: what makes one of them the resource's own; all of it.
        least: how many there must be.
        place: path of the location that the resource and those beside it have; all must be under
            one law. Empty where it does not matter.
    """

    kinds: tuple[str, ...]
    where: tuple[Must, ...] = ()
    others: tuple[str, ...]
    others_where: tuple[Must, ...] = ()
    linked: tuple[Link, ...] = ()
    least: int = 1
    place: str = ""


def judge_stack(
    rule: StackRule, resources: Mapping[str, Sequence[Resource]]
) -> Iterator[tuple[Resource, Finding]]:
    """Yields the resources that do not have beside them what a rule wants.

    Args:
        rule: the rule.
        resources: those of the stack, by type; see ``by_kind``.
    """
    others = _others(rule, resources)
    for kind in rule.kinds:
        for one in resources.get(kind, ()):
            applies = all_of(rule.where, one.properties)
            if applies is None:
                said = "what decides whether the rule applies is not known before `pulumi up`"
                yield one, Finding(path="", said=said, known=False)
            elif applies:
                for finding in _judged(rule, one, others):
                    yield one, finding


def beside(
    rule: StackRule, one: Resource, resources: Mapping[str, Sequence[Resource]]
) -> Sequence[Resource]:
    """Returns what a rule counts as a resource's own."""
    return [other for other, own in _beside(rule, one, _others(rule, resources)) if own]


def by_kind(resources: Iterable[Resource]) -> Mapping[str, Sequence[Resource]]:
    """Returns resources by their types."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for one in resources:
        found[one.kind].append(one)
    return found


def _others(
    rule: StackRule, resources: Mapping[str, Sequence[Resource]]
) -> Sequence[tuple[Resource, bool | None]]:
    """Returns what may be beside a resource; None where it is not known whether it may."""
    return [
        (other, meant)
        for kind in rule.others
        for other in resources.get(kind, ())
        if (meant := all_of(rule.others_where, other.properties)) is not False
    ]


def _beside(
    rule: StackRule, one: Resource, others: Sequence[tuple[Resource, bool | None]]
) -> Iterator[tuple[Resource, bool]]:
    """Yields what is a resource's own (True), and what only ``pulumi up`` will know of."""
    for other, meant in others:
        linked = _linked(rule.linked, one, other)
        if linked is not False:
            yield other, bool(linked and meant)


def _judged(
    rule: StackRule, one: Resource, others: Sequence[tuple[Resource, bool | None]]
) -> Iterator[Finding]:
    found = list(_beside(rule, one, others))
    own = [other for other, surely in found if surely]
    if len(own) < rule.least:
        what = " or ".join(kind.rpartition(":")[2] for kind in rule.others)
        which = " and ".join(link.words for link in rule.linked) or "are in the stack"
        said = f"it has {len(own)} and must have at least {rule.least} of {what} that {which}"
        yield Finding(path="", said=said, known=len(found) < rule.least)
    if rule.place:
        yield from _under_one_law(rule.place, [one, *own])


def _linked(links: Sequence[Link], one: Resource, other: Resource) -> bool | None:
    if one is other:
        return False
    perhaps = False
    for link in links:
        verdict = link.judge(one, other)
        if verdict is False:
            return False
        perhaps = perhaps or verdict is None
    return None if perhaps else True


def _under_one_law(path: str, resources: Sequence[Resource]) -> Iterator[Finding]:
    found = [value_at(one.properties, path) for one in resources]
    if any(isinstance(place, Unknown) for place in found):
        yield Finding(path=path, said=f"{path} is not known before `pulumi up`", known=False)
    laws = {place: law_of(place) for place in found if isinstance(place, str)}
    if len(set(laws.values())) > 1 or None in laws.values():
        said = ", ".join(f"{place} ({law})" for place, law in sorted(laws.items()))
        yield Finding(path=path, said=f"{said} must be under one law")
