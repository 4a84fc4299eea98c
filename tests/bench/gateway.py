"""How much of a bare Envoy's throughput is left with the gateway's work, and the director's.

Three paths to one upstream that answers at once are loaded in turn, several rounds, so that a
machine whose speed drifts does so for all of them. All terminate TLS 1.3 and run one worker.
"""

import json
import statistics
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from components.clouds.local.provider import binaries
from components.clouds.local.provider.ports import is_free
from components.clouds.local.provider.processes import marked
from tests.bench.figures import Figure, at_least_of
from tests.bench.load import Load, post
from tests.platform import Platform, eventually
from tests.ports import free_port
from tools.client import Client

ROUNDS = 5
SECONDS = 4
CONNECTIONS = 16
PAYLOAD = json.dumps({"text": "Where is the railway station, please?", "options": [1, 2, 3]})
ANSWER = json.dumps({"language": "en", "confidence": 0.99})

_HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _listener(port: int, route: dict[str, Any], tls: dict[str, Any] | None) -> dict[str, Any]:
    manager = {
        "@type": f"{_HTTP}.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **route}]}
            ]
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}],
    }
    chain: dict[str, Any] = {
        "filters": [
            {
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager,
            }
        ]
    }
    if tls:
        chain["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": _TLS, "common_tls_context": tls},
        }
    return {"name": "bench", "address": _address(port), "filter_chains": [chain]}


@contextmanager
def _envoy(folder: Path, name: str, static: dict[str, Any], port: int) -> Generator[int]:
    """Runs an Envoy of one worker; yields its process id."""
    bootstrap = folder / f"{name}.json"
    bootstrap.write_text(json.dumps({"static_resources": static}))
    command = [str(binaries.envoy()), "-c", str(bootstrap), "--concurrency", "1", "-l", "error"]
    with subprocess.Popen([*command, "--use-dynamic-base-id"]) as process:
        try:
            eventually(lambda: not is_free(port), what=f"{name} listens")
            yield process.pid
        finally:
            process.terminate()


@contextmanager
def _upstream(folder: Path) -> Iterator[int]:
    """Runs something that answers at once; yields its port."""
    port = free_port()
    route = {"direct_response": {"status": 200, "body": {"inline_string": ANSWER}}}
    with _envoy(folder, "upstream", {"listeners": [_listener(port, route, None)]}, port):
        yield port


@contextmanager
def _bare(folder: Path, upstream: int, identity: Path) -> Iterator[tuple[int, int]]:
    """Runs a plain Envoy proxy with the gateway's own certificate; yields port and process id."""
    port = free_port()
    tls = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"},
        "tls_certificates": [
            {
                "certificate_chain": {"filename": str(identity / "gateway.crt")},
                "private_key": {"filename": str(identity / "gateway.key")},
            }
        ],
    }
    endpoint = {"endpoint": {"address": _address(upstream)}}
    cluster = {
        "name": "upstream",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "upstream",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }
    static = {
        "listeners": [_listener(port, {"route": {"cluster": "upstream"}}, tls)],
        "clusters": [cluster],
    }
    with _envoy(folder, "bare", static, port) as pid:
        yield port, pid


def _cpu_seconds(pids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def measure(platform: Platform) -> list[Figure]:
    """Loads the bare Envoy, one gateway, and director plus gateways, in turn."""
    region = platform.environment.primary_region
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(_upstream(folder))
        identity = platform.region(region) / "identities" / "gateway"
        bare_port, bare_pid = stack.enter_context(_bare(folder, upstream, identity))
        client = stack.enter_context(platform.client())
        service = _register(client, upstream)
        path = f"/api/v1/services/{service}/call"
        call = f'{{"endpoint":"echo","payload":{PAYLOAD}}}'
        for name in platform.outputs["regions"]:
            with platform.client(name) as gateway:
                eventually(lambda: _answers(gateway, path, call))
        headers = {"Authorization": client.authorization}
        gateways = {
            name: marked(str(platform.region(name) / "gateway"))[0].pid
            for name in platform.outputs["regions"]
        }
        director = marked(str(platform.region("global") / "director"))[0].pid
        gateway_url = platform.outputs["regions"][region]["api_url"]
        paths: dict[str, tuple[str, str, list[int]]] = {
            "bare": (f"https://localhost:{bare_port}/echo", PAYLOAD, [bare_pid]),
            "gateway": (gateway_url + path, call, [gateways[region]]),
            "director": (
                platform.outputs["api_url"] + path,
                call,
                [director, *gateways.values()],
            ),
        }
        rates: dict[str, list[float]] = {name: [] for name in paths}
        cpu: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(ROUNDS):
            for name, (url, body, pids) in paths.items():
                before = _cpu_seconds(pids)
                load = _load(url, body, headers)
                rates[name].append(load.per_second)
                cpu[name].append((_cpu_seconds(pids) - before) / load.answered * 1e6)
        client.request("DELETE", f"/api/v1/services/{service}")
    rate = {name: statistics.median(values) for name, values in rates.items()}
    spent = {name: statistics.median(values) for name, values in cpu.items()}
    return [
        at_least_of("call-gateway", rate["gateway"], rate["bare"], "calls/s", 0.70),
        at_least_of("call-director", rate["director"], rate["bare"], "calls/s", 0.45),
        _cost("call-gateway-cpu", spent["gateway"], spent["bare"]),
        _cost("call-director-cpu", spent["director"], spent["bare"]),
    ]


def _cost(name: str, spent: float, bare: float) -> Figure:
    """Returns CPU a call beside a bare hop's, for information: it has no goal of its own."""
    return Figure(
        name=name,
        value=round(spent, 1),
        unit="us CPU/call",
        baseline=round(bare, 1),
        ratio=round(spent / bare, 3),
        goal="shown only",
        met=True,
    )


def _load(url: str, body: str, headers: dict[str, str]) -> Load:
    load = post(url, body, seconds=SECONDS, connections=CONNECTIONS, headers=headers)
    if load.failed:
        raise RuntimeError(f"{load.failed} of {load.answered + load.failed} calls failed: {url}")
    return load


def _answers(client: Client, path: str, call: str) -> bool:
    headers = {"content-type": "application/json"}
    return client.send("POST", path, content=call, headers=headers).is_success


def _register(client: Client, upstream: int) -> str:
    body = {
        "name": "bench-echo",
        "category": "bench",
        "pricing_model": "pay_per_use",
        "base_price": 0,
        "endpoints": [{"name": "echo", "url": f"http://127.0.0.1:{upstream}/echo"}],
    }
    return client.request("POST", "/api/v1/services", json=body)["service"]["id"]
