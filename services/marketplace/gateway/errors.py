"""Every error that the gateway itself answers, in the shape that the services use.

A service's error reaches a REST caller as transcoded `google.rpc.Status`; the gateway's own errors
must look the same, or a caller needs two parsers. `metadata.source` says who failed: "gateway" when
the request never left it, "upstream" when the service behind it did not answer.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Final, Literal

from google.protobuf import any_pb2
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs]
    code_pb2,
    error_details_pb2,
    status_pb2,
)

from services.marketplace.gateway.messages import Json, typed

ERROR_DOMAIN: Final = "ai-platform"
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class GatewayError:
    """One kind of error: when Envoy means it, and how it is told.

    Attributes:
        reason: Reason in ErrorInfo.
        message: For people; None passes on what Envoy says, where that depends on the request.
        code: google.rpc.Code in the JSON body.
        condition: CEL expression over the response's attributes.
        source: Who failed.
        http_status: Replaces the status that Envoy chose, when set.
        grpc_code: Status for gRPC callers where it is not `code`.
        unsent: Whether nothing of the request has left the gateway, so that the director may try
            another region's.
    """

    reason: str
    message: str | None
    code: int
    condition: str
    source: Literal["gateway", "upstream"] = "gateway"
    http_status: int | None = None
    grpc_code: int | None = None
    unsent: bool = False


UNSENT_HEADER: Final = "x-aip-unsent"
"""Tells the director that a request may be tried again; taken from what services answer."""

_ABSENT_KEYS: Final = "jwt_authn_access_denied{Jwks"

ERRORS: Final = (
    GatewayError(
        "TOKEN_MISSING",
        "no token; send 'Authorization: Bearer <access_token>' from POST /api/v1/auth/login",
        code_pb2.UNAUTHENTICATED,
        "response.code_details == 'jwt_authn_access_denied{Jwt_is_missing}'",
    ),
    GatewayError(
        "TOKEN_EXPIRED",
        "the token has expired; log in again",
        code_pb2.UNAUTHENTICATED,
        "response.code_details == 'jwt_authn_access_denied{Jwt_is_expired}'",
    ),
    GatewayError(
        "KEYS_UNAVAILABLE",
        "the keys that tokens are verified with could not be fetched; try again shortly",
        code_pb2.UNAVAILABLE,
        f"response.code_details.startsWith('{_ABSENT_KEYS}') && response.code == 401",
        http_status=503,
        unsent=True,
    ),
    GatewayError(
        "TOKEN_INVALID",
        "the token is malformed, or was not issued for this platform",
        code_pb2.UNAUTHENTICATED,
        "response.code_details.startsWith('jwt_authn_access_denied')",
        http_status=401,
    ),
    GatewayError(
        "NOT_ENTITLED",
        "this service is only for the tenant that registered it",
        code_pb2.PERMISSION_DENIED,
        "response.code_details.startsWith('rbac_access_denied')",
    ),
    GatewayError(
        "ROUTE_NOT_FOUND",
        "nothing is served at this method and path",
        code_pb2.NOT_FOUND,
        "response.code == 404",
        grpc_code=code_pb2.UNIMPLEMENTED,
    ),
    GatewayError(
        "PAYLOAD_TOO_LARGE",
        "the request body is larger than this gateway takes",
        code_pb2.RESOURCE_EXHAUSTED,
        "response.code == 413",
    ),
    GatewayError(
        "HEADERS_TOO_LARGE",
        "the request's headers are larger than this gateway takes",
        code_pb2.RESOURCE_EXHAUSTED,
        "response.code == 431",
    ),
    GatewayError(
        "UPSTREAM_TIMEOUT",
        "the service did not answer in time",
        code_pb2.DEADLINE_EXCEEDED,
        "response.code == 504",
        source="upstream",
    ),
    GatewayError(
        "REQUEST_TIMEOUT",
        "the request did not arrive in time",
        code_pb2.DEADLINE_EXCEEDED,
        "response.code == 408",
    ),
    GatewayError(
        "UPSTREAM_OVERLOADED",
        "the service has more calls under way than the gateway lets it have; try again shortly",
        code_pb2.UNAVAILABLE,
        "response.code_details.contains('overflow')",
    ),
    GatewayError(
        "UPSTREAM_UNAVAILABLE",
        "the service could not be reached",
        code_pb2.UNAVAILABLE,
        "response.code_details in ['no_healthy_upstream', 'cluster_not_found']"
        " || response.code_details.contains('connection_failure')",
        source="upstream",
        http_status=503,
        unsent=True,
    ),
    GatewayError(
        "UPSTREAM_UNAVAILABLE",
        "the service broke off before it answered",
        code_pb2.UNAVAILABLE,
        "response.code == 503 || response.code == 502",
        source="upstream",
        http_status=503,
    ),
    GatewayError(
        "INVALID_REQUEST",
        None,
        code_pb2.INVALID_ARGUMENT,
        "response.code == 400 || response.code == 415",
    ),
    GatewayError(
        "GATEWAY_FAILED",
        "the gateway could not handle this request",
        code_pb2.INTERNAL,
        "response.code >= 400",
    ),
)
"""In the order they are tried: the first whose condition holds is the answer."""


def error_body(
    reason: str, message: str, code: int, source: str = "gateway", **metadata: str
) -> Json:
    """Returns an error as transcoding renders google.rpc.Status."""
    return {
        "code": code,
        "message": message,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": ERROR_DOMAIN,
                "metadata": {"source": source, **metadata},
            }
        ],
    }


def direct_error(http_status: int, reason: str, message: str, code: int) -> Json:
    """Returns a route's `direct_response` that answers an error."""
    return {
        "status": http_status,
        "body": {"inline_string": json.dumps(error_body(reason, message, code))},
    }


