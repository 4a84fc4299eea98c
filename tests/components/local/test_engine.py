"""The provider under the real Pulumi engine: a small program, taken through its life."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from components.clouds.local.provider import processes
from components.clouds.local.provider.reap import reap
from tests.components.local.machine import vanish, wait_for
from tests.ports import free_port
from tools.pulumi_cli import find

ROOT = Path(__file__).resolve().parents[3]

PROJECT = f"""
name: lifecycle
runtime: {{name: python, options: {{virtualenv: {ROOT}/.venv}}}}
plugins:
  providers:
    - name: local
      path: {ROOT}/components/clouds/local/provider
"""

PROGRAM = """
import json, sys
from pathlib import Path

import pulumi
from components.clouds.local.resources import (
    Certificate, CertificateAuthority, Database, DatabaseRole, Job, PostgresPeer, PostgresServer,
    Process, RandomPassword, Readiness, Supervisor, Valkey,
)

asked = json.loads(Path("asked.json").read_text())
home, ports = Path(asked["home"]), asked["ports"]
password = RandomPassword("password")
authority = CertificateAuthority(
    "authority", folder=f"{home}/ca", common_name="test", trust_domain="example.internal"
)
Certificate(
    "leaf", authority=authority, folder=f"{home}/leaf", file_name="leaf",
    spiffe_id="spiffe://example.internal/test/leaf",
)
supervisors = {
    name: Supervisor(name, folder=f"{home}/{name}", port=ports[name]) for name in ("east", "west")
}
servers = {}
order = [asked["primary"], "west" if asked["primary"] == "east" else "east"]
for place, name in enumerate(order):
    other = order[1 - place]
    first = servers.get(order[0])
    servers[name] = PostgresServer(
        f"{name}-postgres", server_name="postgres", supervisor=supervisors[name].folder,
        folder=f"{home}/{name}/database", port=ports[f"{name}-postgres"],
        role="standby" if place else "primary",
        superuser_password=password.value, replication_password=password.value,
        primary=first.as_primary() if first else None, slot=name if first else None,
        standby_slots=[] if first else [other],
        peers=[PostgresPeer(
            port=ports[f"{other}-postgres"], supervisor=f"{home}/{other}", process="postgres"
        )],
    )
