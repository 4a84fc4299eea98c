"""Envoy's bootstrap for the director of one machine; pure functions, no resources.

The director has no control plane: what it does follows from the environment file alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from components.clouds.envoy import (
    HEALTH_PATH,
    TYPE,
    Json,
    TlsFiles,
    address,
    connection_limit,
    health_check,
    protocols,
    upstream_tls,
)

REGION_HEADER = "x-aip-region"
"""Response header in which the director says whose gateway answered."""

UNSENT_HEADER = "x-aip-unsent"
"""Response header in which a gateway says that nothing of the request has left it."""

_METADATA = "ai-platform"


@dataclass(frozen=True, kw_only=True)
class RegionUpstream:
    """A region as the director sees it: its gateway and its share of new requests, in percent."""

    region: str
    weight: int
    port: int
    spiffe_id: str


@dataclass(frozen=True, kw_only=True)
class DirectorBootstrap:
    """What the director is told."""

    port: int
    admin_port: int
    tls: TlsFiles
    regions: Sequence[RegionUpstream]

    def render(self) -> Json:
        """Returns the bootstrap."""
        return {
            "node": {"id": "global/director", "cluster": "director"},
            "admin": {"address": address(self.admin_port)},
            "static_resources": {
                "listeners": [self._listener()],
                "clusters": [_regions_cluster(self.regions, self.tls)],
            },
            "overload_manager": connection_limit(),
        }

    def _listener(self) -> Json:
        retry = {
            # Only what has not left a gateway: a call that may have had an effect is never sent
            # twice.
            "retry_on": "connect-failure,refused-stream,reset-before-request,retriable-headers",
            "retriable_headers": [{"name": UNSENT_HEADER, "string_match": {"exact": "true"}}],
            "num_retries": 2,
            "retry_host_predicate": [
                {
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": {
                        "@type": f"{TYPE}.extensions.retry.host.previous_hosts.v3"
                        ".PreviousHostsPredicate"
                    },
                }
            ],
            "host_selection_retry_max_attempts": 3,
        }
        route = {
            "match": {"prefix": "/"},
            "route": {"cluster": "regions", "timeout": "0s", "retry_policy": retry},
        }
        region = {"key": REGION_HEADER, "value": f"%UPSTREAM_METADATA({_METADATA}:region)%"}
        manager = {
            "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3"
            ".HttpConnectionManager",
            "stat_prefix": "director",
            "use_remote_address": True,
            "normalize_path": True,
            "merge_slashes": True,
            "path_with_escaped_slashes_action": "REJECT_REQUEST",
            "request_headers_timeout": "10s",
            "stream_idle_timeout": "300s",
            "common_http_protocol_options": {"idle_timeout": "300s"},
            "http2_protocol_options": {"max_concurrent_streams": 256},
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "platform",
                        "domains": ["*"],
                        "routes": [route],
                        "response_headers_to_remove": [UNSENT_HEADER],
                        "response_headers_to_add": [
                            {"header": region, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
                        ],
                    }
                ]
            },
            "http_filters": [
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"},
                }
            ],
            "local_reply_config": {
                "body_format": {
                    "content_type": "application/json",
                    "json_format": {
                        "code": 14,
                        "message": "no region can take the call: %LOCAL_REPLY_BODY%",
                        "details": [
                            {
                                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                                "reason": "NO_REGION_AVAILABLE",
                                "domain": "ai-platform",
                            }
                        ],
                    },
                }
            },
        }
        return {
            "name": "director",
            "address": address(self.port),
            "per_connection_buffer_limit_bytes": 1 << 20,
            "filter_chains": [
                {
                    "transport_socket": {
                        "name": "envoy.transport_sockets.tls",
                        "typed_config": {
                            "@type": f"{TYPE}.extensions.transport_sockets.tls.v3"
                            ".DownstreamTlsContext",
                            "common_tls_context": {
                                "alpn_protocols": ["h2", "http/1.1"],
                                "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"},
                                "tls_certificates": [self.tls.certificate()],
                            },
                        },
                    },
                    "filters": [
                        {
                            "name": "envoy.filters.network.http_connection_manager",
                            "typed_config": manager,
                        }
                    ],
                }
            ],
        }


def _regions_cluster(regions: Sequence[RegionUpstream], tls: TlsFiles) -> Json:
    """All gateways: one locality a region, weighted, left out while it fails its health checks."""
    return {
        "name": "regions",
        "type": "STATIC",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": 1 << 20,
        "load_assignment": {
            "cluster_name": "regions",
            "endpoints": [
                {
                    "locality": {"region": one.region},
                    "load_balancing_weight": one.weight,
                    "lb_endpoints": [
                        {
                            "endpoint": {"address": address(one.port)},
                            "metadata": {"filter_metadata": {_METADATA: {"region": one.region}}},
                        }
                    ],
                }
                for one in regions
                if one.weight > 0
            ],
        },
        "common_lb_config": {
            # Never sends to regions known to be down, even when all are: that is an error to show.
            "healthy_panic_threshold": {"value": 0},
            "locality_weighted_lb_config": {},
        },
        "health_checks": [health_check({"http_health_check": {"path": HEALTH_PATH}})],
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 3,
            "enforcing_consecutive_5xx": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "interval": "1s",
            "base_ejection_time": "2s",
            "max_ejection_percent": 100,
        },
        "typed_extension_protocol_options": protocols(
            {
                "use_downstream_protocol_config": {
                    "http_protocol_options": {},
                    "http2_protocol_options": {},
                }
            }
        ),
        "transport_socket": upstream_tls(tls, [one.spiffe_id for one in regions], ()),
    }
