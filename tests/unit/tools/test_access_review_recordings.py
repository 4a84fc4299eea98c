"""Decisions as services log them, and what a change of the policies would make of them."""

import json
import logging
from pathlib import Path

import pytest

from services.runtime.access import DECISIONS, Access, Entity, entity_of
from services.runtime.caller import Caller, User, Workload
from tests.unit.tools.access_recording import record
from tools.access_review import recorded, render, review
from tools.access_review.recordings import KEPT, recorded_in
from tools.paths import ROOT

FOLDER = ROOT / "policies" / "access"


def policies() -> dict[str, str]:
    return {f"policies/access/{one.name}": one.read_text() for one in FOLDER.iterdir()}


def test_the_kept_recording_is_what_services_log_today() -> None:
    kept = KEPT.read_text()
    assert record() == kept, "`python -m tests.unit.tools.access_recording` makes it anew"
    decisions = recorded_in(kept.splitlines())
    assert len(decisions) == kept.count("\n")
    assert {one.allowed for one in decisions} == {True, False}


def test_the_kept_recording_is_answered_as_it_was() -> None:
    made = review(policies(), policies(), recorded=recorded([KEPT]))
    assert made.recorded > 100
    assert not made.reversals
    assert f" and {made.recorded} recorded decisions compared" in render(made)


def test_a_change_tells_which_recorded_decisions_it_reverses() -> None:
    after = policies()
    path = "policies/access/marketplace.cedar"
    after[path] = after[path].replace('["admin", "developer"]', '["admin", "viewer"]')
    text = render(review(policies(), after, recorded=recorded([KEPT])))
    decisions = len(recorded([KEPT]))
    actions = "1 `marketplace.DeleteService`, 1 `marketplace.RegisterService`"
    for reversal in ("denied → allowed", "allowed → denied"):
        said = f"- **recorded**: 2 of {decisions} decisions, by users, {reversal}: {actions}\n"
        assert said in text
    assert "northwind" not in text
    assert "edsger" not in text


@pytest.mark.parametrize(
    "line",
    [
        "",
        "starting",
        '{"logger": "access", "message": "call"}',
        f'{{"logger": "{DECISIONS}", "prin',
        "[]",
    ],
)
def test_other_lines_of_a_log_are_passed_over(line: str, tmp_path: Path) -> None:
    log = tmp_path / "security.log"
    log.write_text(f"{line}\n{KEPT.read_text().splitlines()[0]}\n{line}\n")
    assert len(recorded([log, log])) == 1


def test_a_decision_is_logged_with_all_it_was_made_from(caplog: pytest.LogCaptureFixture) -> None:
    user = entity_of(Caller(user=User("u", "acme", "ada", frozenset({"viewer"}))))
    gateway = entity_of(Caller(workload=Workload("spiffe://t/r/gateway", "r", "gateway")))
    access = Access()
    with caplog.at_level(logging.INFO, DECISIONS):
        access.decide(user, "write", Entity("Resource", "api.users", {"tenant": "acme"}))
        access.decide(
            gateway, "grpc.health.v1.Health/Check", Entity("Api", "grpc.health.v1.Health")
        )
    (line,) = [one for one in caplog.records if one.name == DECISIONS]
    attributes = {"tenant": "acme", "username": "ada", "roles": ["viewer"]}
    assert json.loads(json.dumps(vars(line)["fields"])) == {
        "principal": {"kind": "User", "id": "u", "attributes": attributes},
        "action": "write",
        "resource": {"kind": "Resource", "id": "api.users", "attributes": {"tenant": "acme"}},
        "context": {},
        "allowed": False,
        "policies": [],
    }
