"""The xDS protocol's rules, on a session without a stream."""

from google.protobuf import any_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.marketplace.gateway.resources import (
    CLUSTER_TYPE,
    ROUTES_TYPE,
    Resource,
    ResourceSet,
)
from services.marketplace.gateway.session import DeltaRequest, DeltaResponse, Session


def resources(clusters: dict[str, str], routes: str = "1") -> ResourceSet:
    return {
        CLUSTER_TYPE: {
            name: Resource(name, version, any_pb2.Any()) for name, version in clusters.items()
        },
        ROUTES_TYPE: {"gateway": Resource("gateway", routes, any_pb2.Any())},
    }


def accept(session: Session, response: DeltaResponse | None) -> DeltaResponse:
    assert response is not None
    assert session.receive(DeltaRequest(response.type_url, nonce=response.nonce)) is None
    return response


def subscribed() -> Session:
    session = Session({})
    session.receive(DeltaRequest(CLUSTER_TYPE))
    accept(session, session.send(resources({})))
    session.receive(DeltaRequest(ROUTES_TYPE, subscribe=("gateway",)))
    accept(session, session.send(resources({})))
    assert session.send(resources({})) is None
    return session


def test_a_first_wildcard_request_is_answered_though_there_is_nothing() -> None:
    session = Session({})
    session.receive(DeltaRequest(CLUSTER_TYPE))
    response = accept(session, session.send(resources({})))
    assert (response.resources, response.removed) == ((), ())
    assert session.send(resources({})) is None


def test_a_name_that_does_not_exist_is_answered_as_removed() -> None:
    session = Session({})
    session.receive(DeltaRequest(ROUTES_TYPE, subscribe=("other",)))
    assert accept(session, session.send(resources({}))).removed == ("other",)
    assert session.send(resources({})) is None


def test_a_name_subscribed_again_is_sent_again() -> None:
    session = subscribed()
    session.receive(DeltaRequest(ROUTES_TYPE, subscribe=("gateway",)))
    assert [one.name for one in accept(session, session.send(resources({}))).resources] == [
        "gateway"
    ]


def test_what_was_unsubscribed_is_not_sent() -> None:
    session = subscribed()
    session.receive(DeltaRequest(ROUTES_TYPE, unsubscribe=("gateway",)))
    assert session.send(resources({}, routes="2")) is None


def test_clusters_come_before_routes_and_go_after_them() -> None:
    session = subscribed()
    added = resources({"a": "1"}, routes="2")
    clusters = session.send(added)
    assert clusters is not None
    assert clusters.type_url == CLUSTER_TYPE
    assert session.send(added) is None, "routes wait until the cluster is there"
    accept(session, clusters)
    assert accept(session, session.send(added)).type_url == ROUTES_TYPE
    dropped = resources({"b": "1"}, routes="3")
    first = accept(session, session.send(dropped))
    assert (first.type_url, first.removed) == (CLUSTER_TYPE, ())
    routes = session.send(dropped)
    assert routes is not None
    assert routes.type_url == ROUTES_TYPE
    assert session.send(dropped) is None, "the cluster stays until the routes have left it"
    accept(session, routes)
    assert accept(session, session.send(dropped)).removed == ("a",)


def test_an_old_nonce_acknowledges_nothing() -> None:
    session = subscribed()
    response = session.send(resources({"a": "1"}))
    assert response is not None
    session.receive(DeltaRequest(CLUSTER_TYPE, nonce="0"))
    session.receive(DeltaRequest(CLUSTER_TYPE, nonce="99", error="no"))
    assert session.send(resources({"a": "1", "b": "1"})) is None
    accept(session, response)
    assert session.send(resources({"a": "1", "b": "1"})) is not None


def test_a_refusal_is_remembered_over_streams_until_the_resource_changes() -> None:
    rejections: dict[tuple[str, str], str] = {}
    session = Session(rejections)
    session.receive(DeltaRequest(CLUSTER_TYPE))
    response = session.send(resources({"a": "1"}))
    assert response is not None
    refusal = session.receive(DeltaRequest(CLUSTER_TYPE, nonce=response.nonce, error="bad address"))
    assert refusal is not None
    assert (refusal.resources, refusal.reason) == (("a",), "bad address")
    assert session.send(resources({"a": "1"})) is None
    again = Session(rejections)
    again.receive(DeltaRequest(CLUSTER_TYPE))
    assert accept(again, again.send(resources({"a": "1"}))).resources == ()
    changed = accept(again, again.send(resources({"a": "2"})))
    assert [one.version for one in changed.resources] == ["2"]
    assert not rejections


def test_a_reconnect_brings_only_what_is_new() -> None:
    session = Session({})
    session.receive(DeltaRequest(CLUSTER_TYPE, initial_versions={"a": "1", "gone": "1"}))
    assert accept(session, session.send(resources({"a": "1"}))).removed == ("gone",)
    same = Session({})
    same.receive(
        DeltaRequest(ROUTES_TYPE, subscribe=("gateway",), initial_versions={"gateway": "1"})
    )
    assert same.send(resources({})) is None


CATALOGUES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"), max_size=4),
        st.sampled_from("123"),
    ),
    min_size=1,
    max_size=6,
)


@given(states=CATALOGUES, eager=st.lists(st.booleans(), min_size=60, max_size=60))
def test_a_gateway_always_ends_up_with_the_newest_catalogue(
    states: list[tuple[dict[str, str], str]], eager: list[bool]
) -> None:
    session = subscribed()
    has: dict[str, dict[str, str]] = {CLUSTER_TYPE: {}, ROUTES_TYPE: {"gateway": "1"}}
    open_responses: list[DeltaResponse] = []

    def take(response: DeltaResponse | None) -> None:
        if response is None:
            return
        for one in response.resources:
            assert has[response.type_url].get(one.name) != one.version, "sent what it has"
            has[response.type_url][one.name] = one.version
        for name in response.removed:
            del has[response.type_url][name]
        open_responses.append(response)

    pace = iter(eager)
    for clusters, routes in states:
        take(session.send(resources(clusters, routes)))
        if open_responses and next(pace):
            accept(session, open_responses.pop(0))
    clusters, routes = states[-1]
    for _ in range(20):
        while open_responses:
            accept(session, open_responses.pop(0))
        take(session.send(resources(clusters, routes)))
    assert has == {CLUSTER_TYPE: clusters, ROUTES_TYPE: {"gateway": routes}}
