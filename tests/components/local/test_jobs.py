"""Jobs: when they run, what they are given, how they fail."""

import sys
import time
from pathlib import Path

import pytest

from components.clouds.local.provider.framework import LocalError
from tests.components.local.machine import Declared, Machine

SECRET = "hush-hush-hush"
COUNT = "import os; print(open(os.environ['AIP_SECRETS_DIR'] + '/aip_token').read()[:4], 'ran')"


def job(machine: Machine, script: str = COUNT, **changes: object) -> Declared:
    (machine.home / "region").mkdir(exist_ok=True)
    inputs: dict[str, object] = {
        "folder": str(machine.home / "region"),
        "name": "migrate",
        "command": [sys.executable, "-c", script],
        "secrets": {"AIP_TOKEN": SECRET},
    }
    return machine.declare("Job", **(inputs | changes))


def runs(made: Declared) -> int:
    return Path(str(made.properties["log_file"])).read_text().count("hush ran")


def test_it_runs_once_and_again_when_a_trigger_changes(machine: Machine) -> None:
    made = job(machine)
    assert made.up().updates == frozenset()
    assert runs(made) == 1
    assert made.up(triggers={"version": "2"}).updates == {"triggers"}
    assert runs(made) == 2
    assert not (machine.home / "region" / "secrets" / "migrate").exists()


def test_a_check_that_says_no_makes_it_run_again(machine: Machine) -> None:
    done = machine.home / "done"
    script = f"{COUNT}; open({str(done)!r}, 'w')"
    check = [sys.executable, "-c", f"import sys, os; sys.exit(not os.path.exists({str(done)!r}))"]
    made = job(machine, script, check_command=check)
    assert made.drift() == []
    done.unlink()
    assert made.drift() == ["job migrate must run again, by its check"]
    assert made.up().updates == {"drift"}
    assert runs(made) == 2


def test_a_failure_shows_the_end_of_the_log_without_secrets(machine: Machine) -> None:
    with pytest.raises(LocalError) as failed:
        job(machine, f"print('no table', {SECRET!r}); raise SystemExit(3)")
    assert "job migrate ended with exit status 3" in str(failed.value)
    assert "no table ***" in str(failed.value)


def test_a_job_that_takes_too_long_is_stopped(machine: Machine) -> None:
    started = time.monotonic()
    with pytest.raises(LocalError, match="did not end within 1 s"):
        job(machine, "import time; time.sleep(60)", timeout_seconds=1)
    assert time.monotonic() - started < 20
    assert machine.running() == []


def test_a_command_that_is_not_there_is_named(machine: Machine) -> None:
    with pytest.raises(LocalError, match="command: /no/such can't be started"):
        job(machine, command=["/no/such"])


def test_delete_removes_its_log(machine: Machine) -> None:
    made = job(machine)
    made.delete()
    assert [file for file in machine.home.rglob("*") if file.is_file()] == []
