"""Sessions: whose rows they see, and what a call learns when PostgreSQL is in trouble."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.runtime.caller import Caller, User, set_caller
from services.runtime.database import Database
from services.runtime.errors import Unauthenticated, Unavailable
from services.runtime.settings import ServiceSettings
from tests.certificates import Authority
from tests.postgres import Postgres
from tests.services.running import Surroundings, refused
from tests.services.security import (
    ADMIN_PASSWORD,
    login,
    migrate,
    running_security,
    security_surroundings,
    unique,
)

USERS = text("SELECT username FROM user_account ORDER BY username")
ADD = text(
    "INSERT INTO user_account (tenant_id, username, password_hash, roles) "
    "VALUES (:tenant, :name, 'h', '{}')"
)


@pytest.fixture
async def database(migrated: Surroundings) -> AsyncIterator[Database]:
    opened = Database(migrated.load(ServiceSettings))
    yield opened
    await opened.close()


def tenants(around: Surroundings, *names: str) -> None:
    assert around.database is not None
    with around.database.connect("owner") as connection:
        for name in names:
            connection.execute("INSERT INTO tenant (tenant_id) VALUES (%s)", (name,))


async def test_sessions_see_their_tenants_rows_also_on_a_reused_connection(
    database: Database, migrated: Surroundings
) -> None:
    first, second = unique("acme"), unique("globex")
    tenants(migrated, first, second)
    for tenant in (first, second):
        async with database.for_tenant(tenant) as session:
            await session.execute(ADD, {"tenant": tenant, "name": f"{tenant}-user"})

    async def seen(tenant: str) -> list[str]:
        async with database.for_tenant(tenant) as session:
            await asyncio.sleep(0)
            return list((await session.execute(USERS)).scalars())

    asked = [first, second] * 20  # more than connections: tenants take turns on each
    answers = await asyncio.gather(*(seen(tenant) for tenant in asked))
    assert answers == [[f"{tenant}-user"] for tenant in asked]
    assert await seen(unique("nobody")) == []


async def test_the_tenant_is_the_callers(database: Database, migrated: Surroundings) -> None:
    tenant = unique("acme")
    tenants(migrated, tenant)
    with pytest.raises(Unauthenticated):
        database.for_tenant()
    set_caller(Caller(user=User(str(uuid.uuid4()), tenant, "alice", frozenset())))
    async with database.for_tenant() as session:
        await session.execute(ADD, {"tenant": tenant, "name": f"{tenant}-user"})
        assert list((await session.execute(USERS)).scalars()) == [f"{tenant}-user"]


async def test_an_error_rolls_back_and_is_not_disguised(
    database: Database, migrated: Surroundings
) -> None:
    tenant = unique("acme")
    tenants(migrated, tenant)
    values = {"tenant": tenant, "name": f"{tenant}-user"}

    async def add_twice() -> None:
        async with database.for_tenant(tenant) as session:
            await session.execute(ADD, values)
            await session.execute(ADD, values)

    with pytest.raises(IntegrityError):
        await add_twice()
    async with database.for_tenant(tenant) as session:
        assert (await session.execute(USERS)).first() is None


async def test_a_lost_transaction_may_be_retried(
    database: Database, migrated: Surroundings
) -> None:
    tenant = unique("acme")
    tenants(migrated, tenant)
    async with database.for_tenant(tenant) as session:
        for name in ("a", "b"):
            await session.execute(ADD, {"tenant": tenant, "name": f"{tenant}-{name}"})
    update = text("UPDATE user_account SET password_hash = 'x' WHERE username = :name")
    both = asyncio.Barrier(2)

    async def change(first: str, second: str) -> None:
        async with database.for_tenant(tenant) as session:
            await session.execute(update, {"name": f"{tenant}-{first}"})
            await both.wait()
            await session.execute(update, {"name": f"{tenant}-{second}"})

    results = await asyncio.gather(change("a", "b"), change("b", "a"), return_exceptions=True)
    (lost,) = [result for result in results if result is not None]
    assert isinstance(lost, Unavailable)
    assert (lost.reason, lost.retry_after) == ("TRANSACTION_CONFLICT", 0.1)


async def test_calls_are_unavailable_while_postgresql_is_and_recover_with_it(
    authority: Authority, tmp_path: Path
) -> None:
    server = Postgres()
    try:
        server.start()
        around = security_surroundings(server, authority, tmp_path)
        await migrate(around)
        async with running_security(around, authority) as security:
            token = await security.token()
            server.stop()
            refusal = await refused(security.stub.Login(login("admin", ADMIN_PASSWORD)))
            assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
            assert refusal.details["RetryInfo"].retry_delay.seconds == 1
            server.start()
            assert await security.token() != token
    finally:
        server.remove()


async def test_the_system_session_reads_the_replica_when_the_primary_is_lost(
    migrated: Surroundings,
) -> None:
    settings = migrated.load(ServiceSettings, database_port=9)
    database = Database(settings)
    count = text("SELECT count(*) FROM signing_key")
    async with database.as_system(replica=True) as session:
        assert (await session.execute(count)).scalar_one() >= 1
    with pytest.raises(Unavailable):
        async with database.as_system() as session:
            await session.execute(count)
    await database.close()
