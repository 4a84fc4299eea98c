"""A Pulumi project in a folder of its own, run by the real engine on simulated clouds."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tools.pulumi_cli import find
from tools.simulation.process import Simulation

ROOT = Path(__file__).resolve().parents[2]

_PROJECT = f"""
name: simulated
runtime: {{name: python, options: {{virtualenv: {ROOT}/.venv}}}}
"""
_HEAD = """
import json
from pathlib import Path

import pulumi

asked = json.loads(Path("asked.json").read_text())
"""


class Project:
    """A program, its state, and the clouds it runs on."""

    def __init__(self, folder: Path, clouds: Simulation, program: str) -> None:
        self.folder = folder
        self.clouds = clouds
        self.asked: dict[str, Any] = {}
        (folder / "state").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text(_PROJECT)
        self.write(program)
        self.run("stack", "init", "test")
        self.run("config", "set", "aws:region", "eu-central-1")
        self.run("config", "set", "gcp:region", "europe-west3")

    def write(self, program: str) -> None:
        """Replaces the program; it finds what `run` is asked in ``asked``."""
        (self.folder / "__main__.py").write_text(_HEAD + program)

    def run(self, *arguments: str, fails: bool = False, **asked: Any) -> str:
        """Runs a pulumi command with the program's wishes changed; returns what it printed."""
        self.asked |= asked
        (self.folder / "asked.json").write_text(json.dumps(self.asked))
        ended = subprocess.run(
            [find(), *arguments, "--non-interactive"],
            cwd=self.folder,
            env=os.environ
            | self.clouds.environment()
            | {
                "PULUMI_BACKEND_URL": f"file://{self.folder}/state",
                "PULUMI_CONFIG_PASSPHRASE": "test",
                "PULUMI_HOME": str(self.folder / "pulumi"),
            },
            capture_output=True,
            text=True,
            timeout=180,
        )
        printed = ended.stdout + ended.stderr
        assert (ended.returncode != 0) is fails, printed
        return printed

    def up(self, **keywords: Any) -> str:
        return self.run("up", "--yes", "--skip-preview", **keywords)

    def destroy(self, **keywords: Any) -> str:
        return self.run("destroy", "--yes", "--skip-preview", **keywords)

    def refresh(self, **keywords: Any) -> str:
        return self.run("refresh", "--yes", "--skip-preview", **keywords)

    def is_unchanged(self) -> bool:
        """Tells whether a preview finds nothing to do; fails with what it printed otherwise."""
        return "unchanged" in self.run("preview", "--expect-no-changes", "--diff")

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.run("stack", "output", "--json", "--show-secrets"))

    def state(self) -> dict[str, dict[str, Any]]:
        """Returns the resources of the state by the name the program gives them."""
        exported = json.loads(self.run("stack", "export"))
        return {
            one["urn"].rpartition("::")[2]: one
            for one in exported["deployment"].get("resources", [])
        }
