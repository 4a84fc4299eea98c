"""Who may do what: built-in roles of Azure, given on the one resource that needs them.

Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles.
"""

from enum import Enum

import pulumi
from pulumi_azure_native import authorization

from components.clouds.azure.subscription import Subscription


class Role(Enum):
    """A built-in role, by its id, the same in every subscription."""

    ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    CLUSTER_ADMIN = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
    CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    DNS_ZONE_CONTRIBUTOR = "befefa01-2a29-4197-83a8-272ff33ce314"
    EVENT_HUBS_RECEIVER = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"
    EVENT_HUBS_SENDER = "2b629674-e913-4c01-ae53-ef4638d8f975"
    IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
    KEY_ENCRYPTION_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
    KEY_USER = "12338af0-0e69-4776-bea7-57ae8d297424"
    NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
    READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    STORAGE_BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    VAULT_CONTRIBUTOR = "f25e0fa2-a7c8-4377-a976-54943a77a395"


def grant(
    subscription: Subscription,
    name: str,
    role: Role,
    *,
    principal: pulumi.Input[str],
    scope: pulumi.Input[str],
    parent: pulumi.Resource,
    ignore_changes: list[str] | None = None,
    principal_type: str | None = "ServicePrincipal",
) -> authorization.RoleAssignment:
    """Gives a managed identity a role on a resource.

    Args:
        subscription: where.
        name: of the assignment, in Pulumi.
        role: the role.
        principal: object id of who gets it.
        scope: id of the resource it is limited to.
        parent: its parent.
        ignore_changes: properties that keep their first value.
        principal_type: saves Azure a look-up that fails while an identity is still spreading; None
            where it may be a person as well.
    """
    return authorization.RoleAssignment(
        name,
        principal_id=principal,
        principal_type=principal_type,
        role_definition_id=(
            f"/subscriptions/{subscription.id}/providers/Microsoft.Authorization"
            f"/roleDefinitions/{role.value}"
        ),
        scope=scope,
        opts=subscription.child(parent, ignore_changes=ignore_changes),
    )
