"""What a review says first, what it leaves out, and where it ends."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tools.review.applies import Apply
from tools.review.changes import Change, Found, Operation, Preview
from tools.review.cost import Difference
from tools.review.render import LONGEST, Review, Section, render
from tools.review.stacks import Reviewed

REGIONS = ("aws-us-east-1", "aws-eu-central-1", "gcp-us-central1")


def change(operation: Operation = "update", place: str = REGIONS[0], **more: Any) -> Change:
    given: dict[str, Any] = {
        "kind": "aws:s3/bucket:Bucket",
        "name": f"{place}-store",
        "paths": ("size",) if operation in {"update", "replace"} else (),
        "before": {},
        "after": {},
        "holds_data": False,
    }
    return Change(operation=operation, place=place, **(given | more))


def found(resource: str, *, mandatory: bool, judged: bool = True) -> Found:
    return Found(
        rule="a-rule",
        severity="high",
        mandatory=mandatory,
        judged=judged,
        resource=resource,
        message="is wrong: mend it",
    )


def cost(amount: int = 0, holes: tuple[str, ...] = ()) -> Difference:
    return Difference(
        before=Decimal(0), after=Decimal(amount), currency="USD", parts={}, usage={}, holes=holes
    )


def section(
    *changes: Change,
    history: Sequence[Apply] | None = (),
    amount: int = 0,
    holes: tuple[str, ...] = (),
    **more: Any,
) -> Section:
    preview = Preview(stack="test", changes=changes, **more)
    reviewed = Reviewed(preview=preview, regions=REGIONS, history=history)
    return Section(reviewed=reviewed, reasons=["a file is its file"], cost=cost(amount, holes))


def said(*sections: Section, **more: Any) -> list[str]:
    return render(Review(changed=1, sections=sections, **more)).splitlines()


def test_the_first_line_counts_and_costs() -> None:
    lines = said(section(change(), change("create"), change("create"), amount=1234))
    assert lines[0] == "test: 2 created, 1 changed, +1,234 USD a month."


def test_lost_data_comes_before_everything() -> None:
    lost = change("replace", forced_by=("bucket",), holds_data=True)
    lines = said(section(lost, change("create")))
    assert lines[0].startswith("**1 data store replaced or destroyed.** test: 1 created, 1 repl")
    told = [line for line in lines[1:] if line.startswith("- ")]
    assert told[0] == (
        "- **replaced: aws:s3/bucket:Bucket `aws-us-east-1-store` in aws-us-east-1, "
        "since bucket cannot change in place**"
    )


def test_a_failure_is_in_the_first_line_whatever_else_there_is() -> None:
    broken = section(change("create"), problems=("no such key\nTraceback",))
    assert said(section(change()), broken)[0] == "**Review failed.** test: no such key"
    refused = section(change(), found=(found("a", mandatory=True), found("a", mandatory=True)))
    assert said(refused)[0] == "**Review failed.** test: the rules refuse 1 resource"
    lacking = section(change(), holes=("there is no price of it",))
    assert said(lacking)[0] == "**Review failed.** test: there is no price of it"
    assert said(problems=["prices.yaml: wrong"])[0] == "**Review failed.** prices.yaml: wrong"
    for one in (broken, refused, lacking):
        assert Review(changed=1, sections=[one]).failed


def test_a_preview_that_is_not_whole_claims_nothing() -> None:
    lines = said(section(problems=("no such key",)))
    assert "The rules and the cost say nothing here: the preview is not whole." in lines
    assert not any(line.startswith(("Policies", "Cost")) for line in lines)


def test_missing_prices_make_no_amount() -> None:
    lines = said(section(change(), amount=12, holes=("there is no price of it",)))
    assert "Cost: not known, since prices are missing." in lines
    assert not any("12 USD" in line for line in lines)


def test_advice_is_never_quiet() -> None:
    lines = said(section(found=(found("a", mandatory=False),)))
    assert lines[0] == "test: advice on 1 resource."
    assert "Policies: 1 advised." in lines
    assert not Review(changed=1, sections=[section(found=(found("a", mandatory=False),))]).failed


def test_what_is_open_until_it_is_applied_is_said_first_too() -> None:
    lines = said(section(change(), found=(found("a", mandatory=False, judged=False),)))
    assert lines[0] == "test: 1 changed, 1 finding open until it is applied."
    assert "Policies: 1 open until it is applied." in lines


def test_tags_alone_are_one_line() -> None:
    tagged = [change(place=place, paths=("tags.a",)) for place in REGIONS]
    assert said(section(*tagged)) == ["test: only the tags of 3 resources."]


def test_regions_with_the_same_counts_share_a_row() -> None:
    lines = said(section(*(change(place=place) for place in REGIONS[:2]), change(place="")))
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[1:] == ["| outside regions, aws-us-east-1, aws-eu-central-1 |  | 1 |  |  |"]


def test_alike_findings_are_one_line() -> None:
    names = ["d", "c", "b", "a", "a"]
    lines = said(section(change(), found=tuple(found(one, mandatory=True) for one in names)))
    (line,) = [line for line in lines if "a-rule" in line]
    assert line == "- **a-rule (high), `a`, `b`, `c` and 1 more: is wrong: mend it**"


def test_the_last_such_apply_is_told() -> None:
    ended = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    apply = Apply(ended=ended, took=timedelta(seconds=725), changes={"update": 3})
    lines = said(section(change(), history=[apply]))
    assert "The last such apply took 12 min 5 s (2026-11-20: 3 changed)." in lines
    assert "Nothing was applied to it yet." in said(section(change(), history=[]))


def test_a_review_fits_into_a_comment() -> None:
    many = [f"**stack-{number} is declared no more.** {'x' * 200}" for number in range(1000)]
    text = render(Review(changed=1, sections=[section(change())], notes=many))
    assert len(text) <= 65_536
    assert len(text) > LONGEST - 500
    assert text.endswith("… cut here; `make review` shows all of it.\n")
