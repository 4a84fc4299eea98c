"""A region's Valkey: ElastiCache, one shard, TLS only, with a password."""

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from components.clouds.aws.cluster import AwsCluster
from components.clouds.aws.network import security_group
from components.clouds.cloud import Size
from components.target import CacheServer, Endpoint

PORT = 6379

_NODES: dict[Size, int] = {"small": 1, "medium": 2, "large": 3}
_NODE_TYPE: dict[Size, str] = {
    "small": "cache.t4g.micro",
    "medium": "cache.t4g.medium",
    "large": "cache.r7g.large",
}
_ENGINE = "valkey"
_RELEASES = {"7": "7.2", "8": "8.2"}
"""The newest minor version ElastiCache has of a major one."""

_ACCESS = "on ~* &* +@all -@admin -@dangerous +info +keys"
"""Every key and command, but those that manage the server; clients ask ``info`` at their start."""

_PASSWORD_LENGTH = 32


def cache(cluster: AwsCluster, name: str, *, version: str, parent: pulumi.Resource) -> CacheServer:
    """Makes the replication group and the one user that may log in.

    Raises:
        ValueError: ElastiCache has no such version.
    """
    if version not in _RELEASES:
        raise ValueError(
            f"versions.valkey: ElastiCache has no Valkey {version!r}; it has "
            f"{' and '.join(_RELEASES)}"
        )
    place, network = cluster.place, cluster.network
    size, location = place.environment.size, place.location
    inside = place.account.inside(parent)
    password = random.RandomPassword(
        f"{name}-password",
        length=_PASSWORD_LENGTH,
        special=False,
        opts=pulumi.ResourceOptions(parent=parent),
    ).result
    user = aws.elasticache.User(
        name,
        user_id=place.physical_name,
        user_name="default",
        engine=_ENGINE,
        access_string=_ACCESS,
        authentication_mode=aws.elasticache.UserAuthenticationModeArgs(
            type="password", passwords=[password]
        ),
        tags=place.tags(),
        region=location,
        opts=inside,
    )
    group = aws.elasticache.UserGroup(
        name,
        user_group_id=place.physical_name,
        engine=_ENGINE,
        user_ids=[user.user_id],
        tags=place.tags(),
        region=location,
        opts=inside,
    )
    subnets = aws.elasticache.SubnetGroup(
        name,
        description=f"Data subnets of {place.region.name}",
        subnet_ids=network.data_subnet_ids,
        tags=place.tags(),
        region=location,
        opts=inside,
    )
    firewall = security_group(
        place,
        name,
        network.vpc.id,
        "Valkey from the region's own cluster",
        [
            aws.ec2.SecurityGroupIngressArgs(
                description="Valkey from the region's own cluster",
                protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                security_groups=[cluster.security_group],
            )
        ],
        parent=parent,
    )
    nodes = _NODES[size]
    server = aws.elasticache.ReplicationGroup(
        name,
        replication_group_id=place.physical_name,
        description=f"Cache of {place.region.name}",
        engine=_ENGINE,
        engine_version=_RELEASES[version],
        node_type=_NODE_TYPE[size],
        num_cache_clusters=nodes,
        automatic_failover_enabled=nodes > 1,
        multi_az_enabled=nodes > 1,
        port=PORT,
        subnet_group_name=subnets.name,
        security_group_ids=[firewall.id],
        user_group_ids=[group.user_group_id],
        transit_encryption_enabled=True,
        transit_encryption_mode="required",
        at_rest_encryption_enabled=True,
        kms_key_id=network.keys.data.arn,
        snapshot_retention_limit=0,
        apply_immediately=not place.environment.protect,
        tags=place.tags("customer"),
        region=location,
        opts=inside,
    )
    return CacheServer(
        endpoint=Endpoint(
            host=server.primary_endpoint_address, port=pulumi.Output.from_input(PORT)
        ),
        password=password,
        resource=server,
        tls=True,
    )
