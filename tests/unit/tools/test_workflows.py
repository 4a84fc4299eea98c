"""The workflows run what anybody can run, with no more rights than they need."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tools.paths import ROOT
from tools.workflows import lint

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*"))
ACTIONS = sorted((GITHUB / "actions").glob("*/*"))

_MAKE = re.compile(r"make ([a-z-]+)(?: [A-Z]+=(?:\"[a-z/]*\$[A-Z]+\"|\w+))*")
_SCRIPT = re.compile(r"\.ci/[a-z-]+( [a-z]+)?")
_COMMENT = 'gh pr comment "$NUMBER" --edit-last --create-if-none --body-file review.md'
_PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")

Node = Mapping[str, Any]


def parsed(path: Path) -> Node:
    return cast("Node", yaml.safe_load(path.read_text()))


def steps(path: Path) -> Iterator[Node]:
    said = parsed(path)
    if "runs" in said:
        yield from said["runs"]["steps"]
    for job in said.get("jobs", {}).values():
        yield from job.get("steps", ())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the linters look at."""
    shutil.copytree(GITHUB, tmp_path / ".github")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def test_the_linters_find_nothing() -> None:
    assert lint()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("drift.yaml", "needs: look", "needs: lock"),
        (
            "review.yaml",
            'make review BASE="origin/$BASE"',
            "make review BASE=${{ github.head_ref }}",
        ),
        ("test.yaml", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v4"),
        ("apply-environment.yaml", "$STACKS", "${{ inputs.stacks }}"),
    ],
)
def test_the_linters_find_a_mistake(checkout: Path, file: str, old: str, new: str) -> None:
    path = checkout / ".github" / "workflows" / file
    text = path.read_text()
    assert old in text
    assert lint(checkout)
    path.write_text(text.replace(old, new))
    assert not lint(checkout)


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.parent.name + path.stem
)
def test_what_runs_is_a_target_or_a_script_of_the_repository(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in [one["run"] for one in steps(path) if "run" in one]:
        if made := _MAKE.fullmatch(command):
            assert made[1] in targets, command
        elif _SCRIPT.fullmatch(command):
            assert os.access(ROOT / command.split()[0], os.X_OK), command
        else:
            assert command == _COMMENT


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.parent.name + path.stem
)
def test_everything_used_is_pinned_and_nothing_is_kept_secret_at_the_server(path: Path) -> None:
    jobs = parsed(path).get("jobs", {}).values()
    used = [one["uses"] for one in [*steps(path), *jobs] if "uses" in one]
    for name in used:
        assert name.startswith("./") or _PINNED.fullmatch(name), name
        if name.startswith("./"):
            assert (ROOT / name).exists(), name
    text = path.read_text()
    for line in text.splitlines():
        if "@" in line and "uses:" in line:
            assert re.search(r" # v\d+\.\d+\.\d+$", line), f"says no version: {line}"
    assert "secrets." not in text
    assert not re.search(
        r"aws-(access-key-id|secret-access-key)|credentials_json|client-secret", text
    )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_rights_and_time_are_limited(path: Path) -> None:
    said = parsed(path)
    assert said["permissions"] in ({}, {"contents": "read"})
    for name, job in said["jobs"].items():
        rights = job.get("permissions", said["permissions"])
        if "uses" not in job:
            assert job["timeout-minutes"] <= 360, name
        if "write" in {rights.get("pull-requests"), rights.get("issues")}:
            assert "id-token" not in rights, f"{name} writes to GitHub and reaches the clouds"
    for one in steps(path):
        if str(one.get("uses", "")).startswith("actions/checkout@"):
            assert one["with"]["persist-credentials"] is False


def test_the_job_that_may_comment_runs_nothing_of_the_pull_request() -> None:
    job = parsed(GITHUB / "workflows" / "review.yaml")["jobs"]["comment"]
    assert job["permissions"] == {"pull-requests": "write"}
    assert [one.get("uses", "").partition("@")[0] for one in job["steps"]] == [
        "actions/download-artifact",
        "",
    ]


