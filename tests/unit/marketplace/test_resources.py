"""What gateways are sent for a catalogue."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.marketplace.domain import Endpoint, Service, origin_of, price
from services.marketplace.gateway.clusters import cluster
from services.marketplace.gateway.node import GatewayNode
from services.marketplace.gateway.resources import (
    CLUSTER_TYPE,
    ROUTES_TYPE,
    CatalogueSnapshot,
    resources_for,
)
from services.marketplace.gateway.routes import Timeouts

NODE = GatewayNode(
    region="r",
    address="127.0.0.1",
    port=1,
    certificate_file="/c/tls.crt",
    key_file="/c/tls.key",
    ca_file="/c/ca.crt",
    access_log="/l",
    issuer="https://i",
    max_request_bytes=4096,
)


def service(number: int, url: str = "http://127.0.0.1:1/x", **changes: Any) -> Service:
    values: dict[str, Any] = {
        "id": str(uuid.UUID(int=number)),
        "tenant_id": "acme",
        "name": f"s{number}",
        "category": "c",
        "pricing_model": "pay_per_use",
        "base_price": Decimal(1),
        "visibility": "public",
        "endpoints": (Endpoint("a", url),),
        "create_time": datetime(2024, 1, 1, tzinfo=UTC),
        **changes,
    }
    return Service(**values)


def versions(*services: Service) -> dict[tuple[str, str], str]:
    snapshot = CatalogueSnapshot.build(1, services, Timeouts())
    return {
        (type_url, name): resource.version
        for type_url, found in resources_for(NODE, snapshot).items()
        for name, resource in found.items()
    }


def test_the_same_catalogue_in_any_order_has_the_same_versions() -> None:
    some = [service(n) for n in range(20)]
    assert versions(*some) == versions(*some[::-1])


def test_only_what_depends_on_a_change_gets_a_new_version() -> None:
    one, two = service(1), service(2)
    before, after = versions(one, two), versions(one, service(2, "http://127.0.0.1:2/x"))
    changed = {key for key in before if before[key] != after[key]}
    # The routes too: they write the Host header.
    assert changed == {(CLUSTER_TYPE, f"service/{two.id}"), (ROUTES_TYPE, "gateway")}
    renamed = versions(one, service(2, name="other", base_price=Decimal(9)))
    assert renamed == before
    private = versions(one, service(2, visibility="tenant"))
    assert {key for key in before if before[key] != private[key]} == {(ROUTES_TYPE, "gateway")}


@pytest.mark.parametrize(
    ("url", "kind", "sni"),
    [
        ("http://10.0.0.1/x", "STATIC", None),
        ("http://h/x", "STRICT_DNS", None),
        ("https://h.example/x", "STRICT_DNS", "h.example"),
        ("https://10.0.0.1/x", "STATIC", None),
    ],
)
def test_names_are_resolved_and_https_is_verified(url: str, kind: str, sni: str | None) -> None:
    made = cluster(service(1, url))
    assert made["type"] == kind
    assert ("transport_socket" in made) == url.startswith("https")
    if "transport_socket" in made:
        context = made["transport_socket"]["typed_config"]
        assert context.get("sni") == sni
        matcher = context["common_tls_context"]["validation_context"]
        host = origin_of(url).host
        assert matcher["match_typed_subject_alt_names"][0]["matcher"] == {"exact": host}


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://H:80/", "h"),
        ("https://h:443/", "h"),
        ("http://h:443/", "h:443"),
        ("https://h.", "h"),
    ],
)
def test_an_origin_is_written_one_way(url: str, authority: str) -> None:
    assert origin_of(url).authority == authority


def test_a_price_is_what_was_written() -> None:
    assert price(0.1) == Decimal("0.1")
    assert price(0.0000000015) == Decimal("0.000000002")
