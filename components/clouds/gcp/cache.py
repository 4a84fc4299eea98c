"""Memorystore for Valkey: a region's cache, one shard, so that clients need no cluster protocol."""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp
import pulumi_random as random

from components.clouds.gcp import network as networks
from components.clouds.gcp import project as projects
from components.clouds.gcp.project import Project
from components.target import CacheServer, Cluster, Endpoint

PORT = 6379

_PRIMARY = "CONNECTION_TYPE_PRIMARY"


def cache(
    project: Project, name: str, cluster: Cluster, *, version: str, parent: pulumi.Resource
) -> CacheServer:
    """Makes a Valkey whose default user has a password; it keeps nothing over a restart."""
    network = networks.own(projects.own(cluster).network)
    location = network.place.location.name
    generated = random.RandomPassword(
        f"{name}-password", length=32, special=False, opts=pulumi.ResourceOptions(parent=parent)
    )
    password = pulumi.Output.secret(generated.result)
    policy = gcp.memorystore.AclPolicy(
        f"{name}-access",
        acl_policy_id=project.name(network.place, "cache", limit=63),
        location=location,
        rules=[
            {
                "username": "default",
                "rule": pulumi.Output.format("on >{} ~* &* +@all -@dangerous +info", password),
            }
        ],
        opts=project.child(parent),
    )
    size = project.environment.size
    instance = gcp.memorystore.Instance(
        name,
        instance_id=project.name(network.place, "cache", limit=63),
        location=location,
        engine_version=f"VALKEY_{version}_0",
        mode="CLUSTER_DISABLED",
        shard_count=1,
        replica_count={"small": 0, "medium": 1, "large": 2}[size],
        node_type=project.pick(
            small="SHARED_CORE_NANO", medium="STANDARD_SMALL", large="HIGHMEM_MEDIUM"
        ),
        zone_distribution_config={"mode": "MULTI_ZONE"},
        transit_encryption_mode="SERVER_AUTHENTICATION",
        acl_policy=policy.id,
        kms_key=network.keys.data,
        persistence_config={"mode": "DISABLED"},
        # What it holds may be lost: protected all the same, for sessions end when it does.
        deletion_protection_enabled=project.environment.protect,
        desired_auto_created_endpoints=[{"network": network.vpc.id, "project_id": project.id}],
        labels=project.environment.tags(region=network.region, data_class="customer"),
        opts=pulumi.ResourceOptions.merge(
            project.child(parent, *network.service_connections),
            pulumi.ResourceOptions(delete_before_replace=True),  # its name is fixed
        ),
    )
    return CacheServer(
        endpoint=Endpoint(
            host=instance.endpoints.apply(_primary), port=pulumi.Output.from_input(PORT)
        ),
        password=password,
        resource=instance,
        tls=True,
        ca_certificate=instance.managed_server_cas.apply(_authority),
    )


def _primary(endpoints: Sequence[gcp.memorystore.outputs.InstanceEndpoint]) -> str:
    """Returns the address that takes writes."""
    connections = [
        connection.psc_auto_connection
        for endpoint in endpoints
        for connection in endpoint.connections or ()
        if connection.psc_auto_connection
    ]
    return next(one.ip_address or "" for one in connections if one.connection_type == _PRIMARY)


def _authority(authorities: Sequence[gcp.memorystore.outputs.InstanceManagedServerCa]) -> str:
    """Returns the certificates, PEM, that the server's may be signed with, old and new."""
    return "\n".join(
        certificate
        for authority in authorities
        for chain in authority.ca_certs or ()
        for certificate in chain.certificates or ()
    )
