"""Taking the platform down, in order and after a crash. Runs last: it ends the shared platform."""

import json
import signal

import psutil

from components.clouds.local.provider.processes import marked_below
from tests.platform import Platform, eventually, running
from tools.down import down


def nothing_is_left(platform: Platform) -> None:
    assert platform.processes() == []
    assert platform.open_ports() == []
    locks = platform.stack.folder / "pulumi" / ".pulumi" / "locks"
    assert [path for path in locks.rglob("*.json")] == []  # noqa: C416
    left = {entry.name for entry in platform.stack.folder.iterdir()}
    assert left <= {"pulumi", "bin", "env"}


def test_destroy_leaves_nothing(platform: Platform) -> None:
    assert platform.processes()
    ended = platform.pulumi("destroy", "--yes", "--skip-preview")
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    state = json.loads(platform.pulumi("stack", "export").stdout)
    assert state["deployment"].get("resources", []) == []
    assert platform.processes() == []
    down(platform.stack)
    nothing_is_left(platform)


def test_everything_killed_is_brought_back_and_then_taken_down() -> None:
    with running() as platform:
        kill_everything(platform)
        assert platform.processes() == []
        refreshed = platform.pulumi("refresh", "--yes", "--skip-preview")
        assert refreshed.returncode == 0, refreshed.stderr
        platform.up()
        assert platform.changes() == ""
        with platform.client():
            pass
        kill_everything(platform)
        down(platform.stack)
        nothing_is_left(platform)


def kill_everything(platform: Platform) -> None:
    """Kills every process of a platform with SIGKILL, supervisors first."""
    found = sorted(
        marked_below(platform.stack.folder), key=lambda one: "supervisord" not in one.mark
    )
    assert found
    for one in found:
        if one.process.is_running():
            one.process.send_signal(signal.SIGKILL)
    eventually(lambda: not [one for one in found if alive(one.process)])


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
