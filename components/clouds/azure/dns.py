"""The environment's public zone, who may change it, and the director that spreads clients.

The director is a Traffic Manager profile: the zone's ``api`` record is an alias of it, so clients
are given the address of a healthy region by weight. Its endpoints are plain addresses and so may be
on any cloud.
"""

import hashlib
import json

import pulumi
from pulumi_azure_native import dns, trafficmanager

from components.clouds.azure.identity import POD_LABELS, annotations, federated_identity
from components.clouds.azure.network import AzureNetwork
from components.clouds.azure.roles import Role, grant
from components.clouds.azure.subscription import GLOBAL, Subscription, foreign
from components.clouds.cloud import (
    DirectorArgs,
    DnsAccess,
    DnsZone,
    KubernetesCluster,
    RegionEndpoint,
)
from components.target import LoadBalancer

TTL_SECONDS = 60

FULL_WEIGHT = 600
"""Weight of a region that gets all clients; it divides evenly by up to six addresses. Traffic
Manager takes 1 to 1000."""


def zone(subscription: Subscription, name: str, domain: str, *, parent: pulumi.Resource) -> DnsZone:
    """Makes the zone and signs it."""
    made = dns.Zone(
        name,
        zone_name=domain,
        resource_group_name=subscription.group.name,
        location=GLOBAL,
        zone_type=dns.ZoneType.PUBLIC,
        tags=subscription.environment.tags(),
        opts=subscription.child(parent),
    )
    dns.DnssecConfig(
        f"{name}-signing",
        zone_name=made.name,
        resource_group_name=subscription.group.name,
        opts=subscription.child(parent),
    )
    return DnsZone(domain=domain, name_servers=made.name_servers, handle=made)


def access(
    subscription: Subscription,
    name: str,
    signed: DnsZone,
    cluster: KubernetesCluster,
    within: AzureNetwork,
    *,
    namespace: str,
    service_account: str,
    parent: pulumi.Resource,
) -> DnsAccess:
    """Lets a service account of a cluster on Azure change the zone's records."""
    if not isinstance(signed.handle, dns.Zone):
        raise foreign(signed.handle)
    identity, credential = federated_identity(
        subscription,
        name,
        cluster,
        group=within.group,
        location=within.location,
        tags=within.tags(),
        namespace=namespace,
        service_account=service_account,
        parent=parent,
    )
    grant(
        subscription,
        f"{name}-zone-access",
        Role.DNS_ZONE_CONTRIBUTOR,
        principal=identity.principal_id,
        scope=signed.handle.id,
        parent=parent,
    )
    group = subscription.group.name
    settings = group.apply(
        lambda found: json.dumps(
            {
                "tenantId": subscription.credentials.tenant_id,
                "subscriptionId": subscription.id,
                "resourceGroup": found,
                "useWorkloadIdentityExtension": True,
            },
            sort_keys=True,
        )
    )
    return DnsAccess(
        cert_manager_solver={
            "azureDNS": {
                "subscriptionID": subscription.id,
                "resourceGroupName": group,
                "hostedZoneName": signed.domain,
                "environment": "AzurePublicCloud",
                "managedIdentity": {"clientID": identity.client_id},
            }
        },
        external_dns_values={
            "provider": {"name": "azure"},
            "secretConfiguration": {
                "enabled": True,
                "mountPath": "/etc/kubernetes",
                "data": {"azure.json": settings},
            },
        },
        resource=credential,
        service_account_annotations=annotations(subscription, identity),
        pod_labels=POD_LABELS,
    )


