"""What an environment may cost: families and sizes of machines, by the environment's size.

A medium environment may have what a small one may, a large one what a medium one may: each row
names what comes with its size, and how many of it there may be.
"""

from collections.abc import Mapping

from policies.infrastructure.conditions import AtMost, Is, Matches, OneOf
from policies.infrastructure.rule import SIZES, Must, Rule
from stacks.cloud_environment import Size

_COST = ("FinOps: usage optimization", "AWS Well-Architected COST 6", "ISO 27001 A.8.6")

Families = tuple[str, str, str]
"""Forms of the names that come with a small environment, a medium one and a large one."""

Most = tuple[int, int, int]
"""The most that a small environment may have, a medium one and a large one."""


def _families(path: str, families: Families) -> Mapping[Size, tuple[Must, ...]]:
    """Returns which names a property may have, by size; each allows what smaller ones do."""
    found: dict[Size, tuple[Must, ...]] = {}
    for place, size in enumerate(SIZES):
        allowed = families[: place + 1]
        said = f"be what a {size} environment may have ({' or '.join(allowed)})"
        found[size] = (Must(path, Matches("|".join(allowed), said)),)
    return found


def _most(path: str, most: Most) -> Mapping[Size, tuple[Must, ...]]:
    """Returns how much of something there may be, by size."""
    return {size: (Must(path, AtMost(one)),) for size, one in zip(SIZES, most, strict=True)}


def _all(*tables: Mapping[Size, tuple[Must, ...]]) -> Mapping[Size, tuple[Must, ...]]:
    return {size: tuple(must for one in tables for must in one[size]) for size in SIZES}


