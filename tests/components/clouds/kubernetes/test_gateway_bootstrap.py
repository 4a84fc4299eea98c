"""What the gateway's Envoy is told, judged by Envoy itself."""

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.components.clouds.kubernetes.world import DOMAIN, REGION, World
from tests.services.marketplace.gateway import ENVOY

PORT = 8443


@pytest.fixture
def files(world: World) -> dict[str, str]:
    world.gateway()
    (configuration,) = world.recorder.of("kubernetes:core/v1:ConfigMap").values()
    assert configuration.inputs["immutable"] is True
    return configuration.inputs["data"]


def clusters(files: dict[str, str]) -> dict[str, Any]:
    bootstrap = json.loads(files["bootstrap.json"])
    return {one["name"]: one for one in bootstrap["static_resources"]["clusters"]}


def test_envoy_takes_it(files: dict[str, str], tmp_path: Path) -> None:
    authority = Authority()
    identity = authority.write(tmp_path / "tls", f"{REGION}/gateway")
    places = {
        "/var/run/identity/tls.crt": str(identity.certificate),
        "/var/run/identity/tls.key": str(identity.key),
        "/var/run/identity/ca.crt": str(identity.authority),
        "/var/run/identity": str(identity.certificate.parent),
        "/etc/ssl/certs/ca-certificates.crt": str(identity.authority),
        "/etc/envoy": str(tmp_path),
        "/var/log/gateway": str(tmp_path),
    }
    for name, text in files.items():
        here = functools.reduce(lambda known, place: known.replace(*place), places.items(), text)
        (tmp_path / name).write_text(here)
    done = subprocess.run(
        [
            ENVOY,
            "--mode",
            "validate",
            "--config-path",
            tmp_path / "bootstrap.json",
            "--service-node",
            f"{REGION}/gateway-1",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_only_loopback_reaches_the_admin_interface(files: dict[str, str]) -> None:
    bootstrap = json.loads(files["bootstrap.json"])
    assert bootstrap["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"
    (metrics,) = bootstrap["static_resources"]["listeners"]
    manager = metrics["filter_chains"][0]["filters"][0]["typed_config"]
    (host,) = manager["route_config"]["virtual_hosts"]
    assert [one["match"]["path"] for one in host["routes"]] == ["/metrics"]


def test_services_are_found_by_name_and_must_show_their_identity(files: dict[str, str]) -> None:
    for name in ("security", "marketplace", "xds"):
        cluster = clusters(files)[name]
        service = "marketplace" if name == "xds" else name
        assert cluster["type"] == "STRICT_DNS"
        (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        assert endpoint["endpoint"]["address"]["socket_address"] == {
            "address": f"{service}.ai-platform.svc.cluster.local",
            "port_value": PORT,
        }
        context = cluster["transport_socket"]["typed_config"]["common_tls_context"]
        checked = context["combined_validation_context"]["default_validation_context"]
        assert checked["match_typed_subject_alt_names"] == [
            {
                "san_type": "URI",
                "matcher": {"exact": f"spiffe://platform.example/{REGION}/{service}"},
            }
        ]


def test_a_renewed_identity_is_taken_from_the_folder_it_is_mounted_at(
    files: dict[str, str],
) -> None:
    for name, kind in (("identity", "tls_certificate"), ("authority", "validation_context")):
        (secret,) = json.loads(files[f"{name}.json"])["resources"]
        assert secret["name"] == name
        assert secret[kind]["watched_directory"] == {"path": "/var/run/identity"}


def test_it_trusts_its_own_listener_by_the_public_name(files: dict[str, str]) -> None:
    context = clusters(files)["self"]["transport_socket"]["typed_config"]
    assert context["sni"] == f"{REGION}.{DOMAIN}"
    checked = context["common_tls_context"]["validation_context"]
    assert checked["match_typed_subject_alt_names"] == [
        {"san_type": "DNS", "matcher": {"exact": f"{REGION}.{DOMAIN}"}}
    ]
    assert checked["trusted_ca"]["filename"] == "/etc/ssl/certs/ca-certificates.crt"
