"""Envoy's bootstrap for a region's gateway; pure functions, no resources.

It holds what infrastructure knows: who the gateway is and where the region's services are. Its
listener, routes and the marketplace's upstreams come from the control plane, over delta ADS
(https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol).
"""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Json = dict[str, Any]

HOST = "127.0.0.1"
SERVER_NAME = "localhost"
HEALTH_PATH = "/healthz"
TYPE = "type.googleapis.com/envoy"

_IDENTITY, _AUTHORITY = "identity", "authority"
"""Secrets that Envoy reads from files; see ``TlsFiles.discovered``."""


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """Paths of an identity and of the authority it trusts.

    Attributes:
        discovery_folder: where the files of ``discovered`` are. With them Envoy takes a renewed
            certificate as soon as it is there; without, it reads the files once.
    """

    certificate_file: str
    key_file: str
    ca_file: str
    discovery_folder: str | None = None

    def discovered(self) -> dict[str, str]:
        """Returns the files, by name, by which Envoy discovers the identity and the authority.

        The folder of the identity is watched, as Kubernetes replaces the whole of it at once. See
        https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/security/secret.
        """
        watched = {"path": str(PurePosixPath(self.certificate_file).parent)}
        return {
            f"{_IDENTITY}.json": _discovery_response(
                _IDENTITY,
                {"tls_certificate": {**self.certificate(), "watched_directory": watched}},
            ),
            f"{_AUTHORITY}.json": _discovery_response(
                _AUTHORITY,
                {
                    "validation_context": {
                        "trusted_ca": {"filename": self.ca_file},
                        "watched_directory": watched,
                    }
                },
            ),
        }

    def certificate(self) -> Json:
        """Returns the identity as a `TlsCertificate`."""
        return {
            "certificate_chain": {"filename": self.certificate_file},
            "private_key": {"filename": self.key_file},
        }

    def mutual(self, spiffe_ids: Sequence[str]) -> Json:
        """Returns the part of a TLS context that shows the identity and accepts the given ones."""
        names = [{"san_type": "URI", "matcher": {"exact": one}} for one in spiffe_ids]
        if self.discovery_folder is None:
            return {
                "tls_certificates": [self.certificate()],
                "validation_context": {
                    "trusted_ca": {"filename": self.ca_file},
                    "match_typed_subject_alt_names": names,
                },
            }
        return {
            "tls_certificate_sds_secret_configs": [self._source(_IDENTITY)],
            "combined_validation_context": {
                "default_validation_context": {"match_typed_subject_alt_names": names},
                "validation_context_sds_secret_config": self._source(_AUTHORITY),
            },
        }

    def _source(self, name: str) -> Json:
        return {
            "name": name,
            "sds_config": {
                "path_config_source": {"path": f"{self.discovery_folder}/{name}.json"},
                "resource_api_version": "V3",
            },
        }


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A service of the region.

    Attributes:
        addresses: ``host:port`` of its replicas; a host that is a name may stand for several.
    """

    name: str
    addresses: Sequence[str]
    spiffe_id: str


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Where a gateway takes calls, and what it shows to those who call.

    Attributes:
        tls: the certificate that clients see; ``ca_file`` has what they verify it with.
        server_name: in that certificate.
    """

    port: int
    tls: TlsFiles
    address: str = HOST
    server_name: str = SERVER_NAME


@dataclass(frozen=True, kw_only=True)
class GatewayBootstrap:
    """What a gateway is told.

    Attributes:
        tls: who the gateway is to the region's services.
        control_plane: name of the upstream that serves ADS.
        call_log: file the gateway writes one record a call to.
        max_request_bytes: largest body of a call.
        metrics_port: where Prometheus finds ``/metrics`` from outside; None where it does not.
    """

    region: str
    listener: Listener
    admin_port: int
    tls: TlsFiles
    upstreams: Sequence[Upstream]
    control_plane: str
    call_log: str
    issuer: str
    max_request_bytes: int
    metrics_port: int | None = None

    def render(self) -> Json:
        """Returns the bootstrap."""
        control_plane = next(one for one in self.upstreams if one.name == self.control_plane)
        clusters = [_service_cluster(one.name, one, self.tls) for one in self.upstreams]
        clusters.append(_service_cluster("xds", control_plane, self.tls))
        clusters.append(_self_cluster(self.listener))
        static: Json = {"clusters": clusters}
        if self.metrics_port is not None:
            clusters.append(_admin_cluster(self.admin_port))
            static["listeners"] = [_metrics_listener(self.listener.address, self.metrics_port)]
        ads: Json = {"ads": {}, "resource_api_version": "V3"}
        return {
            "node": {
                "id": f"{self.region}/gateway",
                "cluster": "gateway",
                "metadata": {
                    "region": self.region,
                    "address": self.listener.address,
                    "port": self.listener.port,
                    "certificate_file": self.listener.tls.certificate_file,
                    "key_file": self.listener.tls.key_file,
                    "ca_file": self.tls.ca_file,
                    "access_log": self.call_log,
                    "issuer": self.issuer,
                    "max_request_bytes": self.max_request_bytes,
                },
            },
            "admin": {"address": address(self.admin_port)},
            "dynamic_resources": {
                "ads_config": {
                    "api_type": "DELTA_GRPC",
                    "transport_api_version": "V3",
                    "set_node_on_first_message_only": True,
                    "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
                },
                "cds_config": ads,
                "lds_config": ads,
            },
            "static_resources": static,
            "overload_manager": connection_limit(),
        }


