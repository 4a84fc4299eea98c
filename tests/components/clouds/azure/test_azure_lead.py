"""The script that makes a server the leader, run for real against an Azure of a few files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.clouds.azure.database import SCRIPT

WEST, NORTH = "/subscriptions/s/servers/west", "/subscriptions/s/servers/north"
ZONE = "/subscriptions/s/privateDnsZones/west.private.postgres.database.azure.com"

AZ = f"""#!{sys.executable}
# Stands for `az rest`: servers are entries of state.json.
import json, re, sys
from pathlib import Path

state_file = Path(__file__).with_name("state.json")
state = json.loads(state_file.read_text())
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
path = options["--url"].partition("?")[0]
body = json.loads(options.get("--body", "{{}}")).get("properties", {{}})
state["calls"].append([options["--method"], path, body])
down = state.get("down")
failed = down and path.startswith(down)
server = state["servers"].get(path)
endpoints = state["endpoints"]
if options["--method"] == "patch" and "replica" in body and not failed:
    mode, option = body["replica"]["promoteMode"], body["replica"]["promoteOption"]
    leader = server["properties"]["sourceServerResourceId"]
    pointed = endpoints.get(leader) == [path.rpartition("/")[2]]
    if mode == "switchover" and (down == leader and option == "planned" or not pointed):
        failed = True
    else:
        server["properties"] |= {{"replicationRole": "Primary" if mode == "switchover" else "None"}}
        if mode == "switchover":
            state["servers"][leader]["properties"] |= {{"replicationRole": "AsyncReplica"}}
elif options["--method"] == "patch" and not failed:
    server["properties"] |= body
elif path == "{ZONE}/A" and not failed:
    assert options["--query"] == "value[0].properties.aRecords[0].ipv4Address"
    print(state["address"])
elif options["--method"] == "post" and not failed:
    state["pending"] = []
elif "/configurations/" in path and not failed:
    print(str(path.rpartition("/")[2] in state["pending"]).lower())
elif options["--method"] == "put" and not failed:
    endpoints[path.partition("/virtualEndpoints")[0]] = body["members"]
elif not failed:
    owner, _, endpoint = path.partition("/virtualEndpoints")
    if server is None:
        members = endpoints.get(owner)
        server = {{"properties": {{"members": members}}}} if endpoint else {{"value": []}}
    found = server
    for part in re.findall(r"[A-Za-z]+|\\d+", options["--query"]):
        if isinstance(found, list):
            found = found[int(part)] if len(found) > int(part) else None
        else:
            found = (found or {{}}).get(part)
    print("" if found is None else found)
state_file.write_text(json.dumps(state))
sys.exit(1 if failed else 0)
"""


class Azure:
    """Two servers; the one in the west leads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "az"
        program.write_text(AZ)
        program.chmod(0o755)
        self.write(
            {
                "calls": [],
                "endpoints": {},
                "down": None,
                "pending": [],
                "address": "10.9.13.4",
                "servers": {
                    WEST: server("Primary", "ZoneRedundant"),
                    NORTH: server("AsyncReplica", "Disabled", WEST),
                },
            }
        )

    def read(self) -> dict[str, Any]:
        return json.loads((self.folder / "state.json").read_text())

    def write(self, state: dict[str, Any]) -> None:
        (self.folder / "state.json").write_text(json.dumps(state))

    def set(self, **changes: Any) -> None:
        self.write(self.read() | changes)

    def role(self, name: str) -> str:
        return self.read()["servers"][name]["properties"]["replicationRole"]

    def changes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.read()["calls"] if method != "get"]

    def run(self, name: str, intent: str) -> subprocess.CompletedProcess[str]:
        bash = shutil.which("bash")
        assert bash
        return subprocess.run(
            [bash, str(SCRIPT)],
            env={
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "SERVER": name,
                "INTENT": intent,
                "ZONE": ZONE,
                "AZ_SCRIPTS_OUTPUT_PATH": str(self.folder / "outputs.json"),
                "STATIC": "max_wal_senders wal_level",
                "HIGH_AVAILABILITY": "ZoneRedundant",
                "POLL_SECONDS": "0",
                "PATIENCE": "2",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )


def server(role: str, high_availability: str, source: str | None = None) -> dict[str, Any]:
    return {
        "properties": {
            "replicationRole": role,
            "sourceServerResourceId": source,
            "state": "Ready",
            "highAvailability": {"mode": high_availability},
        }
    }


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path)


@pytest.mark.parametrize(("name", "intent"), [(WEST, "lead"), (NORTH, "follow")])
def test_who_is_what_it_shall_be_is_left_alone(azure: Azure, name: str, intent: str) -> None:
    ended = azure.run(name, intent)
    assert ended.returncode == 0, ended.stderr
    assert azure.changes() == []
    assert json.loads((azure.folder / "outputs.json").read_text()) == {"address": "10.9.13.4"}


def test_a_server_whose_address_is_not_known_fails_the_update(azure: Azure) -> None:
    azure.set(address="")
    ended = azure.run(WEST, "lead")
    assert ended.returncode == 1
    assert f"{ZONE}: there is no address of west" in ended.stderr


@pytest.mark.parametrize(("name", "intent"), [(WEST, "lead"), (NORTH, "follow")])
def test_parameters_that_wait_for_a_restart_get_one(azure: Azure, name: str, intent: str) -> None:
    azure.set(pending=["max_wal_senders", "wal_level"])
    ended = azure.run(name, intent)
    assert ended.returncode == 0, ended.stderr
    assert azure.changes() == [("post", f"{name}/restart")]


def test_roles_are_swapped_and_the_new_leader_gets_its_second_instance(azure: Azure) -> None:
    ended = azure.run(NORTH, "lead")
    assert ended.returncode == 0, ended.stderr
    assert (azure.role(NORTH), azure.role(WEST)) == ("Primary", "AsyncReplica")
    assert azure.changes() == [
        ("put", f"{WEST}/virtualEndpoints/west-leader"),
        ("patch", NORTH),
        ("patch", NORTH),
    ]
    assert azure.read()["servers"][NORTH]["properties"]["highAvailability"] == {
        "mode": "ZoneRedundant"
    }


def test_run_again_it_changes_nothing(azure: Azure) -> None:
    azure.run(NORTH, "lead")
    before = azure.changes()
    assert azure.run(NORTH, "lead").returncode == 0
    assert azure.changes() == before


def test_a_dead_leader_is_replaced_by_force(azure: Azure) -> None:
    azure.set(down=WEST, endpoints={WEST: ["north"]})
    ended = azure.run(NORTH, "lead")
    assert ended.returncode == 0, ended.stderr
    assert "switchover, forced" in ended.stdout
    assert azure.role(NORTH) == "Primary"


def test_a_dead_leader_that_never_pointed_here_is_left_behind(azure: Azure) -> None:
    azure.set(down=WEST)
    ended = azure.run(NORTH, "lead")
    assert ended.returncode == 0, ended.stderr
    assert "standalone, forced" in ended.stdout
    assert azure.role(NORTH) == "None"


def test_a_promotion_that_fails_fails_the_update(azure: Azure) -> None:
    azure.set(down="/subscriptions")
    ended = azure.run(NORTH, "lead")
    assert ended.returncode != 0
