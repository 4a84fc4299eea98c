"""A region's event bus: MSK without ZooKeeper, TLS only; clients are who their IAM role says."""

import pulumi
import pulumi_aws as aws

from components.clouds.aws.cluster import AwsCluster
from components.clouds.aws.network import security_group
from components.clouds.cloud import Size
from components.target import EventBus

PORT = 9098
"""Where brokers take TLS with IAM authentication."""

_KAFKA_VERSION = "3.9.x.kraft"
_BROKERS: dict[Size, int] = {"small": 2, "medium": 3, "large": 3}
"""One a zone; AWS wants two zones at least, and keeps a copy in each."""

_BROKER_TYPE: dict[Size, str] = {
    "small": "kafka.t3.small",
    "medium": "kafka.m7g.large",
    "large": "kafka.m7g.xlarge",
}
_VOLUME_GIB: dict[Size, int] = {"small": 20, "medium": 100, "large": 500}


def event_bus(cluster: AwsCluster, name: str, *, parent: pulumi.Resource) -> EventBus:
    """Makes the brokers."""
    place, network = cluster.place, cluster.network
    size = place.environment.size
    firewall = security_group(
        place,
        name,
        network.vpc.id,
        "Kafka from the region's own cluster",
        [
            aws.ec2.SecurityGroupIngressArgs(
                description="Kafka from the region's own cluster",
                protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                security_groups=[cluster.security_group],
            )
        ],
        parent=parent,
    )
    logs = place.log_group(
        name,
        f"/{place.environment.name}/{place.region.name}/event-bus",
        network.keys.operational,
        parent=parent,
    )
    server = aws.msk.Cluster(
        name,
        cluster_name=place.physical_name,
        kafka_version=_KAFKA_VERSION,
        number_of_broker_nodes=_BROKERS[size],
        broker_node_group_info=aws.msk.ClusterBrokerNodeGroupInfoArgs(
            instance_type=_BROKER_TYPE[size],
            client_subnets=network.data_subnet_ids[: _BROKERS[size]],
            security_groups=[firewall.id],
            connectivity_info=aws.msk.ClusterBrokerNodeGroupInfoConnectivityInfoArgs(
                public_access=aws.msk.ClusterBrokerNodeGroupInfoConnectivityInfoPublicAccessArgs(
                    type="DISABLED"
                )
            ),
            storage_info=aws.msk.ClusterBrokerNodeGroupInfoStorageInfoArgs(
                ebs_storage_info=aws.msk.ClusterBrokerNodeGroupInfoStorageInfoEbsStorageInfoArgs(
                    volume_size=_VOLUME_GIB[size]
                )
            ),
        ),
        client_authentication=aws.msk.ClusterClientAuthenticationArgs(
            sasl=aws.msk.ClusterClientAuthenticationSaslArgs(iam=True), unauthenticated=False
        ),
        encryption_info=aws.msk.ClusterEncryptionInfoArgs(
            encryption_at_rest_kms_key_arn=network.keys.data.arn,
            encryption_in_transit=aws.msk.ClusterEncryptionInfoEncryptionInTransitArgs(
                client_broker="TLS", in_cluster=True
            ),
        ),
        enhanced_monitoring="PER_BROKER",
        logging_info=aws.msk.ClusterLoggingInfoArgs(
            broker_logs=aws.msk.ClusterLoggingInfoBrokerLogsArgs(
                cloudwatch_logs=aws.msk.ClusterLoggingInfoBrokerLogsCloudwatchLogsArgs(
                    enabled=True, log_group=logs.name
                )
            )
        ),
        tags=place.tags("customer"),
        region=place.location,
        opts=place.account.inside(parent),
    )
    return EventBus(bootstrap_servers=server.bootstrap_brokers_sasl_iam, resource=server)