def address(port: int, host: str = HOST) -> Json:
    """Returns an `envoy.config.core.v3.Address`."""
    return {"socket_address": {"address": host, "port_value": port}}


def connection_limit() -> Json:
    """Returns an overload manager that refuses connections beyond what memory is there for."""
    monitor = f"{TYPE}.extensions.resource_monitors.downstream_connections.v3"
    return {
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": f"{monitor}.DownstreamConnectionsConfig",
                    "max_active_downstream_connections": 20000,
                },
            }
        ]
    }


def upstream_tls(tls: TlsFiles, spiffe_ids: Sequence[str], alpn: Sequence[str]) -> Json:
    """Presents this workload's identity and accepts only the given ones."""
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"{TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": SERVER_NAME,
            "common_tls_context": {
                "alpn_protocols": list(alpn),
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_3",
                    "tls_maximum_protocol_version": "TLSv1_3",
                },
                **tls.mutual(spiffe_ids),
            },
        },
    }


def protocols(options: Mapping[str, Any]) -> Json:
    """Returns a cluster's options for HTTP."""
    return {
        f"{TYPE.partition('/')[2]}.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
            **options,
        }
    }


def health_check(kind: Mapping[str, Any]) -> Json:
    """Returns a health check that finds a lost endpoint within two seconds."""
    return {
        "interval": "1s",
        "no_traffic_interval": "1s",
        "timeout": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        **kind,
    }


def _service_cluster(name: str, upstream: Upstream, tls: TlsFiles) -> Json:
    http2 = {"connection_keepalive": {"interval": "10s", "timeout": "5s"}}
    return {
        "name": name,
        **_discovery(upstream.addresses),
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {
                    "lb_endpoints": [
                        {"endpoint": {"address": _parsed(one)}} for one in upstream.addresses
                    ]
                }
            ],
        },
        "health_checks": [health_check({"grpc_health_check": {}})],
        "typed_extension_protocol_options": protocols(
            {"explicit_http_config": {"http2_protocol_options": http2}}
        ),
        "transport_socket": upstream_tls(tls, [upstream.spiffe_id], ["h2"]),
    }


def _parsed(host_and_port: str) -> Json:
    host, _, port = host_and_port.rpartition(":")
    return address(int(port), host)


def _discovery(addresses: Sequence[str]) -> Json:
    """Returns how a cluster finds its endpoints: by DNS where a host is a name."""
    if all(_is_address(one.rpartition(":")[0]) for one in addresses):
        return {"type": "STATIC"}
    # Resolved again before the records of a Service whose pods come and go grow old.
    return {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED", "dns_refresh_rate": "5s"}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _discovery_response(name: str, secret: Json) -> str:
    kind = f"{TYPE}.extensions.transport_sockets.tls.v3.Secret"
    return json.dumps({"resources": [{"@type": kind, "name": name, **secret}]}, sort_keys=True)


def _self_cluster(listener: Listener) -> Json:
    """The gateway's own listener, through which it fetches the token keys it verifies with."""
    validation: Json = {"trusted_ca": {"filename": listener.tls.ca_file}}
    if listener.server_name != SERVER_NAME:
        name = {"san_type": "DNS", "matcher": {"exact": listener.server_name}}
        validation["match_typed_subject_alt_names"] = [name]
    return {
        "name": "self",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": _one_endpoint("self", listener.port),
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": f"{TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": listener.server_name,
                "common_tls_context": {
                    "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
                    "validation_context": validation,
                },
            },
        },
    }


def _admin_cluster(port: int) -> Json:
    return {
        "name": "admin",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": _one_endpoint("admin", port),
    }


def _one_endpoint(cluster: str, port: int) -> Json:
    endpoint = {"endpoint": {"address": address(port)}}
    return {"cluster_name": cluster, "endpoints": [{"lb_endpoints": [endpoint]}]}


def _metrics_listener(host: str, port: int) -> Json:
    """Shows the metrics of the admin interface, and nothing else of it."""
    router = f"{TYPE}.extensions.filters.http.router.v3.Router"
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "metrics",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "metrics",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {
                                "path": "/metrics",
                                "headers": [{"name": ":method", "string_match": {"exact": "GET"}}],
                            },
                            "route": {"cluster": "admin", "prefix_rewrite": "/stats/prometheus"},
                        }
                    ],
                }
            ]
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
    }
    return {
        "name": "metrics",
        "address": address(port, host),
        # Whoever fetches metrics must not count against the limit that callers are under.
        "ignore_global_conn_limit": True,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }
