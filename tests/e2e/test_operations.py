"""The platform as its operators see it: previews, drift, replication, failover, mistakes.

These tests change the platform they share with the others, and put it right again.
"""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from components.clouds.local.provider.processes import marked, marked_below
from components.clouds.local.provider.supervisord import Supervisord
from tests.platform import Platform, eventually
from tools.paths import ROOT
from tools.pulumi_cli import find

PRIMARY = "us-east-1"
STANDBY = "eu-central-1"
CALL = {"endpoint": "detect", "payload": {"text": "Where is the railway station, please?"}}


def stop(folder: Path, name: str) -> None:
    Supervisord(folder).stop(name, 20)


def start(folder: Path, name: str) -> None:
    Supervisord(folder).start(name)


def pids(platform: Platform, region: str, name: str) -> set[int]:
    return {one.pid for one in marked(str(platform.region(region) / name))}


def kill(platform: Platform, region: str, name: str) -> set[int]:
    """Kills a process and its children; returns the ids they had."""
    killed = pids(platform, region, name)
    for pid in killed:
        with contextlib.suppress(psutil.NoSuchProcess):  # a child can end with its parent
            psutil.Process(pid).send_signal(signal.SIGKILL)
    return killed


def test_a_second_up_has_nothing_to_do(platform: Platform) -> None:
    assert platform.changes() == ""


def test_outputs_have_their_stable_names(platform: Platform) -> None:
    outputs = platform.outputs
    assert outputs["api_url"].startswith("https://localhost:")
    assert outputs["admin_username"] == "admin"
    assert len(outputs["admin_password"]) >= 24
    assert {name: one["database_role"] for name, one in outputs["regions"].items()} == {
        PRIMARY: "primary",
        STANDBY: "standby",
    }
    for region in outputs["regions"].values():
        assert region["api_url"].startswith("https://localhost:")
        assert region["gateway_admin_url"].startswith("http://127.0.0.1:")
    assert set(outputs["grpc"]) == {"security", "marketplace"}


def test_secrets_are_not_in_the_clear_in_state_processes_or_logs(platform: Platform) -> None:
    secrets = [
        platform.outputs["admin_password"],
        platform.password("security"),
        platform.password("marketplace_owner"),
        platform.secret("database-administrator"),
    ]
    state = platform.pulumi("stack", "export").stdout
    places = {"state": state, "outputs": platform.pulumi("stack", "output", "--json").stdout}
    for one in marked_below(platform.stack.folder):
        places[f"command line of {one.mark}"] = " ".join(one.process.cmdline())
        places[f"environment of {one.mark}"] = " ".join(one.process.environ().values())
    for log in platform.stack.folder.glob("*/logs/*"):
        places[str(log)] = log.read_text(errors="replace")
    assert len(places) > 20
    for place, text in places.items():
        assert not [one for one in secrets if one in text], place


def test_a_killed_process_is_started_again(platform: Platform) -> None:
    before = kill(platform, PRIMARY, "security-0")
    assert before

    def logged_in() -> bool:
        with platform.client(PRIMARY):
            return bool(pids(platform, PRIMARY, "security-0") - before)

    eventually(logged_in)


def test_drift_is_shown_by_refresh_and_repaired_by_up(platform: Platform) -> None:
    home = platform.region(STANDBY)
    stop(home, "security-0")
    bootstrap = next(home.glob("gateway/*.json"))
    bootstrap.write_text(bootstrap.read_text().replace("gateway", "getaway"))
    shown = platform.pulumi("refresh", "--yes", "--skip-preview", "--diff")
    assert shown.returncode == 0, shown.stderr
    assert f"{STANDBY}-security-0" in shown.stdout
    assert f"{STANDBY}-gateway" in shown.stdout
    preview = platform.changes()
    assert f"{STANDBY}-security-0" in preview
    platform.up()
    assert platform.changes() == ""
    with platform.client(STANDBY):
        pass


