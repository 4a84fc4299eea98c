"""The catalogue's rows. Which of them a session reaches is decided by row-level security."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain import Endpoint, Service
from services.marketplace.page_tokens import Position

CHANNEL: Final = "catalogue"

_SELECT: Final = (
    "SELECT id, tenant_id, name, category, pricing_model, base_price, visibility, endpoints, "
    "create_time FROM service"
)
_INSERT: Final = text(
    "INSERT INTO service (id, tenant_id, name, category, pricing_model, base_price, visibility, "
    "endpoints, request_id) VALUES (:id, :tenant_id, :name, :category, :pricing_model, "
    ":base_price, :visibility, cast(:endpoints AS jsonb), :request_id) "
    "ON CONFLICT DO NOTHING RETURNING *"
)
_BY_REQUEST: Final = text(_SELECT + " WHERE tenant_id = :tenant_id AND request_id = :request_id")
_BY_ID: Final = text(_SELECT + " WHERE id = :id")
_PAGE: Final = text(
    _SELECT + " WHERE (cast(:category AS text) = '' OR category = :category) "
    "AND (cast(:time AS timestamptz) IS NULL OR (create_time, id) < (:time, cast(:id AS uuid))) "
    "ORDER BY create_time DESC, id DESC LIMIT :size"
)
_DELETE: Final = text(
    "DELETE FROM service WHERE id = :id AND tenant_id = :tenant_id RETURNING name"
)
_REVISION: Final = text("SELECT revision FROM catalogue")
_ALL: Final = text(_SELECT)


async def insert(session: AsyncSession, service: Service, request_id: str) -> Service | None:
    """Adds a service.

    Returns:
        It as stored, or None when the tenant has one of that name or made that request before.
    """
    row = (
        await session.execute(
            _INSERT,
            {
                "id": uuid.UUID(service.id),
                "tenant_id": service.tenant_id,
                "name": service.name,
                "category": service.category,
                "pricing_model": service.pricing_model,
                "base_price": service.base_price,
                "visibility": service.visibility,
                "endpoints": json.dumps(
                    [{"name": e.name, "url": e.url, "method": e.method} for e in service.endpoints]
                ),
                "request_id": uuid.UUID(request_id) if request_id else None,
            },
        )
    ).mappings()
    return _service_or_none(row.first())


async def made_by_request(session: AsyncSession, tenant_id: str, request_id: str) -> Service | None:
    """Returns the service that a request made, while it is there."""
    found = await session.execute(
        _BY_REQUEST, {"tenant_id": tenant_id, "request_id": uuid.UUID(request_id)}
    )
    return _service_or_none(found.mappings().first())


async def find(session: AsyncSession, service_id: str) -> Service | None:
    """Returns a service that the session can see."""
    found = await session.execute(_BY_ID, {"id": uuid.UUID(service_id)})
    return _service_or_none(found.mappings().first())


async def page(
    session: AsyncSession, *, category: str, after: Position | None, size: int
) -> list[Service]:
    """Returns up to `size` services that the session can see, newest first.

    Args:
        session: Whose services.
        category: Only these; all when empty.
        after: Where the page before ended.
        size: At most this many.
    """
    values: dict[str, Any] = {
        "category": category,
        "time": after.create_time if after else None,
        "id": after.id if after else None,
        "size": size,
    }
    return [_service(row) for row in (await session.execute(_PAGE, values)).mappings()]


async def delete(session: AsyncSession, tenant_id: str, service_id: str) -> str | None:
    """Removes a service of the tenant.

    Returns:
        Its name, or None when the tenant has no such service.
    """
    values = {"id": uuid.UUID(service_id), "tenant_id": tenant_id}
    name: str | None = (await session.execute(_DELETE, values)).scalar()
    return name


async def revision(session: AsyncSession) -> int:
    """Returns the catalogue's revision, which every change makes larger."""
    return int((await session.execute(_REVISION)).scalar_one())


async def everything(session: AsyncSession) -> list[Service]:
    """Returns every tenant's services; only the system role sees them."""
    return [_service(row) for row in (await session.execute(_ALL)).mappings()]


def _service_or_none(row: Mapping[Any, Any] | None) -> Service | None:
    return None if row is None else _service(row)


def _service(row: Mapping[Any, Any]) -> Service:
    create_time: datetime = row["create_time"]
    endpoints: list[dict[str, str]] = row["endpoints"]
    return Service(
        id=str(row["id"]),
        tenant_id=row["tenant_id"],
        name=row["name"],
        category=row["category"],
        pricing_model=row["pricing_model"],
        base_price=row["base_price"],
        visibility=row["visibility"],
        endpoints=tuple(Endpoint(**endpoint) for endpoint in endpoints),
        create_time=create_time,
    )
