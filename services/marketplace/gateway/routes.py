"""Which request goes where: the gateway's route table.

Three steps, none of which grows with the number of services:

1. `x-aip-target` = "<service id>/<endpoint>", which only the script for calls can set (the listener
   removes any `x-aip-` header that a client sends), looked up in a hash map.
2. The path's prefix, looked up in a trie: `/services/<id>/` passes a request through, and
   `/api/v1/services/<id>/call` starts the script.
3. An ordinary list for what is the same whatever the catalogue says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

from google.protobuf.message import Message
from google.rpc import code_pb2  # pyright: ignore[reportMissingTypeStubs]

from services.marketplace.domain import DEFAULT_METHOD, Endpoint, Service
from services.marketplace.gateway.clusters import cluster_name
from services.marketplace.gateway.errors import UNSENT_HEADER, direct_error
from services.marketplace.gateway.messages import Json, message, message_class, typed

ROUTE_CONFIG: Final = "gateway"
TARGET_HEADER: Final = "x-aip-target"
LUA_FILTER: Final = "envoy.filters.http.lua"
RBAC_FILTER: Final = "envoy.filters.http.rbac"
JWT_FILTER: Final = "envoy.filters.http.jwt_authn"
TRANSCODER_FILTER: Final = "envoy.filters.http.grpc_json_transcoder"

_API_TIMEOUT: Final = "15s"

# Taking the token away is also how the access log knows a call: it was verified, and it is gone.
_REMOVED_BEFORE_UPSTREAM: Final = ["authorization", TARGET_HEADER]
_RETRY: Final[Json] = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 2,
    "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
}
_ENABLED: Final = typed("envoy.config.route.v3.FilterConfig", config={})
_ON_MATCH: Final = "xds.type.matcher.v3.Matcher.OnMatch"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a gateway waits for a service, in seconds.

    Attributes:
        call: For the whole answer to a call.
        pass_through_idle: For the next byte of a passed-through answer, which may stream for long.
    """

    call: float = 15.0
    pass_through_idle: float = 60.0


def route_configuration(services: Iterable[Service], timeouts: Timeouts) -> Message:
    """Returns the `envoy.config.route.v3.RouteConfiguration` for the given services."""
    calls: Any = _map_matcher(TARGET_HEADER, "exact_match_map")
    paths: Any = _map_matcher(":path", "prefix_match_map")
    for service in services:
        for key, on_match in _call_entries(service, timeouts):
            calls.matcher_tree.exact_match_map.map[key].CopyFrom(on_match)
        for key, on_match in _path_entries(service, timeouts):
            paths.matcher_tree.prefix_match_map.map[key].CopyFrom(on_match)
    fixed = message(_ON_MATCH, _action("RouteList", {"routes": _fixed_routes()}))
    if paths.matcher_tree.prefix_match_map.map:
        paths.on_no_match.CopyFrom(fixed)
        calls.on_no_match.matcher.CopyFrom(paths)
    result = cast(
        "Any",
        message(
            "envoy.config.route.v3.RouteConfiguration",
            {
                "name": ROUTE_CONFIG,
                "virtual_hosts": [{"name": "gateway", "domains": ["*"]}],
                # A route whose cluster is late answers 503, and the table is taken all the same.
                "validate_clusters": False,
            },
        ),
    )
    if calls.matcher_tree.exact_match_map.map:
        result.virtual_hosts[0].matcher.CopyFrom(calls)
    else:
        result.virtual_hosts[0].matcher.on_no_match.CopyFrom(fixed)
    return result


def _map_matcher(header: str, kind: str) -> Any:
    matcher: Any = message_class("xds.type.matcher.v3.Matcher")()
    matcher.matcher_tree.CopyFrom(
        message(
            "xds.type.matcher.v3.Matcher.MatcherTree",
            {
                "input": {
                    "name": "header",
                    "typed_config": typed(
                        "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=header
                    ),
                },
                kind: {"map": {}},
            },
        )
    )
    return matcher


def _action(kind: str, value: Json) -> Json:
    return {
        "action": {
            "name": "route",
            "typed_config": typed(f"envoy.config.route.v3.{kind}", **value),
        }
    }


@lru_cache(maxsize=65536)
def _call_entries(service: Service, timeouts: Timeouts) -> tuple[tuple[str, Message], ...]:
    return tuple(
        (
            f"{service.id}/{endpoint.name}",
            message(_ON_MATCH, _action("Route", _call_route(service, endpoint, timeouts))),
        )
        for endpoint in service.endpoints
    )


@lru_cache(maxsize=65536)
def _path_entries(service: Service, timeouts: Timeouts) -> tuple[tuple[str, Message], ...]:
    return (
        (
            f"/services/{service.id}/",
            message(_ON_MATCH, _action("Route", _pass_through_route(service, timeouts))),
        ),
        (
            _call_path(service.id),
            message(_ON_MATCH, _action("Route", _call_entry_route(service))),
        ),
    )


def _call_path(service_id: str) -> str:
    return f"/api/v1/services/{service_id}/call"


