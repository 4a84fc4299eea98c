"""Where customers' data is: what is a tenant's stays where the tenant's file says.

The platform's own database has a standby in every region, under whichever law, as the environment
file says (``components/disaster_recovery.py``): it holds what the platform itself works with.
Dedicated tenants have stores of their own, which are held to their ``residency``; and no store of
anyone's, in whichever region, copies itself to where another law is.
"""

from policies.infrastructure.conditions import Is, Matches, NoneOf, OneOf, Set, Unset
from policies.infrastructure.laws import Resides
from policies.infrastructure.rule import Must, Rule
from policies.infrastructure.stack_rule import In, StackRule

_RESIDENCY = ("GDPR Art. 44", "ISO 27701 7.5.1", "SOC 2 C1.1")
_OF_TENANT = "tags.tenant"
_LABELLED_TENANT = "labels.tenant"

# Of these locations Azure's pair is in another country.
# Source: learn.microsoft.com/azure/reliability/regions-paired.
_PAIRED_ABROAD = ("brazilsouth", "eastasia", "southeastasia")

RULES = (
    Rule(
        name="aws-tenant-resides",
        about="What is a tenant's is where the tenant's data may be.",
        kinds=(
            "aws:cloudwatch/logGroup:LogGroup",
            "aws:kms/key:Key",
            "aws:rds/cluster:Cluster",
            "aws:rds/clusterInstance:ClusterInstance",
            "aws:s3/bucket:Bucket",
        ),
        where=(Must(_OF_TENANT, Set()),),
        holds=(Must("", Resides(_OF_TENANT, "region")),),
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="make it in a region that regions_of() returns for the tenant",
    ),
    Rule(
        name="gcp-tenant-bucket-resides",
        about="A tenant's objects are where the tenant's data may be.",
        kinds=("gcp:storage/bucket:Bucket",),
        where=(Must(_LABELLED_TENANT, Set()),),
        holds=(Must("", Resides(_LABELLED_TENANT, "location")),),
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="make it in a region that regions_of() returns for the tenant",
    ),
    Rule(
        name="gcp-tenant-database-resides",
        about="A tenant's database is where the tenant's data may be.",
        kinds=("gcp:sql/databaseInstance:DatabaseInstance",),
        where=(Must("settings.userLabels.tenant", Set()),),
        holds=(Must("", Resides("settings.userLabels.tenant", "region")),),
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="make it in a region that regions_of() returns for the tenant",
    ),
    Rule(
        name="azure-tenant-database-resides",
        about="A tenant's database is where the tenant's data may be.",
        kinds=("azure-native:dbforpostgresql:Server",),
        where=(Must(_OF_TENANT, Set()),),
        holds=(Must("", Resides(_OF_TENANT, "location")),),
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="make it in a region that regions_of() returns for the tenant",
    ),
    Rule(
        name="aws-tenant-database-alone",
        about="A tenant's database follows no other and has no follower.",
        kinds=("aws:rds/cluster:Cluster",),
        where=(Must(_OF_TENANT, Set()),),
        holds=(
            Must("globalClusterIdentifier", Unset()),
            Must("replicationSourceIdentifier", Unset()),
        ),
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="leave a tenant's cluster out of global clusters",
    ),
    Rule(
        name="gcp-tenant-database-alone",
        about="A tenant's database follows no other.",
        kinds=("gcp:sql/databaseInstance:DatabaseInstance",),
        where=(Must("settings.userLabels.tenant", Set()),),
        holds=(Must("masterInstanceName", Unset()),),
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="leave master_instance_name out of a tenant's server",
    ),
    Rule(
        name="azure-tenant-database-alone",
        about="A tenant's database follows no other.",
        kinds=("azure-native:dbforpostgresql:Server",),
        where=(Must(_OF_TENANT, Set()),),
        holds=(Must("createMode", NoneOf(("Replica", "GeoRestore"))),),
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="set create_mode to Default",
    ),
    Rule(
        name="aws-secret-stays",
        about="Secrets are not copied to other regions.",
        kinds=("aws:secretsmanager/secret:Secret",),
        holds=(Must("replicas", Unset()),),
        severity="high",
        frameworks=_RESIDENCY,
        remedy="keep a secret in each region in place of replicas",
    ),
    Rule(
        name="aws-key-stays",
        about="Keys cannot be copied to other regions.",
        kinds=("aws:kms/key:Key",),
        holds=(Must("multiRegion", NoneOf((True,))),),
        severity="high",
        frameworks=_RESIDENCY,
        remedy="make a key in each region in place of one for several",
    ),
    Rule(
        name="aws-cache-stays",
        about="Caches are not copied to other regions.",
        kinds=("aws:elasticache/replicationGroup:ReplicationGroup",),
        holds=(Must("globalReplicationGroupId", Unset()),),
        severity="high",
        frameworks=_RESIDENCY,
        remedy="leave the cache out of global datastores",
    ),
    Rule(
        name="gcp-secret-stays",
        about="Secrets are where we say, and not where Google likes.",
        kinds=("gcp:secretmanager/secret:Secret",),
        holds=(Must("replication.auto", Unset()),),
        severity="high",
        frameworks=_RESIDENCY,
        remedy="name the replicas in replication.user_managed",
    ),
    Rule(
        name="gcp-bucket-stays",
        about="A bucket is in one region, not in several countries.",
        kinds=("gcp:storage/bucket:Bucket",),
        holds=(
            Must("location", Matches(r"[A-Z]+-[A-Z]+\d+", "be one region, such as EUROPE-WEST4")),
        ),
        severity="high",
        frameworks=_RESIDENCY,
        remedy="set location to a region",
    ),
    Rule(
        name="gcp-database-backups-stay",
        about="Backups of Cloud SQL are where we say: else Google keeps them all over a continent.",
        kinds=("gcp:sql/databaseInstance:DatabaseInstance",),
        where=(Must("settings.backupConfiguration.enabled", Is(True)),),
        holds=(
            Must(
                "settings.backupConfiguration.location",
                Matches(r"[a-z]+-[a-z]+\d+", "be one region, such as europe-west4"),
            ),
        ),
        severity="high",
        frameworks=_RESIDENCY,
        remedy="set settings.backup_configuration.location to the server's region",
    ),
    Rule(
        name="azure-database-backups-stay",
        about="Backups of Flexible Servers are not copied to Azure's paired location.",
        kinds=("azure-native:dbforpostgresql:Server",),
        holds=(Must("backup.geoRedundantBackup", NoneOf(("Enabled",))),),
        severity="high",
        frameworks=_RESIDENCY,
        remedy="set backup.geo_redundant_backup to Disabled",
    ),
    Rule(
        name="azure-storage-stays",
        about="Objects are not copied to a paired location abroad.",
        kinds=("azure-native:storage:StorageAccount",),
        where=(Must("location", OneOf(_PAIRED_ABROAD)),),
        holds=(Must("sku.name", OneOf(("Standard_LRS", "Standard_ZRS"))),),
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="set sku to Standard_ZRS",
    ),
    Rule(
        name="azure-storage-not-to-others",
        about="Objects are not copied to other organizations.",
        kinds=("azure-native:storage:StorageAccount",),
        holds=(Must("allowCrossTenantReplication", Is(False), mend=False),),
        severity="high",
        frameworks=_RESIDENCY,
        remedy="set allow_cross_tenant_replication to false",
    ),
)

STACK_RULES = (
    StackRule(
        name="aws-objects-under-one-law",
        about="S3 copies objects only to where the same law is.",
        kinds=("aws:s3/bucketReplicationConfig:BucketReplicationConfig",),
        others=("aws:s3/bucket:Bucket",),
        linked=(In("rules"),),
        place="region",
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="replicate to the region that destination() returns",
    ),
    StackRule(
        name="gcp-objects-under-one-law",
        about="Storage Transfer copies objects only to where the same law is.",
        kinds=("gcp:storage/transferJob:TransferJob",),
        others=("gcp:storage/bucket:Bucket",),
        linked=(In("replicationSpec"),),
        least=2,
        place="location",
        severity="critical",
        frameworks=_RESIDENCY,
        remedy="replicate to the location that replica_location() returns",
    ),
)
