"""Row-level security, with the services' own database roles against the platform's own database."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.platform import Platform

DATABASES = ("security", "marketplace")


def tables_with_a_tenant(connection: psycopg.Connection[Any]) -> list[tuple[str, bool]]:
    rows = connection.execute(
        "select c.relname, c.relrowsecurity from pg_class c join pg_attribute a"
        " on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped"
        " where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1"
    )
    return [(str(name), bool(secured)) for name, secured in rows]


@pytest.fixture(params=DATABASES)
def connection(
    request: pytest.FixtureRequest, platform: Platform
) -> Iterator[psycopg.Connection[Any]]:
    name = str(request.param)
    with platform.database(name, name, region="us-east-1") as opened:
        yield opened


def test_every_table_with_a_tenant_is_under_row_level_security(
    connection: psycopg.Connection[Any],
) -> None:
    tables = tables_with_a_tenant(connection)
    assert tables
    assert [name for name, secured in tables if not secured] == []


def test_the_roles_of_services_cannot_rise_above_it(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles"
        " where rolname ~ '^(security|marketplace)'"
    ).fetchall()
    assert len(rows) == 6
    for name, *rights in rows:
        assert not any(rights), name


def test_without_a_tenant_nothing_is_visible_and_with_one_only_its_own(
    platform: Platform, language_service: dict[str, Any]
) -> None:
    assert language_service["tenant_id"] == "platform"
    with platform.database("marketplace", "marketplace", region="us-east-1") as connection:
        count = "select count(*) from service"
        assert connection.execute(count).fetchone() == (0,)
        with connection.transaction():
            connection.execute("select set_config('app.tenant_id', 'another', true)")
            assert connection.execute(count).fetchone() == (0,)
        with connection.transaction():
            connection.execute("select set_config('app.tenant_id', 'platform', true)")
            (visible,) = connection.execute(count).fetchone() or (0,)
            assert visible >= 1


def test_a_tenant_cannot_write_for_another(
    platform: Platform, language_service: dict[str, Any]
) -> None:
    with platform.database("marketplace", "marketplace", region="us-east-1") as connection:
        connection.execute("select set_config('app.tenant_id', 'another', false)")
        deleted = connection.execute("delete from service where id = %s", [language_service["id"]])
        assert deleted.rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(
                "insert into service (id, tenant_id, name, category, pricing_model, base_price,"
                " visibility, endpoints) values (gen_random_uuid(), 'platform', 'forged', 'test',"
                " 'enterprise', 0, 'tenant', '[{}]')"
            )
