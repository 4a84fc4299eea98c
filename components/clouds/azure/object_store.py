"""A region's object storage, kept in a second location under the same law where Azure has one."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import storage

from components.clouds.azure.network import AzureNetwork, Place
from components.clouds.azure.private_link import PrivateLink
from components.clouds.azure.protection import lock
from components.clouds.azure.sizes import SIZES
from components.clouds.azure.storage import account
from components.target import ObjectStore

PAIRED = frozenset(
    {
        "australiaeast",
        "canadacentral",
        "centralindia",
        "centralus",
        "eastus",
        "eastus2",
        "francecentral",
        "germanywestcentral",
        "japaneast",
        "koreacentral",
        "northeurope",
        "norwayeast",
        "southafricanorth",
        "southcentralus",
        "swedencentral",
        "switzerlandnorth",
        "uaenorth",
        "uksouth",
        "westeurope",
        "westus2",
        "westus3",
    }
)
"""Locations whose pair, to which Azure itself replicates, is under the same law; not among them are
those without a pair and those whose pair is abroad (Brazil South, East Asia, Southeast Asia).
Source: learn.microsoft.com/azure/reliability/regions-paired."""

CONTAINER = "objects"


@dataclass(frozen=True, kw_only=True)
class AzureObjectStore(ObjectStore):
    """A region's object storage, as roles are given on it."""

    container: storage.BlobContainer


def sku(location: str, *, replicated: bool) -> str:
    """Returns how often, and where, what is stored in a location is kept."""
    if not replicated:
        return "Standard_LRS"
    return "Standard_GZRS" if location in PAIRED else "Standard_ZRS"


def object_store(
    link: PrivateLink, name: str, within: AzureNetwork, *, parent: pulumi.Resource
) -> AzureObjectStore:
    """Makes a storage account with one container; deleted and overwritten objects are kept."""
    subscription = link.subscription
    environment = subscription.environment
    store = account(
        within,
        name,
        account_name=pulumi.Output.concat("objects", within.suffix),
        key=within.data_key.in_use,
        sku=sku(within.location, replicated=SIZES[environment.size].storage_replicated),
        data_class="customer",
        parent=parent,
    )
    lock(subscription, name, store, parent=parent)
    kept = versions(within, name, store, parent=parent)
    container = storage.BlobContainer(
        f"{name}-container",
        account_name=store.name,
        container_name=CONTAINER,
        resource_group_name=within.group.name,
        public_access=storage.PublicAccess.NONE,
        opts=subscription.child(parent, kept),
    )
    link.endpoint(name, within, "blob", store.id, parent=parent)
    return AzureObjectStore(
        url=pulumi.Output.concat("https://", store.name, ".blob.core.windows.net/", container.name),
        resource=container,
        container=container,
    )


def versions(
    at: Place, name: str, store: storage.StorageAccount, *, parent: pulumi.Resource
) -> storage.BlobServiceProperties:
    """Keeps what is deleted or overwritten in a storage account, for 30 days if protected."""
    days = 30 if at.subscription.environment.protect else 1
    kept = storage.DeleteRetentionPolicyArgs(enabled=True, days=days)
    return storage.BlobServiceProperties(
        f"{name}-versions",
        account_name=store.name,
        resource_group_name=at.group.name,
        blob_services_name="default",
        is_versioning_enabled=True,
        change_feed=storage.ChangeFeedArgs(enabled=True, retention_in_days=days),
        delete_retention_policy=kept,
        container_delete_retention_policy=kept,
        opts=at.subscription.child(parent),
    )
