"""Tags that say what a resource is for, whose data it holds and under which law."""

from policies.infrastructure.conditions import OneOf, Set
from policies.infrastructure.rule import Must, Rule

_INVENTORY = ("SOC 2 CC6.1", "ISO 27001 A.5.9", "CIS Controls 1")
_CLASSES = OneOf(("none", "operational", "customer"))


def _tagged(cloud: str, key: str, kinds: tuple[str, ...]) -> Rule:
    """Returns the rule for what of a cloud costs money or holds data."""
    return Rule(
        name=f"{cloud}-tagged",
        about="Tags say which environment and region a resource is of, and what it holds.",
        kinds=kinds,
        holds=(
            *(
                Must(f"{key}['{one}']", Set())
                for one in ("project", "environment", "region", "managed-by", "compliance")
            ),
            Must(f"{key}['data-class']", _CLASSES),
        ),
        severity="low",
        frameworks=_INVENTORY,
        remedy=f"set {key} with the place's own tags()",
    )


RULES = (
    _tagged(
        "aws",
        "tags",
        (
            "aws:ec2/vpc:Vpc",
            "aws:ecr/repository:Repository",
            "aws:eks/cluster:Cluster",
            "aws:elasticache/replicationGroup:ReplicationGroup",
            "aws:kms/key:Key",
            "aws:msk/cluster:Cluster",
            "aws:rds/cluster:Cluster",
            "aws:s3/bucket:Bucket",
            "aws:secretsmanager/secret:Secret",
        ),
    ),
    _tagged(
        "gcp",
        "labels",
        (
            "gcp:artifactregistry/repository:Repository",
            "gcp:kms/cryptoKey:CryptoKey",
            "gcp:managedkafka/cluster:Cluster",
            "gcp:memorystore/instance:Instance",
            "gcp:secretmanager/secret:Secret",
            "gcp:storage/bucket:Bucket",
        ),
    ),
    _tagged(
        "azure",
        "tags",
        (
            "azure-native:containerregistry:Registry",
            "azure-native:containerservice:ManagedCluster",
            "azure-native:dbforpostgresql:Server",
            "azure-native:eventhub:Namespace",
            "azure-native:keyvault:Vault",
            "azure-native:redisenterprise:RedisEnterprise",
            "azure-native:storage:StorageAccount",
        ),
    ),
)
