"""The environment's Azure subscription: its provider and what there is once in it.

What belongs to no region hangs below one component of its own, made at first use, so that it keeps
its place whichever region comes first.
"""

from functools import cached_property
from typing import Protocol

import pulumi
from pulumi_azure_native import Provider, authorization, resources

from components.clouds.cloud import AccountError, CloudEnvironment, CloudRegion, KubernetesCluster
from components.target import Cluster

HOME = "northeurope"
"""Where things are kept that belong to no region but must be put somewhere: the records of global
services and the registry's write copy, none of them customers' data. It is the same for every
environment, so that no change of an environment's regions ever moves them."""

GLOBAL = "global"
"""Region of such things, in tags; also the location that Azure gives to its global services."""


class Named(Protocol):
    """A resource group as what is in it refers to it, whichever stack made it."""

    @property
    def name(self) -> pulumi.Output[str]:
        """Its name in the subscription."""
        ...


class Subscription:
    """The subscription that everything of an environment on Azure is in."""

    def __init__(self, environment: CloudEnvironment) -> None:
        """Remembers the environment; makes nothing."""
        self.environment = environment

    @property
    def id(self) -> str:
        """The subscription's id, a UUID."""
        return self.environment.account

    @cached_property
    def credentials(self) -> authorization.AwaitableGetClientConfigResult:
        """Whose credentials are at hand.

        Raises:
            AccountError: there are none.
        """
        try:
            return authorization.get_client_config()
        except Exception as error:
            raise AccountError(
                f"{self.environment.account_key} is {self.id!r}, but there are no credentials for "
                f"Azure at hand: {error}; run `az login`"
            ) from error

    def check(self) -> None:
        """Compares the subscription at hand with the environment's.

        Raises:
            AccountError: there are no credentials, or they are set to another subscription.
        """
        found = self.credentials.subscription_id
        if found != self.id:
            raise AccountError(
                f"{self.environment.account_key} is {self.id!r}, but the credentials at hand are "
                f"set to subscription {found!r}; run `az account set --subscription {self.id}` "
                "or set ARM_SUBSCRIPTION_ID"
            )

    @cached_property
    def root(self) -> pulumi.ComponentResource:
        """Parent of what there is once in the subscription."""
        return pulumi.ComponentResource("ai-platform:clouds:Azure", "azure", None)

    @cached_property
    def provider(self) -> Provider:
        """The provider of every resource on Azure."""
        return Provider(
            "azure-subscription",
            subscription_id=self.id,
            disable_pulumi_partner_id=True,
            opts=pulumi.ResourceOptions(parent=self.root),
        )

    @cached_property
    def group(self) -> resources.ResourceGroup:
        """The resource group of what belongs to no region."""
        return resources.ResourceGroup(
            "azure-global",
            location=HOME,
            tags=self.environment.tags(),
            opts=self.child(self.root),
        )

    def child(
        self,
        parent: pulumi.Resource,
        *depends_on: pulumi.Resource,
        ignore_changes: list[str] | None = None,
        holds_data: bool = False,
    ) -> pulumi.ResourceOptions:
        """Returns the options of an Azure resource inside a component.

        Args:
            parent: the component.
            *depends_on: what it waits for.
            ignore_changes: properties that keep their first value.
            holds_data: whether a protected environment refuses to delete or replace it.
        """
        return pulumi.ResourceOptions(
            parent=parent,
            provider=self.provider,
            depends_on=list(depends_on),
            ignore_changes=ignore_changes,
            protect=self.environment.protect if holds_data else None,
        )

    def tags(self, region: CloudRegion, *, data_class: str = "none") -> dict[str, str]:
        """Returns the tags of a region's resource."""
        return self.environment.tags(region=region.name, data_class=data_class)


def foreign(thing: object) -> TypeError:
    """Returns the error for a handle of another cloud."""
    return TypeError(f"{type(thing).__name__} was made by another cloud than azure")


def kubernetes(cluster: Cluster) -> KubernetesCluster:
    """Returns a handle as what ``Cloud.cluster`` made.

    Raises:
        TypeError: it is no cluster of Azure.
    """
    if not isinstance(cluster, KubernetesCluster) or cluster.cloud != "azure":
        raise foreign(cluster)
    return cluster
