"""Storage accounts: encrypted with the region's key, closed to the public, no shared keys."""

from typing import Literal

import pulumi
from pulumi_azure_native import storage

from components.clouds.azure.keys import KeyInUse
from components.clouds.azure.network import Place


def account(
    at: Place,
    name: str,
    *,
    account_name: pulumi.Input[str],
    key: KeyInUse,
    sku: str,
    data_class: Literal["customer", "operational"],
    parent: pulumi.Resource,
) -> storage.StorageAccount:
    """Makes a storage account; the newest version of the key is used without being named."""
    return storage.StorageAccount(
        name,
        account_name=account_name,
        resource_group_name=at.group.name,
        location=at.location,
        kind="StorageV2",
        sku=storage.SkuArgs(name=sku),
        identity=storage.IdentityArgs(type="UserAssigned", user_assigned_identities=[key.identity]),
        encryption=storage.EncryptionArgs(
            key_source="Microsoft.Keyvault",
            key_vault_properties=storage.KeyVaultPropertiesArgs(
                key_vault_uri=key.vault_uri, key_name=key.name
            ),
            encryption_identity=storage.EncryptionIdentityArgs(
                encryption_user_assigned_identity=key.identity
            ),
            require_infrastructure_encryption=True,
        ),
        public_network_access="Disabled",
        network_rule_set=storage.NetworkRuleSetArgs(
            default_action=storage.DefaultAction.DENY, bypass="AzureServices"
        ),
        allow_blob_public_access=False,
        allow_cross_tenant_replication=False,
        allow_shared_key_access=False,
        default_to_o_auth_authentication=True,
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        tags=at.tags(data_class=data_class),
        opts=at.subscription.child(parent, *key.access, holds_data=data_class == "customer"),
    )
