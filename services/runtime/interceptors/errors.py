"""Renders every error as google.rpc.Status; what nobody foresaw becomes INTERNAL and no more.

The shape is that of AIP-193: ErrorInfo always, BadRequest for wrong fields, RetryInfo where a
retry may help, RequestInfo where only our logs can tell what happened.
"""

import logging

import grpc
import grpc.aio
from google.protobuf.message import Message
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs]
    error_details_pb2,
    status_pb2,
)

from services.runtime.errors import ServiceError
from services.runtime.interceptors.chain import Call, Proceed

DOMAIN = "ai-platform"
_DETAILS = "grpc-status-details-bin"
_log = logging.getLogger(__name__)


async def error_mapping(call: Call, proceed: Proceed) -> None:
    """Ends the call with the status of the error that what it wraps raises."""
    try:
        await proceed()
    except ServiceError as error:
        await _abort(call, error, _details(error))
    except grpc.aio.AbortError:  # the servicer spoke gRPC itself, as health and reflection do
        call.code = _name(call.context.code())
        raise
    except Exception:  # noqa: BLE001  (logged; the caller learns nothing of it)
        _log.exception("unexpected error", extra={"fields": {"method": call.method}})
        where = error_details_pb2.RequestInfo(request_id=call.request_id)
        await _abort(call, _InternalError("INTERNAL", "Internal error."), [where])


class _InternalError(ServiceError):
    code = "INTERNAL"


def _name(code: object) -> str:
    """Returns a code's name; gRPC gives the code as it was set, as a member or its number."""
    known = (one.name for one in grpc.StatusCode if code in {one, one.value[0]})
    return next(known, "UNKNOWN")


def _details(error: ServiceError) -> list[Message]:
    details: list[Message] = []
    if error.violations:
        bad_request = error_details_pb2.BadRequest()
        for violation in error.violations:
            entry = bad_request.field_violations.add(
                field=violation.field, description=violation.description
            )
            entry.MergeFromString(_reason_field(violation.reason))
        details.append(bad_request)
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(error.retry_after * 1e9))
        details.append(retry)
    return details


def _reason_field(reason: str) -> bytes:
    """Encodes ``FieldViolation.reason``, field 3, by hand.

    xds-protos and googleapis-common-protos both install google/rpc/error_details_pb2.py, the former
    an old one without the field; which of them is there is chance, the wire format is not.
    """
    value = reason.encode()[:127]  # so that the length is one byte
    return bytes((3 << 3 | 2, len(value))) + value


async def _abort(call: Call, error: ServiceError, details: list[Message]) -> None:
    call.code, call.reason = error.code, error.reason
    status_code = grpc.StatusCode[error.code]
    status = status_pb2.Status(code=status_code.value[0], message=error.message)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    for detail in (info, *details):
        status.details.add().Pack(detail)
    trailers = (*call.trailers, (_DETAILS, status.SerializeToString()))
    await call.context.abort(status_code, error.message, trailers)
