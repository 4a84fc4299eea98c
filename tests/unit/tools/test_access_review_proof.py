"""Cedar's symbolic analyser: what it proves, and what a review says where it can't be had.

The first test that proves something builds Cedar's command, once a machine.
"""

from pathlib import Path

import pytest

from tools.access_review import Analyser, cedar_cli, render, review
from tools.access_review.solver import answers, commands

SCHEMA = """
namespace N {
  entity User { username: String, roles: Set<String> };
  entity Thing;
  action "read" appliesTo { principal: [User], resource: [Thing] };
}
"""


def said(before: str, after: str) -> str:
    files = (
        {
            "n/schema.cedarschema": SCHEMA,
            "n/all.cedar": f'@id("one") permit(principal, action, resource) when {{ {one} }};',
        }
        for one in (before, after)
    )
    return render(review(*files, proof=Analyser()))


ADMINS = 'principal.roles.contains("admin")'
STAFF = 'principal.roles.containsAny(["admin", "clerk"])'
NAMED = 'principal.username like "a*"'


def test_two_ways_to_write_the_same_are_equivalent() -> None:
    same = f'!(!{ADMINS} && !principal.roles.contains("clerk"))'
    assert said(STAFF, same).endswith("equivalent by analysis)\n")


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (ADMINS, STAFF, "strictly more permissive by analysis"),
        (STAFF, ADMINS, "strictly less permissive by analysis"),
        (ADMINS, NAMED, "neither strictly more nor strictly less permissive"),
    ],
)
def test_what_is_more_permissive_is_proved_to_take_nothing_away(
    before: str, after: str, verdict: str
) -> None:
    assert verdict in said(before, after)


def test_what_no_request_shows_is_found_with_a_counterexample() -> None:
    text = said(NAMED, f'{NAMED} && !(principal.username like "*b")')
    assert "**loses: users may no longer `read`**, as the analysis found" in text
    assert 'username: "ab"' in text
    assert "strictly less permissive by analysis" in text


def test_a_schema_that_grows_is_no_hindrance_and_one_that_holds_for_neither_is_told() -> None:
    grown = SCHEMA.replace("entity Thing;", "entity Thing { open: Bool };")
    other = SCHEMA.replace("username: String,", "level: Long,")
    policy = '@id("one") permit(principal, action, resource) when {{ {} }};'

    def changed(schema: str, condition: str) -> str:
        before, after = (
            {"n/schema.cedarschema": one, "n/all.cedar": policy.format(asked)}
            for one, asked in ((SCHEMA, f"{NAMED} || {ADMINS}"), (schema, condition))
        )
        return render(review(before, after, proof=Analyser()))

    assert "strictly less permissive by analysis" in changed(grown, f"{NAMED} && resource.open")
    assert "no one schema holds for both" in changed(other, "principal.level > 1")


def test_a_command_may_take_several_lines() -> None:
    lines = ["(a\n", "  |(| ; )\n", ")\n", "\n", '(b ")"\n', '"(" )\n', "; (\n", "(c)\n"]
    assert ["".join(one.split()) for one in commands(lines)] == ["(a|(|)", '(b")""(")', "(c)"]


def test_the_solver_answers_until_it_is_reset() -> None:
    script = ["(set-logic ALL)", "(declare-const x Int)", "(assert (and (> x 1) (< x 2)))"]
    question = "(check-sat)"
    asked = [*script, question, "(reset)", "(set-logic ALL)", question]
    assert "".join(answers(asked, milliseconds=10_000)).split() == ["unsat", "sat"]


@pytest.fixture
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cedar_cli, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("_elsewhere")
def test_without_cargo_a_review_says_so_and_goes_on() -> None:
    text = said(ADMINS, STAFF)
    assert "**gains**: users with role `clerk` may `read`" in text
    assert "not analysed symbolically: there is no `cargo` to build Cedar's command with" in text


@pytest.mark.usefixtures("_elsewhere")
def test_a_build_that_fails_leaves_nothing_behind_and_is_told_in_a_line(tmp_path: Path) -> None:
    nice = tmp_path / "nice"
    nice.write_text("#!/bin/sh\necho 'error: no network' >&2\nexit 1\n")
    nice.chmod(0o755)
    (tmp_path / "cargo").symlink_to(nice)
    text = said(ADMINS, STAFF)
    assert "symbolically: building Cedar's command failed: error: no network" in text
    assert [one.name for one in (tmp_path / "cache").iterdir()] == ["cedar.lock"]


def test_without_the_solver_a_review_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "not analysed symbolically: the Python package cvc5 is not installed" in said(
        ADMINS, STAFF
    )


@pytest.mark.usefixtures("_elsewhere")
def test_what_is_the_same_needs_no_analyser() -> None:
    assert "equivalent by analysis" in said(STAFF, f"({STAFF})")
