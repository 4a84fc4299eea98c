"""Environments on simulated clouds, as tests run them: engine, program and SDKs are real."""

import json
import re
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stacks.environment import CONFIG_KEY
from tools.simulated import simulated
from tools.simulation.accounts import Accounts
from tools.simulation.process import Simulation
from tools.stack import Stack

ACCOUNTS: Mapping[str, str] = {
    "aws": "123456789012",
    "gcp": "ai-platform-test",
    "azure": "44444444-4444-4444-8444-444444444444",
}
"""What the environments own on each cloud."""

STORES = (
    "aws:ec2/",
    "aws:eks/",
    "aws:elasticache/",
    "aws:kms/",
    "aws:msk/",
    "aws:rds/",
    "aws:s3/",
    "azure-native:containerservice:",
    "azure-native:dbforpostgresql:",
    "azure-native:eventhub:",
    "azure-native:keyvault:Key",
    "azure-native:keyvault:Vault",
    "azure-native:network:",
    "azure-native:redisenterprise:",
    "azure-native:resources:ResourceGroup",
    "azure-native:storage:",
    "gcp:compute/",
    "gcp:container/",
    "gcp:kms/",
    "gcp:managedkafka/",
    "gcp:memorystore/",
    "gcp:sql/",
    "gcp:storage/",
    "kubernetes:core/v1:PersistentVolume",
    "kubernetes:elasticsearch.k8s.elastic.co/",
)
"""How the kinds begin of resources that hold data, or that these stand on."""


def on_clouds(*regions: str, **changes: Any) -> dict[str, Any]:
    """Returns a small environment, its primary region first.

    Args:
        *regions: as they are named, ``gcp-europe-west4``.
        **changes: keys of the environment file that are other than usual.
    """
    places = [one.partition("-")[::2] for one in regions]
    return {
        "target": "clouds",
        "size": "small",
        "domain": "test.ai-platform.example",
        "contact": "platform@ai-platform.example",
        "primary_region": regions[0],
        "versions": {"platform": "0.1.0"},
        "accounts": {cloud: ACCOUNTS[cloud] for cloud, _ in places},
        "regions": [{"cloud": cloud, "location": location} for cloud, location in places],
        **changes,
    }


def on_aws(*locations: str, **changes: Any) -> dict[str, Any]:
    """Returns a small environment with a region in each of the locations of AWS."""
    return on_clouds(*(f"aws-{one}" for one in locations), **changes)


class Running:
    """A stack on simulated clouds; every command is checked unless it is expected to fail."""

    def __init__(self, stack: Stack, simulation: Simulation) -> None:
        self.stack = stack
        self.simulation = simulation

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.stack.run(*arguments, capture=True)

    def succeed(self, *arguments: str) -> str:
        """Runs a command that must succeed and returns what it printed."""
        ended = self.pulumi(*arguments)
        assert ended.returncode == 0, f"{ended.stdout[-6000:]}\n{ended.stderr[-2000:]}"
        return ended.stdout

    def fail(self, *arguments: str) -> str:
        """Runs a command that must fail and returns what it printed."""
        ended = self.pulumi(*arguments)
        assert ended.returncode != 0, ended.stdout[-3000:]
        return ended.stdout + ended.stderr

    def up(self) -> str:
        return self.succeed("up", "--yes", "--skip-preview")

    def nothing_to_do(self) -> None:
        """Fails unless a preview finds that everything is as declared."""
        self.succeed("preview", "--expect-no-changes")

    def steps(self) -> dict[str, str]:
        """Returns what a preview would do to whom, what stays the same left out."""
        printed = json.loads(self.succeed("preview", "--json"))
        return {
            re.sub(r".*::", "", one["urn"]) + " " + _kind(one["urn"]): one["op"]
            for one in printed["steps"]
            if one["op"] != "same"
        }

    def resources(self) -> list[Mapping[str, Any]]:
        """Returns the resources of the state."""
        exported = json.loads(self.succeed("stack", "export"))
        return exported["deployment"].get("resources", [])

    def stores(self) -> dict[str, tuple[str, str]]:
        """Returns the id of what holds data and when it was made; who is replaced has others."""
        return {
            one["urn"]: (one["id"], one["created"])
            for one in self.resources()
            if one["type"].startswith(STORES)
        }


def _kind(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


@contextmanager
def running(
    folder: Path,
    environment: Mapping[str, Any],
    *,
    name: str = "test",
    who: Accounts | None = None,
) -> Generator[Running]:
    """Gives a stack of an environment; entering again with the same folder goes on from there."""
    file = {"config": {CONFIG_KEY: dict(environment)}}
    with simulated(name, folder=folder, environment=file, who=who) as made:
        yield Running(made.stack, made.simulation)
