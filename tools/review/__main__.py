"""``make review BASE=main``: what a change does to every environment that it touches.

Prints what a pull request's comment says and writes it to ``.platform/review.md``. Exit status 0:
the review is whole and nothing is refused; 1: its first line says what is wrong.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tools import access_review
from tools.access_review import AccessReview, Analyser, logs, recorded
from tools.paths import ROOT, home
from tools.plan import Job, described, plan
from tools.progress import say
from tools.repository import Repository
from tools.review import cost
from tools.review.changes import Change
from tools.review.prices import PriceFileError, Prices, load
from tools.review.render import Review, Section, render
from tools.review.stacks import Stacks

_ACCESS = "policies/access"
_ENVIRONMENTS = "environments"
_PRICES = Path("tools") / "review" / "prices.yaml"


def review(repository: Repository, base: str, *, folder: Path, decisions: Sequence[Path]) -> Review:
    """Reviews what is in a checkout against where it left ``base``; uncommitted files count too.

    Args:
        repository: whose checkout it is.
        base: a branch or a commit.
        folder: where simulated stacks are kept from one review to the next.
        decisions: logs of decisions that a change of the access policies is held against.

    Raises:
        SystemExit: there is no such commit.
    """
    before, after = repository.tree_of(repository.fork(base)), repository.working_tree()
    changed = repository.changed(before, after)
    was, is_ = (described(repository.files(tree, _ENVIRONMENTS)) for tree in (before, after))
    jobs = plan(changed, was, is_)
    problems: list[str] = []
    try:
        prices = load(repository.root / _PRICES)
    except PriceFileError as error:
        prices = None
        problems.append(str(error))
    stacks = Stacks(repository, before=before, after=after, folder=folder)
    sections = [
        _section(stacks, job, prices)
        for job in jobs
        if job.kind == "preview" and "local" not in is_.targets.get(job.name, ())
    ]
    gone = sorted({*was.targets, *was.cells} - {*is_.targets, *is_.cells})
    notes = [
        f"**{name} is declared no more.** What it made stays until `pulumi destroy -s {name}`."
        for name in gone
    ]
    if any(job.name == "local" for job in jobs):
        notes.append("`local` is brought up by `make test`.")
    access = _access(repository, before, after, changed, decisions)
    if access and access.errors:
        problems.append("policies/access: a policy is wrong")
    return Review(
        changed=len(changed),
        sections=sections,
        notes=notes,
        access=access_review.render(access) if access else "",
        problems=problems,
    )


def _access(
    repository: Repository,
    before: str,
    after: str,
    changed: Collection[str],
    decisions: Sequence[Path],
) -> AccessReview | None:
    """Returns what a change of the access policies means; None where they do not change."""
    if not any(path.startswith(f"{_ACCESS}/") for path in changed):
        return None
    policies = (repository.files(tree, _ACCESS) for tree in (before, after))
    return access_review.review(*policies, recorded=recorded(decisions), proof=Analyser())


def _section(stacks: Stacks, job: Job, prices: Prices | None) -> Section:
    say(f"previewing {job.name}")
    reviewed = stacks.preview(job.name)
    changes = reviewed.preview.changes
    if prices is None or not changes:
        return Section(reviewed=reviewed, reasons=job.reasons)
    kept = [
        cost.Resource(kind=one.kind, name=one.name, place=one.place, properties=one.inputs)
        for one in reviewed.preview.kept
    ]
    before = [_priced(one, one.before) for one in changes if one.operation != "create"]
    after = [_priced(one, one.after) for one in changes if one.operation != "delete"]
    difference = cost.difference(prices, [*kept, *before], [*kept, *after])
    return Section(reviewed=reviewed, reasons=job.reasons, cost=difference)


def _priced(change: Change, properties: Mapping[str, object]) -> cost.Resource:
    return cost.Resource(
        kind=change.kind, name=change.name, place=change.place, properties=properties
    )


def main(base: str) -> int:
    """Reviews the change since ``base``, prints the review and returns the exit code."""
    made = review(Repository(root=ROOT), base, folder=home() / "review", decisions=logs())
    text = render(made)
    path = home() / "review.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    print(text, end="")
    return 1 if made.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "main"))
