"""The requests that are asked: some meet a condition and some do not, whatever kind it is of."""

import re

import pytest

from tools.access_review import render, review
from tools.access_review.schema import Type, parse
from tools.access_review.space import LIMIT

SCHEMA = """
type Label = { name: String, rank?: Long };
entity Club;
namespace N {
  type Place = { region: String, address: ipaddr };
  entity Org;
  entity Team in [Org];
  entity User in [Team, Club] = {
    team: Team, teams: Set<Team>, place: Place, label?: Label, limit: decimal, born: datetime,
    patience: duration, "full name": String, level: Long, active: Bool, roles: Set<String>,
  } tags String;
  entity Color enum ["red"];
  entity Thing in [Team] { owner: User, editors: Set<User>, color: Color, "full name": String };
  action "all";
  action "see", "do it" in ["all"] appliesTo {
    principal: [User], resource: [Thing], context: { mfa: Bool, place?: Place }
  };
}
"""


def after(condition: str) -> str:
    files = {"n/n.cedarschema": SCHEMA}
    policy = f'@id("one") permit(principal, action == N::Action::"see", resource) {condition};'
    return render(review(files, files | {"n/all.cedar": policy}))


@pytest.mark.parametrize(
    "condition",
    [
        "principal.active",
        "principal.level >= 3",
        "principal.level * 2 == 6",
        'principal.place.region == "eu"',
        'principal["full name"] == resource["full name"]',
        'principal.place.address.isInRange(ip("10.0.0.0/8"))',
        "principal.place.address.isLoopback()",
        'principal.limit.lessThan(decimal("1.5"))',
        'principal.born < datetime("2000-01-01")',
        'principal.patience > duration("2h")',
        'principal.roles.containsAll(["admin", "clerk"])',
        "principal.roles.isEmpty()",
        'principal has label && principal.label.name like "a*b"',
        "principal has label && principal.label has rank && principal.label.rank != 1",
        'principal in N::Team::"a"',
        'principal in [N::Team::"a", N::Team::"b"]',
        'principal == N::User::"eve"',
        'principal.team == N::Team::"a"',
        "principal.teams.contains(principal.team)",
        "resource in principal.team",
        "resource.owner == principal",
        "resource.editors.contains(principal)",
        'resource.color == N::Color::"red"',
        "context has place && context.place.region == principal.place.region",
        'if context.mfa then principal.level > 1 else principal.roles.contains("admin")',
    ],
)
def test_a_condition_is_met_by_some_requests_and_not_by_others(condition: str) -> None:
    for clause in ("when", "unless"):
        text = after(f"{clause} {{ {condition} }}")
        assert "**gains" in text, clause
        assert "were not varied" not in text
    everyone = "- **gains**: users may `see` on any thing\n"
    assert everyone in after("")
    assert everyone not in after(f"when {{ {condition} }}")


def test_a_condition_without_words_is_told_as_it_is_written() -> None:
    text = after("when { principal.teams.contains(principal.team) }")
    assert "users may `see` on any thing when `principal.teams.contains(principal.team)`\n" in text
    text = after('unless { principal.limit.lessThan(decimal("1.5")) }')
    assert 'on any thing unless `principal.limit.lessThan(decimal("1.5"))`\n' in text


def test_too_many_requests_are_thinned_and_that_is_said() -> None:
    roles = ", ".join(f'"{number}"' for number in range(12))
    text = after(
        f"when {{ principal.roles.containsAll([{roles}]) && principal.level > 1 && principal.active"
        ' && principal.place.region == "eu" && resource["full name"] == "x" && context.mfa }'
    )
    assert "too many possible requests to compare all: `see`" in text
    counted = re.search(r"(\d+) requests compared", text)
    assert counted is not None
    assert 100 < int(counted[1]) < LIMIT


def test_a_schema_is_read_whole() -> None:
    schema = parse(SCHEMA)
    assert set(schema.kinds) == {"Club", "N::Org", "N::Team", "N::User", "N::Color", "N::Thing"}
    user = schema.kinds["N::User"].attributes
    assert user["team"] == Type(kind="Entity", name="N::Team")
    assert not user["label"].required
    assert user["label"].attributes["rank"] == Type(kind="Long", required=False)
    assert user["place"].attributes["address"] == Type(kind="Extension", name="ipaddr")
    action = schema.actions["do it"]
    assert (action.type, action.groups) == ("N::Action", ("all",))
    assert (action.principals, action.resources) == (("N::User",), ("N::Thing",))
    assert not action.context.attributes["place"].required