def test_a_deleted_standby_is_made_again_from_the_primary(platform: Platform) -> None:
    stop(platform.region(STANDBY), "postgres")
    shutil.rmtree(platform.region(STANDBY) / "database" / "data")
    refreshed = platform.pulumi("refresh", "--yes", "--skip-preview")
    assert refreshed.returncode == 0, refreshed.stderr
    platform.up()
    assert platform.changes() == ""
    replicates(platform, PRIMARY, STANDBY, "after-rebuild")


def replicates(platform: Platform, source: str, copy: str, name: str) -> None:
    """Registers a service at one region and finds its row in another's database."""
    body = {
        "name": name,
        "category": "test",
        "pricing_model": "enterprise",
        "base_price": 0,
        "endpoints": [{"name": "any", "url": "http://127.0.0.1:1/x"}],
    }
    with platform.client(source) as client:
        service = client.request("POST", "/api/v1/services", json=body)["service"]
        try:
            with platform.database("marketplace", "marketplace", region=copy) as connection:
                connection.execute("select set_config('app.tenant_id', 'platform', false)")
                query = "select name from service where id = %s"
                eventually(lambda: connection.execute(query, [service["id"]]).fetchone() == (name,))
        finally:
            client.request("DELETE", f"/api/v1/services/{service['id']}")


def test_the_standby_replicates_and_refuses_writes(platform: Platform) -> None:
    replicates(platform, PRIMARY, STANDBY, "replicated")
    with platform.database("marketplace", "marketplace_owner", region=STANDBY) as connection:
        assert connection.execute("select pg_is_in_recovery()").fetchone() == (True,)
        with pytest.raises(Exception, match="read-only"):
            connection.execute("create table scratch (id int)")


def test_calls_go_on_without_a_region(platform: Platform, language_service: dict[str, Any]) -> None:
    path = f"/api/v1/services/{language_service['id']}/call"
    with platform.client() as client:
        stop(platform.region(PRIMARY), "gateway")
        try:
            answers = [client.send("POST", path, json=CALL) for _ in range(100)]
        finally:
            start(platform.region(PRIMARY), "gateway")
        assert [one.status_code for one in answers] == [200] * 100
        assert {one.headers["x-aip-region"] for one in answers} == {STANDBY}

        def answered_by() -> str:
            response = client.send("POST", path, json=CALL)
            assert response.status_code == 200, response.text
            return response.headers["x-aip-region"]

        back: list[str] = []
        deadline = time.monotonic() + 30
        while back.count(PRIMARY) < 50:
            assert time.monotonic() < deadline, "the region does not take calls again"
            back.append(answered_by())


def test_logins_go_on_without_a_regions_security_service(platform: Platform) -> None:
    stop(platform.region(PRIMARY), "security-0")
    try:
        for _ in range(20):
            with platform.client() as client:
                assert client.authorization
    finally:
        start(platform.region(PRIMARY), "security-0")

    def logged_in() -> bool:
        with platform.client(PRIMARY):
            return True

    eventually(logged_in)


def test_calls_go_on_without_any_service_of_the_platform(
    platform: Platform, language_service: dict[str, Any]
) -> None:
    path = f"/api/v1/services/{language_service['id']}/call"
    control = [
        (region, name)
        for region in (PRIMARY, STANDBY)
        for name in ("marketplace-0", "security-0", "postgres")
    ]
    with platform.client() as client:
        client.request("POST", path, json=CALL)
        for region, name in control:
            stop(platform.region(region), name)
        try:
            assert [client.send("POST", path, json=CALL).status_code for _ in range(50)] == [
                200
            ] * 50
        finally:
            for region, name in sorted(control, key=lambda one: one[1] != "postgres"):
                start(platform.region(region), name)

    def logged_in() -> bool:
        with platform.client(PRIMARY), platform.client(STANDBY):
            return True

    eventually(logged_in, seconds=30)