def _call_entry_route(service: Service) -> Json:
    """Where a call is before its body is read; still here after that, it names no endpoint."""
    route: Json = {
        "name": f"call-entry/{service.id}",
        "match": _post(_call_path(service.id)),
        "direct_response": direct_error(
            404,
            "ENDPOINT_NOT_FOUND",
            "the service has no endpoint of this name; GET /api/v1/services/{id} lists them",
            code_pb2.NOT_FOUND,
        ),
        "typed_per_filter_config": {LUA_FILTER: _ENABLED, RBAC_FILTER: _ENABLED},
    }
    methods = {e.name: e.method for e in service.endpoints if e.method != DEFAULT_METHOD}
    if methods:
        route["metadata"] = {"filter_metadata": {LUA_FILTER: {"methods": methods}}}
    return route


def _call_route(service: Service, endpoint: Endpoint, timeouts: Timeouts) -> Json:
    return {
        "name": f"{service.id}/{endpoint.name}",
        "match": {"path": _call_path(service.id)},
        "route": {
            **_to_service(service),
            "prefix_rewrite": endpoint.path,
            "timeout": f"{timeouts.call}s",
            "retry_policy": _RETRY,
        },
        "request_headers_to_remove": _REMOVED_BEFORE_UPSTREAM,
        # A service must not be able to have a request sent again.
        "response_headers_to_remove": [UNSENT_HEADER],
        "typed_per_filter_config": _entitlement(service),
    }


def _pass_through_route(service: Service, timeouts: Timeouts) -> Json:
    return {
        "name": f"{service.id}/",
        "match": {"prefix": f"/services/{service.id}/"},
        "route": {
            **_to_service(service),
            "prefix_rewrite": "/",
            # An answer may stream for as long as it keeps coming.
            "timeout": "0s",
            "retry_policy": {**_RETRY, "per_try_idle_timeout": f"{timeouts.pass_through_idle}s"},
        },
        "request_headers_to_remove": _REMOVED_BEFORE_UPSTREAM,
        # A service must not be able to have a request sent again.
        "response_headers_to_remove": [UNSENT_HEADER],
        "typed_per_filter_config": _entitlement(service),
    }


def _to_service(service: Service) -> Json:
    return {
        "cluster": cluster_name(service.id),
        "host_rewrite_literal": service.origin.authority,
        "cluster_not_found_response_code": "SERVICE_UNAVAILABLE",
    }


def _entitlement(service: Service) -> Json:
    if service.visibility == "public":
        return {}
    owner: Json = {
        "sourced_metadata": {
            "metadata_matcher": {
                "filter": JWT_FILTER,
                "path": [{"key": "payload"}, {"key": "tenant"}],
                "value": {"string_match": {"exact": service.tenant_id}},
            }
        }
    }
    policy: Json = {"permissions": [{"any": True}], "principals": [owner]}
    rules: Json = {"action": "ALLOW", "policies": {"owner": policy}}
    return {
        RBAC_FILTER: typed(
            "envoy.extensions.filters.http.rbac.v3.RBACPerRoute", rbac={"rules": rules}
        )
    }


def _post(path: str) -> Json:
    return {"path": path, "headers": [{"name": ":method", "string_match": {"exact": "POST"}}]}


def _fixed_routes() -> list[Json]:
    unknown_service = direct_error(
        404, "SERVICE_NOT_FOUND", "there is no service of this id", code_pb2.NOT_FOUND
    )
    no_such_path = direct_error(
        404, "ROUTE_NOT_FOUND", "nothing is served at this method and path", code_pb2.NOT_FOUND
    )
    transcoded = {TRANSCODER_FILTER: _ENABLED}
    return [
        {
            "name": "healthz",
            "match": {"path": "/healthz"},
            "direct_response": {
                "status": 200,
                "body": {"inline_string": json.dumps({"status": "ok"})},
            },
        },
        _grpc_route("aiplatform.security.v1.SecurityService", "security"),
        _grpc_route("aiplatform.marketplace.v1.MarketplaceService", "marketplace"),
        {
            "name": "unknown-call",
            "match": {
                "safe_regex": {"regex": "/api/v1/services/[^/]+/call"},
                "headers": [{"name": ":method", "string_match": {"exact": "POST"}}],
            },
            "direct_response": unknown_service,
        },
        {
            "name": "unknown-pass-through",
            "match": {"safe_regex": {"regex": "/services/[^/]+/.*"}},
            "direct_response": unknown_service,
        },
        # The transcoder turns these into the gRPC paths above; what it does not know stays here.
        *(
            {
                "name": f"rest{prefix}",
                "match": {"prefix": prefix},
                "direct_response": no_such_path,
                "typed_per_filter_config": transcoded,
            }
            for prefix in ("/api/", "/.well-known/")
        ),
    ]


def _grpc_route(service: str, cluster: str) -> Json:
    return {
        "name": service,
        "match": {"prefix": f"/{service}/"},
        "route": {"cluster": cluster, "timeout": _API_TIMEOUT, "retry_policy": _RETRY},
    }
