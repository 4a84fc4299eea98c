"""Customer-managed keys: a vault per region, a key per purpose, and who may use it.

Keys are made through Azure's control plane, so nothing needs to reach the vault from outside. They
get a new version every 90 days; what is encrypted under the old ones is re-wrapped by the services.
A vault cannot be purged while its deleted keys are kept (90 days, 7 where the environment is not
protected): storage, PostgreSQL and the registry refuse a vault that could lose its keys at once.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, keyvault, managedidentity

from components.clouds.azure.roles import Role, grant
from components.clouds.azure.subscription import Named, Subscription

ROTATION = "P90D"
"""Age at which a key gets a new version, ISO 8601."""

KEY_BITS = 3072
"""NIST SP 800-57: at least 128 bits of security, and every service here takes it."""


@dataclass(frozen=True, kw_only=True)
class KeyInUse:
    """A key as a service is told of it, whichever stack made it.

    Attributes:
        vault_uri: of the vault it is in, ``https://….vault.azure.net/``.
        name: its name there.
        uri: its own, without a version: services then follow its rotation.
        identity: id of the identity that the service wraps and unwraps with.
        access: what the service must wait for to be allowed to.
    """

    vault_uri: pulumi.Output[str]
    name: pulumi.Output[str]
    uri: pulumi.Output[str]
    identity: pulumi.Output[str]
    access: tuple[pulumi.Resource, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EncryptionKey:
    """A key and the identity that services wrap and unwrap with.

    Attributes:
        vault: where the key is.
        key: the key.
        identity: has no right but to use this key.
        access: what gives it that right; who uses the key waits for it.
    """

    vault: keyvault.Vault
    key: keyvault.Key
    identity: managedidentity.UserAssignedIdentity
    access: authorization.RoleAssignment

    @property
    def vault_uri(self) -> pulumi.Output[str]:
        """URI of the vault, ``https://….vault.azure.net/``."""
        return vault_uri(self.vault.name)

    @property
    def in_use(self) -> KeyInUse:
        """The key as a service is told of it."""
        return KeyInUse(
            vault_uri=self.vault_uri,
            name=self.key.name,
            uri=self.key.key_uri,
            identity=self.identity.id,
            access=(self.access,),
        )


def vault_uri(name: pulumi.Input[str]) -> pulumi.Output[str]:
    """Returns the URI of a vault, ``https://….vault.azure.net/``, by its name."""
    return pulumi.Output.concat("https://", name, ".vault.azure.net/")


def vault(
    subscription: Subscription,
    name: str,
    *,
    vault_name: pulumi.Input[str],
    group: Named,
    location: str,
    tags: dict[str, str],
    parent: pulumi.Resource,
) -> keyvault.Vault:
    """Makes a vault that is reached over private endpoints and by Azure's own services only."""
    return keyvault.Vault(
        name,
        vault_name=vault_name,
        resource_group_name=group.name,
        location=location,
        properties=keyvault.VaultPropertiesArgs(
            tenant_id=subscription.credentials.tenant_id,
            sku=keyvault.SkuArgs(family="A", name=keyvault.SkuName.PREMIUM),
            enable_rbac_authorization=True,
            enable_soft_delete=True,
            enable_purge_protection=True,
            soft_delete_retention_in_days=90 if subscription.environment.protect else 7,
            public_network_access="Disabled",
            network_acls=keyvault.NetworkRuleSetArgs(default_action="Deny", bypass="AzureServices"),
        ),
        tags=tags,
        opts=subscription.child(parent),
    )


def encryption_key(
    subscription: Subscription,
    name: str,
    *,
    inside: keyvault.Vault,
    group: Named,
    location: str,
    tags: dict[str, str],
    parent: pulumi.Resource,
) -> EncryptionKey:
    """Makes a key in a vault and the identity that may use it."""
    key = rotated_key(
        subscription, name, vault_name=inside.name, group=group.name, tags=tags, parent=parent
    )
    identity = managedidentity.UserAssignedIdentity(
        f"{name}-identity",
        resource_group_name=group.name,
        location=location,
        tags=tags,
        opts=subscription.child(parent),
    )
    access = key_access(subscription, name, key, identity.principal_id, parent=parent)
    return EncryptionKey(vault=inside, key=key, identity=identity, access=access)


def rotated_key(
    subscription: Subscription,
    name: str,
    *,
    vault_name: pulumi.Input[str],
    group: pulumi.Input[str],
    tags: dict[str, str],
    parent: pulumi.Resource,
) -> keyvault.Key:
    """Makes a key in a vault that is in the resource group of that name."""
    return keyvault.Key(
        f"{name}-key",
        vault_name=vault_name,
        resource_group_name=group,
        properties=keyvault.KeyPropertiesArgs(
            kty="RSA",
            key_size=KEY_BITS,
            key_ops=["wrapKey", "unwrapKey", "encrypt", "decrypt"],
            rotation_policy=keyvault.RotationPolicyArgs(
                lifetime_actions=[
                    keyvault.LifetimeActionArgs(
                        action=keyvault.ActionArgs(
                            type=keyvault.KeyRotationPolicyActionType.ROTATE
                        ),
                        trigger=keyvault.TriggerArgs(time_after_create=ROTATION),
                    )
                ]
            ),
        ),
        tags=tags,
        opts=subscription.child(parent),
    )


def key_access(
    subscription: Subscription,
    name: str,
    key: keyvault.Key,
    principal: pulumi.Input[str],
    *,
    parent: pulumi.Resource,
) -> authorization.RoleAssignment:
    """Lets an identity wrap and unwrap with a key."""
    return grant(
        subscription,
        f"{name}-key-access",
        Role.KEY_ENCRYPTION_USER,
        principal=principal,
        scope=key.id,
        parent=parent,
    )
