"""What must be there beside a resource: the block of a bucket, the budget of a workload, a standby.

A rule about the properties of, say, a bucket's public access block says nothing of a bucket that
has none. Here are the rules that do.
"""

from policies.infrastructure.conditions import Is, NoneOf, Unset
from policies.infrastructure.rule import Must
from policies.infrastructure.stack_rule import Differs, In, Of, Same, SameProvider, StackRule

_NETWORK = ("SOC 2 CC6.6", "ISO 27001 A.8.20", "CIS Controls 13")
_ENCRYPTION = ("SOC 2 CC6.1", "ISO 27001 A.8.24", "HIPAA 164.312(a)(2)(iv)")
_TRANSIT = ("SOC 2 CC6.7", "ISO 27001 A.8.24", "HIPAA 164.312(e)(1)")
_AUDIT = ("SOC 2 CC7.2", "ISO 27001 A.8.15", "HIPAA 164.312(b)")
_AVAILABILITY = ("SOC 2 A1.2", "ISO 27001 A.8.14")
_RECOVERY = ("SOC 2 A1.3", "ISO 27001 A.8.13", "HIPAA 164.308(a)(7)")

_BUCKET = ("aws:s3/bucket:Bucket",)
_BUCKET_ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
_VPC = ("aws:ec2/vpc:Vpc",)
_DEPLOYMENT = ("kubernetes:apps/v1:Deployment",)
_DATABASES = (
    "aws:rds/cluster:Cluster",
    "azure-native:dbforpostgresql:Server",
    "gcp:sql/databaseInstance:DatabaseInstance",
)
_REGION = ("tags.region", "settings.userLabels.region")

BESIDE_STORES = (
    StackRule(
        name="aws-bucket-has-block",
        about="Every bucket has a block of public access.",
        kinds=_BUCKET,
        others=("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",),
        linked=(Of("bucket"),),
        severity="critical",
        frameworks=_NETWORK,
        remedy="make a BucketPublicAccessBlock of the bucket",
    ),
    StackRule(
        name="aws-bucket-has-encryption",
        about="Every bucket says what its objects are encrypted under.",
        kinds=_BUCKET,
        others=(_BUCKET_ENCRYPTION,),
        linked=(Of("bucket"),),
        severity="high",
        frameworks=_ENCRYPTION,
        remedy="make a BucketServerSideEncryptionConfiguration of the bucket",
    ),
    StackRule(
        name="aws-bucket-has-versions",
        about="Every bucket says whether it keeps what is overwritten.",
        kinds=_BUCKET,
        others=("aws:s3/bucketVersioning:BucketVersioning",),
        linked=(Of("bucket"),),
        severity="high",
        frameworks=_RECOVERY,
        remedy="make a BucketVersioning of the bucket",
    ),
    StackRule(
        name="aws-bucket-has-policy",
        about="Every bucket has a policy, which refuses whoever comes without TLS.",
        kinds=_BUCKET,
        others=("aws:s3/bucketPolicy:BucketPolicy",),
        linked=(Of("bucket"),),
        severity="high",
        frameworks=_TRANSIT,
        remedy="make a BucketPolicy of the bucket, as closed_bucket() does",
    ),
    StackRule(
        name="aws-bucket-has-end",
        about="Every bucket says when what was overwritten is gone for good.",
        kinds=_BUCKET,
        others=("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",),
        linked=(Of("bucket"),),
        severity="low",
        frameworks=("FinOps: usage optimization", "GDPR Art. 5(1)(e)"),
        remedy="make a BucketLifecycleConfiguration of the bucket",
    ),
    StackRule(
        name="aws-database-has-parameters",
        about="Every Aurora cluster has parameters of ours, which refuse what is not TLS.",
        kinds=("aws:rds/cluster:Cluster",),
        others=("aws:rds/clusterParameterGroup:ClusterParameterGroup",),
        linked=(In("dbClusterParameterGroupName"),),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set db_cluster_parameter_group_name to a group of this stack",
    ),
    StackRule(
        name="azure-database-has-tls",
        about="Every Flexible Server is told to refuse what is not TLS.",
        kinds=("azure-native:dbforpostgresql:Server",),
        others=("azure-native:dbforpostgresql:Configuration",),
        others_where=(Must("configurationName", Is("require_secure_transport")),),
        linked=(Of("serverName"),),
        severity="high",
        frameworks=_TRANSIT,
        remedy="make a Configuration require_secure_transport of the server",
    ),
    StackRule(
        name="azure-storage-has-versions",
        about="Storage accounts with customers' data keep what is overwritten or deleted.",
        kinds=("azure-native:storage:StorageAccount",),
        where=(Must("tags['data-class']", Is("customer")),),
        others=("azure-native:storage:BlobServiceProperties",),
        others_where=(Must("isVersioningEnabled", Is(True)),),
        linked=(Of("accountName"),),
        severity="high",
        frameworks=_RECOVERY,
        remedy="make BlobServiceProperties with versions of the account",
    ),
    StackRule(
        name="azure-store-has-endpoint",
        about="What holds data or keys is reached by a private endpoint.",
        kinds=(
            "azure-native:eventhub:Namespace",
            "azure-native:keyvault:Vault",
            "azure-native:redisenterprise:RedisEnterprise",
            "azure-native:storage:StorageAccount",
        ),
        where=(Must("tags['data-class']", Is("customer")),),
        others=("azure-native:network:PrivateEndpoint",),
        linked=(Of("privateLinkServiceConnections"),),
        severity="high",
        frameworks=_NETWORK,
        remedy="make a PrivateEndpoint of it",
    ),
)

