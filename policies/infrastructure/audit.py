"""What is logged, and where images come from."""

from policies.infrastructure.conditions import Has, Is, NoneOf, Set
from policies.infrastructure.rule import Must, Rule

_AUDIT = ("SOC 2 CC7.2", "ISO 27001 A.8.15", "HIPAA 164.312(b)")
_SUPPLY = ("SOC 2 CC7.1", "ISO 27001 A.8.8", "SLSA")

RULES = (
    Rule(
        name="aws-cluster-audit",
        about="EKS logs who asked its API for what.",
        kinds=("aws:eks/cluster:Cluster",),
        holds=(
            Must("enabledClusterLogTypes", Has("audit")),
            Must("enabledClusterLogTypes", Has("authenticator")),
        ),
        severity="high",
        frameworks=_AUDIT,
        remedy="enable the log types audit and authenticator",
    ),
    Rule(
        name="aws-flows-logged",
        about="Flow logs hold what was let through and what was not.",
        kinds=("aws:ec2/flowLog:FlowLog",),
        holds=(Must("trafficType", Is("ALL")),),
        severity="medium",
        frameworks=_AUDIT,
        remedy="set traffic_type to ALL",
    ),
    Rule(
        name="gcp-flows-logged",
        about="Subnets log their flows.",
        kinds=("gcp:compute/subnetwork:Subnetwork",),
        where=(Must("purpose", NoneOf(("REGIONAL_MANAGED_PROXY", "PRIVATE_SERVICE_CONNECT"))),),
        holds=(Must("logConfig", Set()),),
        severity="medium",
        frameworks=_AUDIT,
        remedy="set log_config",
    ),
    Rule(
        name="gcp-cluster-audit",
        about="GKE logs what its API server does.",
        kinds=("gcp:container/cluster:Cluster",),
        holds=(Must("loggingConfig.enableComponents", Has("APISERVER")),),
        severity="high",
        frameworks=_AUDIT,
        remedy="add APISERVER to logging_config.enable_components",
    ),
    Rule(
        name="azure-flows-logged",
        about="Flow logs are on and kept.",
        kinds=("azure-native:network:FlowLog",),
        holds=(Must("enabled", Is(True)), Must("retentionPolicy.enabled", Is(True))),
        severity="medium",
        frameworks=_AUDIT,
        remedy="enable the flow log and its retention",
    ),
    Rule(
        name="aws-image-immutable",
        about="A tag of an image means one image, which is scanned.",
        kinds=("aws:ecr/repository:Repository",),
        holds=(
            Must("imageTagMutability", Is("IMMUTABLE")),
            Must("imageScanningConfiguration.scanOnPush", Is(True), mend=True),
        ),
        severity="medium",
        frameworks=_SUPPLY,
        remedy="make tags immutable and scan on push",
    ),
    Rule(
        name="gcp-image-immutable",
        about="A tag of an image means one image.",
        kinds=("gcp:artifactregistry/repository:Repository",),
        holds=(Must("dockerConfig.immutableTags", Is(True)), Must("kmsKeyName", Set())),
        severity="medium",
        frameworks=_SUPPLY,
        remedy="make tags immutable, under a key of ours",
    ),
)