def test_usage_survives_killing_what_counts_it(platform: Platform) -> None:
    port = platform.environment.local.global_.examples
    body = {
        "name": "counted",
        "category": "test",
        "pricing_model": "pay_per_use",
        "base_price": 1,
        "endpoints": [{"name": "detect", "url": f"http://127.0.0.1:{port}/v1/detect"}],
    }
    with platform.client(PRIMARY) as client:
        service = client.request("POST", "/api/v1/services", json=body)["service"]["id"]
        path = f"/api/v1/services/{service}/call"

        def counted() -> int:
            rows = client.request("GET", "/api/v1/usage", params={"service_id": service})["usage"]
            return sum(int(one["calls"]) for one in rows)

        eventually(lambda: client.send("POST", path, json=CALL).is_success, what="a route")
        for number in range(60):
            assert client.send("POST", path, json=CALL).is_success
            if number % 20 == 10:
                for name in ("meter", "postgres"):
                    eventually(lambda: kill(platform, PRIMARY, name), what=f"{name} runs")  # noqa: B023
        # The first call to be answered, and these: what had no route yet is no call.
        eventually(lambda: counted() == 61, seconds=40, what="61 calls counted")
        client.request("DELETE", f"/api/v1/services/{service}")


def test_another_primary_region_is_a_failover_that_loses_nothing(
    platform: Platform, language_service: dict[str, Any]
) -> None:
    for primary, standby in ((STANDBY, PRIMARY), (PRIMARY, STANDBY)):
        platform.write(primary_region=primary)
        platform.up()
        assert platform.outputs["regions"][primary]["database_role"] == "primary"
        with platform.client(primary) as client:
            found = client.request("GET", f"/api/v1/services/{language_service['id']}")
            assert found["service"]["name"] == "language"
        replicates(platform, primary, standby, f"moved-to-{primary}")
        assert platform.changes() == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "blue"}, "ai-platform:environment.colour: there is no such key"),
        ({"primary_region": "mars"}, "primary_region: 'mars' is not one of the regions"),
    ],
)
def test_a_mistake_in_the_environment_file_changes_nothing(
    platform: Platform, change: dict[str, Any], said: str
) -> None:
    before = dict(platform.settings)
    platform.write(**change)
    try:
        ended = platform.pulumi("up", "--yes", "--skip-preview")
        assert ended.returncode != 0
        assert said in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stdout + ended.stderr
    finally:
        platform.settings = before
        platform.write()
    assert platform.changes() == ""


def test_a_taken_port_is_refused_before_anything_starts(platform: Platform) -> None:
    before = dict(platform.settings)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        local = platform.settings["local"]
        platform.write(local=local | {"global": local["global"] | {"examples": port}})
        try:
            ended = platform.pulumi("up", "--yes", "--skip-preview")
        finally:
            platform.settings = before
            platform.write()
    assert ended.returncode != 0
    said = ended.stdout + ended.stderr
    assert f"local.global.examples: port {port} is taken by" in said
    assert platform.changes() == ""


def test_up_cut_off_half_way_is_finished_by_the_next_one(platform: Platform) -> None:
    before = dict(platform.settings)
    services = {"security": {"replicas": 2}, "marketplace": {"replicas": 1}}
    platform.write(services=services)
    with subprocess.Popen(
        [
            *(str(find()), "up", "--yes", "--skip-preview", "--stack", platform.stack.name),
            *("--config-file", str(platform.stack.config_file)),
        ],
        cwd=ROOT,
        env=platform.stack.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        eventually(lambda: pids(platform, PRIMARY, "security-1"), seconds=60)
        for child in [*psutil.Process(run.pid).children(recursive=True), psutil.Process(run.pid)]:
            child.kill()
    platform.stack.prepare()
    platform.stack.up()
    assert platform.changes() == ""
    assert pids(platform, PRIMARY, "security-1")
    platform.settings = before
    platform.write()
    platform.up()
    assert pids(platform, PRIMARY, "security-1") == set()