primary = servers[order[0]]
database = Database(
    "database", host=primary.host, port=primary.port, database_name="app",
    system_identifier=primary.system_identifier, superuser_password=password.value,
    owner=DatabaseRole(name="app_owner", password=password.value),
    roles=[DatabaseRole(name="app", password=password.value)],
)
Valkey(
    "cache", supervisor=supervisors["east"].folder, folder=f"{home}/east/cache",
    port=ports["cache"], password=password.value,
)
Job("job", folder=supervisors["east"].folder, command=[sys.executable, "-c", asked["job"]])
web = Process(
    "web", supervisor=supervisors["east"].folder,
    command=[sys.executable, "-m", asked["module"], str(ports["web"])],
    secrets={"AIP_TOKEN": password.value}, ports=[ports["web"]],
    readiness=Readiness(kind="http", port=ports["web"], timeout_seconds=10),
    opts=pulumi.ResourceOptions(depends_on=[database]),
)
pulumi.export("password", password.value)
pulumi.export("state", web.state)
"""


class Project:
    """A Pulumi project in a folder of its own, with its state beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        names = ("east", "west", "east-postgres", "west-postgres", "cache", "web")
        self.asked: dict[str, Any] = {
            "home": str(self.home),
            "ports": {name: free_port() for name in names},
            "primary": "east",
            "module": "http.server",
            "job": "print('ran')",
        }
        self.environment = os.environ | {
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_HOME": str(folder / "pulumi"),
        }
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text(PROJECT)
        (folder / "__main__.py").write_text(PROGRAM)
        self.run("stack", "init", "test")

    def run(self, *arguments: str, fails: bool = False, **asked: Any) -> str:
        """Runs a pulumi command with the program's wishes changed; returns what it printed."""
        self.asked |= asked
        (self.folder / "asked.json").write_text(json.dumps(self.asked))
        ended = subprocess.run(
            [find(), *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        printed = ended.stdout + ended.stderr
        assert (ended.returncode != 0) is fails, printed
        return printed

    def up(self, **keywords: Any) -> str:
        return self.run("up", "--yes", "--skip-preview", **keywords)

    def is_unchanged(self) -> bool:
        """Tells whether a preview finds nothing to do; fails with what it printed otherwise."""
        return "unchanged" in self.run("preview", "--expect-no-changes", "--diff")

    def password(self) -> str:
        return self.run("stack", "output", "password", "--show-secrets").strip()

    def rows(self, region: str) -> int:
        with psycopg.connect(
            host="127.0.0.1",
            port=self.asked["ports"][f"{region}-postgres"],
            user="app_owner",
            password=self.password(),
            dbname="app",
        ) as connection:
            row = connection.execute("SELECT count(*) FROM rows").fetchone()
            assert row is not None
            return int(row[0])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    reap(made.home)


def test_a_stack_lives_moves_its_primary_is_repaired_and_leaves_nothing(project: Project) -> None:
    assert "error: " not in project.up()
    assert project.is_unchanged()
    project.run("refresh", "--yes", "--expect-no-changes")
    password = project.password()
    for state in (project.folder / "state").rglob("*"):
        assert not state.is_file() or password not in state.read_text(errors="replace"), state

    ports = project.asked["ports"]
    with psycopg.connect(
        host="127.0.0.1",
        port=ports["east-postgres"],
        user="app_owner",
        password=password,
        dbname="app",
    ) as connection:
        connection.execute("CREATE TABLE rows AS SELECT generate_series(1, 1000)")

    moved = project.up(primary="west")
    assert "replac" not in moved
    assert project.is_unchanged()
    assert project.rows("west") == 1000
    assert project.rows("east") == 1000

    (project.home / "leaf" / "leaf.crt").write_text("damaged")
    settings = project.home / "east" / "cache" / "valkey.conf"
    settings.write_text(settings.read_text() + "#")
    vanish(project.home / "west" / "database")
    for one in processes.marked_below(project.home / "east"):
        os.kill(one.pid, signal.SIGKILL)
    wait_for(lambda: not processes.marked_below(project.home / "east"), "all of east is dead")
    shown = project.run("refresh", "--yes", "--diff")
    for drift in ("valkey.conf was edited", "leaf.crt and its key are", "is not running"):
        assert drift in shown
    assert "west-postgres" in shown
    project.up()
    assert project.is_unchanged()
    assert project.rows("west") == 1000

    project.run("destroy", "--yes")
    assert processes.marked_below(project.home) == []
    assert [file for file in project.home.rglob("*") if file.is_file()] == []


def test_an_update_that_fails_half_way_is_recorded_and_finished_by_the_next(
    project: Project,
) -> None:
    for _ in range(2):
        failed = project.up(job="raise SystemExit(3)", fails=True)
        assert "job job ended with exit status 3" in failed, "it is run until it ends well"
        project.run("refresh", "--yes")
    failed = project.up(job="print('ran')", module="no.such.module", fails=True)
    assert "process web ends again and again" in failed
    assert "No module named" in failed
    state = json.loads(project.run("stack", "export"))["deployment"]["resources"]
    assert "web" in {resource["urn"].rpartition("::")[2] for resource in state}
    assert "process web ends" in project.up(fails=True), "what is wrong is said again"
    project.up(module="http.server")
    assert project.is_unchanged()
    taken = project.asked["ports"] | {"web": project.asked["ports"]["cache"]}
    refused = project.up(ports=taken, fails=True)
    assert f"ports[0]: port {taken['cache']} on 127.0.0.1 is taken by process" in refused


def test_a_mistake_is_refused_by_the_preview_with_its_property(project: Project) -> None:
    refused = project.run("preview", ports=project.asked["ports"] | {"cache": 99999}, fails=True)
    assert "property port value {99999} has a problem" in refused
    assert "a TCP port, 1 to 65535" in refused
    assert not project.home.exists()


def test_the_provider_leaves_when_its_engine_is_killed() -> None:
    script = f"""
import socket, subprocess, sys
engine = socket.create_server(("127.0.0.1", 0))
address = "127.0.0.1:%d" % engine.getsockname()[1]
folder = {str(ROOT / "components/clouds/local/provider")!r}
provider = subprocess.Popen([sys.executable, "-u", folder, address], stdout=subprocess.PIPE)
provider.stdout.readline()
engine.close()
sys.exit(provider.wait(timeout=20) != 1)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)
