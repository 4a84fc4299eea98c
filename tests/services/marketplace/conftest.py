"""One database, one marketplace, one gateway for the tests of this folder."""

from collections.abc import Iterator

import httpx
import pytest

from tests.certificates import Authority
from tests.postgres import Postgres
from tests.services.marketplace.gateway import Gateway
from tests.services.marketplace.stack import (
    Api,
    Issuer,
    Marketplace,
    marketplace_channel,
    new_marketplace,
    security_stand_in,
)
from tests.services.marketplace.upstream import Upstream
from tests.services.running import ISSUER, surroundings

MAX_REQUEST_BYTES = 256 * 1024


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    """Whoever signs tokens."""
    return Issuer()


@pytest.fixture(scope="session")
def security_port(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, issuer: Issuer
) -> Iterator[int]:
    """Port of a security service that only publishes keys."""
    around = surroundings(tmp_path_factory.mktemp("security"), authority, "security")
    with security_stand_in(around, issuer) as port:
        yield port


@pytest.fixture(scope="session")
def marketplace(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
    authority: Authority,
    security_port: int,
) -> Iterator[Marketplace]:
    """The running service on a migrated database."""
    service = new_marketplace(
        tmp_path_factory.mktemp("marketplace"),
        authority,
        postgres.create_database("marketplace"),
        security_port,
        AIP_CALL_TIMEOUT_SECONDS="1.5",
        AIP_STREAM_IDLE_SECONDS="1.5",
    )
    service.migrate()
    service.start()
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="session")
def gateway(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    marketplace: Marketplace,
    security_port: int,
) -> Iterator[Gateway]:
    """The running gateway."""
    folder = tmp_path_factory.mktemp("gateway")
    gateway = Gateway(
        folder,
        authority.write(folder / "tls", "us-east-1/gateway"),
        ISSUER,
        marketplace=marketplace.grpc_port,
        security=security_port,
        max_request_bytes=MAX_REQUEST_BYTES,
    )
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A service's own server."""
    server = Upstream()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def acme(marketplace: Marketplace, authority: Authority, issuer: Issuer) -> Iterator[Api]:
    """MarketplaceService as an administrator of tenant acme."""
    with marketplace_channel(marketplace.grpc_port, authority) as channel:
        yield Api(channel, issuer.token("acme"))


@pytest.fixture
def globex(marketplace: Marketplace, authority: Authority, issuer: Issuer) -> Iterator[Api]:
    """MarketplaceService as an administrator of tenant globex."""
    with marketplace_channel(marketplace.grpc_port, authority) as channel:
        yield Api(channel, issuer.token("globex"))


@pytest.fixture
def client(gateway: Gateway, issuer: Issuer) -> Iterator[httpx.Client]:
    """A caller of tenant acme."""
    with gateway.client(issuer.token("acme")) as client:
        yield client
