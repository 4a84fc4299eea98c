"""MarketplaceService over gRPC: protos in, domain and tables behind, protos out."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, Final, cast

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from aiplatform.marketplace.v1 import marketplace_pb2 as pb
from aiplatform.marketplace.v1.marketplace_pb2_grpc import MarketplaceServiceServicer
from services.marketplace import catalogue, usage
from services.marketplace.domain import (
    DEFAULT_METHOD,
    Endpoint,
    InvalidServiceError,
    PricingModel,
    Service,
    Visibility,
    check_endpoints,
    price,
)
from services.marketplace.page_tokens import InvalidPageTokenError, PageTokens, Position
from services.runtime.caller import current_user
from services.runtime.database import Database
from services.runtime.errors import AlreadyExists, FieldViolation, InvalidArgument, NotFound
from services.runtime.outbox import emit

DEFAULT_PAGE_SIZE: Final = 50
SERVICE_REGISTERED: Final = "service.registered"
SERVICE_DELETED: Final = "service.deleted"


class MarketplaceServicer(MarketplaceServiceServicer):
    """The catalogue for callers; every method acts as the caller's tenant.

    Args:
        database: Sessions on the marketplace's database.
        tokens: Seals page tokens.
    """

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        self._database = database
        self._tokens = tokens

    async def RegisterService(  # noqa: N802
        self, request: pb.RegisterServiceRequest, context: Any
    ) -> pb.RegisterServiceResponse:
        """Adds a service, or returns the one that the same request made before."""
        del context
        wanted = _described(request, current_user().tenant)
        async with self._database.for_tenant() as session:
            stored = await catalogue.insert(session, wanted, request.request_id)
            if stored is None:
                stored = await self._made_before(session, wanted, request.request_id)
            else:
                await emit(session, SERVICE_REGISTERED, stored.id, _facts(stored))
        return pb.RegisterServiceResponse(service=_to_proto(stored))

    async def GetService(  # noqa: N802
        self, request: pb.GetServiceRequest, context: Any
    ) -> pb.GetServiceResponse:
        """Returns a service of the caller's tenant, or a public one."""
        del context
        async with self._database.for_tenant() as session:
            service = await catalogue.find(session, request.service_id)
        if service is None:
            raise _not_found(request.service_id)
        return pb.GetServiceResponse(service=_to_proto(service))

    async def ListServices(  # noqa: N802
        self, request: pb.ListServicesRequest, context: Any
    ) -> pb.ListServicesResponse:
        """Returns one page, newest first."""
        del context
        scope = (current_user().tenant, request.category)
        size = request.page_size or DEFAULT_PAGE_SIZE
        after = self._position(request.page_token, scope)
        async with self._database.for_tenant() as session:
            found = await catalogue.page(
                session, category=request.category, after=after, size=size + 1
            )
        shown = found[:size]
        token = ""
        if len(found) > size:
            last = shown[-1]
            token = self._tokens.encode(Position(last.create_time, uuid.UUID(last.id)), *scope)
        return pb.ListServicesResponse(
            services=[_to_proto(service) for service in shown], next_page_token=token
        )

    async def DeleteService(  # noqa: N802
        self, request: pb.DeleteServiceRequest, context: Any
    ) -> pb.DeleteServiceResponse:
        """Removes a service of the caller's tenant."""
        del context
        tenant = current_user().tenant
        async with self._database.for_tenant() as session:
            name = await catalogue.delete(session, tenant, request.service_id)
            if name is None:
                raise _not_found(request.service_id)
            service_id = str(uuid.UUID(request.service_id))
            await emit(
                session, SERVICE_DELETED, service_id, {"service_id": service_id, "name": name}
            )
        return pb.DeleteServiceResponse()

    async def GetUsage(  # noqa: N802
        self, request: pb.GetUsageRequest, context: Any
    ) -> pb.GetUsageResponse:
        """Sums the calls of the caller's tenant."""
        del context
        start = _time(request, "start_time")
        end = _time(request, "end_time")
        if start is not None and end is not None and end <= start:
            raise InvalidArgument(
                "INVALID_TIME_RANGE",
                "The time range is empty.",
                violations=[
                    FieldViolation("end_time", "INVALID_TIME_RANGE", "must be after start_time")
                ],
            )
        async with self._database.for_tenant() as session:
            rows = await usage.sums(
                session,
                current_user().tenant,
                service_id=request.service_id,
                start=start,
                end=end,
            )
        return pb.GetUsageResponse(
            usage=[
                pb.Usage(
                    service_id=row.service_id,
                    endpoint=row.endpoint,
                    region=row.region,
                    calls=row.calls,
                    errors=row.errors,
                    request_bytes=row.request_bytes,
                    response_bytes=row.response_bytes,
                )
                for row in rows
            ]
        )

    async def _made_before(self, session: Any, wanted: Service, request_id: str) -> Service:
        if request_id:
            before = await catalogue.made_by_request(session, wanted.tenant_id, request_id)
            if before is not None:
                if _description(before) != _description(wanted):
                    raise InvalidArgument(
                        "REQUEST_ID_REUSED",
                        "This request_id was used to register another service.",
                        violations=[
                            FieldViolation(
                                "request_id", "REQUEST_ID_REUSED", "must differ for each request"
                            )
                        ],
                    )
                return before
        raise AlreadyExists(
            "SERVICE_NAME_TAKEN",
            "The tenant has a service of this name.",
            metadata={"name": wanted.name},
        )

    def _position(self, token: str, scope: tuple[str, str]) -> Position | None:
        if not token:
            return None
        try:
            return self._tokens.decode(token, *scope)
        except InvalidPageTokenError as error:
            raise InvalidArgument(
                "INVALID_PAGE_TOKEN",
                "The page token is not of this listing; start again without one.",
                violations=[FieldViolation("page_token", "INVALID_PAGE_TOKEN", str(error))],
            ) from error


