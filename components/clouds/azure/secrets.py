"""Secrets in the region's vault, and how external-secrets reads them.

They are written through Azure's control plane, so ``pulumi up`` needs no way into the vault to make
or change one. Deleting one goes to the vault itself, which is reached from inside only.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_azure_native import keyvault

from components.clouds.azure.network import AzureNetwork
from components.clouds.cloud import StoredSecret


def secret(
    name: str,
    within: AzureNetwork,
    values: Mapping[str, pulumi.Input[str]],
    *,
    parent: pulumi.Resource,
) -> StoredSecret:
    """Keeps values as one JSON object."""
    made = keyvault.Secret(
        name,
        vault_name=within.data_key.vault.name,
        resource_group_name=within.group.name,
        properties=keyvault.SecretPropertiesArgs(
            content_type="application/json",
            value=pulumi.Output.secret(pulumi.Output.json_dumps(values, sort_keys=True)),
        ),
        tags=within.tags(data_class="customer"),
        opts=within.subscription.child(parent),
    )
    return StoredSecret(name=made.name, resource=made)


def secret_store(within: AzureNetwork, *, service_account: str) -> Mapping[str, Any]:
    """Returns the ``spec.provider`` of the ClusterSecretStore of external-secrets."""
    namespace, _, account = service_account.partition("/")
    return {
        "azurekv": {
            "authType": "WorkloadIdentity",
            "vaultUrl": within.data_key.vault_uri,
            "serviceAccountRef": {"name": account, "namespace": namespace},
        }
    }
