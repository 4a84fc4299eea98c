"""Where a service's calls go: one Envoy cluster for each service of the catalogue."""

from __future__ import annotations

import ipaddress
from typing import Final

from services.marketplace.domain import Origin, Service
from services.marketplace.gateway.messages import Json, typed

CONNECT_TIMEOUT: Final = "1s"
_SYSTEM_CA: Final = "/etc/ssl/certs/ca-certificates.crt"


def cluster_name(service_id: str) -> str:
    """Returns the cluster of a service; the prefix keeps it apart from the bootstrap's clusters."""
    return f"service/{service_id}"


def cluster(service: Service) -> Json:
    """Returns a service's `envoy.config.cluster.v3.Cluster`.

    An address needs no resolver; a name is resolved and re-resolved by Envoy, and one that does not
    resolve never keeps a gateway from starting.
    """
    origin = service.origin
    name = cluster_name(service.id)
    result: Json = {
        "name": name,
        "alt_stat_name": f"service_{service.id}",
        "type": "STATIC" if _is_address(origin.host) else "STRICT_DNS",
        "wait_for_warm_on_init": False,
        "connect_timeout": CONNECT_TIMEOUT,
        "dns_lookup_family": "V4_PREFERRED",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {
                    "lb_endpoints": [
                        {
                            "endpoint": {
                                "address": {
                                    "socket_address": {
                                        "address": origin.host,
                                        "port_value": origin.port,
                                    }
                                }
                            }
                        }
                    ]
                }
            ],
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": 1024,
                    "max_pending_requests": 1024,
                    "max_requests": 4096,
                    "max_retries": 64,
                }
            ]
        },
        # A service's own 500s are its business; what ejects a host is not being able to talk to it.
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 5,
            "enforcing_consecutive_5xx": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "base_ejection_time": "5s",
            "max_ejection_percent": 50,
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                common_http_protocol_options={"idle_timeout": "60s"},
                **_protocol(origin),
            )
        },
    }
    if origin.secure:
        result["transport_socket"] = _tls(origin)
    return result


def _protocol(origin: Origin) -> Json:
    if origin.secure:
        return {"auto_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}
    return {"explicit_http_config": {"http_protocol_options": {}}}


def _tls(origin: Origin) -> Json:
    is_address = _is_address(origin.host)
    san: Json = {
        "san_type": "IP_ADDRESS" if is_address else "DNS",
        "matcher": {"exact": origin.host},
    }
    context: Json = {
        "common_tls_context": {
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
            },
            "validation_context": {
                "trusted_ca": {"filename": _SYSTEM_CA},
                "match_typed_subject_alt_names": [san],
            },
        }
    }
    if not is_address:
        context["sni"] = origin.host
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", **context
        ),
    }


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
