"""What a review says of a change of the access policies, word for word."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.runtime.access import Access, Entity
from tools.access_review import AccessReview, render, review
from tools.access_review.__main__ import main
from tools.access_review.answers import Decider
from tools.access_review.compare import places
from tools.access_review.conditions import conditions_of
from tools.access_review.policies import Policies, read
from tools.access_review.space import space
from tools.paths import ROOT

SCHEMA = """
namespace AiPlatform {
  entity Group;
  entity User in [Group] { tenant: String, username: String, roles: Set<String> };
  entity Workload { name: String };
  entity Anonymous;
  entity Api;
  entity Resource { tenant: String, owner?: User };
  action "operate";
  action "read", "delete" in ["operate"] appliesTo {
    principal: [User], resource: [Resource], context: { mfa: Bool, risk?: Long }
  };
  action "aiplatform.shop.v1.ShopService/Buy", "aiplatform.shop.v1.ShopService/Look" appliesTo {
    principal: [User, Workload, Anonymous], resource: [Api]
  };
}
"""
POLICIES = """
// Whoever looks needs no token.
@id("shop.look")
permit (
  principal,
  action == AiPlatform::Action::"aiplatform.shop.v1.ShopService/Look",
  resource
);

@id("shop.buy")
permit (
  principal is AiPlatform::User,
  action == AiPlatform::Action::"aiplatform.shop.v1.ShopService/Buy",
  resource is AiPlatform::Api
)
when { principal.roles.contains("admin") };

