"""What a change makes necessary: nothing too little, and nothing for documents."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.environments.clouds import on_aws
from tools.paths import ROOT
from tools.plan import Stacks, described, plan

STACKS = Stacks(
    targets={
        "production": frozenset({"aws", "gcp", "azure"}),
        "local": frozenset({"local"}),
        "sandbox": frozenset({"gcp"}),
        "dev": frozenset({"aws"}),
        "staging": frozenset({"aws", "azure"}),
    },
    cells={"production-cell-2": "production", "production-cell-1": "production"},
    tenants={
        "environments/tenants/northwind.yaml": "production-cell-1",
        "environments/tenants/contoso.yaml": "production-cell-2",
    },
)
CELLS = ["production-cell-1", "production-cell-2"]
EVERYTHING = ["local", "dev", "staging", "production", *CELLS, "sandbox"]
FOLDERS = (
    *("components", "docs", "environments", "examples", "images", "policies", "protos"),
    *("services", "stacks", "tests", "tools"),
)
FILES = [
    *("Makefile", "Pulumi.yaml", "README.md", "pyproject.toml", "requirements.lock", ".ci/run"),
    *sorted(
        str(file.relative_to(ROOT))
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    ),
]


def previews(*changed: str, before: Stacks = STACKS, after: Stacks = STACKS) -> list[str]:
    return [job.name for job in plan(changed, before, after) if job.kind == "preview"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("environments/Pulumi.dev.yaml", ["dev"]),
        ("environments/Pulumi.production.yaml", ["production", *CELLS]),
        ("environments/Pulumi.production-cell-2.yaml", ["production-cell-2"]),
        ("environments/tenants/northwind.yaml", ["production-cell-1"]),
        ("components/clouds/aws/database.py", ["dev", "staging", "production", *CELLS]),
        ("components/clouds/gcp/database.py", ["production", *CELLS, "sandbox"]),
        ("components/clouds/local/target.py", ["local"]),
        ("components/clouds/kubernetes/pods.py", [one for one in EVERYTHING if one != "local"]),
        ("components/region.py", EVERYTHING),
        ("stacks/platform.py", EVERYTHING),
        ("requirements.lock", EVERYTHING),
        ("services/security/tokens.py", [one for one in EVERYTHING if one not in CELLS]),
        ("policies/access/security.cedar", [one for one in EVERYTHING if one not in CELLS]),
        ("policies/infrastructure/security.py", EVERYTHING),
        ("a/file/of/nobody", EVERYTHING),
        ("tests/unit/tools/test_plan.py", []),
        ("tools/up.py", []),
    ],
)
def test_a_file_touches_the_stacks_that_are_made_from_it(changed: str, expected: list[str]) -> None:
    assert previews(changed) == expected
    assert [job.name for job in plan([changed], STACKS, STACKS) if job.kind == "check"] == ["test"]
    for job in plan([changed], STACKS, STACKS):
        assert all(changed in reason for reason in job.reasons)


@pytest.mark.parametrize("changed", ["docs/environment.md", "README.md", ".gitignore"])
def test_documents_make_nothing_necessary(changed: str) -> None:
    assert plan([changed], STACKS, STACKS) == []


def test_every_file_of_the_repository_is_known() -> None:
    known = {
        reason for file in FILES for job in plan([file], STACKS, STACKS) for reason in job.reasons
    }
    assert not [reason for reason in known if reason.endswith("is a file that nothing is known of")]


def test_a_tenant_that_moves_touches_both_cells() -> None:
    file = "environments/tenants/northwind.yaml"
    after = Stacks(targets=STACKS.targets, cells=STACKS.cells, tenants={file: "production-cell-2"})
    assert previews(file, after=after) == CELLS


def test_a_tenant_that_goes_touches_the_cell_it_was_in() -> None:
    file = "environments/tenants/contoso.yaml"
    after = Stacks(targets=STACKS.targets, cells=STACKS.cells)
    assert previews(file, after=after) == ["production-cell-2"]


def test_a_cloud_that_an_environment_leaves_still_touches_it() -> None:
    after = Stacks(targets={**STACKS.targets, "staging": frozenset({"aws"})})
    changed = "components/clouds/azure/cluster.py"
    assert previews(changed, after=after) == ["staging", "production"]


def test_what_is_gone_is_not_previewed() -> None:
    after = Stacks(targets={"production": frozenset({"aws"})})
    assert previews("environments/Pulumi.sandbox.yaml", after=after) == []


@given(st.sets(st.sampled_from(FILES), max_size=5), st.sets(st.sampled_from(FILES), max_size=5))
def test_changes_together_touch_what_each_of_them_touches(one: set[str], other: set[str]) -> None:
    assert set(previews(*one, *other)) == {*previews(*one), *previews(*other)}


def test_the_repositorys_own_stacks_are_described() -> None:
    files = {
        str(file.relative_to(ROOT)): file.read_text()
        for file in (ROOT / "environments").rglob("*.yaml")
    }
    found = described(files)
    assert found.targets["local"] == {"local"}
    assert found.targets["dev"] == {"aws"}
    assert found.targets["production"] == {"aws", "gcp", "azure"}
    assert found.cells == {"production-cell-1": "production"}
    assert found.tenants["environments/tenants/northwind.yaml"] == "production-cell-1"


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "config: 3", "config: {ai-platform:cell: 1}"])
def test_a_file_that_cannot_be_read_describes_nothing_and_is_still_previewed(text: str) -> None:
    file = "environments/Pulumi.dev.yaml"
    assert previews(file, after=described({file: text})) == ["dev"]


def test_whatever_an_environments_program_loads_touches_it() -> None:
    program = """
import json, sys
from stacks import cell, platform
from stacks.environments import parse
from stacks.targets import load_cloud
environment = parse(json.loads(sys.argv[1]), file="test")
load_cloud("aws", environment, name="test", file="test")
print(*(one.__file__ for one in list(sys.modules.values()) if getattr(one, "__file__", None)))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, json.dumps(on_aws("us-east-1"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    own = {
        one.removeprefix(f"{ROOT}/")
        for one in ended.stdout.split()
        if one.startswith((f"{ROOT}/components/", f"{ROOT}/stacks/", f"{ROOT}/services/"))
    }
    assert "components/clouds/aws/cloud.py" in own
    missed = {file for file in own if "dev" not in previews(file)}
    assert not missed