def local_reply_config() -> Json:
    """Returns the HTTP connection manager's `local_reply_config`."""
    mappers: list[Json] = [
        # A body that is ours already: of a direct response, or of the script for calls.
        {
            "filter": _when("response.code_details in ['direct_response', 'lua_response']"),
            "body_format_override": {
                "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
                "content_type": _JSON,
            },
        }
    ]
    for error in ERRORS:
        mappers += [_grpc_mapper(error), _json_mapper(error)]
    return {"mappers": mappers}


def _when(expression: str) -> Json:
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": typed(
                "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                expression=expression,
            ),
        }
    }


def _json_mapper(error: GatewayError) -> Json:
    body = error_body(error.reason, error.message or "%LOCAL_REPLY_BODY%", error.code, error.source)
    mapper: Json = {
        "filter": _when(error.condition),
        "body_format_override": {"json_format": body, "content_type": _JSON},
    }
    if error.http_status is not None:
        mapper["status_code"] = error.http_status
    if error.unsent:
        mapper["headers_to_add"] = _headers({UNSENT_HEADER: "true"})
    return mapper


def _grpc_mapper(error: GatewayError) -> Json:
    code = error.code if error.grpc_code is None else error.grpc_code
    headers = {"grpc-status": str(code)}
    if error.message is not None:
        headers["grpc-status-details-bin"] = _status_details(error, code, error.message)
    if error.unsent:
        headers[UNSENT_HEADER] = "true"
    return {
        "filter": {
            "and_filter": {
                "filters": [
                    _request_header("content-type", {"prefix": "application/grpc"}),
                    # Transcoding has made the request gRPC by the time its upstream fails, but the
                    # caller still speaks JSON.
                    _request_header("x-envoy-original-path", None),
                    _when(error.condition),
                ]
            }
        },
        "body_format_override": {
            "text_format_source": {"inline_string": error.message or "%LOCAL_REPLY_BODY%"}
        },
        "headers_to_add": _headers(headers),
    }


def _headers(values: dict[str, str]) -> list[Json]:
    return [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for key, value in values.items()
    ]


def _request_header(name: str, match: Json | None) -> Json:
    header: Json = {"name": name}
    if match is None:
        header |= {"present_match": True, "invert_match": True}
    else:
        header["string_match"] = match
    return {"header_filter": {"header": header}}


def _status_details(error: GatewayError, code: int, message: str) -> str:
    detail = any_pb2.Any()
    detail.Pack(
        error_details_pb2.ErrorInfo(
            reason=error.reason, domain=ERROR_DOMAIN, metadata={"source": error.source}
        )
    )
    status = status_pb2.Status(code=code, message=message, details=[detail])
    return base64.b64encode(status.SerializeToString(deterministic=True)).decode()
