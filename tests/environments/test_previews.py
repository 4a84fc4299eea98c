"""Every environment of the repository, previewed as `make preview` does it without credentials.

What a preview creates is written down in tests/golden; `make golden` renews it, and the difference
is what a reviewer reads.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import golden
from tools.paths import ROOT


@pytest.mark.parametrize("name", [*golden.WHOLE, *golden.COUNTED])
def test_an_environment_previews_to_what_is_written_down(name: str) -> None:
    written = (golden.FOLDER / f"{name}.yaml").read_text()
    assert golden.render(name) == written, f"`make golden` renews tests/golden/{name}.yaml"


def test_one_cloud_imports_no_other_clouds_sdk() -> None:
    program = """
import sys
from stacks.cloud_environment import CloudEnvironment
from stacks.environment import check
from stacks.targets import load_cloud
from tests.environments.clouds import on_aws
environment = check(CloudEnvironment, on_aws("us-east-1"), file="test")
load_cloud("aws", environment, name="test", file="test")
print(*sorted({name.partition(".")[0] for name in sys.modules if name.startswith("pulumi_")}))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = set(ended.stdout.split())
    assert "pulumi_aws" in imported
    assert not imported & {"pulumi_gcp", "pulumi_azure_native"}


def test_a_preview_without_credentials_says_so(tmp_path: Path) -> None:
    bare = {key: one for key, one in os.environ.items() if not key.startswith(("AWS_", "PULUMI_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "tools.preview", "dev"],
        cwd=ROOT,
        env=bare
        | {"AI_PLATFORM_HOME": str(tmp_path), "HOME": str(tmp_path / "nobody")}
        | {"XDG_CACHE_HOME": str(Path.home() / ".cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-2000:]
    assert "no credentials for aws (looked for AWS_ACCESS_KEY_ID" in ended.stderr
    assert "previewing against simulated clouds and a real Kubernetes API" in ended.stderr
    assert "aws:eks/cluster:Cluster" in ended.stdout
    ended = subprocess.run(
        [sys.executable, "-m", "tools.preview", "prodcution"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "there is no such environment; there are: dev, local, production" in ended.stderr
