"""What must not be touched is not: every mistake is said before the first resource."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.environments.clouds import ACCOUNTS, on_aws, on_clouds, running
from tools.simulation.accounts import Accounts

FILE = "environments/Pulumi.test.yaml"
OVER_CLOUDS = on_clouds("aws-us-east-1", "gcp-europe-west4", "azure-canadacentral")
OWN = Accounts(
    aws_account=ACCOUNTS["aws"],
    gcp_project=ACCOUNTS["gcp"],
    azure_subscription=ACCOUNTS["azure"],
)
NOT_OURS = "99999999-9999-4999-8999-999999999999"


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (
            replace(OWN, aws_account="999999999999"),
            f"accounts.aws is AWS account '{ACCOUNTS['aws']}', but the credentials at hand cannot",
        ),
        (
            replace(OWN, gcp_project="not-ours"),
            (
                f"accounts.gcp: the environment's project is '{ACCOUNTS['gcp']}', but the "
                "credentials' is 'not-ours'"
            ),
        ),
        (
            replace(OWN, azure_subscription=NOT_OURS),
            (
                f"accounts.azure is '{ACCOUNTS['azure']}', but the credentials at hand are set to "
                f"subscription '{NOT_OURS}'"
            ),
        ),
        (
            replace(OWN, without_credentials=("aws",)),
            f"accounts.aws is AWS account '{ACCOUNTS['aws']}', but the credentials at hand cannot",
        ),
        (
            replace(OWN, without_credentials=("gcp",)),
            "accounts.gcp: no credentials for Google Cloud",
        ),
        (
            replace(OWN, without_credentials=("azure-native",)),
            f"accounts.azure is '{ACCOUNTS['azure']}', but there are no credentials for Azure",
        ),
    ],
)
def test_with_one_account_that_is_not_its_own_no_cloud_is_touched(
    tmp_path: Path, who: Accounts, said: str
) -> None:
    with running(tmp_path, OVER_CLOUDS, who=who) as stack:
        assert f"{FILE}: {said}" in " ".join(stack.fail("up", "--yes", "--skip-preview").split())
        assert not stack.simulation.cloud.resources()


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("europe-west4", "'europe-west4' is a location of gcp, not of aws"),
        (
            "us-east-11",
            "aws has no location 'us-east-11' with three zones; did you mean us-east-1",
        ),
    ],
)
def test_a_location_that_is_not_there_is_said_before_anything_is_touched(
    tmp_path: Path, location: str, said: str
) -> None:
    with running(tmp_path, on_aws(location)) as stack:
        assert said in " ".join(stack.fail("up", "--yes", "--skip-preview").split())
        assert not stack.simulation.cloud.resources()