RULES = (
    Rule(
        name="aws-cluster-pools",
        about="EKS chooses nodes among its own general and system pools.",
        kinds=("aws:eks/cluster:Cluster",),
        holds=(
            Must("computeConfig.enabled", Is(True)),
            Must("computeConfig.nodePools[*]", OneOf(("general-purpose", "system"))),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="leave compute_config.node_pools to general-purpose and system",
    ),
    Rule(
        name="aws-cluster-support",
        about="EKS is upgraded in time: extended support costs six times as much.",
        kinds=("aws:eks/cluster:Cluster",),
        holds=(Must("upgradePolicy.supportType", OneOf(("STANDARD",)), mend="STANDARD"),),
        severity="medium",
        frameworks=_COST,
        remedy="set upgrade_policy.support_type to STANDARD",
    ),
    Rule(
        name="aws-database-capacity",
        about="Aurora grows no further than its environment's size allows.",
        kinds=("aws:rds/cluster:Cluster",),
        holds_in=_most("serverlessv2ScalingConfiguration.maxCapacity", (4, 16, 128)),
        severity="medium",
        frameworks=_COST,
        remedy="lower serverlessv2_scaling_configuration.max_capacity",
    ),
    Rule(
        name="aws-database-class",
        about="Aurora's instances are serverless, or of Graviton.",
        kinds=("aws:rds/clusterInstance:ClusterInstance",),
        holds_in=_families(
            "instanceClass",
            (
                r"db\.serverless|db\.t4g\.(medium|large)",
                r"db\.r7g\.large",
                r"db\.r[78]g\.\d*xlarge",
            ),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="set instance_class to db.serverless",
    ),
    Rule(
        name="aws-cache-family",
        about="ElastiCache's nodes are of a family and size that its environment may have.",
        kinds=("aws:elasticache/replicationGroup:ReplicationGroup",),
        holds_in=_families(
            "nodeType",
            (
                r"cache\.t4g\.(micro|small)",
                r"cache\.t4g\.medium|cache\.m7g\.large",
                r"cache\.[mr]7g\.(large|xlarge|2xlarge)",
            ),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose a node_type of the environment's size",
    ),
    Rule(
        name="aws-event-bus-family",
        about="MSK's brokers are of a family and size that its environment may have.",
        kinds=("aws:msk/cluster:Cluster",),
        holds_in=_all(
            _families(
                "brokerNodeGroupInfo.instanceType",
                (r"kafka\.t3\.small", r"kafka\.m7g\.large", r"kafka\.m7g\.(xlarge|2xlarge)"),
            ),
            _most("brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize", (50, 250, 2000)),
            _most("numberOfBrokerNodes", (3, 3, 9)),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose brokers of the environment's size",
    ),
    Rule(
        name="aws-instance-family",
        about="Instances and launch templates are of families that the environment may have.",
        kinds=("aws:ec2/instance:Instance", "aws:ec2/launchTemplate:LaunchTemplate"),
        holds_in=_families(
            "instanceType",
            (
                r"t4g\.(micro|small|medium|large)",
                r"[mc]7g\.(large|xlarge)",
                r"[mcr][78]g\.(large|\d?xlarge)",
            ),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose an instance_type of the environment's size",
    ),
    Rule(
        name="gcp-node-family",
        about="GKE's nodes, and how many there are, are what the environment may have.",
        kinds=("gcp:container/nodePool:NodePool",),
        holds_in=_all(
            _families(
                "nodeConfig.machineType",
                (r"e2-standard-[24]", r"[en]2-standard-[48]", r"n2d?-(standard|highmem)-(8|16)"),
            ),
            _most("autoscaling.totalMaxNodeCount", (6, 12, 60)),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose node_config.machine_type and autoscaling of the environment's size",
    ),
    Rule(
        name="gcp-database-tier",
        about="Cloud SQL's machines are what the environment may have.",
        kinds=("gcp:sql/databaseInstance:DatabaseInstance",),
        holds_in=_families(
            "settings.tier",
            (
                r"db-g1-small|db-custom-[12]-\d+",
                r"db-perf-optimized-N-[24]",
                r"db-perf-optimized-N-(8|16|32)",
            ),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose settings.tier of the environment's size",
    ),
    Rule(
        name="gcp-cache-family",
        about="Memorystore's nodes are what the environment may have.",
        kinds=("gcp:memorystore/instance:Instance",),
        holds_in=_all(
            _families(
                "nodeType", ("SHARED_CORE_NANO", "STANDARD_SMALL", "HIGHMEM_(MEDIUM|XLARGE)")
            ),
            _most("replicaCount", (1, 2, 5)),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose node_type of the environment's size",
    ),
    Rule(
        name="gcp-event-bus-capacity",
        about="Managed Kafka has no more cores than the environment may have.",
        kinds=("gcp:managedkafka/cluster:Cluster",),
        holds_in=_most("capacityConfig.vcpuCount", (3, 6, 48)),
        severity="medium",
        frameworks=_COST,
        remedy="lower capacity_config.vcpu_count",
    ),
    Rule(
        name="azure-node-family",
        about="AKS' nodes, and how many there are, are what the environment may have.",
        kinds=("azure-native:containerservice:ManagedCluster",),
        each="agentPoolProfiles[*]",
        holds_in=_all(
            _families(
                "vmSize",
                (
                    r"Standard_D[24]a?d?s_v[56]",
                    r"Standard_D8a?d?s_v[56]",
                    r"Standard_[DE](8|16)a?d?s_v[56]",
                ),
            ),
            _most("maxCount", (4, 4, 20)),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose vm_size and max_count of the environment's size",
    ),
    Rule(
        name="azure-database-family",
        about="Flexible Servers are of a size that the environment may have.",
        kinds=("azure-native:dbforpostgresql:Server",),
        holds_in=_all(
            _families(
                "sku.name",
                (
                    r"Standard_B\d+m?s|Standard_D2d?s_v5",
                    r"Standard_D[48]d?s_v5",
                    r"Standard_[DE](8|16|32)d?s_v5",
                ),
            ),
            _most("storage.storageSizeGB", (64, 512, 16384)),
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose sku and storage of the environment's size",
    ),
    Rule(
        name="azure-cache-family",
        about="Managed Redis is of a size that the environment may have.",
        kinds=("azure-native:redisenterprise:RedisEnterprise",),
        holds_in=_families(
            "sku.name", (r"Balanced_B[01]", r"Balanced_B[35]", r"Balanced_B(10|20|50)")
        ),
        severity="medium",
        frameworks=_COST,
        remedy="choose sku of the environment's size",
    ),
    Rule(
        name="azure-event-bus-capacity",
        about="Event Hubs has no more units than the environment may have.",
        kinds=("azure-native:eventhub:Namespace",),
        holds_in=_most("sku.capacity", (1, 1, 8)),
        severity="medium",
        frameworks=_COST,
        remedy="lower sku.capacity",
    ),
    Rule(
        name="azure-cluster-tier",
        about="AKS has the tier with an agreed availability only where something depends on it.",
        kinds=("azure-native:containerservice:ManagedCluster",),
        holds_in=_families("sku.tier", ("Free", "Standard", "Premium")),
        severity="low",
        frameworks=_COST,
        remedy="choose sku.tier of the environment's size",
    ),
    Rule(
        name="logs-forgotten",
        about="Logs are kept no longer than an environment of the size has a use for.",
        kinds=("aws:cloudwatch/logGroup:LogGroup", "azure-native:operationalinsights:Workspace"),
        holds_in=_most("retentionInDays", (30, 90, 731)),
        severity="low",
        frameworks=_COST,
        remedy="lower retention_in_days",
    ),
    Rule(
        name="workload-growth",
        about="A workload grows no further than its environment's size allows.",
        kinds=("kubernetes:autoscaling/v2:HorizontalPodAutoscaler",),
        holds_in=_most("spec.maxReplicas", (4, 16, 64)),
        severity="low",
        frameworks=_COST,
        remedy="lower max_replicas",
    ),
)
