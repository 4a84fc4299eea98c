"""How a gateway listens and what every request passes through, before any route is looked at.

A filter that only some requests need is off by default and switched on by their route, so that a
pass-through request meets two filters: the token check and the router.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Final

from google.protobuf import any_pb2, descriptor_pb2, duration_pb2
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs]
    error_details_pb2,
    status_pb2,
)

from services.marketplace.gateway.errors import local_reply_config
from services.marketplace.gateway.messages import Json, typed, typed_struct
from services.marketplace.gateway.node import GatewayNode
from services.marketplace.gateway.routes import (
    JWT_FILTER,
    LUA_FILTER,
    RBAC_FILTER,
    ROUTE_CONFIG,
    TRANSCODER_FILTER,
)

LISTENER: Final = "gateway"
CERTIFICATE: Final = "gateway"
AUDIENCE: Final = "ai-platform"
INTERNAL_HEADER_PREFIX: Final = "x-aip-"
TRANSCODED_SERVICES: Final = (
    "aiplatform.marketplace.v1.MarketplaceService",
    "aiplatform.security.v1.SecurityService",
)
JWKS_PATH: Final = "/.well-known/jwks.json"

_WITHOUT_TOKEN: Final[tuple[Json, ...]] = (
    {"path": "/healthz"},
    {"path": JWKS_PATH},
    {
        "path": "/api/v1/auth/login",
        "headers": [{"name": ":method", "string_match": {"exact": "POST"}}],
    },
    {"path": "/aiplatform.security.v1.SecurityService/Login"},
    {"path": "/aiplatform.security.v1.SecurityService/GetJwks"},
)
_ADS: Final[Json] = {"ads": {}, "resource_api_version": "V3"}
_HTTP2: Final[Json] = {
    "max_concurrent_streams": 128,
    "initial_stream_window_size": 256 * 1024,
    "initial_connection_window_size": 1024 * 1024,
}


def listener(node: GatewayNode) -> Json:
    """Returns the gateway's `envoy.config.listener.v3.Listener`: HTTPS and nothing else."""
    return {
        "name": LISTENER,
        "address": {"socket_address": {"address": node.address, "port_value": node.port}},
        # Bounds what the script for calls and the transcoder may buffer.
        "per_connection_buffer_limit_bytes": node.max_request_bytes,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": _connection_manager(node),
                    }
                ],
                "transport_socket": {
                    "name": "envoy.transport_sockets.tls",
                    "typed_config": typed(
                        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                        common_tls_context={
                            "alpn_protocols": ["h2", "http/1.1"],
                            "tls_params": {
                                "tls_minimum_protocol_version": "TLSv1_3",
                                "tls_maximum_protocol_version": "TLSv1_3",
                            },
                            "tls_certificate_sds_secret_configs": [
                                {"name": CERTIFICATE, "sds_config": _ADS}
                            ],
                        },
                    ),
                },
                "transport_socket_connect_timeout": "10s",
            }
        ],
    }


def certificate(node: GatewayNode) -> Json:
    """Returns the listener's certificate as an `envoy…tls.v3.Secret`.

    It names files: the key never leaves the gateway's machine. Only a secret that came over SDS is
    read again when a file is moved into the watched folder, which is why it is not inline.
    """
    return {
        "name": CERTIFICATE,
        "tls_certificate": {
            "certificate_chain": {"filename": node.certificate_file},
            "private_key": {"filename": node.key_file},
            "watched_directory": {"path": str(Path(node.certificate_file).parent)},
        },
    }


def _connection_manager(node: GatewayNode) -> Json:
    return typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="gateway",
        codec_type="AUTO",
        server_name="ai-platform",
        rds={"route_config_name": ROUTE_CONFIG, "config_source": _ADS},
        http_filters=_filters(node),
        use_remote_address=True,
        always_set_request_id_in_response=True,
        normalize_path=True,
        merge_slashes=True,
        strip_any_host_port=True,
        early_header_mutation_extensions=[
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": typed_struct(
                    "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    mutations=[
                        {"remove_on_match": {"key_matcher": {"prefix": INTERNAL_HEADER_PREFIX}}}
                    ],
                ),
            }
        ],
        common_http_protocol_options={
            "idle_timeout": "300s",
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        http2_protocol_options=_HTTP2,
        request_headers_timeout="10s",
        stream_idle_timeout="300s",
        delayed_close_timeout="1s",
        local_reply_config=local_reply_config(),
        access_log=[_call_log(node)],
    )


