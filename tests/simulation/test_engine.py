"""Programs on simulated clouds under the real engine: their life, drift, failures, secrets."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.project import Project
from tools.simulation import accounts
from tools.simulation.faults import Fault
from tools.simulation.process import Simulation

PROGRAM = """
import pulumi_aws as aws
import pulumi_gcp as gcp
import pulumi_random as random
import pulumi_tls as tls
from pulumi_azure_native import network, resources, storage

vpc = aws.ec2.Vpc("vpc", cidr_block=asked.get("vpc", "10.0.0.0/16"), tags=asked.get("tags"))
vpc.arn.apply(lambda arn: Path("applied").write_text(arn))
subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block=asked.get("subnet", "10.0.1.0/24"))
if asked.get("aws_only"):
    raise SystemExit
apis = gcp.projects.Service("compute", service="compute.googleapis.com")
main = gcp.compute.Network(
    "network", auto_create_subnetworks=False, opts=pulumi.ResourceOptions(depends_on=apis)
)
group = resources.ResourceGroup("group", location="westeurope")
account = storage.StorageAccount(
    "data", resource_group_name=group.name, kind="StorageV2", sku={"name": "Standard_ZRS"}
)
password = random.RandomPassword("password", length=20)
key = tls.PrivateKey("key", algorithm="ECDSA", ecdsa_curve="P256")
authority = tls.SelfSignedCert(
    "authority", private_key_pem=key.private_key_pem, is_ca_certificate=True,
    validity_period_hours=24, allowed_uses=["cert_signing"], subject={"common_name": "test"},
)
request = tls.CertRequest(
    "request", private_key_pem=key.private_key_pem, uris=["spiffe://test/one"],
    dns_names=["one.test"],
)
leaf = tls.LocallySignedCert(
    "leaf", ca_cert_pem=authority.cert_pem, ca_private_key_pem=key.private_key_pem,
    cert_request_pem=request.cert_request_pem, validity_period_hours=1,
    allowed_uses=["server_auth"],
)
secret = aws.secretsmanager.Secret("secret", recovery_window_in_days=0)
aws.secretsmanager.SecretVersion("version", secret_id=secret.id, secret_string=password.result)
pulumi.export("vpc", vpc.id)
pulumi.export("password", password.result)
pulumi.export("key", key.private_key_pem)
pulumi.export("leaf", leaf.cert_pem)
pulumi.export("account", aws.get_caller_identity().account_id)
pulumi.export("project", gcp.organizations.get_client_config().project)
"""


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Simulation]:
    with Simulation(tmp_path / "clouds") as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, clouds: Simulation) -> Project:
    return Project(tmp_path / "project", clouds, PROGRAM)


def test_a_stack_lives_drifts_is_repaired_and_leaves_nothing(
    project: Project, clouds: Simulation
) -> None:
    previewed = project.run("preview", "--diff")
    assert "vpc     : [unknown]" in previewed
    assert 'account : "111122223333"' in previewed
    assert not (project.folder / "applied").exists(), "a preview knows no ARN"
    assert clouds.cloud.resources() == []

    project.up()
    assert (project.folder / "applied").read_text().startswith("arn:aws:ec2:eu-central-1:")
    assert project.is_unchanged()
    project.run("refresh", "--yes", "--expect-no-changes")
    outputs = project.outputs()
    assert outputs["project"] == "ai-platform-simulated"

    state = json.dumps(project.state())
    assert outputs["password"] not in state
    assert "PRIVATE KEY" not in state
    assert len(outputs["password"]) == 20

    clouds.cloud.tamper(outputs["vpc"], cidrBlock="10.0.0.0/16", tags={"by": "hand"})
    clouds.cloud.lose(clouds.cloud.resources("azure-native:storage:StorageAccount")[0].id)
    assert "update" in project.refresh()
    repaired = project.up()
    assert "vpc updated" in repaired
    assert "data created" in repaired
    assert project.is_unchanged()
    assert not clouds.cloud.named(outputs["vpc"])[0].properties.get("tags")

    replaced = project.up(subnet="10.0.2.0/24")
    assert "subnet created replacement" in replaced
    assert "vpc updated" not in replaced
    assert len(clouds.cloud.resources("aws:ec2/subnet:Subnet")) == 1
    clouds.stop(kill=True)
    clouds.start()
    assert project.is_unchanged()

    project.destroy()
    assert clouds.cloud.resources() == []


def test_a_mistake_is_refused_by_the_preview_with_its_path(project: Project) -> None:
    project.write(
        """
