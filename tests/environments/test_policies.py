"""The policy pack under the real engine: what it refuses, where it advises, and its own end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies.infrastructure.server import size_of
from tests.environments.clouds import on_aws
from tests.simulation.project import Project
from tools.preview import POLICIES
from tools.simulation.process import Simulation

PROGRAM = """
import pulumi_aws as aws

key = aws.kms.Key("key", enable_key_rotation=True, rotation_period_in_days=asked.get("days", 90))
aws.ec2.SecurityGroup(
    "open",
    ingress=[
        {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": asked["sources"]}
    ],
)
aws.secretsmanager.Secret("secret", kms_key_id=key.arn, recovery_window_in_days=30)
"""
PACK = ("--policy-pack", str(POLICIES))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("policies")
    with Simulation(folder / "clouds") as clouds:
        made = Project(folder / "project", clouds, PROGRAM)
        yield made


def _size(project: Project, size: str) -> None:
    said = json.dumps(on_aws("us-east-1", size=size))
    project.run("config", "set", "ai-platform:environment", said)


def test_what_breaks_a_rule_is_refused_with_what_to_do(project: Project) -> None:
    _size(project, "medium")
    said = project.run("preview", *PACK, fails=True, days=365, sources=["0.0.0.0/0"])
    assert "[mandatory] [severity: critical]  aws-security-group-closed" in said
    assert 'ingress[0].cidrBlocks[0] is "0.0.0.0/0" and must not be 0.0.0.0/0' in said
    assert "name the addresses or the security groups that may come in" in said
    assert "rotationPeriodInDays is 365 and must be at most 90" in said
    said = project.run("up", "--yes", "--skip-preview", *PACK, fails=True)
    assert "aws-security-group-closed" in said
    made = [one.token for one in project.clouds.cloud.resources()]
    assert "aws:ec2/securityGroup:SecurityGroup" not in made
    assert "aws:kms/key:Key" not in made


def test_small_environments_are_advised(project: Project) -> None:
    _size(project, "small")
    said = project.run("preview", *PACK, days=365, sources=["0.0.0.0/0"])
    assert "[advisory] [severity: critical]  aws-security-group-closed" in said
    assert "[mandatory]" not in said
    assert said.count("aws-tagged") == 2  # once a resource, not once a tag


def test_what_keeps_the_rules_is_made(project: Project) -> None:
    _size(project, "large")
    # The key's address is not known when the secret is previewed: that breaks no rule.
    asked = {"days": 90, "sources": ["10.0.0.0/8"]}
    tagged = project.run("preview", *PACK, fails=True, **asked)
    assert "aws-tagged" in tagged
    assert "aws-secret-own-key" not in tagged
    _size(project, "small")
    project.run("up", "--yes", *PACK, **asked)


def test_a_pack_that_cannot_start_fails_the_preview(project: Project, tmp_path: Path) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text((POLICIES / "PulumiPolicy.yaml").read_text())
    (tmp_path / "__main__.py").write_text("raise RuntimeError('no rules today')\n")
    said = project.run(
        "preview", "--policy-pack", str(tmp_path), fails=True, sources=["10.0.0.0/8"]
    )
    assert "no rules today" in said


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ({"ai-platform:environment": '{"target": "clouds", "size": "small"}'}, "small"),
        ({"ai-platform:environment": '{"target": "clouds", "size": "large"}'}, "large"),
        ({"ai-platform:environment": '{"target": "local"}'}, "small"),
        ({"ai-platform:cell": '{"environment": "dev", "number": 1}'}, "small"),
        ({"ai-platform:cell": '{"environment": "production", "number": 1}'}, "large"),
        ({"ai-platform:cell": '{"environment": "unheard-of", "number": 1}'}, "large"),
        ({"ai-platform:environment": '{"size": "tiny"}'}, "large"),
        ({"ai-platform:environment": "{"}, "large"),
        ({}, "large"),
    ],
)
def test_a_stack_is_of_its_environments_size_and_of_the_largest_in_doubt(
    config: dict[str, str], size: str
) -> None:
    assert size_of(config) == size