@id("resources.admin")
permit (
  principal is AiPlatform::User,
  action in AiPlatform::Action::"operate",
  resource is AiPlatform::Resource
)
when { principal.roles.contains("admin") && principal.tenant == resource.tenant };
"""
BUY = 'action == AiPlatform::Action::"aiplatform.shop.v1.ShopService/Buy", resource'
READ = 'action == AiPlatform::Action::"read", resource is AiPlatform::Resource'
NOTHING = "no principal gains or loses anything (41 requests compared; equivalent by analysis)\n"


def files(policies: str = POLICIES, schema: str = SCHEMA) -> dict[str, str]:
    return {"access/schema.cedarschema": schema, "access/shop.cedar": policies}


def made(before: str, after: str) -> AccessReview:
    return review(files(before), files(after))


def said(before: str, after: str) -> list[str]:
    """What a review says, without the lines that back it."""
    lines = render(made(before, after)).splitlines()
    return [line.removeprefix("- ") for line in lines if "requests compared" not in line]


def added(policy: str) -> list[str]:
    *lines, changes = said(POLICIES, f'{POLICIES}\n@id("new") {policy};')
    assert changes == "policies: added `new`"
    return lines


def edited(old: str, new: str) -> list[str]:
    assert old in POLICIES
    return said(POLICIES, POLICIES.replace(old, new))


def test_a_role_that_gains_an_action() -> None:
    assert edited('contains("admin") };', 'containsAny(["admin", "clerk"]) };') == [
        "**gains**: users with role `clerk` may `shop.Buy` (so far only with role `admin`)",
        "policies: edited `shop.buy`",
    ]


def test_a_role_that_loses_an_action() -> None:
    before = POLICIES.replace('contains("admin") };', 'containsAny(["admin", "clerk"]) };')
    assert said(before, POLICIES) == [
        (
            "**loses**: users with role `clerk` may no longer `shop.Buy`"
            " (from now on only with role `admin`)"
        ),
        "policies: edited `shop.buy`",
    ]


def test_administrators_that_leave_their_tenant_are_bold() -> None:
    assert edited(" && principal.tenant == resource.tenant", "") == [
        (
            "**gains: users with role `admin` may `delete`, `read` on any resource"
            " (so far only in their own tenant)**"
        ),
        "policies: edited `resources.admin`",
    ]


def test_administrators_come_before_others_and_so_do_callers_that_nobody_knows() -> None:
    assert added(f"permit(principal, {BUY})") == [
        "**gains: anonymous callers and workloads may `shop.Buy`**",
        "**gains**: users may `shop.Buy` (so far only with role `admin`)",
    ]


def test_what_anyone_may_is_said_once() -> None:
    before = "\n\n".join(one for one in POLICIES.split("\n\n") if "shop.buy" not in one)
    assert said(before, f'{before}\n@id("new") permit(principal, {BUY});') == [
        "**gains: anyone, unknown callers too, may `shop.Buy`**",
        "policies: added `new`",
    ]


def test_what_users_lose() -> None:
    before = POLICIES.replace('when { principal.roles.contains("admin") };', ";")
    after = "\n\n".join(one for one in POLICIES.split("\n\n") if "shop.buy" not in one)
    assert said(before, after) == [
        "**loses**: users may no longer `shop.Buy`",
        "policies: removed `shop.buy`",
    ]


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        (
            f'permit(principal in AiPlatform::Group::"staff", {READ})',
            (
                "**gains**: users in group `staff` may `read` on any resource"
                " (so far only with role `admin` in their own tenant)"
            ),
        ),
        (
            f'permit(principal == AiPlatform::User::"eve", {BUY})',
            "**gains**: users called `eve` may `shop.Buy` (so far only with role `admin`)",
        ),
        (
            f'permit(principal is AiPlatform::Workload, {BUY}) when {{ principal.name == "till" }}',
            "**gains**: workloads of name `till` may `shop.Buy`",
        ),
        (
            f"permit(principal is AiPlatform::User, {READ}) when {{ context.mfa }}",
            (
                "**gains**: users may `read` on any resource when `context.mfa`"
                " (so far only with role `admin` in their own tenant)"
            ),
        ),
        (
            (
                f"forbid(principal is AiPlatform::User, {READ})"
                " when { context has risk && context.risk > 50 }"
            ),
            (
                "**loses: users with role `admin` may no longer `read` in their own tenant"
                " when `context.risk > 50`**"
            ),
        ),
        (
            (
                f"permit(principal is AiPlatform::User, {READ})"
                " when { resource has owner && resource.owner == principal }"
            ),
            (
                "**gains**: users may `read` on any resource when `resource.owner == principal`"
                " (so far only with role `admin` in their own tenant)"
            ),
        ),
        (
            (
                'permit(principal, action == AiPlatform::Action::"delete",'
                ' resource == AiPlatform::Resource::"cart")'
                ' unless { principal.username like "test*" }'
            ),
            (
                '**gains**: users may `delete` on `cart` unless `principal.username like "test*"`'
                " (so far only with role `admin` in their own tenant)"
            ),
        ),
    ],
    ids=["group", "user", "workload", "mfa", "risk", "owner", "resource"],
)
def test_conditions_are_told_in_words(policy: str, line: str) -> None:
    assert added(policy) == [line]


def test_comments_format_and_order_are_no_change() -> None:
    other = "\n\n// moved\n".join(reversed(POLICIES.split("\n\n"))).replace("  ", "\t\t")
    assert other != POLICIES
    assert render(made(POLICIES, other)) == NOTHING


def test_a_policy_that_moves_to_another_file_is_no_change() -> None:
    first, *others = POLICIES.split("\n\n")
    after = files("\n\n".join(others)) | {"access/look.cedar": first}
    assert render(review(files(), after)) == NOTHING


def test_an_edit_without_effect_is_told_as_such() -> None:
    text = render(
        made(POLICIES, POLICIES.replace('contains("admin") };', 'containsAny(["admin"]) };'))
    )
    assert text == (
        "no principal gains or loses anything (41 requests compared;"
        " not analysed symbolically: the analyser was not asked for)\n"
    )


def test_an_action_of_a_new_schema_is_a_gain() -> None:
    schema = SCHEMA.replace('"read", "delete" in', '"read", "delete", "paint" in')
    lines = render(review(files(), files(schema=schema))).splitlines()
    assert lines[:2] == [
        "- **gains: users with role `admin` may `paint` in their own tenant**",
        "- policies: the schema changed",
    ]


def test_the_first_policies_there_are() -> None:
    lines = render(review({}, files())).splitlines()
    assert lines[0].startswith("- **gains")
    assert "added `resources.admin`, `shop.buy`, `shop.look`" in lines[-2]


@pytest.mark.parametrize(
    ("text", "line", "mistake"),
    [
        ("permit(principal", 25, "unexpected end of input"),
        ('@id("a;\\";//") permit(principal, action, resource); // ";\npermit(', 26, "unexpected"),
        ("permit(principal, action, resource) when { tru };", 25, "tru"),
        (
            '@id("n") permit(principal, action, resource)\nwhen { principal.b };',
            26,
            "attribute `b`",
        ),
        ("permit(principal, action, resource);", 25, "the policy has no @id"),
        ('@id("shop.buy") permit(principal, action, resource);', 25, "@id shop.buy twice"),
        ('@id("n") permit(principal == ?principal, action, resource);', 25, "template"),
        ('@id("n") permit(principal, action == AiPlatform::Action::"fly", resource);', 25, "fly"),
    ],
    ids=["syntax", "quotes", "expression", "attribute", "no id", "id twice", "template", "action"],
)
def test_a_policy_that_is_wrong_is_named_with_its_line(text: str, line: int, mistake: str) -> None:
    broken = f"{POLICIES}{text}"
    wrong = made(POLICIES, broken)
    assert {(one.path, one.line) for one in wrong.errors} == {("access/shop.cedar", line)}
    assert not wrong.differences
    assert mistake in render(wrong)
    assert f"**wrong**: `access/shop.cedar:{line}`: " in render(wrong)
    assert "nothing to compare with" in render(made(broken, POLICIES))


def test_a_schema_that_is_wrong_is_named_with_its_line() -> None:
    broken = SCHEMA.replace("tenant: String, owner", "tenant: Strin, owner")
    text = render(review(files(), files(schema=broken)))
    assert text == "**wrong**: `access/schema.cedarschema:8`: failed to resolve type: Strin\n"


def test_policies_without_a_schema_are_wrong() -> None:
    text = render(review(files(), {"access/shop.cedar": POLICIES}))
    assert text == "**wrong**: `access:1`: needs one .cedarschema file, and has 0\n"


def test_what_is_beyond_another_entity_is_said_to_be_left_out() -> None:
    lines = said(
        POLICIES,
        f'{POLICIES}@id("new") permit(principal is AiPlatform::User, {READ})'
        ' when { resource has owner && resource.owner.tenant == "acme" };',
    )
    assert "conditions on `resource.owner.tenant` were not varied in the requests" in lines


def current() -> Mapping[str, str]:
    folder = ROOT / "policies" / "access"
    return {f"policies/access/{one.name}": one.read_text() for one in folder.iterdir()}


def parsed(content: Mapping[str, str]) -> Policies:
    policies, mistakes = read(content)
    assert policies is not None, mistakes
    return policies


def test_requests_are_answered_as_the_services_answer_them() -> None:
    policies = parsed(current())
    ours, theirs = Decider(policies), Access()
    answers: list[bool] = []
    for place in places(policies, policies):
        conditions = [one for policy in policies.policies for one in conditions_of(policy)]
        asked = space(policies.schema, place.action, place.principal, place.resource, conditions)
        for request in asked.requests:
            entities = [
                Entity(one["uid"]["type"].rpartition("::")[2], one["uid"]["id"], one["attrs"])
                for one in (request.principal, request.resource)
            ]
            answers.append(ours.allows(request))
            assert theirs.decide(entities[0], place.action.id, entities[1]).allowed is answers[-1]
    assert {True, False} == set(answers)


def test_every_action_of_the_platform_is_asked_for() -> None:
    policies = parsed(current())
    asked = {place.action.id for place in places(policies, policies)}
    assert asked >= Access().methods | {"read", "write", "delete", "call"}


def test_the_command_reviews_what_is_not_committed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    for path, text in files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    author = ("-c", "user.name=A developer", "-c", "user.email=developer@ai-platform.example")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "policies")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (folder / "access" / "shop.cedar").write_text(f"// a comment\n{POLICIES}")
    log = tmp_path / "empty.log"
    log.touch()
    assert main(["HEAD", f"--log={log}"], root=tmp_path) == 0
    assert capsys.readouterr().out == NOTHING
    (folder / "access" / "shop.cedar").write_text("permit(")
    assert main(["HEAD", f"--log={log}"], root=tmp_path) == 1
    assert "`policies/access/shop.cedar:1`" in capsys.readouterr().out
