"""The control plane as a gateway meets it: sudden ends, reconnects, refusals."""

import json
import queue
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import json_format

from aiplatform.marketplace.v1 import marketplace_pb2 as pb
from services.marketplace.gateway.messages import message_class
from services.marketplace.gateway.resources import (
    CLUSTER_TYPE,
    LISTENER_TYPE,
    ROUTES_TYPE,
    SECRET_TYPE,
)
from tests.certificates import Authority
from tests.postgres import Postgres
from tests.services.marketplace.gateway import Gateway, eventually
from tests.services.marketplace.stack import (
    Api,
    Issuer,
    Marketplace,
    marketplace_channel,
    new_marketplace,
)
from tests.services.marketplace.test_calls import call, live
from tests.services.marketplace.upstream import Upstream
from tests.services.running import ISSUER

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
Request = message_class("envoy.service.discovery.v3.DeltaDiscoveryRequest")
Response = message_class("envoy.service.discovery.v3.DeltaDiscoveryResponse")
METADATA = {
    "region": "us-east-1",
    "address": "127.0.0.1",
    "port": 1,
    "certificate_file": "/c",
    "key_file": "/k",
    "ca_file": "/a",
    "access_log": "/l",
    "issuer": ISSUER,
    "max_request_bytes": 4096,
}


class Stream:
    """One delta stream of a gateway that the test plays."""

    def __init__(self, channel: grpc.Channel, node: str, metadata: dict[str, Any]) -> None:
        self._requests: queue.Queue[Any] = queue.Queue()
        self._node = {"id": node, "metadata": metadata}
        self.call = channel.stream_stream(
            METHOD,
            request_serializer=Request.SerializeToString,
            response_deserializer=Response.FromString,
        )(iter(self._requests.get, None))

    def say(self, type_url: str, **fields: Any) -> None:
        """Sends a request."""
        request = json_format.ParseDict({"node": self._node, "type_url": type_url}, Request())
        for name, value in fields.items():
            if name == "initial_resource_versions":
                request.initial_resource_versions.update(value)
            elif name == "error":
                request.error_detail.code, request.error_detail.message = 3, value
            elif isinstance(value, list):
                getattr(request, name).extend(value)
            else:
                setattr(request, name, value)
        self._requests.put(request)

    def next(self) -> Any:
        """Returns the next response."""
        return next(self.call)

    def close(self) -> None:
        """Ends the stream."""
        self._requests.put(None)
        self.call.cancel()


@pytest.fixture
def own(
    tmp_path: Path, postgres: Postgres, authority: Authority, security_port: int
) -> Iterator[Marketplace]:
    """A marketplace of the test's own, to be broken."""
    service = new_marketplace(
        tmp_path / "marketplace", authority, postgres.create_database("marketplace"), security_port
    )
    service.migrate()
    service.start()
    yield service
    service.stop(kill=True)


@contextmanager
def opened(
    service: Marketplace, authority: Authority, node: str = "n", **changes: Any
) -> Iterator[Stream]:
    with marketplace_channel(service.grpc_port, authority) as channel:
        stream = Stream(channel, node, {**METADATA, **changes})
        try:
            yield stream
        finally:
            stream.close()


