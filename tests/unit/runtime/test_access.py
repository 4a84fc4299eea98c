"""The access policies: every RPC has one, and it refuses callers without what it asks for."""

import json
from pathlib import Path

import cedarpy
import pytest
from google.protobuf import descriptor_pb2

from services.runtime.access import ANONYMOUS, Access, Entity, PolicyError, check, entity_of
from services.runtime.caller import Caller, User, Workload
from services.runtime.errors import Unauthenticated

ROOT = Path(__file__).resolve().parents[3]
ACCESS = Access()
PUBLIC = {
    "aiplatform.security.v1.SecurityService/Login",
    "aiplatform.security.v1.SecurityService/GetJwks",
}


def methods() -> list[str]:
    """Every RPC of every service of ours, from the descriptors that the gateway is given."""
    files = descriptor_pb2.FileDescriptorSet.FromString(
        (ROOT / "generated" / "aiplatform.binpb").read_bytes()
    )
    return [
        f"{file.package}.{service.name}/{method.name}"
        for file in files.file
        if file.package.startswith("aiplatform.")
        for service in file.service
        for method in service.method
    ]


def user(*roles: str, tenant: str = "acme") -> Entity:
    return entity_of(Caller(user=User("u", tenant, "alice", frozenset(roles))))


def workload(name: str) -> Entity:
    spiffe = f"spiffe://test/us-east-1/{name}"
    return entity_of(Caller(workload=Workload(spiffe, "us-east-1", name)))


def allowed(principal: Entity, method: str) -> bool:
    return ACCESS.decide(principal, method, Entity("Api", method.rpartition("/")[0])).allowed


@pytest.mark.parametrize("method", methods())
def test_every_rpc_has_a_policy_and_refuses_callers_without_it(method: str) -> None:
    assert method in ACCESS.methods, f"add {method} to policies/access/schema.cedarschema"
    someone = user("admin", "developer", "viewer", tenant="platform")
    assert allowed(someone, method), f"no policy in policies/access permits {method} to anyone"
    strangers = [ANONYMOUS, *(workload(name) for name in ("gateway", "marketplace", "director"))]
    for stranger in strangers:
        assert allowed(stranger, method) is (method in PUBLIC)


def test_there_are_rpcs_to_check() -> None:
    assert len(methods()) >= 12


@pytest.mark.parametrize("name", ["X/Y", "aiplatform.security.v1.SecurityService/DropEverything"])
def test_an_unknown_rpc_is_denied_to_everyone(name: str) -> None:
    someone = user("admin", "developer", "viewer", tenant="platform")
    assert not any(allowed(one, name) for one in (someone, workload("gateway"), ANONYMOUS))


def test_a_user_without_roles_registers_nothing() -> None:
    service = "aiplatform.marketplace.v1.MarketplaceService"
    assert not allowed(user(), f"{service}/ListServices")
    assert allowed(user("viewer"), f"{service}/ListServices")
    assert not allowed(user("viewer"), f"{service}/RegisterService")
    assert allowed(user("developer"), f"{service}/RegisterService")


def test_only_gateways_open_discovery_streams() -> None:
    stream = "envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
    assert allowed(workload("gateway"), stream)
    assert not any(allowed(workload(name), stream) for name in ("marketplace", "Gateway", "gat"))
    assert not allowed(user("admin", tenant="platform"), stream)
    assert not allowed(ANONYMOUS, stream)


def test_a_bad_token_makes_the_caller_nobody() -> None:
    error = Unauthenticated("TOKEN_EXPIRED", "expired")
    caller = Caller(workload=Workload("spiffe://test/r/gateway", "r", "gateway"), token_error=error)
    assert entity_of(caller) is ANONYMOUS


def test_an_admin_may_do_everything_in_their_tenant_only() -> None:
    def decide(tenant: str, action: str) -> bool:
        resource = Entity("Resource", "api.users", {"tenant": tenant})
        return ACCESS.decide(user("admin"), action, resource).allowed

    assert decide("acme", "delete")
    assert not decide("globex", "delete")
    assert not decide("acme", "conquer")
    assert not decide("acme", "aiplatform.security.v1.SecurityService/CreateUser")


def test_a_decision_names_its_policies() -> None:
    resource = Entity("Resource", "marketplace.services", {"tenant": "acme"})
    decision = ACCESS.decide(user("admin", "viewer"), "read", resource)
    assert decision.policies == ("resources.admin", "resources.viewer")


@pytest.mark.parametrize("method", [*sorted(ACCESS.methods), "read", "operate", "unknown"])
def test_a_slice_decides_as_the_whole_set_does(method: str) -> None:
    """An action's slice leaves out only policies that cannot match it."""
    resource = Entity("Resource", "marketplace.services", {"tenant": "acme"})
    if "/" in method:
        resource = Entity("Api", method.rpartition("/")[0])
    principals = [workload("gateway"), ANONYMOUS, user(), user("admin"), user("viewer")]
    for principal in (*principals, user("admin", tenant="platform"), user("developer")):
        expected = _decide_with_all(principal, method, resource)
        assert ACCESS.decide(principal, method, resource).allowed is expected


def _decide_with_all(principal: Entity, method: str, resource: Entity) -> bool:
    folder = ROOT / "policies" / "access"
    policies = "\n".join(file.read_text() for file in folder.glob("*.cedar"))
    entities = [
        {"uid": one.uid, "attrs": dict(one.attributes), "parents": []}
        for one in (principal, resource)
    ]
    request = {
        "principal": principal.uid,
        "action": {"type": "AiPlatform::Action", "id": method},
        "resource": resource.uid,
        "context": {},
    }
    schema = cedarpy.Schema.from_str((folder / "schema.cedarschema").read_text())
    handle = cedarpy.Entities.from_json_str(json.dumps(entities), schema)
    return cedarpy.is_authorized(request, policies, handle).allowed


SCHEMA = """namespace N { entity U { a: String }; entity R;
action "s/M" appliesTo { principal: [U], resource: [R] }; }"""


def write(folder: Path, **files: str) -> Path:
    (folder / "schema.cedarschema").write_text(SCHEMA)
    for name, text in files.items():
        (folder / f"{name}.cedar").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "mistake"),
    [
        ({"a": "permit(principal, action, resource);"}, "a.cedar: a policy has no @id"),
        ({"a": '@id("x") permit(principal, action == N::Action::"s/Q", resource);'}, "a.cedar: x:"),
        (
            {"a": '@id("x") permit(principal, action, resource) when { principal.b == 1 };'},
            "a.cedar: x: ",
        ),
        ({"a": "permit(principal"}, "a.cedar: "),
        (
            {
                "a": '@id("x") permit(principal, action, resource);',
                "b": '@id("x") forbid(principal, action, resource);',
            },
            "b.cedar: @id x is used in a.cedar too",
        ),
        ({}, "needs schema.cedarschema and at least one .cedar file"),
    ],
    ids=["no id", "unknown action", "unknown attribute", "syntax", "id twice", "no file"],
)
def test_mistakes_in_policies_are_named(
    tmp_path: Path, files: dict[str, str], mistake: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        check(write(tmp_path, **files))
    assert mistake in str(caught.value)


def test_the_policies_are_valid() -> None:
    assert check() >= 10
