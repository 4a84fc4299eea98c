"""One platform for all end-to-end tests, brought up once and destroyed at the end."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.platform import Platform, eventually, running


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """A platform in a folder and on ports of its own."""
    with running() as made:
        yield made


@pytest.fixture(scope="session")
def language_service(platform: Platform) -> dict[str, Any]:
    """The example AI service, registered by the admin and routed to by both gateways."""
    port = platform.environment.local.global_.examples
    body = {
        "name": "language",
        "category": "language",
        "pricing_model": "pay_per_use",
        "base_price": 0.0004,
        "endpoints": [
            {"name": "detect", "url": f"http://127.0.0.1:{port}/v1/detect", "method": "POST"}
        ],
    }
    with platform.client() as client:
        service = client.request("POST", "/api/v1/services", json=body)["service"]
    for region in platform.outputs["regions"]:
        with platform.client(region) as gateway:
            path = f"/api/v1/services/{service['id']}/call"
            call = {"endpoint": "detect", "payload": {"text": "good morning to you all"}}
            eventually(lambda: gateway.send("POST", path, json=call).is_success, what=region)  # noqa: B023
    return service