def test_calls_go_on_without_control_plane_and_database(
    tmp_path: Path,
    own: Marketplace,
    authority: Authority,
    issuer: Issuer,
    security_port: int,
    upstream: Upstream,
) -> None:
    gateway = Gateway(
        tmp_path / "gateway",
        authority.write(tmp_path / "tls", "us-east-1/gateway"),
        ISSUER,
        marketplace=own.grpc_port,
        security=security_port,
    )
    gateway.start()
    try:
        with (
            gateway.client(issuer.token()) as client,
            marketplace_channel(own.grpc_port, authority) as channel,
        ):
            api = Api(channel, issuer.token())
            service = api.register("kept", ("raw", f"{upstream.url}/raw"))
            live(client, service)
            own.stop(kill=True)
            assert call(client, service, endpoint="raw").is_success
            assert client.get("/api/v1/services").json()["details"][0]["reason"] == (
                "UPSTREAM_UNAVAILABLE"
            )
            own.start()
            another = eventually(lambda: try_register(api, "another", f"{upstream.url}/raw"), 10)
            live(client, another)
            assert call(client, service, endpoint="raw").is_success
            # Reconnecting brought nothing that the gateway had.
            assert gateway.stats("listener_manager.listener_modified") == {
                "listener_manager.listener_modified": 0
            }
            assert gateway.stats("cluster_manager.cluster_modified") == {
                "cluster_manager.cluster_modified": 0
            }
            assert not own.metric("gateway_rejections")
            own.database.server.stop()
            try:
                assert call(client, service, endpoint="raw").is_success
                # A gateway that starts now gets the last catalogue.
                with opened(own, authority, "late") as stream:
                    stream.say(CLUSTER_TYPE)
                    names = {one.name for one in stream.next().resources}
                assert names == {f"service/{service.id}", f"service/{another.id}"}
            finally:
                own.database.server.start()
    finally:
        gateway.stop()


def try_register(api: Api, name: str, url: str) -> pb.Service | None:
    try:
        return api.register(name, ("raw", url))
    except grpc.RpcError:
        return None


def test_changes_alone_are_sent_and_in_an_order_that_never_misleads(
    own: Marketplace, authority: Authority, issuer: Issuer
) -> None:
    with (
        opened(own, authority) as stream,
        marketplace_channel(own.grpc_port, authority) as channel,
    ):
        api = Api(channel, issuer.token())
        versions: dict[str, dict[str, str]] = {}

        def take(*, acknowledge: bool = True) -> Any:
            response = stream.next()
            known = versions.setdefault(response.type_url, {})
            known.update({one.name: one.version for one in response.resources})
            for name in response.removed_resources:
                known.pop(name, None)
            if acknowledge:
                stream.say(response.type_url, response_nonce=response.nonce)
            return response

        stream.say(CLUSTER_TYPE)
        assert not take().resources
        for type_url in (LISTENER_TYPE, SECRET_TYPE, ROUTES_TYPE):
            name = "" if type_url == LISTENER_TYPE else "gateway"
            stream.say(type_url, resource_names_subscribe=[name] if name else [])
            assert [one.name for one in take().resources] == ["gateway"]
        first = api.register("first", ("raw", "http://127.0.0.1:1/raw"))
        clusters = take(acknowledge=False)
        assert (clusters.type_url, len(clusters.resources)) == (CLUSTER_TYPE, 1)
        stream.say(CLUSTER_TYPE, response_nonce=clusters.nonce)
        assert take().type_url == ROUTES_TYPE
        second = api.register("second", ("raw", "http://127.0.0.1:2/raw"))
        assert [one.name for one in take().resources] == [f"service/{second.id}"]
        assert take().type_url == ROUTES_TYPE
        api("DeleteService", pb.DeleteServiceRequest(service_id=first.id))
        assert take().type_url == ROUTES_TYPE
        removal = take()
        assert list(removal.removed_resources) == [f"service/{first.id}"]
        assert not removal.resources
    with opened(own, authority) as stream:
        for type_url, known in versions.items():
            names = [] if type_url in {CLUSTER_TYPE, LISTENER_TYPE} else list(known)
            stream.say(type_url, initial_resource_versions=known, resource_names_subscribe=names)
        with marketplace_channel(own.grpc_port, authority) as channel:
            third = Api(channel, issuer.token()).register("third", ("a", "http://127.0.0.1:3/"))
        # The first thing to come is what is new since.
        assert [one.name for one in stream.next().resources] == [f"service/{third.id}"]


def test_a_refused_resource_is_not_sent_again_until_it_changes(
    own: Marketplace, authority: Authority, issuer: Issuer
) -> None:
    with marketplace_channel(own.grpc_port, authority) as channel:
        api = Api(channel, issuer.token())
        bad = api.register("bad", ("raw", "http://127.0.0.1:1/raw"))
        with opened(own, authority, "picky") as stream:
            stream.say(CLUSTER_TYPE)
            response = stream.next()
            while not response.resources:
                stream.say(CLUSTER_TYPE, response_nonce=response.nonce)
                response = stream.next()
            stream.say(CLUSTER_TYPE, response_nonce=response.nonce, error="do not like it")
            eventually(lambda: own.metric("gateway_rejections") == 1)
        with opened(own, authority, "picky") as stream:
            stream.say(CLUSTER_TYPE)
            assert not stream.next().resources
        good = api.register("good", ("raw", "http://127.0.0.1:2/raw"))
        with opened(own, authority, "picky") as stream:
            stream.say(CLUSTER_TYPE)
            response = stream.next()
            while not response.resources:
                stream.say(CLUSTER_TYPE, response_nonce=response.nonce)
                response = stream.next()
            assert [one.name for one in response.resources] == [f"service/{good.id}"]
        with opened(own, authority, "easygoing") as stream:
            stream.say(CLUSTER_TYPE)
            assert len(stream.next().resources) == 2
    line = own.logged("gateway refused its configuration")[0]
    assert (line["reason"], line["resources"]) == ("do not like it", [f"service/{bad.id}"])


def test_only_gateways_are_served(marketplace: Marketplace, authority: Authority) -> None:
    for workload in ("us-east-1/security", "global/director"):
        with marketplace_channel(marketplace.grpc_port, authority, workload) as channel:
            stream = Stream(channel, "n", METADATA)
            stream.say(CLUSTER_TYPE)
            with pytest.raises(grpc.RpcError) as caught:
                stream.next()
            # The chassis asks whoever is no gateway for a user, and users may not either.
            assert caught.value.code() in {
                grpc.StatusCode.UNAUTHENTICATED,
                grpc.StatusCode.PERMISSION_DENIED,
            }
            stream.close()


@pytest.mark.parametrize(
    ("changes", "named"), [({"port": 0}, "port"), ({"prot": 1}, "prot"), ({"region": ""}, "region")]
)
def test_a_bootstrap_that_is_wrong_is_told_what(
    marketplace: Marketplace, authority: Authority, changes: dict[str, Any], named: str
) -> None:
    with opened(marketplace, authority, "misnamed", **changes) as stream:
        stream.say(CLUSTER_TYPE)
        with pytest.raises(grpc.RpcError) as caught:
            stream.next()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    told = caught.value.details() or ""
    assert "misnamed" in told
    assert named in told


def test_a_renewed_certificate_is_taken_without_a_restart(
    tmp_path: Path, marketplace: Marketplace, authority: Authority, security_port: int
) -> None:
    files = authority.write(tmp_path / "tls", "us-east-1/gateway")
    gateway = Gateway(
        tmp_path / "gateway",
        files,
        ISSUER,
        marketplace=marketplace.grpc_port,
        security=security_port,
    )
    gateway.start()
    try:
        before = certificate_serial(gateway)
        fresh = authority.write(tmp_path / "fresh", "us-east-1/gateway")
        fresh.key.rename(files.key)
        fresh.certificate.rename(files.certificate)
        eventually(lambda: certificate_serial(gateway) != before)
    finally:
        gateway.stop()


def certificate_serial(gateway: Gateway) -> str:
    answer = httpx.get(f"http://127.0.0.1:{gateway.admin_port}/certs")
    found = [
        chain["serial_number"]
        for one in json.loads(answer.text)["certificates"]
        for chain in one.get("cert_chain", [])
    ]
    # Of the listener: the clusters' client certificate is read once, when Envoy starts.
    return json.dumps(sorted(found)) if found else str(uuid.uuid4())