def test_environments_are_applied_in_order_and_production_is_approved() -> None:
    jobs = parsed(GITHUB / "workflows" / "apply.yaml")["jobs"]
    assert list(jobs) == ["plan", "dev", "staging", "production"]
    assert jobs["staging"]["needs"] == ["plan", "dev"]
    assert jobs["production"]["needs"] == ["plan", "dev", "staging"]
    called = parsed(GITHUB / "workflows" / "apply-environment.yaml")["jobs"]["apply"]
    assert called["environment"] == "${{ inputs.environment }}"


def test_drift_is_looked_for_in_every_stack() -> None:
    jobs = parsed(GITHUB / "workflows" / "drift.yaml")["jobs"]
    files = (ROOT / "environments").glob("Pulumi.*.yaml")
    stacks = {one.name.split(".")[1] for one in files} - {"local"}
    assert set(jobs["look"]["strategy"]["matrix"]["stack"]) == stacks


_GH = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$1 $2" in
  "run list") echo "$APPLIED" ;;
  "issue list") case "$*" in *staging*) echo 7 ;; esac ;;
esac
"""
_MAKE_DOUBLE = """#!/bin/sh
echo "make $@" >> "$CALLS"
echo '[{"kind": "check", "name": "test", "reasons": []},
  {"kind": "preview", "name": "dev", "reasons": []},
  {"kind": "preview", "name": "production", "reasons": []},
  {"kind": "preview", "name": "production-cell-1", "reasons": []},
  {"kind": "preview", "name": "production-eu", "reasons": []}]'
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts doubles of ``gh`` and ``make`` first; returns the log of how they are called."""
    for name, text in (("gh", _GH), ("make", _MAKE_DOUBLE)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


@pytest.mark.parametrize(("applied", "base"), [("a1b2", "a1b2"), ("", "c3d4")])
def test_what_is_applied_is_what_changed_since_it_last_was(
    applied: str, base: str, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIED", applied)
    monkeypatch.setenv("BEFORE", "c3d4")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    subprocess.run([ROOT / ".ci" / "stacks-to-apply"], check=True)
    assert (tmp_path / "output").read_text().splitlines() == [
        "dev=dev",
        "staging=",
        "production=production production-cell-1",
    ]
    assert f"make -s plan BASE={base} JSON=1" in calls.read_text()


def test_drift_opens_an_issue_or_edits_the_one_that_is_open(calls: Path, tmp_path: Path) -> None:
    for stack in ("dev", "staging"):
        (tmp_path / "found" / f"drift-{stack}").mkdir(parents=True)
        (tmp_path / "found" / f"drift-{stack}" / "drift.md").write_text("what differs")
    subprocess.run([ROOT / ".ci" / "report-drift", tmp_path / "found"], check=True)
    said = calls.read_text()
    assert "issue create --title Drift: dev --body-file" in said
    assert "issue edit 7 --body-file" in said
    assert said.count("issue create") == 1


def test_renovates_configuration_names_what_there_is() -> None:
    said = json.loads((ROOT / "renovate.json").read_text())
    pattern = said["pip_requirements"]["managerFilePatterns"][0].strip("/")
    assert re.search(pattern, "requirements.lock")
    commands = [
        command
        for rule in said["packageRules"]
        for command in rule.get("postUpgradeTasks", {}).get("commands", ())
    ]
    assert commands
    for command in commands:
        made = subprocess.run(
            [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True
        )
        assert made.returncode == 0, made.stderr
        assert "--upgrade" not in made.stdout


def test_code_owners_own_what_there_is() -> None:
    for line in (GITHUB / "CODEOWNERS").read_text().splitlines():
        if line and not line.startswith("#"):
            path, *owners = line.split()
            assert path == "*" or list(ROOT.glob(path.strip("/"))), path
            assert all(one.startswith("@ai-platform/") for one in owners), line
            assert owners