def director(
    subscription: Subscription, name: str, args: DirectorArgs, *, parent: pulumi.Resource
) -> LoadBalancer:
    """Makes the profile, an endpoint for each address of a region, and the records."""
    if not isinstance(args.zone.handle, dns.Zone):
        raise foreign(args.zone.handle)
    profile, endpoints = spread(
        subscription,
        name,
        args,
        group=subscription.group.name,
        relative_name=_relative_name(args.host),
        probed=args.host,
        parent=parent,
    )
    for region in args.endpoints:
        _record(
            subscription,
            f"{name}-{region.region}",
            args.zone,
            region.host,
            dns.RecordSetArgs(
                zone_name=args.zone.domain,
                resource_group_name=subscription.group.name,
                record_type="A",
                ttl=TTL_SECONDS,
                a_records=[dns.ARecordArgs(ipv4_address=one) for one in region.addresses],
            ),
            parent=parent,
        )
    record = _record(
        subscription,
        f"{name}-record",
        args.zone,
        args.host,
        dns.RecordSetArgs(
            zone_name=args.zone.domain,
            resource_group_name=subscription.group.name,
            record_type="A",
            ttl=TTL_SECONDS,
            target_resource=dns.SubResourceArgs(id=profile.id),
        ),
        parent=parent,
        after=endpoints,
    )
    return LoadBalancer(
        url=pulumi.Output.from_input(f"https://{args.host}"),
        grpc_address=pulumi.Output.from_input(f"{args.host}:443"),
        resource=record,
    )


def spread(
    subscription: Subscription,
    name: str,
    args: DirectorArgs,
    *,
    group: pulumi.Input[str],
    relative_name: str,
    probed: pulumi.Input[str],
    parent: pulumi.Resource,
) -> tuple[trafficmanager.Profile, list[trafficmanager.Endpoint]]:
    """Makes a profile and an endpoint for each address of a region.

    Args:
        subscription: where.
        name: of the profile, in Pulumi.
        args: the regions and how healthy ones are known.
        group: name of its resource group.
        relative_name: its name below ``trafficmanager.net``, which all of Azure shares.
        probed: host that regions are asked for to see whether they are healthy.
        parent: its parent.
    """
    profile = trafficmanager.Profile(
        name,
        resource_group_name=group,
        location=GLOBAL,
        traffic_routing_method="Weighted",
        profile_status="Enabled",
        dns_config=trafficmanager.DnsConfigArgs(relative_name=relative_name, ttl=TTL_SECONDS),
        monitor_config=trafficmanager.MonitorConfigArgs(
            protocol="HTTPS",
            port=443,
            path=args.health_path,
            interval_in_seconds=10,
            timeout_in_seconds=5,
            tolerated_number_of_failures=2,
            custom_headers=[
                trafficmanager.MonitorConfigCustomHeadersItemArgs(name="host", value=probed)
            ],
            expected_status_code_ranges=[
                trafficmanager.MonitorConfigExpectedStatusCodeRangesItemArgs(min=200, max=200)
            ],
        ),
        tags=subscription.environment.tags(),
        opts=subscription.child(parent),
    )
    endpoints = [
        made
        for region in args.endpoints
        for made in _endpoints(subscription, name, profile, group, region, parent=parent)
    ]
    return profile, endpoints


def _relative_name(host: str) -> str:
    """Returns a name below ``trafficmanager.net``, which all of Azure shares."""
    return f"aip-{hashlib.sha256(host.encode()).hexdigest()[:16]}"


def _endpoints(
    subscription: Subscription,
    name: str,
    profile: trafficmanager.Profile,
    group: pulumi.Input[str],
    region: RegionEndpoint,
    *,
    parent: pulumi.Resource,
) -> list[trafficmanager.Endpoint]:
    weight = region.weight * FULL_WEIGHT // 100 // max(len(region.addresses), 1)
    return [
        trafficmanager.Endpoint(
            f"{name}-{region.region}-{number}",
            profile_name=profile.name,
            endpoint_name=f"{region.region}-{number}",
            endpoint_type="ExternalEndpoints",
            type="Microsoft.Network/trafficManagerProfiles/externalEndpoints",
            resource_group_name=group,
            target=address,
            weight=max(weight, 1),
            endpoint_status="Enabled" if region.weight else "Disabled",
            opts=subscription.child(parent),
        )
        for number, address in enumerate(region.addresses, start=1)
    ]


def _record(
    subscription: Subscription,
    name: str,
    signed: DnsZone,
    host: str,
    record: dns.RecordSetArgs,
    *,
    parent: pulumi.Resource,
    after: list[trafficmanager.Endpoint] | None = None,
) -> dns.RecordSet:
    record.relative_record_set_name = host.removesuffix(f".{signed.domain}")
    return dns.RecordSet(
        name, record, opts=subscription.child(parent, signed.handle, *(after or []))
    )
