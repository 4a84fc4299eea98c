"""The catalogue over gRPC, on a real database under row-level security."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import grpc
import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from aiplatform.marketplace.v1 import marketplace_pb2 as pb
from tests.certificates import Authority
from tests.services.marketplace.stack import Api, Issuer, Marketplace, marketplace_channel

URL = ("raw", "http://127.0.0.1:1/raw")


def refusal(api: Api, method: str, request: object) -> tuple[str, str, list[str]]:
    """Calls a method that must fail; returns code, reason and fields."""
    with pytest.raises(grpc.RpcError) as caught:
        api(method, request)
    status = rpc_status.from_call(cast("grpc.Call", caught.value))
    info, fields = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    reason, paths = "", []
    for detail in status.details:
        if detail.Unpack(info):
            reason = info.reason
        if detail.Unpack(fields):
            paths = [violation.field for violation in fields.field_violations]
    return caught.value.code().name, reason, paths


@pytest.fixture
def lister(marketplace: Marketplace, authority: Authority, issuer: Issuer):
    """A tenant that nobody else uses."""
    with marketplace_channel(marketplace.grpc_port, authority) as channel:
        yield Api(channel, issuer.token(f"t-{uuid.uuid4().hex[:8]}"))


def test_a_request_made_again_returns_the_first_service(acme: Api, globex: Api) -> None:
    name, request_id = f"again-{uuid.uuid4()}", str(uuid.uuid4())
    first = acme.register(name, URL, request_id=request_id)
    assert acme.register(name, URL, request_id=request_id) == first
    other = globex.register(name, URL, request_id=request_id)
    assert other.id != first.id
    wrong = pb.RegisterServiceRequest(
        name="x", category="test", pricing_model="enterprise", request_id=request_id,
        endpoints=[pb.Endpoint(name="a", url="http://a/")],
    )  # fmt: skip
    assert refusal(acme, "RegisterService", wrong)[:2] == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")


def test_requests_that_race_make_one_service(acme: Api) -> None:
    name, request_id = f"race-{uuid.uuid4()}", str(uuid.uuid4())
    with ThreadPoolExecutor(6) as pool:
        made = list(
            pool.map(lambda _: acme.register(name, URL, request_id=request_id).id, range(12))
        )
    assert len(set(made)) == 1


@pytest.mark.parametrize(
    ("endpoints", "fields"),
    [
        ([("a", "http://h/1"), ("a", "http://h/2")], ["endpoints[1].name"]),
        ([("a", "http://h/1"), ("b", "https://h/2")], ["endpoints[1].url"]),
        ([("a", "http://h/1"), ("b", "http://h:81/2")], ["endpoints[1].url"]),
        ([("a", "http://h:70000/1")], ["endpoints[0].url"]),
        ([("a", "http://h..x/1")], ["endpoints[0].url"]),
        ([("a", "ftp://h/1")], ["endpoints[0].url"]),
        ([("a", "http://user@h/1")], ["endpoints[0].url"]),
        ([("A b", "http://h/1")], ["endpoints[0].name"]),
        ([], ["endpoints"]),
    ],
)
def test_endpoints_that_do_not_fit_are_refused(
    acme: Api, endpoints: list[tuple[str, str]], fields: list[str]
) -> None:
    request = pb.RegisterServiceRequest(
        name="x",
        category="test",
        pricing_model="enterprise",
        endpoints=[pb.Endpoint(name=name, url=url) for name, url in endpoints],
    )
    code, reason, paths = refusal(acme, "RegisterService", request)
    assert (code, paths) == ("INVALID_ARGUMENT", fields)
    assert reason


def test_same_origin_written_differently_is_one(acme: Api) -> None:
    made = acme.register(f"o-{uuid.uuid4()}", ("a", "http://H/1"), ("b", "http://h:80/2"))
    assert [endpoint.method for endpoint in made.endpoints] == ["POST", "POST"]


@pytest.mark.parametrize("price", [0.1, 0.000000001, 1_000_000, 0.1234567891])
def test_prices_keep_nine_decimals(acme: Api, price: float) -> None:
    made = acme.register(f"p-{uuid.uuid4()}", URL, base_price=price)
    assert made.base_price == round(price, 9)


def test_pages_hold_every_service_once_newest_first(lister: Api) -> None:
    made = [lister.register(f"s{n}", URL, category=f"c{n % 2}").id for n in range(9)]
    own = str(lister.register("last", URL).tenant_id)
    for size in (1, 2, 3, 10, 200):
        token, listed = "", []
        while True:
            page = lister("ListServices", pb.ListServicesRequest(page_size=size, page_token=token))
            assert len(page.services) <= size
            listed += [one.id for one in page.services if one.tenant_id == own]
            token = page.next_page_token
            if not token:
                break
        assert listed[1:] == made[::-1]
    some = lister("ListServices", pb.ListServicesRequest(category="c1")).services
    assert [one.name for one in some if one.tenant_id == own] == ["s7", "s5", "s3", "s1"]


def test_a_page_stays_put_while_services_are_added(lister: Api) -> None:
    made = [lister.register(f"s{n}", URL, category="stay").id for n in range(4)]
    request = pb.ListServicesRequest(category="stay", page_size=2)
    first = lister("ListServices", request)
    lister.register("new", URL, category="stay")
    request.page_token = first.next_page_token
    rest = lister("ListServices", request)
    assert [one.id for one in (*first.services, *rest.services)] == made[::-1]


def test_a_token_is_good_for_its_listing_only(lister: Api, acme: Api) -> None:
    for n in range(3):
        lister.register(f"s{n}", URL, category="seal")
    token = lister(
        "ListServices", pb.ListServicesRequest(category="seal", page_size=1)
    ).next_page_token
    assert token
    changed = ("B" if token[0] != "B" else "C") + token[1:]
    refused = ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", ["page_token"])
    for api, category, value in (
        (lister, "seal", changed),
        (lister, "seal", token[:-4]),
        (lister, "seal", "é"),
        (lister, "seal", "AAAA"),
        (lister, "", token),
        (acme, "seal", token),
    ):
        request = pb.ListServicesRequest(category=category, page_token=value)
        assert refusal(api, "ListServices", request) == refused


def test_a_tenant_sees_its_own_and_public_services(acme: Api, globex: Api) -> None:
    private = acme.register(f"private-{uuid.uuid4()}", URL)
    public = acme.register(f"public-{uuid.uuid4()}", URL, visibility="public")
    assert globex("GetService", pb.GetServiceRequest(service_id=public.id)).service == public
    missing = ("NOT_FOUND", "SERVICE_NOT_FOUND", [])
    for method, request in (
        ("GetService", pb.GetServiceRequest(service_id=private.id)),
        ("DeleteService", pb.DeleteServiceRequest(service_id=private.id)),
        ("DeleteService", pb.DeleteServiceRequest(service_id=public.id)),
    ):
        assert refusal(globex, method, request) == missing
    listed = {
        one.id for one in globex("ListServices", pb.ListServicesRequest(page_size=200)).services
    }
    assert public.id in listed
    assert private.id not in listed


def test_the_tenants_own_role_cannot_reach_others_rows(marketplace: Marketplace, acme: Api) -> None:
    private = acme.register(f"private-{uuid.uuid4()}", URL)
    public = acme.register(f"public-{uuid.uuid4()}", URL, visibility="public")
    with marketplace.database.connect() as role:
        seen = "SELECT count(*) FROM service WHERE id = %s"
        assert role.execute(seen, [private.id]).fetchone() == (0,)
        role.execute("SELECT set_config('app.tenant_id', 'globex', false)")
        assert role.execute(seen, [private.id]).fetchone() == (0,)
        assert role.execute(seen, [public.id]).fetchone() == (1,)
        assert role.execute("DELETE FROM service WHERE id = %s", [public.id]).rowcount == 0
        copy = (
            "INSERT INTO service SELECT gen_random_uuid(), 'acme', 'stolen', category, "
            "pricing_model, base_price, visibility, endpoints FROM service LIMIT 1"
        )
        for forbidden in (
            copy,
            "UPDATE service SET name = 'x'",
            "UPDATE catalogue SET revision = 0",
            "SELECT * FROM meter_position",
            "INSERT INTO usage_record (id) VALUES (gen_random_uuid())",
            "DELETE FROM usage_record",
            "TRUNCATE service",
            "SET ROLE marketplace_owner",
        ):
            with pytest.raises(psycopg.Error):
                role.execute(forbidden)
        role.execute("SELECT set_config('app.tenant_id', 'acme', false)")
        assert role.execute(seen, [private.id]).fetchone() == (1,)


def test_the_system_role_reads_services_and_adds_usage_only(marketplace: Marketplace) -> None:
    with marketplace.database.connect("system") as role:
        assert role.execute("SELECT count(*) FROM service").fetchone() != (0,)
        for forbidden in (
            "DELETE FROM service",
            "UPDATE service SET name = 'x'",
            "SELECT * FROM usage_record",
            "DELETE FROM usage_record",
            "UPDATE catalogue SET revision = 0",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(forbidden)


def test_changes_move_the_revision_and_leave_events(marketplace: Marketplace, acme: Api) -> None:
    with marketplace.database.connect("system") as role:
        before = role.execute("SELECT revision FROM catalogue").fetchone()
        made = acme.register(f"event-{uuid.uuid4()}", URL)
        acme("DeleteService", pb.DeleteServiceRequest(service_id=made.id))
        after = role.execute("SELECT revision FROM catalogue").fetchone()
        assert before is not None
        assert after is not None
        assert int(str(after[0])) >= int(str(before[0])) + 2
        # What is on the bus already was in the outbox before what still is there.
        events = role.execute(
            "SELECT topic FROM (SELECT 1 AS stage, position AS place, topic, key FROM event "
            "UNION ALL SELECT 2, id, topic, key FROM outbox) AS both_ WHERE key = %s "
            "ORDER BY stage, place",
            [made.id],
        ).fetchall()
    assert [topic for (topic,) in events] == ["service.registered", "service.deleted"]


def test_a_viewer_may_look_and_not_change(
    marketplace: Marketplace, authority: Authority, issuer: Issuer
) -> None:
    with marketplace_channel(marketplace.grpc_port, authority) as channel:
        viewer = Api(channel, issuer.token("acme", roles=["viewer"]))
        viewer("ListServices", pb.ListServicesRequest())
        with pytest.raises(grpc.RpcError) as caught:
            viewer.register("x", URL)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_an_empty_time_range_is_refused(acme: Api) -> None:
    request = pb.GetUsageRequest(start_time=Timestamp(seconds=9), end_time=Timestamp(seconds=9))
    assert refusal(acme, "GetUsage", request) == (
        "INVALID_ARGUMENT",
        "INVALID_TIME_RANGE",
        ["end_time"],
    )


def test_migrating_again_changes_nothing(marketplace: Marketplace) -> None:
    marketplace.migrate()
