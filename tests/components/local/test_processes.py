"""Supervised processes and their supervisor: start, restart, drift, failure, end."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
import xmlrpc.client
from pathlib import Path

import psutil
import pytest

from components.clouds.local.provider import processes
from components.clouds.local.provider.framework import LocalError, RefusedError
from components.clouds.local.provider.reap import reap
from components.clouds.local.provider.supervisord import Supervisord
from tests.components.local.machine import Declared, Machine, answers, wait_for
from tests.ports import free_port

SECRET = "hush-hush-hush"
SERVE = """
import http.server, json, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())

print("serving, with a secret of", len(os.environ), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def web(machine: Machine, **changes: object) -> Declared:
    port = free_port()
    inputs: dict[str, object] = {
        "supervisor": str(machine.home / "region"),
        "name": "web",
        "command": [sys.executable, "serve.py", str(port)],
        "files": {"serve.py": SERVE},
        "environment": {"GREETING": 'it\'s "100%" ; fine\nreally'},
        "secrets": {"AIP_TOKEN": SECRET},
        "ports": [port],
        "readiness": {"kind": "http", "port": port, "path": "/ready"},
    }
    return machine.declare("Process", **(inputs | changes))


def port_of(made: Declared) -> int:
    return int(str(made.inputs["ports"]).strip("[]"))


def environment_of(made: Declared) -> dict[str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port_of(made)}/ready", timeout=5) as answer:
        return json.loads(answer.read())


def test_a_process_gets_what_it_was_given_and_nothing_of_the_users_environment(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", SECRET)
    machine.supervisor()
    made = web(machine)
    environment = environment_of(made)
    assert environment["GREETING"] == 'it\'s "100%" ; fine\nreally'
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment
    secret = Path(environment["AIP_SECRETS_DIR"], "aip_token")
    assert secret.read_text() == SECRET
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    holding = [
        file
        for file in machine.home.rglob("*")
        if file.is_file() and SECRET in file.read_text(errors="replace")
    ]
    assert holding == [secret]
    assert SECRET not in json.dumps(environment)
    assert not any(SECRET in word for one in machine.running() for word in one.process.cmdline())


def test_nothing_changed_means_nothing_is_restarted(machine: Machine) -> None:
    supervisor = machine.supervisor()
    made = web(machine)
    before = machine.only("web"), machine.only("supervisord")
    for declared in (supervisor, made):
        assert declared.up().updates == frozenset()
        declared.resource.apply(declared.resource.parse(declared.inputs), declared.properties)
    assert (machine.only("web"), machine.only("supervisord")) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": {"GREETING": "other"}},
        {"secrets": {"AIP_TOKEN": "other-secret"}},
        {"secrets": {"AIP_OTHER": SECRET}},
        {"files": {"serve.py": SERVE + "# changed"}},
        {"triggers": {"version": "2"}},
    ],
    ids=["environment", "secret value", "secret name", "file", "trigger"],
)
def test_a_change_restarts_it_with_the_new_inputs(
    machine: Machine, changes: dict[str, object]
) -> None:
    machine.supervisor()
    made = web(machine)
    before = machine.only("web")
    assert made.up(**changes).updates == changes.keys()
    assert machine.only("web") != before
    assert made.drift() == []
    environment = environment_of(made)
    secrets = made.inputs["secrets"]
    assert isinstance(secrets, dict)
    kept = {file.name.upper(): file.read_text() for file in secret_files(environment)}
    assert kept == secrets, "former secrets are removed"


def secret_files(environment: dict[str, str]) -> list[Path]:
    return list(Path(environment["AIP_SECRETS_DIR"]).iterdir())


def test_a_killed_process_is_restarted_by_its_supervisor(machine: Machine) -> None:
    machine.supervisor()
    made = web(machine)
    before = machine.only("web")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(before) and made.drift() == [], "restarted")
    assert machine.only("web") != before


