"""Managed Service for Apache Kafka: a region's event bus, spread over three zones."""

import pulumi
import pulumi_gcp as gcp

from components.clouds.gcp import network as networks
from components.clouds.gcp import project as projects
from components.clouds.gcp.project import Project
from components.target import Cluster, EventBus

_GIB = 1 << 30
_VCPUS = {"small": 3, "medium": 3, "large": 12}


def event_bus(
    project: Project, name: str, cluster: Cluster, *, parent: pulumi.Resource
) -> EventBus:
    """Makes a Kafka that speaks TLS only and knows its clients by their Google identity."""
    network = networks.own(projects.own(cluster).network)
    vcpus = _VCPUS[project.environment.size]
    made = gcp.managedkafka.Cluster(
        name,
        cluster_id=project.name(network.place, limit=63),
        location=network.place.location.name,
        capacity_config={
            "vcpu_count": str(vcpus),
            "memory_bytes": str(vcpus * 4 * _GIB),
        },
        gcp_config={
            "access_config": {"network_configs": [{"subnet": network.data.id}]},
            "kms_key": network.keys.data,
        },
        rebalance_config={"mode": "AUTO_REBALANCE_ON_SCALE_UP"},
        deletion_policy=project.deletion_policy,
        labels=project.environment.tags(region=network.region, data_class="customer"),
        opts=pulumi.ResourceOptions.merge(
            project.child(parent),
            pulumi.ResourceOptions(delete_before_replace=True),  # its name is fixed
        ),
    )
    return EventBus(bootstrap_servers=made.bootstrap_address, resource=made)