def _filters(node: GatewayNode) -> list[Json]:
    return [
        {"name": JWT_FILTER, "typed_config": _token_check(node)},
        {
            "name": "envoy.filters.http.body_size_limit",
            "typed_config": typed_struct(
                "envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit",
                max_request_bytes=node.max_request_bytes,
            ),
        },
        {
            "name": LUA_FILTER,
            "disabled": True,
            "typed_config": typed(
                "envoy.extensions.filters.http.lua.v3.Lua",
                default_source_code={"inline_string": call_script()},
            ),
        },
        {
            "name": RBAC_FILTER,
            "disabled": True,
            "typed_config": typed("envoy.extensions.filters.http.rbac.v3.RBAC"),
        },
        {
            "name": TRANSCODER_FILTER,
            "disabled": True,
            "typed_config": typed(
                "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
                proto_descriptor_bin=_descriptors(),
                services=list(TRANSCODED_SERVICES),
                print_options={
                    "preserve_proto_field_names": True,
                    "always_print_primitive_fields": True,
                },
                convert_grpc_status=True,
                request_validation_options={
                    "reject_unknown_method": True,
                    "reject_unknown_query_parameters": True,
                },
                max_request_body_size=node.max_request_bytes,
            ),
        },
        {
            "name": "envoy.filters.http.router",
            "typed_config": typed(
                "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True
            ),
        },
    ]


def _token_check(node: GatewayNode) -> Json:
    provider: Json = {
        "issuer": node.issuer,
        "audiences": [AUDIENCE],
        "require_expiration": True,
        "clock_skew_seconds": 5,
        "forward": True,
        # Only the header: naming it turns off the query parameter, which would end up in logs.
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": "payload",
        "jwt_cache_config": {"jwt_cache_size": 4096},
        "remote_jwks": {
            "http_uri": {
                "uri": f"https://localhost{JWKS_PATH}",
                "cluster": "self",
                "timeout": "2s",
            },
            "cache_duration": "5s",
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
        },
    }
    return typed(
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={"platform": provider},
        rules=[
            *({"match": match} for match in _WITHOUT_TOKEN),
            {"match": {"prefix": "/"}, "requires": {"provider_name": "platform"}},
        ],
    )


def _call_log(node: GatewayNode) -> Json:
    """Returns the log that calls are counted from; `meter.records` reads it.

    A request is a call when its token was verified and the router then removed it, which it does
    on routes to services only, and not before entitlement is checked: see `routes`.
    """
    verified: Json = {
        "filter": JWT_FILTER,
        "path": [{"key": "payload"}, {"key": "tenant"}],
        "value": {"present_match": True},
    }
    return {
        "name": "envoy.access_loggers.file",
        "filter": {
            "and_filter": {
                "filters": [
                    {
                        "header_filter": {
                            "header": {
                                "name": "authorization",
                                "present_match": True,
                                "invert_match": True,
                            }
                        }
                    },
                    {"metadata_filter": {"matcher": verified, "match_if_key_not_found": False}},
                ]
            }
        },
        "typed_config": typed(
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path=node.access_log,
            log_format={
                "json_format": {
                    "id": "%UNIQUE_ID%",
                    "start": "%START_TIME(%s.%6f)%",
                    "ms": "%DURATION%",
                    "upstream_ms": "%RESPONSE_DURATION%",
                    "tenant": f"%DYNAMIC_METADATA({JWT_FILTER}:payload:tenant)%",
                    "subject": f"%DYNAMIC_METADATA({JWT_FILTER}:payload:sub)%",
                    "target": "%ROUTE_NAME%",
                    "region": node.region,
                    "method": "%REQ(:METHOD)%",
                    "status": "%RESPONSE_CODE%",
                    "flags": "%RESPONSE_FLAGS%",
                    "in": "%BYTES_RECEIVED%",
                    "out": "%BYTES_SENT%",
                    "request": "%REQ(X-REQUEST-ID)%",
                }
            },
        ),
    }


@cache
def call_script() -> str:
    """Returns the Lua script that reads a call's body."""
    return Path(__file__).with_name("call.lua").read_text(encoding="utf-8")


@cache
def _descriptors() -> str:
    """Returns the API's descriptor set, with the error details that services put in a status."""
    path = Path(__file__).resolve().parents[3] / "generated" / "aiplatform.binpb"
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: not there; 'python -m tools.generate' makes it from protos/"
        ) from error
    present = {file.name for file in files.file}
    for module in (any_pb2, duration_pb2, status_pb2, error_details_pb2):
        if module.DESCRIPTOR.name not in present:
            module.DESCRIPTOR.CopyToProto(files.file.add())
    return base64.b64encode(files.SerializeToString(deterministic=True)).decode()
