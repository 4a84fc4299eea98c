"""A review as text: GitHub's Markdown, and just as readable on a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.review.applies import like
from tools.review.changes import Change, Found
from tools.review.cost import Difference
from tools.review.stacks import Reviewed
from tools.review.summary import OPERATIONS, Group, counted, grouped, quiet, stores

LONGEST = 65_000
"""Characters; a comment on GitHub holds 65,536."""

_PAST = {"create": "created", "update": "changed", "replace": "replaced", "delete": "destroyed"}
_NAMED = 3
_SHOWN = 40
"""Groups of changes, and findings, that are shown of one stack; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """What a review says of one stack.

    Attributes:
        reasons: why the stack is looked at.
        cost: None where nothing of it has a price that changes.
    """

    reviewed: Reviewed
    reasons: Sequence[str]
    cost: Difference | None = None

    @property
    def problems(self) -> list[str]:
        """Why the stack must not be approved on the strength of this review."""
        preview = self.reviewed.preview
        refused = len({one.resource for one in preview.found if one.mandatory})
        return [
            *([f"the rules refuse {_count(refused, 'resource')}"] if refused else []),
            *preview.problems,
            *(self.cost.holes if self.cost else ()),
        ]


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a change does.

    Attributes:
        changed: how many files it changes.
        notes: what concerns no one stack.
        access: what a change of access policies means; empty for none.
        problems: why all of it is not to be trusted, besides what the sections say.
    """

    changed: int
    sections: Sequence[Section]
    notes: Sequence[str] = ()
    access: str = ""
    problems: Sequence[str] = ()

    @property
    def failed(self) -> bool:
        """Whether the review must not be taken for a green one."""
        return bool(self.problems) or any(one.problems for one in self.sections)


def render(review: Review) -> str:
    """Returns a review as Markdown; its first line says what matters most."""
    lines = [_headline(review)]
    told = [one for one in review.sections if not _is_quiet(one)]
    lines += [f"\n{note}" for note in review.notes]
    if review.access:
        lines.append(f"\n### Access policies\n\n{review.access.strip()}")
    for section in told:
        lines.append(_section(section))
    text = "\n".join(lines).rstrip() + "\n"
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rpartition("\n")[0] + "\n\n… cut here; `make review` shows all of it.\n"


def _headline(review: Review) -> str:
    failing = [one for one in review.sections if one.problems]
    if review.failed:
        said = [_first_line(one) for one in review.problems]
        said += [f"{_name(one)}: {_first_line(one.problems[0])}" for one in failing]
        return f"**Review failed.** {'; '.join(said)}"
    lost = [one for section in review.sections for one in stores(section.reviewed.preview.changes)]
    said = [f"{_name(one)}: {_told(one)}" for one in review.sections if _told(one)]
    still = [_name(one) for one in review.sections if not _told(one)]
    if still and said:
        said.append(f"no change in {', '.join(still)}")
    if not said:
        where = ", ".join(still)
        files = _count(review.changed, "changed file")
        if not still:
            return f"No stack is touched by {files}."
        return f"No resource changes in {where} ({files})."
    danger = f"**{_count(len(lost), 'data store')} replaced or destroyed.** " if lost else ""
    return f"{danger}{'; '.join(said)}."


def _told(section: Section) -> str:
    """Returns a stack's changes in a few words; empty for none."""
    preview = section.reviewed.preview
    loud = [one for one in preview.changes if quiet(one) is None]
    counts = counted(loud)
    said = [f"{counts[one]} {_PAST[one]}" for one in OPERATIONS if counts[one]]
    images = [one for one in preview.changes if quiet(one) == "image"]
    tags = [one for one in preview.changes if quiet(one) == "tags"]
    if images:
        places = {one.place for one in images if one.place}
        rolled = sum(1 for one in images if one.place)
        where = f"{_count(rolled, 'workload')} in {_count(len(places), 'region')}"
        said.append(f"a new image, which rolls {where}")
    if tags:
        said.append(f"{'only ' if not said else ''}the tags of {_count(len(tags), 'resource')}")
    said += [f"provider {one}" for one in preview.providers]
    advised = {one.resource for one in preview.found if one.judged and not one.mandatory}
    if advised:
        said.append(f"advice on {_count(len(advised), 'resource')}")
    unjudged = sum(1 for one in preview.found if not one.judged)
    if said and unjudged:
        said.append(f"{_count(unjudged, 'finding')} open until it is applied")
    if said and section.cost and round(section.cost.amount) and not section.cost.holes:
        said.append(f"{_money(section.cost)} a month")
    return ", ".join(said)


def _is_quiet(section: Section) -> bool:
    """Tells whether the first line already says everything of a stack."""
    preview = section.reviewed.preview
    loud = any(quiet(one) is None for one in preview.changes)
    judged = any(one.judged for one in preview.found)
    return not (loud or judged or section.problems)


def _section(section: Section) -> str:
    reviewed = section.reviewed
    preview = reviewed.preview
    lines = [f"\n### {preview.stack}\n"]
    lines += [f"- **{_first_line(one)}**{_rest(one)}" for one in section.problems]
    lines += [""] if section.problems else []
    lost = stores(preview.changes)
    if lost:
        lines += [f"- **{_loss(one)}**" for one in lost]
        lines.append("")
    if preview.changes:
        lines += _table(preview.changes, reviewed.regions)
    if preview.problems:
        lines.append("\nThe rules and the cost say nothing here: the preview is not whole.")
    else:
        lines += _findings(preview.found)
        lines += _facts(section)
    lines += _details(preview.changes)
    because = "; ".join(section.reasons[:3])
    more = f" and {len(section.reasons) - 3} more" if len(section.reasons) > 3 else ""
    lines.append(f"\nBecause {because}{more}.")
    return "\n".join(lines)