def test_a_process_that_ends_and_is_restarted_while_it_is_stopped_is_stopped_for_good(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.supervisor()
    web(machine)
    supervisord = Supervisord(machine.home / "region")
    call, refused = supervisord.call, []

    def call_just_after_its_end(method: str, *arguments: object) -> object:
        if method == "stopProcess" and not refused:
            refused.append(method)
            raise xmlrpc.client.Fault(70, "NOT_RUNNING")
        return call(method, *arguments)

    monkeypatch.setattr(supervisord, "call", call_just_after_its_end)
    supervisord.stop("web", 5)
    assert refused
    status = supervisord.status("web")
    assert status
    assert status.state == "STOPPED"
    assert machine.running("web") == []


def test_a_stopped_process_is_drift_and_is_started_again(machine: Machine) -> None:
    supervisor = machine.supervisor()
    made = web(machine)
    command = [sys.executable, "-m", "supervisor.supervisorctl"]
    settings = Path(str(supervisor.inputs["folder"])) / "supervisord.conf"
    text = settings.read_text().splitlines()
    login = {line.partition("=")[0]: line.partition("=")[2] for line in text if "=" in line}
    url = f"http://{login['port']}"
    run(*command, "-s", url, "-u", login["username"], "-p", login["password"], "stop", "web")
    assert made.drift() == ["process web is stopped"]
    live = made.read()
    assert live is not None
    assert live.outputs["state"] == "stopped"
    assert made.up().updates == {"drift"}
    assert answers(port_of(made))


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


@pytest.mark.parametrize("relative", ["web/serve.py", "secrets/web/aip_token", "conf.d/web.conf"])
def test_an_edited_or_deleted_file_is_drift_and_is_mended(machine: Machine, relative: str) -> None:
    machine.supervisor()
    made = web(machine)
    file = machine.home / "region" / relative
    right = file.read_text()
    file.write_text(right + "#")
    assert made.drift() == [f"{file} was edited"]
    made.up()
    file.unlink()
    assert made.drift() == [f"{file} is missing"]
    made.up()
    assert file.read_text() == right
    assert made.drift() == []


def test_a_taken_port_is_named_with_its_holder_before_anything_starts(machine: Machine) -> None:
    machine.supervisor()
    held = web(machine)
    before = sorted(machine.home.rglob("*"))
    port = port_of(held)
    with pytest.raises(RefusedError) as refused:
        web(machine, name="second", ports=[free_port(), port])
    message = str(refused.value)
    assert message.startswith(f"ports[1]: port {port} on 127.0.0.1 is taken by process")
    assert f"{machine.home}/region/web" in message
    assert sorted(machine.home.rglob("*")) == before
    with pytest.raises(RefusedError, match=f"port: port {port} on 127.0.0.1 is taken"):
        machine.declare("Supervisor", name="x", folder=str(machine.home / "x"), port=port)
    assert not (machine.home / "x").exists()


def test_one_that_never_gets_ready_says_why_without_its_secrets_and_converges(
    machine: Machine,
) -> None:
    machine.supervisor()
    silent = {"serve.py": f"import time; print('waiting for {SECRET}', flush=True); time.sleep(99)"}
    port = free_port()
    ready = {"kind": "tcp", "port": port, "timeout_seconds": 2}
    with pytest.raises(LocalError) as failed:
        web(machine, files=silent, readiness=ready)
    assert "process web is not ready after 2 s: port" in str(failed.value)
    assert "waiting for ***" in str(failed.value)
    assert SECRET not in str(failed.value)
    made = web(machine)
    assert made.drift() == []
    made.delete()
    assert [one.mark for one in machine.running()] == [f"{machine.home}/region/supervisord"]


def test_one_that_ends_again_and_again_fails_early_with_its_last_words(machine: Machine) -> None:
    machine.supervisor()
    with pytest.raises(LocalError, match=r"ends again and again(.|\n)*no such planet"):
        web(machine, files={"serve.py": "raise SystemExit('no such planet')"})


def test_one_that_can_not_be_started_says_so(machine: Machine) -> None:
    machine.supervisor()
    with pytest.raises(LocalError, match=r"(?s)ends again.*/no/such/program can't be started"):
        web(machine, command=["/no/such/program"])


def test_restart_never_leaves_an_ended_process_alone(machine: Machine) -> None:
    machine.supervisor()
    made = web(machine, restart="never")
    os.kill(machine.only("web"), signal.SIGTERM)
    # Which of the two depends on whether it had run for a second.
    ended = (["process web is exited"], ["process web is fatal"])
    wait_for(lambda: made.drift() in ended, "ended")
    assert made.up().updates == {"drift"}
    assert made.drift() == []


def test_a_killed_supervisor_is_drift_and_no_process_runs_twice_after_its_return(
    machine: Machine,
) -> None:
    supervisor = machine.supervisor()
    made = web(machine)
    former = machine.only("web")
    os.kill(machine.only("supervisord"), signal.SIGKILL)
    wait_for(lambda: supervisor.drift() != [], "noticed")
    assert supervisor.drift() == [f"supervisord of {machine.home}/region is not running"]
    assert psutil.pid_exists(former), "processes outlive a killed supervisor"
    assert supervisor.up().updates == {"drift"}
    wait_for(lambda: made.drift() == [], "started again")
    assert machine.only("web") != former


def test_what_an_earlier_supervisor_left_is_stopped_though_the_present_one_is_fine(
    machine: Machine,
) -> None:
    supervisor = machine.supervisor()
    web(machine)
    former = machine.only("web")
    os.kill(machine.only("supervisord"), signal.SIGKILL)
    (machine.home / "region" / "conf.d" / "web.conf").unlink()
    settings = machine.home / "region" / "supervisord.conf"
    mark = f"{machine.home}/region/supervisord"
    subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", settings],
        env={processes.MARK: mark},
        check=True,
    )
    wait_for(lambda: supervisor.drift() == [], "started by hand")
    assert psutil.pid_exists(former)
    supervisor.resource.apply(supervisor.resource.parse(supervisor.inputs), None)
    assert [one.mark for one in machine.running()] == [mark]


