"""A gateway as infrastructure starts it: Envoy with a minimal bootstrap, the rest over xDS."""

import importlib.util
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.certificates import Files
from tests.ports import free_port

_SPEC = importlib.util.find_spec("envoy")
assert _SPEC is not None
assert _SPEC.submodule_search_locations is not None
ENVOY = Path(next(iter(_SPEC.submodule_search_locations))) / "_bin" / "envoy"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


class Gateway:
    """One Envoy.

    Args:
        folder: For its files.
        files: Its certificate.
        issuer: Of the tokens it takes.
        marketplace: Port of the control plane and of MarketplaceService.
        security: Port of SecurityService.
        region: Where it says it is.
        max_request_bytes: Largest body.
    """

    def __init__(
        self,
        folder: Path,
        files: Files,
        issuer: str,
        *,
        marketplace: int,
        security: int,
        region: str = "us-east-1",
        max_request_bytes: int = 1 << 20,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.files = files
        self.port, self.admin_port = free_port(), free_port()
        self.call_log = folder / "calls.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._bootstrap = folder / "bootstrap.json"
        self._bootstrap.write_text(
            json.dumps(
                {
                    "node": {
                        "id": f"{region}/gateway",
                        "cluster": "gateway",
                        "metadata": {
                            "region": region,
                            "address": "127.0.0.1",
                            "port": self.port,
                            "certificate_file": str(files.certificate),
                            "key_file": str(files.key),
                            "ca_file": str(files.authority),
                            "access_log": str(self.call_log),
                            "issuer": issuer,
                            "max_request_bytes": max_request_bytes,
                        },
                    },
                    "admin": {"address": _address(self.admin_port)},
                    "dynamic_resources": {
                        "ads_config": {
                            "api_type": "DELTA_GRPC",
                            "transport_api_version": "V3",
                            "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
                        },
                        "cds_config": {"ads": {}, "resource_api_version": "V3"},
                        "lds_config": {"ads": {}, "resource_api_version": "V3"},
                    },
                    "static_resources": {
                        "clusters": [
                            self._cluster("xds", marketplace, mutual=True),
                            self._cluster("marketplace", marketplace, mutual=True),
                            self._cluster("security", security, mutual=True),
                            self._cluster("self", self.port, mutual=False),
                        ]
                    },
                }
            )
        )

    @property
    def url(self) -> str:
        """Where callers reach it."""
        return f"https://localhost:{self.port}"

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it takes requests and knows the keys of tokens."""
        with (self.folder / "envoy.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(ENVOY), "-c", str(self._bootstrap), "--use-dynamic-base-id"),
                    *("--concurrency", "1", "-l", "warning", "--file-flush-interval-msec", "50"),
                ],
                stdout=log,
                stderr=log,
            )
        eventually(self._ready, 20, (self.folder / "envoy.log").read_text)

    def kill(self) -> None:
        """Ends it at once, with whatever it has not written yet."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Ends it in order: its call log is written."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def stats(self, pattern: str) -> dict[str, int]:
        """Returns counters and gauges whose names match."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.admin_port}/stats?format=json&filter={pattern}"
        ).json()
        return {one["name"]: one["value"] for one in answer["stats"] if "value" in one}

    def log(self) -> list[dict[str, Any]]:
        """Returns the calls in the log."""
        if not self.call_log.exists():
            return []
        return [json.loads(line) for line in self.call_log.read_text().splitlines()]

    def client(self, token: str | None = None) -> httpx.Client:
        """Returns a client that trusts the gateway."""
        import ssl  # noqa: PLC0415

        context = ssl.create_default_context(cafile=str(self.files.authority))
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, verify=context, headers=headers, timeout=20)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None
        with self.client() as client:
            if client.get("/healthz").status_code != httpx.codes.OK:
                return False
        stats = self.stats("jwks_fetch_success|jwt_authn.jwks_fetch_success")
        return sum(stats.values()) > 0

    def _cluster(self, name: str, port: int, *, mutual: bool) -> dict[str, Any]:
        context: dict[str, Any] = {
            "@type": _TLS,
            "sni": "localhost",
            "common_tls_context": {
                # Envoy's clients stop at TLS 1.2 unless told otherwise.
                "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
                "validation_context": {"trusted_ca": {"filename": str(self.files.authority)}},
            },
        }
        cluster: dict[str, Any] = {
            "name": name,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
            },
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context},
        }
        if mutual:
            context["common_tls_context"]["tls_certificates"] = [
                {
                    "certificate_chain": {"filename": str(self.files.certificate)},
                    "private_key": {"filename": str(self.files.key)},
                }
            ]
            cluster["typed_extension_protocol_options"] = {
                _HTTP: {
                    "@type": f"type.googleapis.com/{_HTTP}",
                    "explicit_http_config": {"http2_protocol_options": {}},
                }
            }
        return cluster


def eventually(
    condition: Callable[[], Any], seconds: float = 10, explain: Callable[[], object] = str
) -> Any:
    """Waits until a condition is true and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if result := condition():
                return result
        except (httpx.TransportError, OSError):
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {explain()}")
        time.sleep(0.02)


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
