"""A gateway that is to end lets calls under way come to theirs."""

import threading
import time
import uuid
from pathlib import Path

import httpx

from services.marketplace.gateway.drain import drain
from tests.certificates import Authority
from tests.services.marketplace.gateway import Gateway, eventually
from tests.services.marketplace.stack import Api, Issuer, Marketplace
from tests.services.marketplace.test_calls import call, live
from tests.services.marketplace.upstream import Upstream
from tests.services.running import ISSUER

ENOUGH_SECONDS = 20.0


def test_a_gateway_is_drained_when_its_last_call_is_answered(
    tmp_path: Path,
    authority: Authority,
    marketplace: Marketplace,
    security_port: int,
    issuer: Issuer,
    acme: Api,
    upstream: Upstream,
) -> None:
    gateway = Gateway(
        tmp_path / "gateway",
        authority.write(tmp_path / "tls", "us-east-1/gateway"),
        ISSUER,
        marketplace=marketplace.grpc_port,
        security=security_port,
    )
    gateway.start()
    try:
        service = acme.register(
            f"drained-{uuid.uuid4()}",
            ("slow", f"{upstream.url}/slow"),
            ("raw", f"{upstream.url}/raw"),
        )
        answers: list[httpx.Response] = []
        left: list[int] = []
        with gateway.client(issuer.token("acme")) as client:
            live(client, service)
            slow = threading.Thread(
                target=lambda: answers.append(call(client, service, endpoint="slow"))
            )
            before = upstream.requests
            slow.start()
            eventually(lambda: upstream.requests > before)
            assert drain(gateway.admin_port, 1.0) == 1  # it does not wait for ever
            draining = threading.Thread(
                target=lambda: left.append(drain(gateway.admin_port, ENOUGH_SECONDS))
            )
            began = time.monotonic()
            draining.start()
            with gateway.client(issuer.token("acme")) as late:
                answer = call(late, service, endpoint="raw", payload="x")
            assert answer.is_success  # load balancers learn late; whom they send is served
            upstream.go_on.set()
            slow.join()
            draining.join()
        assert left == [0]
        assert time.monotonic() - began < ENOUGH_SECONDS
        assert answers[0].text == "late"
    finally:
        gateway.stop()
