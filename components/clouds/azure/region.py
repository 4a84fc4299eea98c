"""What a region has before anything runs in it: its network, its keys and where it logs to."""

import pulumi

from components.clouds.azure import keys, logs
from components.clouds.azure.network import AzureNetwork, place, virtual_network
from components.clouds.azure.private_link import PrivateLink
from components.clouds.cloud import CloudRegion


def region_network(
    link: PrivateLink, name: str, region: CloudRegion, *, parent: pulumi.Resource
) -> AzureNetwork:
    """Makes a region's network and keys.

    The vault has one key for what services store and one for the cluster, each with an identity of
    its own, so that neither can read what the other has encrypted.
    """
    subscription = link.subscription
    at = place(subscription, name, region, parent=parent)
    wires = virtual_network(at, name, parent=parent)
    vault = keys.vault(
        subscription,
        f"{name}-vault",
        vault_name=pulumi.Output.concat("vault-", at.suffix),
        group=at.group,
        location=at.location,
        tags=at.tags(data_class="customer"),
        parent=parent,
    )
    data_key, cluster_key = (
        keys.encryption_key(
            subscription,
            f"{name}-{purpose}",
            inside=vault,
            group=at.group,
            location=at.location,
            tags=at.tags(data_class="customer"),
            parent=parent,
        )
        for purpose in ("data", "cluster")
    )
    made = AzureNetwork(
        subscription=subscription,
        region_spec=region,
        group=at.group,
        suffix=at.suffix,
        virtual_network=wires.virtual_network,
        node_subnets=wires.node_subnets,
        data_subnet=wires.data_subnet,
        api_server_subnet=wires.api_server_subnet,
        database_subnet=wires.database_subnet,
        gateway_address=wires.gateway_address,
        logs=logs.workspace(at, name, parent=parent).id,
        data_key=data_key,
        cluster_key=cluster_key,
    )
    logs.flow_logs(at, name, wires.virtual_network, wires.watcher, data_key.in_use, parent=parent)
    logs.send_logs(made, f"{name}-vault", vault.id, groups=["audit"], parent=parent)
    link.join(name, made, parent=parent)
    link.endpoint(f"{name}-vault", made, "vault", vault.id, parent=parent)
    return made