def test_a_supervisor_whose_settings_were_edited_or_folder_deleted_comes_back(
    machine: Machine,
) -> None:
    supervisor = machine.supervisor()
    made = web(machine)
    settings = machine.home / "region" / "supervisord.conf"
    settings.write_text(settings.read_text() + "#")
    assert supervisor.drift() == [f"{settings} was edited"]
    supervisor.up()
    assert supervisor.drift() == []
    (machine.home / "region").rename(machine.home / "elsewhere")
    assert supervisor.drift() == ["gone"]
    supervisor.up()
    made.up()
    assert [*supervisor.drift(), *made.drift()] == []
    assert len({one.mark for one in machine.running()}) == 2


def test_a_supervisor_moves_to_another_port_with_its_processes(machine: Machine) -> None:
    supervisor = machine.supervisor()
    made = web(machine)
    former = int(str(supervisor.inputs["port"]))
    assert supervisor.up(port=free_port()).updates == {"port"}
    wait_for(lambda: made.drift() == [], "started again")
    assert not answers(former)


def test_delete_leaves_no_process_port_or_file(machine: Machine) -> None:
    supervisor = machine.supervisor()
    made = web(machine)
    made.delete()
    assert not answers(port_of(made))
    supervisor.delete()
    assert machine.running() == []
    assert list(machine.home.iterdir()) == []
    made.delete()
    supervisor.delete()


def test_delete_of_a_supervisor_that_was_killed_stops_what_it_left(machine: Machine) -> None:
    supervisor = machine.supervisor()
    web(machine)
    os.kill(machine.only("supervisord"), signal.SIGKILL)
    supervisor.delete()
    assert machine.running() == []


def test_reap_stops_everything_after_a_crash_and_says_what(machine: Machine) -> None:
    for region in ("region", "other"):
        machine.supervisor(region)
        web(machine, supervisor=str(machine.home / region))
    os.kill(machine.running("region/supervisord")[0].pid, signal.SIGKILL)
    stopped = reap(machine.home)
    names = {line.rpartition(" ")[0] for line in stopped}
    assert names == {
        f"{machine.home}/{name}" for name in ("region/web", "other/web", "other/supervisord")
    }
    assert machine.running() == []
    assert reap(machine.home) == []


def test_grpc_readiness_over_mutual_tls(machine: Machine) -> None:
    machine.supervisor()
    authority = machine.declare(
        "CertificateAuthority",
        folder=str(machine.home / "ca"),
        common_name="platform",
        trust_domain="example.internal",
    )
    leaf = machine.declare(
        "Certificate",
        authority_folder=authority.inputs["folder"],
        authority_fingerprint=authority.properties["fingerprint"],
        folder=str(machine.home / "web-identity"),
        name="web",
        spiffe_id="spiffe://example.internal/region/web",
    )
    port = free_port()
    files = {name: leaf.properties[name] for name in ("certificate_file", "key_file", "ca_file")}
    made = web(
        machine,
        command=[sys.executable, "serve.py", str(port), *map(str, files.values())],
        files={"serve.py": GRPC_SERVER},
        ports=[port],
        readiness={"kind": "grpc", "port": port, "timeout_seconds": 20, **files},
    )
    assert made.drift() == []
    without = {"kind": "grpc", "port": port, "timeout_seconds": 1}
    with pytest.raises(LocalError, match="is not ready after 1 s: health check on port"):
        made.up(readiness=without)


GRPC_SERVER = """
import sys
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2_grpc

certificate, key, authority = (Path(name).read_bytes() for name in sys.argv[2:])
server = grpc.server(futures.ThreadPoolExecutor(2))
health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
credentials = grpc.ssl_server_credentials([(key, certificate)], authority, True)
server.add_secure_port(f"127.0.0.1:{sys.argv[1]}", credentials)
server.start()
server.wait_for_termination()
"""
