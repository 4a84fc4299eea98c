"""Private endpoints: how networks reach Azure's services without leaving them.

There is one private DNS zone for each kind of service, linked to every region's network, so that a
service of one region has the same private name in all of them.
Zone names: learn.microsoft.com/azure/private-link/private-endpoint-dns.
"""

from functools import cached_property
from typing import Literal

import pulumi
from pulumi_azure_native import network, privatedns

from components.clouds.azure.network import AzureNetwork, Site
from components.clouds.azure.subscription import GLOBAL, Subscription

Service = Literal["postgresqlServer", "redisEnterprise", "namespace", "blob", "vault"]
"""What is reached, as Private Link calls it (its group id)."""

_ZONES: dict[Service, str] = {
    "postgresqlServer": "privatelink.postgres.database.azure.com",
    "redisEnterprise": "privatelink.redis.azure.net",
    "namespace": "privatelink.servicebus.windows.net",
    "blob": "privatelink.blob.core.windows.net",
    "vault": "privatelink.vaultcore.azure.net",
}


class PrivateLink:
    """The private DNS zones of the subscription, and the endpoints whose names are in them."""

    def __init__(self, subscription: Subscription) -> None:
        """Remembers the subscription; makes nothing."""
        self.subscription = subscription
        self._joined: list[AzureNetwork] = []

    @cached_property
    def zones(self) -> dict[Service, privatedns.PrivateZone]:
        """The private DNS zone of each kind of service."""
        subscription = self.subscription
        return {
            service: privatedns.PrivateZone(
                f"azure-{service.lower()}-zone",
                private_zone_name=zone,
                resource_group_name=subscription.group.name,
                location=GLOBAL,
                tags=subscription.environment.tags(),
                opts=subscription.child(subscription.root),
            )
            for service, zone in _ZONES.items()
        }

    def join(self, name: str, joined: AzureNetwork, *, parent: pulumi.Resource) -> None:
        """Lets a network look up every zone."""
        self._joined.append(joined)
        for service, zone in self.zones.items():
            self._link(f"{name}-{service.lower()}-link", zone, joined, parent=parent)

    def database_zone(
        self, name: str, within: AzureNetwork, *, parent: pulumi.Resource
    ) -> tuple[privatedns.PrivateZone, pulumi.Resource]:
        """Makes the zone in which Azure writes the address of one PostgreSQL server in a network.

        It is that server's alone, so that the one address in it is the server's.

        Returns:
            The zone, and what lets the server's own network look it up; the server is made after
            that. All other networks can, too.
        """
        zone = privatedns.PrivateZone(
            f"{name}-zone",
            private_zone_name=f"{name}.private.postgres.database.azure.com",
            resource_group_name=self.subscription.group.name,
            location=GLOBAL,
            tags=self.subscription.environment.tags(),
            opts=self.subscription.child(parent),
        )
        for other in self._joined:
            if other is not within:
                self._link(f"{other.region}-{name}-link", zone, other, parent=parent)
        return zone, self._link(f"{name}-link", zone, within, parent=parent)

    def _link(
        self,
        name: str,
        zone: privatedns.PrivateZone,
        joined: AzureNetwork,
        *,
        parent: pulumi.Resource,
    ) -> pulumi.Resource:
        return privatedns.VirtualNetworkLink(
            name,
            private_zone_name=zone.name,
            resource_group_name=self.subscription.group.name,
            location=GLOBAL,
            registration_enabled=False,
            virtual_network=privatedns.SubResourceArgs(id=joined.virtual_network.id),
            tags=joined.tags(),
            opts=self.subscription.child(parent),
        )

    def endpoint(
        self,
        name: str,
        within: AzureNetwork,
        service: Service,
        target: pulumi.Input[str],
        *,
        parent: pulumi.Resource,
    ) -> pulumi.Resource:
        """Puts an address of a service into a network's data subnet.

        Returns:
            What makes its name known; who connects waits for it.
        """
        return endpoint(name, within, service, target, self.zones[service].id, parent=parent)


def endpoint(
    name: str,
    within: Site,
    service: Service,
    target: pulumi.Input[str],
    zone: pulumi.Input[str],
    *,
    parent: pulumi.Resource,
) -> pulumi.Resource:
    """Puts an address of a service into a region's data subnet.

    Args:
        name: of the endpoint, in Pulumi.
        within: the region.
        service: kind of service.
        target: id of what is reached.
        zone: id of the private DNS zone of that kind of service.
        parent: its parent.

    Returns:
        What makes its name known; who connects waits for it.
    """
    options = within.subscription.child(parent)
    made = network.PrivateEndpoint(
        f"{name}-endpoint",
        resource_group_name=within.group.name,
        location=within.location,
        subnet=network.SubnetArgs(id=within.data_subnet),
        private_link_service_connections=[
            network.PrivateLinkServiceConnectionArgs(
                name=service, group_ids=[service], private_link_service_id=target
            )
        ],
        tags=within.tags(),
        opts=options,
    )
    return network.PrivateDnsZoneGroup(
        f"{name}-endpoint-names",
        private_endpoint_name=made.name,
        private_dns_zone_group_name="default",
        resource_group_name=within.group.name,
        private_dns_zone_configs=[
            network.PrivateDnsZoneConfigArgs(name=service.lower(), private_dns_zone_id=zone)
        ],
        opts=options,
    )
