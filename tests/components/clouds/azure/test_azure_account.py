"""Credentials of another subscription, or none, are refused before anything is touched."""

from typing import Any

import pytest
from pulumi.runtime.mocks import MockCallArgs

from components.clouds.azure.cloud import AzureCloud
from components.clouds.cloud import AccountError
from tests.components.clouds.azure.subject import (
    CALLS,
    SUBSCRIPTION,
    AzureRecorder,
    environment,
    outputs,
    recorder,
)
from tests.components.recording import recording

CONFIG = "azure-native:authorization:getClientConfig"


def test_the_environments_own_subscription_is_right_and_nothing_is_made() -> None:
    with recording(recorder()) as remembered:
        AzureCloud(environment()).check_account()
        assert [one.type for one in remembered.made] in ([], ["pulumi:pulumi:Stack"])


def test_another_subscription_is_refused() -> None:
    other = "00000000-0000-0000-0000-00000000beef"
    calls = {**CALLS, CONFIG: {**CALLS[CONFIG], "subscriptionId": other}}
    with recording(recorder(calls)), pytest.raises(AccountError) as refused:
        AzureCloud(environment()).check_account()
    for part in ("clouds.azure.subscription", SUBSCRIPTION, other, "az account set"):
        assert part in str(refused.value)


class Unsigned(AzureRecorder):
    """Azure to somebody who has not signed in."""

    def call(self, args: MockCallArgs) -> Any:
        del args
        raise RuntimeError("DefaultAzureCredential failed")


def test_no_credentials_are_refused() -> None:
    with recording(Unsigned(outputs)), pytest.raises(AccountError) as refused:
        AzureCloud(environment()).check_account()
    for part in ("clouds.azure.subscription", SUBSCRIPTION, "az login"):
        assert part in str(refused.value)
