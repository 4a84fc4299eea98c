"""TLS to managed stores: a server is believed by its authority and its name, or not at all."""

import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError
from sqlalchemy import text

from components.clouds.local.provider import binaries
from services.marketplace.meter.settings import MeterSettings
from services.marketplace.meter.store import UsageStore
from services.runtime.cache import open_cache
from services.runtime.connection import connect_as_system
from services.runtime.database import Database
from services.runtime.errors import Unavailable
from services.runtime.migrations import Migrations
from services.runtime.settings import MigrationSettings, ServiceSettings
from tests.certificates import Authority
from tests.ports import free_port
from tests.postgres import Postgres
from tests.proxy import Proxy, proxying
from tests.services.running import ROOT, Surroundings, surroundings

COUNT = text("SELECT count(*) FROM signing_key")


def server_tls(authority: Authority, folder: Path, host: str | None = None) -> ssl.SSLContext:
    """Returns a server's side of TLS, with a certificate for this machine or another host."""
    certificate, key = authority.issue("us-east-1/store", host=host)
    pem = folder / f"{host}.pem"
    pem.write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.fixture(scope="module")
def encrypted(
    postgres: Postgres, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """PostgreSQL that takes TLS only."""
    tls = server_tls(authority, tmp_path_factory.mktemp("postgres"))
    with proxying(Proxy(postgres.port, tls=tls, postgres=True)) as proxy:
        yield proxy


def behind(proxy: Proxy, around: Surroundings, authority: Path | None) -> Surroundings:
    """Returns surroundings whose databases are behind the proxy; it is to be believed by one."""
    changed = {
        "AIP_DATABASE_PORT": str(proxy.port),
        "AIP_REPLICA_PORT": str(proxy.port),
        "AIP_DATABASE_TLS": "true",
    }
    if authority is not None:
        changed["AIP_DATABASE_TLS_CA_FILE"] = str(authority)
    return Surroundings(
        {**around.variables, **changed}, around.files, around.folder, around.database
    )


async def count_keys(around: Surroundings, *, replica: bool = False) -> int:
    database = Database(around.load(ServiceSettings))
    try:
        async with database.as_system(replica=replica) as session:
            return (await session.execute(COUNT)).scalar_one()
    finally:
        await database.close()


async def test_everything_that_connects_is_encrypted(
    postgres: Postgres, authority: Authority, encrypted: Proxy, tmp_path: Path
) -> None:
    plain = surroundings(tmp_path, authority, "marketplace", postgres.create_database("market"))
    around = behind(encrypted, plain, plain.files.authority)
    before = encrypted.handshakes
    folder = ROOT / "services" / "marketplace" / "migrations"
    await Migrations(around.load(MigrationSettings), folder).upgrade()
    settings = around.load(ServiceSettings)
    database = Database(settings)
    for replica in (False, True):
        async with database.as_system(replica=replica) as session:
            assert (await session.execute(text("SELECT revision FROM catalogue"))).one() == (0,)
    await database.close()
    password = settings.system_database_password.get_secret_value()
    connection = await connect_as_system(settings, password, "standing work, watcher")
    connection.terminate()
    meter = {"AIP_CALL_LOG": "calls", "AIP_GATEWAY_ADMIN_PORT": "9"}
    variables = {**around.variables, **meter}
    metering = Surroundings(variables, around.files, around.folder)
    store = await UsageStore.open(metering.load(MeterSettings))
    assert await store.position() is None
    store.close()
    assert encrypted.handshakes == before + 5


@pytest.mark.parametrize("system", [False, True], ids=["another authority", "the system's own"])
async def test_a_database_of_an_authority_that_is_not_trusted_is_refused(
    migrated: Surroundings, encrypted: Proxy, tmp_path: Path, *, system: bool
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Authority().pem)
    with pytest.raises(Unavailable) as refusal:
        await count_keys(behind(encrypted, migrated, None if system else other))
    assert isinstance(refusal.value.__cause__, ssl.SSLCertVerificationError)


async def test_a_database_of_another_name_is_refused(
    migrated: Surroundings, postgres: Postgres, authority: Authority, tmp_path: Path
) -> None:
    tls = server_tls(authority, tmp_path, host="database.example")
    with (
        proxying(Proxy(postgres.port, tls=tls, postgres=True)) as proxy,
        pytest.raises(Unavailable) as refusal,
    ):
        await count_keys(behind(proxy, migrated, migrated.files.authority))
    assert "not valid for '127.0.0.1'" in str(refusal.value.__cause__)


async def test_a_database_that_does_not_speak_tls_is_refused(
    migrated: Surroundings, postgres: Postgres
) -> None:
    proxy = Proxy(0)
    proxy.port = postgres.port
    with pytest.raises(Unavailable) as refusal:
        await count_keys(behind(proxy, migrated, migrated.files.authority))
    assert "rejected SSL upgrade" in str(refusal.value.__cause__)


def wait_for(port: int) -> None:
    """Waits until something listens."""
    deadline = time.monotonic() + 10
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """Port and password of user ``platform`` of a Valkey whose default user is off."""
    port, password = free_port(), secrets.token_urlsafe(12)
    command = [str(binaries.valkey()), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    command += ["--user", "platform", "on", f">{password}", "~*", "&*", "+@all"]
    command += ["--user", "default", "off"]
    process = subprocess.Popen(
        command, cwd=tmp_path_factory.mktemp("valkey"), stdout=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        yield port, password
    finally:
        process.terminate()
        process.wait(10)


@asynccontextmanager
async def cache(
    around: Surroundings, port: int, password: str, **changes: object
) -> AsyncIterator[Redis]:
    (around.folder / "secrets" / "aip_cache_password").write_text(password)
    defaults = {"cache_port": port, "cache_tls": True, "cache_username": "platform"}
    opened = open_cache(around.load(ServiceSettings, **{**defaults, **changes}))
    try:
        yield opened
    finally:
        await opened.aclose()


async def test_the_cache_is_believed_by_its_authority_and_its_name(
    authority: Authority, valkey: tuple[int, str], tmp_path: Path
) -> None:
    around = surroundings(tmp_path, authority, "security")
    port, password = valkey
    ours = around.files.authority
    with proxying(Proxy(port, tls=server_tls(authority, tmp_path))) as proxy:
        async with cache(around, proxy.port, password, cache_tls_ca_file=ours) as opened:
            assert await opened.set("a", "b")
            assert await opened.get("a") == b"b"
        async with cache(around, proxy.port, password) as opened:
            with pytest.raises(RedisError, match="CERTIFICATE_VERIFY_FAILED"):
                await opened.get("a")
        async with cache(around, proxy.port, "wrong", cache_tls_ca_file=ours) as opened:
            with pytest.raises(AuthenticationError):
                await opened.get("a")
    other = server_tls(authority, tmp_path, host="cache.example")
    with proxying(Proxy(port, tls=other)) as proxy:
        async with cache(around, proxy.port, password, cache_tls_ca_file=ours) as opened:
            with pytest.raises(RedisError, match=r"not valid for '127\.0\.0\.1'"):
                await opened.get("a")
    async with cache(around, port, password, cache_tls_ca_file=ours) as opened:
        with pytest.raises(RedisError):
            await opened.get("a")
    async with cache(around, port, password, cache_tls=False) as opened:
        assert await opened.get("a") == b"b"