def _described(request: pb.RegisterServiceRequest, tenant: str) -> Service:
    endpoints = tuple(
        Endpoint(endpoint.name, endpoint.url, endpoint.method or DEFAULT_METHOD)
        for endpoint in request.endpoints
    )
    try:
        check_endpoints(endpoints)
    except InvalidServiceError as error:
        raise InvalidArgument(
            "INVALID_ENDPOINTS",
            "The endpoints do not fit together.",
            violations=[
                FieldViolation(found.field, "INVALID_ENDPOINTS", found.description)
                for found in error.violations
            ],
        ) from error
    return Service(
        id=str(uuid.uuid4()),
        tenant_id=tenant,
        name=request.name,
        category=request.category,
        pricing_model=cast("PricingModel", request.pricing_model),
        base_price=price(request.base_price),
        visibility=cast("Visibility", request.visibility or "tenant"),
        endpoints=endpoints,
        create_time=datetime.now(UTC),
    )


def _description(service: Service) -> tuple[object, ...]:
    return (
        service.name,
        service.category,
        service.pricing_model,
        service.base_price,
        service.visibility,
        service.endpoints,
    )


def _facts(service: Service) -> dict[str, Any]:
    return {
        "service_id": service.id,
        "name": service.name,
        "category": service.category,
        "pricing_model": service.pricing_model,
        "base_price": str(service.base_price),
        "visibility": service.visibility,
    }


def _to_proto(service: Service) -> pb.Service:
    create_time = Timestamp()
    create_time.FromDatetime(service.create_time)
    return pb.Service(
        id=service.id,
        name=service.name,
        tenant_id=service.tenant_id,
        category=service.category,
        pricing_model=service.pricing_model,
        base_price=float(service.base_price),
        endpoints=[pb.Endpoint(name=e.name, url=e.url, method=e.method) for e in service.endpoints],
        visibility=service.visibility,
        create_time=create_time,
    )


def _time(request: Message, field: str) -> datetime | None:
    if not request.HasField(field):
        return None
    value = cast("Timestamp", getattr(request, field))
    try:
        return value.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(
            "INVALID_TIME_RANGE",
            "A time is not one.",
            violations=[FieldViolation(field, "INVALID_TIME_RANGE", str(error))],
        ) from error


def _not_found(service_id: str) -> NotFound:
    return NotFound(
        "SERVICE_NOT_FOUND",
        "There is no such service that the caller can see.",
        metadata={"service_id": service_id},
    )
