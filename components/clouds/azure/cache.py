"""A region's cache: Azure Managed Redis, which speaks Valkey's protocol."""

import pulumi
from pulumi_azure_native import redisenterprise

from components.clouds.azure.network import AzureNetwork
from components.clouds.azure.private_link import PrivateLink
from components.clouds.azure.sizes import SIZES
from components.target import CacheServer, Endpoint

PORT = 10000


def cache(
    link: PrivateLink, name: str, within: AzureNetwork, *, parent: pulumi.Resource
) -> CacheServer:
    """Makes a cache that takes TLS only, reached over a private endpoint.

    It is one shard, which any client of Redis can use: clients that know nothing of clusters could
    not use several. It is named by key version, which follows rotation at the next ``pulumi up``;
    old versions go on working.
    """
    subscription = link.subscription
    sizing = SIZES[subscription.environment.size]
    key = within.data_key
    server = redisenterprise.RedisEnterprise(
        name,
        resource_group_name=within.group.name,
        location=within.location,
        sku=redisenterprise.SkuArgs(name=sizing.cache_size),
        high_availability="Enabled" if sizing.redundant else "Disabled",
        minimum_tls_version="1.2",
        public_network_access="Disabled",
        identity=redisenterprise.ManagedServiceIdentityArgs(
            type="UserAssigned", user_assigned_identities=[key.identity.id]
        ),
        encryption=redisenterprise.ClusterPropertiesEncryptionArgs(
            customer_managed_key_encryption=(
                redisenterprise.ClusterPropertiesCustomerManagedKeyEncryptionArgs(
                    key_encryption_key_url=key.key.key_uri_with_version,
                    key_encryption_key_identity=(
                        redisenterprise.ClusterPropertiesKeyEncryptionKeyIdentityArgs(
                            identity_type="userAssignedIdentity",
                            user_assigned_identity_resource_id=key.identity.id,
                        )
                    ),
                )
            )
        ),
        tags=within.tags(data_class="customer"),
        opts=subscription.child(parent, key.access),
    )
    database = redisenterprise.Database(
        f"{name}-database",
        cluster_name=server.name,
        database_name="default",
        resource_group_name=within.group.name,
        client_protocol="Encrypted",
        clustering_policy="NoCluster",
        eviction_policy="AllKeysLRU",
        access_keys_authentication="Enabled",
        port=PORT,
        opts=subscription.child(parent),
    )
    reachable = link.endpoint(name, within, "redisEnterprise", server.id, parent=parent)
    keys = redisenterprise.list_database_keys_output(
        cluster_name=server.name,
        database_name=database.id.apply(lambda found: found.rpartition("/")[2]),
        resource_group_name=within.group.name,
        opts=pulumi.InvokeOutputOptions(provider=subscription.provider, depends_on=[database]),
    )
    return CacheServer(
        endpoint=Endpoint(host=server.host_name, port=pulumi.Output.from_input(PORT)),
        password=pulumi.Output.secret(keys.apply(lambda found: found.primary_key)),
        resource=reachable,
        tls=True,
    )