import pulumi_aws as aws
aws.eks.Cluster("one", role_arn="arn", vpc_config={"subnet_ids": ["a", 3]})
"""
    )
    refused = project.run("preview", fails=True)
    assert "vpcConfig.subnetIds[1]: must be a string, not the number 3" in refused
    assert "roleArn" not in refused


def test_what_the_cloud_refuses_is_said_and_the_rest_is_kept(
    project: Project, clouds: Simulation
) -> None:
    refused = project.up(subnet="10.9.0.0/24", fails=True)
    assert "InvalidSubnet.Range" in refused
    assert [one.name for one in clouds.cloud.resources("aws:ec2/vpc:Vpc")] == ["vpc"]
    project.up(subnet="10.0.1.0/24")
    assert project.is_unchanged()


def test_an_up_that_failed_hung_or_was_cut_off_is_finished_by_the_next(
    project: Project, clouds: Simulation
) -> None:
    clouds.order(Fault(operation="create", matches="aws:ec2/subnet:*", message="no capacity"))
    assert "no capacity" in project.up(aws_only=True, fails=True)
    clouds.order(Fault(operation="create", matches="*::subnet", effect="hang", seconds=1))
    assert "timeout while waiting" in project.up(fails=True)
    project.up()
    subnets = "aws:ec2/subnet:Subnet"
    assert len(clouds.cloud.resources(subnets)) == 1

    clouds.order(Fault(operation="update", matches="aws:ec2/vpc:*", effect="cut-off"))
    assert "EOF" in project.up(tags={"a": "b"}, fails=True)
    assert clouds.cloud.resources("aws:ec2/vpc:Vpc")[0].properties["tags"] == {"a": "b"}
    clouds.order()
    project.up()
    assert project.is_unchanged()

    clouds.order(Fault(operation="delete", matches="aws:ec2/vpc:*"))
    project.destroy(fails=True)
    assert [one.name for one in clouds.cloud.resources()] == ["vpc"]
    project.destroy()
    assert clouds.cloud.resources() == []


def test_what_was_made_and_not_recorded_is_still_there(
    project: Project, clouds: Simulation
) -> None:
    clouds.order(Fault(operation="create", matches="aws:ec2/subnet:*", effect="cut-off"))
    assert "EOF" in project.up(aws_only=True, fails=True)
    assert "subnet" not in project.state()
    refused = project.up(fails=True)
    assert "InvalidSubnet.Conflict" in refused, "nobody knows of the first"
    clouds.cloud.lose(clouds.cloud.resources("aws:ec2/subnet:Subnet")[0].id)
    project.up()


def test_without_credentials_or_with_anothers_account_nothing_is_made(
    tmp_path: Path, clouds: Simulation
) -> None:
    project = Project(tmp_path / "project", clouds, PROGRAM)
    accounts.save(clouds.folder, accounts.Accounts(without_credentials=("aws",)))
    assert "No valid credential sources found" in project.run("preview", aws_only=True, fails=True)
    accounts.save(clouds.folder, accounts.Accounts())
    project.run("config", "set", "--path", "aws:allowedAccountIds[0]", "999999999999")
    assert "AWS account ID not allowed: 111122223333" in project.up(fails=True)
    assert clouds.cloud.resources() == []
