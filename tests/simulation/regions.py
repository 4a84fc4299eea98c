"""A small environment of three regions on simulated clouds, under a program of its own.

Whether its regions and its front door are healthy is said by a process that answers as it is told.
"""

import json
import subprocess
import sys
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import yaml

from stacks.environment import CONFIG_KEY
from stacks.environments import parse
from tests.environments.clouds import Running, on_aws
from tests.platform import eventually
from tools.deployed import Deployed
from tools.paths import ROOT
from tools.simulated import simulated

LOCATIONS: Mapping[str, int] = {"us-east-1": 60, "eu-central-1": 30, "ap-southeast-1": 10}
"""The primary one first, and their shares of the traffic."""

PRIMARY, MIDDLE, SMALLEST = (f"aws-{one}" for one in LOCATIONS)

_PROGRAM = f"""
import json
import os
from pathlib import Path

import pulumi
import pulumi_aws as aws

asked = json.loads(Path(os.environ["ASKED"]).read_text())
inside = pulumi.ResourceOptions(provider=aws.Provider("aws", region="us-east-1"))


def topic(name, *needs, **tags):
    given = pulumi.ResourceOptions(depends_on=list(needs))
    return aws.sns.Topic(
        name,
        kms_master_key_id="alias/aws/sns",
        display_name=pulumi.Output.secret("hush"),
        tags={{"project": "ai-platform", "environment": "test", **asked["tags"], **tags}},
        opts=pulumi.ResourceOptions.merge(inside, given),
    )


shared = topic("shared")
migration = topic("{PRIMARY}-migration", shared, image=asked["image"])
services = []
for region in asked["regions"]:
    service = topic(f"{{region}}-service", migration, image=asked["image"])
    services.append(service)
    more = [topic(f"{{region}}-more", migration)] if asked["more"] else []
    topic(f"director-{{region}}", service, *more)
topic("{PRIMARY}-mesh", *services)
if asked["opened"]:
    aws.ec2.SecurityGroup(
        "opened",
        ingress=[
            {{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}}
        ],
        opts=inside,
    )
url = asked["url"]
pulumi.export("regions", {{one: {{"api_url": f"{{url}}/{{one}}"}} for one in asked["regions"]}})
pulumi.export("api_url", f"{{url}}/director")
pulumi.export("ca_certificate", "-----BEGIN CERTIFICATE-----")
"""


@dataclass(kw_only=True)
class ThreeRegions:
    """The environment, and how its regions answer.

    Attributes:
        running: the stack.
        folder: of what the program and the health double are told.
        asked: what the program is asked for: ``image``, ``tags``, ``regions``,
            ``more`` that what is there will depend on, and a port ``opened`` to the whole Internet.
    """

    running: Running
    folder: Path
    asked: dict[str, Any] = field(default_factory=dict)

    @property
    def deployed(self) -> Deployed:
        """The stack as tools see it, with the regions that are asked for."""
        return Deployed(
            stack=self.running.stack,
            of=self.running.stack,
            environment=parse(_environment(self.asked["regions"]), file="test"),
        )

    def ask(self, **wishes: Any) -> None:
        """Changes what the program declares."""
        self.asked |= wishes
        (self.folder / "asked.json").write_text(json.dumps(self.asked))

    def tell(self, statuses: Mapping[str, int]) -> None:
        """Makes regions answer with a status; those that are not named with 200."""
        (self.folder / "told.json").write_text(json.dumps(statuses))

    def checked(self) -> set[str]:
        """Returns whose health was asked for since this was last asked."""
        log = self.folder / "asked.log"
        names = set(log.read_text().split()) if log.exists() else set[str]()
        log.unlink(missing_ok=True)
        return names

    def images(self) -> dict[str, str]:
        """Returns the image of each region's service, as it is in the cloud."""
        topics = self.running.simulation.cloud.resources("aws:sns/topic:Topic")
        return {
            one.name.removesuffix("-service"): cast("dict[str, str]", one.inputs["tags"])["image"]
            for one in topics
            if one.name.endswith("-service")
        }


def _environment(names: Collection[str] = (PRIMARY, MIDDLE, SMALLEST)) -> dict[str, Any]:
    kept = {one: weight for one, weight in LOCATIONS.items() if f"aws-{one}" in names}
    rest = 100 - sum(kept.values())
    regions = [
        {"cloud": "aws", "location": one, "weight": weight + (0 if number else rest)}
        for number, (one, weight) in enumerate(kept.items())
    ]
    return on_aws(*kept, regions=regions, size="medium")


@contextmanager
def three_regions(folder: Path) -> Generator[ThreeRegions]:
    """Gives the environment, not up yet; a folder that was used before goes on from there."""
    root = folder / "checkout"
    (root / "stacks").mkdir(parents=True, exist_ok=True)
    (root / "stacks" / "__main__.py").write_text(_PROGRAM)
    (root / "environments" / "tenants").mkdir(parents=True, exist_ok=True)
    (root / "environments" / "Pulumi.test.yaml").write_text(
        yaml.safe_dump({"config": {CONFIG_KEY: _environment()}})
    )
    (folder / "told.json").write_text("{}")
    (folder / "port").unlink(missing_ok=True)
    double = subprocess.Popen(
        [sys.executable, "-m", "tests.simulation.health_double", str(folder)], cwd=ROOT
    )
    try:
        with simulated("test", folder=folder, root=root) as made:
            surroundings = {**made.stack.surroundings, "ASKED": str(folder / "asked.json")}
            stack = replace(made.stack, surroundings=surroundings)
            environment = ThreeRegions(running=Running(stack, made.simulation), folder=folder)
            port = eventually((folder / "port").read_text, what="health double")
            environment.ask(
                url=f"http://127.0.0.1:{port}",
                regions=[f"aws-{one}" for one in LOCATIONS],
                image="1",
                more=False,
                opened=False,
                tags={},
            )
            yield environment
    finally:
        double.terminate()
        double.wait()
