"""Names: within what the clouds take, and of one form, ``<environment>-<region>-<purpose>``.

Where a name is Pulumi's own (with its suffix, or made up of values that only ``pulumi up`` knows)
no rule is about it.
"""

from policies.infrastructure.conditions import Matches
from policies.infrastructure.rule import Must, Rule

_NAMING = ("ISO 27001 A.5.9", "CIS Controls 1.1")


def _named(name: str, what: str, kind: str, path: str, form: str, like: str, *, most: int) -> Rule:
    """Returns the rule for the names of a kind.

    Args:
        name: of the rule.
        what: of which the names are.
        kind: type of the resources.
        path: of the name.
        form: a regular expression for it.
        like: the form in words.
        most: how many signs the cloud takes.
    """
    return Rule(
        name=name,
        about=f"Names of {what} say environment and region, and are what the cloud takes.",
        kinds=(kind,),
        holds=(Must(path, Matches(rf"(?=.{{1,{most}}}$){form}", f"be {like}, {most} at most")),),
        severity="low",
        frameworks=_NAMING,
        remedy=f"name it {like}",
    )


_PARTS = r"[a-z][a-z0-9]*(-[a-z0-9]+)+"
_HOUSE = "<environment>-<region>, small letters, digits and single hyphens"

RULES = (
    _named(
        "aws-database-named",
        "Aurora clusters",
        "aws:rds/cluster:Cluster",
        "clusterIdentifier",
        _PARTS,
        _HOUSE,
        most=63,
    ),
    _named(
        "aws-cluster-named",
        "EKS clusters",
        "aws:eks/cluster:Cluster",
        "name",
        _PARTS,
        _HOUSE,
        most=100,
    ),
    _named(
        "aws-cache-named",
        "ElastiCache's groups",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "replicationGroupId",
        _PARTS,
        _HOUSE,
        most=40,
    ),
    _named(
        "aws-event-bus-named",
        "MSK clusters",
        "aws:msk/cluster:Cluster",
        "clusterName",
        _PARTS,
        _HOUSE,
        most=64,
    ),
    _named(
        "aws-bucket-named",
        "buckets",
        "aws:s3/bucket:Bucket",
        "bucket",
        _PARTS,
        "<environment>-<region>-<account>, small letters, digits and single hyphens",
        most=63,
    ),
    _named(
        "aws-log-named",
        "log groups",
        "aws:cloudwatch/logGroup:LogGroup",
        "name",
        r"(/[A-Za-z0-9_.-]+){2,}",
        "a path such as /<environment>/<region>/<purpose>",
        most=512,
    ),
    _named(
        "aws-secret-named",
        "secrets",
        "aws:secretsmanager/secret:Secret",
        "namePrefix",
        r"[a-z][a-z0-9-]*/[a-z0-9-]+-",
        "<environment>/<name>-",
        # Secrets Manager takes 512, of which the suffix takes 26.
        most=486,
    ),
    _named(
        "aws-images-named",
        "repositories",
        "aws:ecr/repository:Repository",
        "name",
        r"[a-z][a-z0-9-]*/[a-z0-9-]+",
        "<environment>/<image>",
        most=256,
    ),
    _named(
        "gcp-cluster-named",
        "GKE clusters",
        "gcp:container/cluster:Cluster",
        "name",
        _PARTS,
        _HOUSE,
        most=40,
    ),
    _named(
        "gcp-cache-named",
        "Memorystore's instances",
        "gcp:memorystore/instance:Instance",
        "instanceId",
        _PARTS,
        _HOUSE,
        most=63,
    ),
    _named(
        "gcp-event-bus-named",
        "Managed Kafka's clusters",
        "gcp:managedkafka/cluster:Cluster",
        "clusterId",
        _PARTS,
        _HOUSE,
        most=63,
    ),
    _named(
        "gcp-bucket-named",
        "buckets",
        "gcp:storage/bucket:Bucket",
        "name",
        _PARTS,
        "<project>-<environment>-<region>-<purpose>",
        most=63,
    ),
    _named(
        "gcp-images-named",
        "repositories",
        "gcp:artifactregistry/repository:Repository",
        "repositoryId",
        _PARTS,
        "<environment>-<purpose>",
        most=63,
    ),
    _named(
        "gcp-secret-named",
        "secrets",
        "gcp:secretmanager/secret:Secret",
        "secretId",
        r"[a-z][a-zA-Z0-9_-]*(-[a-zA-Z0-9_]+)+",
        "<environment>-<region>-<name>",
        most=255,
    ),
    _named(
        "workload-named",
        "workloads",
        "kubernetes:apps/v1:Deployment",
        "metadata.name",
        r"[a-z]([a-z0-9-]*[a-z0-9])?",
        "the service's name (RFC 1035)",
        most=63,
    ),
)
