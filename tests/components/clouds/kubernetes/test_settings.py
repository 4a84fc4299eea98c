"""The processes take what they are given, and are given the same as on one machine."""

from pathlib import Path
from typing import Any

import pytest

from components.clouds.kubernetes.gateway import meter_settings
from components.clouds.kubernetes.grpc_service import settings
from components.clouds.local import services as local
from services.marketplace.meter.settings import MeterSettings
from services.marketplace.settings import MarketplaceSettings
from services.runtime.settings import MigrationSettings
from tests.components.clouds.kubernetes.world import REGION, World
from tests.components.recording import resolved

ONLY_IN_A_CLUSTER = {
    "AIP_LISTEN_ADDRESS",
    "AIP_SECRETS_DIR",
    "AIP_DRAIN_NOTICE_SECONDS",
    "AIP_DRAIN_GRACE_SECONDS",
}
ONLY_ON_A_MACHINE = {"AIP_REPLICA_INDEX"}
"""Pods of a Deployment are not numbered."""


@pytest.fixture
def files(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the Secrets would be mounted as."""
    world.service()
    world.gateway()
    for values in world.secrets.kept.values():
        for name, value in values.items():
            (tmp_path / name).write_text(str(value))
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (tmp_path / name).touch()
    monkeypatch.setenv("AIP_SECRETS_DIR", str(tmp_path))
    return tmp_path


def given(world: World, kind: str, name: str, container: str) -> dict[str, str]:
    pod = world.pod(kind, name)
    (found,) = (
        one
        for one in [*pod.get("initContainers", []), *pod["containers"]]
        if one["name"] == container
    )
    return {one["name"]: one["value"] for one in found["env"] if "value" in one}


def put(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], files: Path) -> None:
    for name, value in variables.items():
        if name.startswith("AIP_TLS_"):
            monkeypatch.setenv(name, str(files / Path(value).name))
        elif name != "AIP_SECRETS_DIR":
            monkeypatch.setenv(name, value)


def test_a_service_starts_with_its_environment_and_secrets(
    world: World, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(
        monkeypatch,
        given(world, "apps/v1:Deployment", f"{REGION}-marketplace", "marketplace"),
        files,
    )
    loaded = MarketplaceSettings.load()
    assert loaded.listen_address == "0.0.0.0"  # noqa: S104
    assert loaded.region == REGION
    assert loaded.security_endpoints == ("security.ai-platform.svc.cluster.local:8443",)
    assert loaded.cache_password.get_secret_value() == "cache-password"


def test_migrations_start_with_theirs(
    world: World, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, given(world, "batch/v1:Job", "marketplace-migrations", "migrate"), files)
    loaded = MigrationSettings.load()
    assert loaded.owner_database_password.get_secret_value() == "owner-password"


def test_the_meter_starts_with_its(
    world: World, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, given(world, "apps/v1:Deployment", f"{REGION}-gateway", "meter"), files)
    monkeypatch.setenv("AIP_GATEWAY", "gateway-7f9c-x2")
    loaded = MeterSettings.load()
    assert loaded.log_name == f"{REGION}/gateway-7f9c-x2"
    assert loaded.drain_seconds > 0


def test_a_service_is_told_the_same_in_a_cluster_and_on_a_machine(world: World) -> None:
    args = world.service_args()
    in_a_cluster = settings(args)
    on_a_machine: dict[str, Any] = vars(local)["_program_environment"](args, replica=0, first=18240)
    assert in_a_cluster.keys() - on_a_machine.keys() == ONLY_IN_A_CLUSTER
    assert on_a_machine.keys() - in_a_cluster.keys() == ONLY_ON_A_MACHINE
    for name, value in args.program.environment.items():
        assert in_a_cluster[name] == on_a_machine[name] == value


def test_the_meter_is_told_what_the_stack_says(world: World) -> None:
    args = world.gateway_args()
    assert args.meter.environment.items() <= meter_settings(args).items()
    assert resolved(args.identity.certificate_file).startswith("/var/run/identity/")