BESIDE_NETWORKS = (
    StackRule(
        name="aws-network-has-flow-log",
        about="Every VPC has a flow log.",
        kinds=_VPC,
        others=("aws:ec2/flowLog:FlowLog",),
        linked=(Of("vpcId"),),
        severity="medium",
        frameworks=_AUDIT,
        remedy="make a FlowLog of the VPC",
    ),
    StackRule(
        name="aws-network-default-closed",
        about="The security group that a VPC comes with is taken over, and so lets nobody in.",
        kinds=_VPC,
        others=("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",),
        linked=(Of("vpcId"),),
        severity="medium",
        frameworks=_NETWORK,
        remedy="make a DefaultSecurityGroup of the VPC, with no rules",
    ),
    StackRule(
        name="aws-region-has-encrypted-volumes",
        about="Where there is a VPC, EBS encrypts every new volume.",
        kinds=_VPC,
        others=("aws:ebs/encryptionByDefault:EncryptionByDefault",),
        linked=(Same("region", "region"),),
        severity="high",
        frameworks=_ENCRYPTION,
        remedy="make an EncryptionByDefault in the region",
    ),
    StackRule(
        name="aws-zone-has-signatures",
        about="Public DNS zones are signed.",
        kinds=("aws:route53/zone:Zone",),
        where=(Must("vpcs", Unset()),),
        others=("aws:route53/hostedZoneDnsSec:HostedZoneDnsSec",),
        linked=(Of("hostedZoneId"),),
        severity="medium",
        frameworks=_NETWORK,
        remedy="make a HostedZoneDnsSec of the zone",
    ),
    StackRule(
        name="azure-network-has-flow-log",
        about="Every virtual network has a flow log.",
        kinds=("azure-native:network:VirtualNetwork",),
        others=("azure-native:network:FlowLog",),
        linked=(Of("targetResourceId"),),
        severity="medium",
        frameworks=_AUDIT,
        remedy="make a FlowLog of the network",
    ),
    StackRule(
        name="azure-service-has-logs",
        about="Clusters, databases, event buses and key vaults log who did what.",
        kinds=(
            "azure-native:containerservice:ManagedCluster",
            "azure-native:dbforpostgresql:Server",
            "azure-native:eventhub:Namespace",
            "azure-native:keyvault:Vault",
        ),
        where=(Must("tags.region", NoneOf(("global",))),),
        others=("azure-native:monitor:DiagnosticSetting",),
        linked=(Of("resourceUri"),),
        severity="high",
        frameworks=_AUDIT,
        remedy="make a DiagnosticSetting of it",
    ),
    StackRule(
        name="gcp-project-has-audit",
        about="Where there is a network, Google Cloud logs who read which data.",
        kinds=("gcp:compute/network:Network",),
        others=("gcp:projects/iAMAuditConfig:IAMAuditConfig",),
        severity="high",
        frameworks=_AUDIT,
        remedy="make an IAMAuditConfig for DATA_READ and DATA_WRITE",
    ),
)

BESIDE_WORKLOADS = (
    StackRule(
        name="workload-has-budget",
        about="Every workload has a disruption budget.",
        kinds=_DEPLOYMENT,
        others=("kubernetes:policy/v1:PodDisruptionBudget",),
        linked=(
            SameProvider(),
            Same("metadata.namespace", "metadata.namespace"),
            Same("spec.selector.matchLabels", "spec.selector.matchLabels"),
        ),
        severity="high",
        frameworks=_AVAILABILITY,
        remedy="make a PodDisruptionBudget with the workload's labels",
        smallest="medium",
    ),
    StackRule(
        name="workload-scales",
        about="Every workload grows with its load.",
        kinds=_DEPLOYMENT,
        others=("kubernetes:autoscaling/v2:HorizontalPodAutoscaler",),
        linked=(
            SameProvider(),
            Same("metadata.namespace", "metadata.namespace"),
            Same("metadata.name", "spec.scaleTargetRef.name"),
        ),
        severity="medium",
        frameworks=_AVAILABILITY,
        remedy="make a HorizontalPodAutoscaler of the workload",
        smallest="medium",
    ),
    StackRule(
        name="namespace-closed",
        about="Nothing comes into a namespace that no network policy lets in.",
        kinds=("kubernetes:core/v1:Namespace",),
        others=("kubernetes:networking.k8s.io/v1:NetworkPolicy",),
        others_where=(Must("spec.podSelector", Unset()),),
        linked=(SameProvider(), Same("metadata.name", "metadata.namespace")),
        severity="high",
        frameworks=_NETWORK,
        remedy="make a NetworkPolicy for all pods of the namespace",
    ),
    StackRule(
        name="standby-exists",
        about="The platform's database has another in another region, which can take over.",
        kinds=_DATABASES,
        where=(Must("tags.tenant", Unset()), Must("settings.userLabels.tenant", Unset())),
        others=_DATABASES,
        linked=(Differs(_REGION),),
        severity="critical",
        frameworks=_RECOVERY,
        remedy="give the environment a second region",
        smallest="medium",
    ),
)

RULES = (*BESIDE_STORES, *BESIDE_NETWORKS, *BESIDE_WORKLOADS)
