"""What a tenant used: sums over the calls that the meters recorded."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_FIRST_ERROR_STATUS: Final = 500
_SUMS: Final = text(
    "SELECT service_id, endpoint, region, count(*) AS calls, "
    "count(*) FILTER (WHERE status >= :first_error) AS errors, "
    "sum(request_bytes) AS request_bytes, sum(response_bytes) AS response_bytes "
    "FROM usage_record WHERE tenant_id = :tenant_id "
    "AND (cast(:service_id AS uuid) IS NULL OR service_id = :service_id) "
    "AND (cast(:start AS timestamptz) IS NULL OR end_time >= :start) "
    "AND (cast(:end AS timestamptz) IS NULL OR end_time < :end) "
    "GROUP BY service_id, endpoint, region ORDER BY service_id, endpoint, region"
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums of the calls to one endpoint from one region; sizes in bytes."""

    service_id: str
    endpoint: str
    region: str
    calls: int
    errors: int
    request_bytes: int
    response_bytes: int


async def sums(
    session: AsyncSession,
    tenant_id: str,
    *,
    service_id: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[Usage]:
    """Sums a tenant's calls by service, endpoint and region.

    Args:
        session: A session of that tenant.
        tenant_id: Who called.
        service_id: Only this service, when set.
        start: Only calls that ended then or later.
        end: Only calls that ended before.
    """
    values = {
        "first_error": _FIRST_ERROR_STATUS,
        "tenant_id": tenant_id,
        "service_id": uuid.UUID(service_id) if service_id else None,
        "start": start,
        "end": end,
    }
    return [
        Usage(
            service_id=str(row["service_id"]),
            endpoint=row["endpoint"],
            region=row["region"],
            calls=row["calls"],
            errors=row["errors"],
            request_bytes=int(row["request_bytes"]),
            response_bytes=int(row["response_bytes"]),
        )
        for row in (await session.execute(_SUMS, values)).mappings()
    ]
