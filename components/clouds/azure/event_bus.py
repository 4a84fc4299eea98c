"""A region's event bus: Event Hubs, spoken to as Kafka."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import eventhub

from components.clouds.azure.logs import send_logs
from components.clouds.azure.network import AzureNetwork
from components.clouds.azure.private_link import PrivateLink
from components.clouds.azure.sizes import SIZES
from components.target import EventBus


@dataclass(frozen=True, kw_only=True)
class AzureEventBus(EventBus):
    """A region's event bus, as roles are given on it."""

    namespace: eventhub.Namespace


def event_bus(
    link: PrivateLink, name: str, within: AzureNetwork, *, parent: pulumi.Resource
) -> AzureEventBus:
    """Makes a namespace of the Premium tier, the least that takes a customer's key.

    Clients sign in with Entra tokens (SASL/OAUTHBEARER); shared keys are off. Its topics are spread
    over three zones by the tier itself.
    """
    subscription = link.subscription
    key = within.data_key
    units = SIZES[subscription.environment.size].event_hubs_units
    namespace = eventhub.Namespace(
        name,
        resource_group_name=within.group.name,
        location=within.location,
        sku=eventhub.SkuArgs(name="Premium", tier="Premium", capacity=units),
        zone_redundant=True,
        kafka_enabled=True,
        disable_local_auth=True,
        minimum_tls_version="1.2",
        public_network_access="Disabled",
        identity=eventhub.IdentityArgs(
            type=eventhub.ManagedServiceIdentityType.USER_ASSIGNED,
            user_assigned_identities=[key.identity.id],
        ),
        encryption=eventhub.EncryptionArgs(
            key_source=eventhub.KeySource.MICROSOFT_KEY_VAULT,
            key_vault_properties=[
                eventhub.KeyVaultPropertiesArgs(
                    key_name=key.key.name,
                    key_vault_uri=key.vault_uri,
                    identity=eventhub.UserAssignedIdentityPropertiesArgs(
                        user_assigned_identity=key.identity.id
                    ),
                )
            ],
            require_infrastructure_encryption=True,
        ),
        tags=within.tags(data_class="customer"),
        opts=subscription.child(parent, key.access),
    )
    send_logs(within, name, namespace.id, groups=["audit"], parent=parent)
    return AzureEventBus(
        bootstrap_servers=pulumi.Output.concat(namespace.name, ".servicebus.windows.net:9093"),
        resource=link.endpoint(name, within, "namespace", namespace.id, parent=parent),
        namespace=namespace,
    )
