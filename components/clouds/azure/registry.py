"""The environment's container registry: one, with a copy in each region.

Nobody has a password to it: the registry's own account is off. Nodes pull as their cluster's
identity; who pushes signs in with Entra (``az acr login``), so no credentials are handed on.
References are by digest: Azure has no switch that makes every tag immutable.
"""

import pulumi
import pulumi_random
from pulumi_azure_native import containerregistry

from components.clouds.azure import keys
from components.clouds.azure.subscription import HOME, Subscription
from components.clouds.cloud import Registry

REPOSITORY = "platform"


def registry(subscription: Subscription, name: str, *, parent: pulumi.Resource) -> Registry:
    """Makes the registry and its copies."""
    environment = subscription.environment
    tags = environment.tags()
    suffix = pulumi_random.RandomString(
        f"{name}-suffix",
        length=10,
        upper=False,
        special=False,
        opts=pulumi.ResourceOptions(parent=parent),
    ).result
    key = keys.encryption_key(
        subscription,
        f"{name}-images",
        inside=keys.vault(
            subscription,
            f"{name}-vault",
            vault_name=pulumi.Output.concat("images-", suffix),
            group=subscription.group,
            location=HOME,
            tags=tags,
            parent=parent,
        ),
        group=subscription.group,
        location=HOME,
        tags=tags,
        parent=parent,
    )
    made = containerregistry.Registry(
        name,
        registry_name=pulumi.Output.concat("images", suffix),
        resource_group_name=subscription.group.name,
        location=HOME,
        sku=containerregistry.SkuArgs(name="Premium"),
        admin_user_enabled=False,
        anonymous_pull_enabled=False,
        public_network_access="Enabled",
        zone_redundancy="Enabled",
        identity=containerregistry.IdentityPropertiesArgs(
            type=containerregistry.ResourceIdentityType.USER_ASSIGNED,
            user_assigned_identities=key.identity.id.apply(_one_identity),
        ),
        encryption=containerregistry.EncryptionPropertyArgs(
            status="enabled",
            key_vault_properties=containerregistry.KeyVaultPropertiesArgs(
                identity=key.identity.client_id, key_identifier=key.key.key_uri
            ),
        ),
        policies=containerregistry.PoliciesArgs(
            retention_policy=containerregistry.RetentionPolicyArgs(status="enabled", days=30),
        ),
        tags=tags,
        opts=subscription.child(parent, key.access),
    )
    for region in environment.regions:
        if region.location.name != HOME:
            containerregistry.Replication(
                f"{name}-{region.name}",
                registry_name=made.name,
                replication_name=region.location.name,
                resource_group_name=subscription.group.name,
                location=region.location.name,
                region_endpoint_enabled=True,
                zone_redundancy="Enabled",
                tags=subscription.tags(region),
                opts=subscription.child(parent),
            )
    repository = pulumi.Output.concat(made.login_server, "/", REPOSITORY)
    return Registry(
        repositories={region.name: repository for region in environment.regions},
        push_to=repository,
        server=made.login_server,
        resource=made,
    )


def _one_identity(identity: str) -> dict[str, containerregistry.UserIdentityPropertiesArgs]:
    return {identity: containerregistry.UserIdentityPropertiesArgs()}
