"""The policy pack under the real engine: what it refuses, advises and mends, and its own end."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies.infrastructure.stack_size import size_of
from tests.environments.clouds import on_aws, on_clouds, running
from tests.simulation.project import Project
from tools.paths import ROOT
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
BUCKETS = """
import pulumi_aws as aws

here = aws.s3.Bucket("here", bucket="test-here-1", region="eu-central-1")
there = aws.s3.Bucket("there", bucket="test-there-1", region=asked["there"])
closed = aws.s3.BucketPublicAccessBlock(
    "block",
    bucket=here.bucket,
    region="eu-central-1",
    block_public_acls=True,
    block_public_policy=asked["closed"],
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
versions = [
    aws.s3.BucketVersioning(
        name,
        bucket=bucket.bucket,
        region=region,
        versioning_configuration={"status": "Enabled"},
    )
    for name, bucket, region in (
        ("here-versions", here, "eu-central-1"),
        ("there-versions", there, asked["there"]),
    )
]
aws.s3.BucketReplicationConfig(
    "copies",
    bucket=here.bucket,
    region="eu-central-1",
    role="arn:aws:iam::123456789012:role/copies",
    rules=[{"id": "all", "status": "Enabled", "destination": {"bucket": there.arn}}],
    opts=pulumi.ResourceOptions(depends_on=versions),
)
"""
FAULTY = """
import sys

sys.path[0] = {root!r}

from policies.infrastructure import exemptions, server


def judge(rule, properties):
    if rule.name == "aws-key-rotation":
        raise ZeroDivisionError("broken on purpose")
    return iter(())


{fault}
server.serve()
"""
RAISED = (
    "rule aws-key-rotation failed on urn:pulumi:test::simulated::aws:kms/key:Key::key: "
    "ZeroDivisionError('broken on purpose')"
)
OVER = """
import datetime

over = exemptions.Exemption(
    rule="aws-tagged",
    stack="*",
    resource="*",
    reason="none",
    until=datetime.date(2020, 1, 31),
)
server.EXEMPTIONS = (over,)
"""
PACK = ("--policy-pack", str(POLICIES))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("policies")
    with Simulation(folder / "clouds") as clouds:
        made = Project(folder / "project", clouds, PROGRAM)
        yield made


@pytest.fixture(scope="module")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("buckets")
    with Simulation(folder / "clouds") as clouds:
        yield Project(folder / "project", clouds, BUCKETS)


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
    # The engine stops at the first that is refused, whichever of them that is.
    said = project.run("up", "--yes", "--skip-preview", *PACK, fails=True)
    assert "[mandatory]" in said
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


def test_what_is_beside_what_is_judged_when_all_is_there(buckets: Project) -> None:
    _size(buckets, "medium")
    said = buckets.run("preview", *PACK, fails=True, there="us-east-1", closed=True)
    (without,) = re.findall(r"\[mandatory\].*aws-bucket-has-block +\(aws:s3:Bucket: (\w+)\)", said)
    assert without == "there"
    assert "aws-objects-under-one-law  (aws:s3:BucketReplicationConfig: copies)" in said
    assert "eu-central-1 (eu), us-east-1 (us) must be under one law" in said
    said = buckets.run("preview", *PACK, fails=True, there="eu-west-1", closed=True)
    assert "aws-objects-under-one-law" not in said


def test_small_environments_are_mended_where_that_is_safe(buckets: Project) -> None:
    _size(buckets, "small")
    said = buckets.run("preview", *PACK, there="eu-west-1", closed=False)
    assert "[remediate]" in said
    assert "aws-bucket-private" in said
    buckets.run("up", "--yes", *PACK)
    made = buckets.state()["block"]
    assert made["inputs"]["blockPublicPolicy"] is True
    buckets.run("preview", *PACK, "--expect-no-changes")
    _size(buckets, "medium")
    said = buckets.run("preview", *PACK, fails=True)
    assert "[mandatory] [severity: critical]  aws-bucket-private" in said
    assert "blockPublicPolicy is false and must be true" in said


def _pack(folder: Path, program: str) -> tuple[str, str]:
    described = (POLICIES / "PulumiPolicy.yaml").read_text()
    described = described.replace("../../.venv", str(ROOT / ".venv"))
    (folder / "PulumiPolicy.yaml").write_text(described)
    (folder / "__main__.py").write_text(program)
    return "--policy-pack", str(folder)


def test_a_pack_that_cannot_start_fails_the_preview(project: Project, tmp_path: Path) -> None:
    pack = _pack(tmp_path, "raise RuntimeError('no rules today')\n")
    said = project.run("preview", *pack, fails=True, sources=["10.0.0.0/8"])
    assert "no rules today" in said


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("server.judge = judge", RAISED),
        (OVER, "exemption of * in * from aws-tagged: it ended on 2020-01-31"),
    ],
)
def test_a_faulty_pack_fails_the_preview_and_says_what_is_wrong(
    project: Project, tmp_path: Path, fault: str, said: str
) -> None:
    _size(project, "small")
    pack = _pack(tmp_path, FAULTY.format(root=str(ROOT), fault=fault))
    printed = project.run("preview", *pack, fails=True, sources=["10.0.0.0/8"])
    assert said in printed


def test_an_environment_keeps_every_rule_when_it_is_made(tmp_path: Path) -> None:
    # Azure's answers leave out most of what was asked: what is beside what is found all the same.
    with running(tmp_path, on_clouds("azure-canadacentral")) as stack:
        said = stack.succeed("up", "--yes", "--skip-preview", *PACK)
    assert "Policies:" in said
    assert not re.findall(r"\[(?:advisory|mandatory|remediate)\].*", said)


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