def _loss(change: Change) -> str:
    forced = f", since {', '.join(change.forced_by)} cannot change in place"
    where = f" in {change.place}" if change.place else ""
    because = forced if change.forced_by else ""
    return f"{_PAST[change.operation]}: {change.kind} `{change.name}`{where}{because}"


def _table(changes: Iterable[Change], regions: Sequence[str]) -> list[str]:
    """Returns a table of operations by region; regions with the same counts share a row."""
    rows: dict[tuple[int, ...], list[str]] = {}
    changes = list(changes)
    for place in ("", *regions):
        counts = counted(one for one in changes if one.place == place)
        row = tuple(counts[one] for one in OPERATIONS)
        if any(row):
            rows.setdefault(row, []).append(place or "outside regions")
    head = " | ".join(_PAST[one] for one in OPERATIONS)
    return [
        f"| where | {head} |",
        "|---|" + "---:|" * len(OPERATIONS),
        *(
            f"| {', '.join(places)} | {' | '.join(str(one or '') for one in row)} |"
            for row, places in rows.items()
        ),
    ]


def _findings(found: Sequence[Found]) -> list[str]:
    if not found:
        return ["\nPolicies: every rule is kept."]
    alike: dict[tuple[bool, str, str, str], list[str]] = {}
    for one in found:
        key = (not one.mandatory, one.rule, one.severity, one.message)
        alike.setdefault(key, []).append(one.resource)
    refused = sum(1 for one in found if one.mandatory)
    unjudged = sum(1 for one in found if not one.judged)
    counts = {
        "refused": refused,
        "advised": len(found) - refused - unjudged,
        "open until it is applied": unjudged,
    }
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    lines = [f"\nPolicies: {said}.\n"]
    for (advised, rule, severity, message), resources in sorted(alike.items())[:_SHOWN]:
        text = f"{rule} ({severity or 'no severity'}), {_names(resources)}: {message}"
        lines.append(f"- {text}" if advised else f"- **{text}**")
    if len(alike) > _SHOWN:
        lines.append(f"- and {len(alike) - _SHOWN} more")
    return lines


def _names(resources: Iterable[str]) -> str:
    names = sorted(set(resources))
    shown = ", ".join(f"`{one}`" for one in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown


def _facts(section: Section) -> list[str]:
    preview = section.reviewed.preview
    lines: list[str] = []
    if section.cost is not None and section.cost.holes:
        lines.append("\nCost: not known, since prices are missing.")
    elif section.cost is not None:
        usage = sum(abs(one) for one in section.cost.usage.values())
        besides = f", without {_count(usage, 'resource')} billed by use" if usage else ""
        lines.append(f"\nCost, estimated: {_money(section.cost)} a month{besides}.")
    if preview.providers:
        lines.append(f"\nProviders: {'; '.join(preview.providers)}.")
    lines.append(f"\n{_last(section)}")
    if preview.unknown:
        lines.append(
            f"\nKnown only once what they come from is made or changed, and judged then: "
            f"{_count(preview.unknown, 'value')}."
        )
    return lines


def _last(section: Section) -> str:
    history = section.reviewed.history
    if history is None:
        return "Previewed on simulated clouds, which have applied nothing yet."
    last = like(history, counted(section.reviewed.preview.changes))
    if last is None:
        return "Nothing was applied to it yet."
    did = ", ".join(
        f"{count} {_PAST[one]}" for one in OPERATIONS if (count := last.changes.get(one))
    )
    seconds = round(last.took.total_seconds())
    took = f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
    return f"The last such apply took {took} ({last.ended:%Y-%m-%d}: {did})."


def _details(changes: Iterable[Change]) -> list[str]:
    groups = grouped(one for one in changes if quiet(one) is None)
    if not groups:
        return []
    lines = ["\n<details><summary>Every change</summary>\n"]
    lines += [_line(one) for one in groups[:_SHOWN]]
    if len(groups) > _SHOWN:
        rest = sum(len(one.names) for one in groups[_SHOWN:])
        lines.append(f"- and {rest} more of {len(groups) - _SHOWN} kinds")
    lines.append("\n</details>")
    return lines


def _line(group: Group) -> str:
    count = len(group.names)
    who = f"`{group.names[0]}`" if count == 1 else f"{count} times ({_where(group)})"
    forced = f" (forced by {', '.join(group.forced_by)})" if group.forced_by else ""
    said = f": {'; '.join(group.differences)}" if group.differences else ""
    return f"- {_PAST[group.operation]}: {group.kind} {who}{forced}{said}"


def _where(group: Group) -> str:
    places = [f"{place or 'outside regions'} {count}" for place, count in group.places.items()]
    if len(places) == 1:
        return next(iter(group.places)) or "outside regions"
    shown = ", ".join(places[:4])
    return f"{shown}, {len(places) - 4} more regions" if len(places) > 4 else shown


def _money(cost: Difference) -> str:
    amount = round(cost.amount)
    sign = "+" if amount > 0 else "-" if amount < 0 else "±"
    return f"{sign}{abs(amount):,} {cost.currency}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _name(section: Section) -> str:
    return section.reviewed.preview.stack


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _rest(text: str) -> str:
    rest = text.strip().partition("\n")[2]
    return f"\n```\n{rest[-3000:]}\n```\n" if rest else ""
