"""TLS of version 1.2 or later, and nothing else, to everything that stores or carries data."""

from policies.infrastructure.conditions import HasOne, Is, NoneOf, OneOf
from policies.infrastructure.rule import Must, Rule

_TRANSIT = ("SOC 2 CC6.7", "ISO 27001 A.8.24", "HIPAA 164.312(e)(1)")
_TLS_1_2 = OneOf(("1.2", "1.3", "TLS1_2", "TLS1_3"))

RULES = (
    Rule(
        name="aws-cache-tls",
        about="ElastiCache takes TLS only.",
        kinds=("aws:elasticache/replicationGroup:ReplicationGroup",),
        holds=(
            Must("transitEncryptionEnabled", Is(True)),
            Must("transitEncryptionMode", Is("required")),
        ),
        severity="high",
        frameworks=_TRANSIT,
        remedy="require transit encryption",
    ),
    Rule(
        name="aws-event-bus-tls",
        about="MSK takes TLS only, from who has signed in.",
        kinds=("aws:msk/cluster:Cluster",),
        holds=(
            Must("encryptionInfo.encryptionInTransit.clientBroker", Is("TLS")),
            Must("encryptionInfo.encryptionInTransit.inCluster", Is(True)),
            Must("clientAuthentication.unauthenticated", NoneOf((True,))),
        ),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set client_broker to TLS and let nobody in unauthenticated",
    ),
    Rule(
        name="aws-database-tls",
        about="Aurora refuses connections without TLS.",
        kinds=("aws:rds/clusterParameterGroup:ClusterParameterGroup",),
        holds=(Must("parameters", HasOne({"name": "rds.force_ssl", "value": "1"})),),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set the parameter rds.force_ssl to 1",
    ),
    Rule(
        name="gcp-database-tls",
        about="Cloud SQL refuses connections without TLS.",
        kinds=("gcp:sql/databaseInstance:DatabaseInstance",),
        holds=(
            Must(
                "settings.ipConfiguration.sslMode",
                OneOf(("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED")),
            ),
        ),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set settings.ip_configuration.ssl_mode to ENCRYPTED_ONLY",
    ),
    Rule(
        name="gcp-cache-tls",
        about="Memorystore takes TLS only.",
        kinds=("gcp:memorystore/instance:Instance",),
        holds=(Must("transitEncryptionMode", Is("SERVER_AUTHENTICATION")),),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set transit_encryption_mode to SERVER_AUTHENTICATION",
    ),
    Rule(
        name="azure-database-tls",
        about="Flexible Servers refuse connections without TLS.",
        kinds=("azure-native:dbforpostgresql:Configuration",),
        where=(Must("configurationName", Is("require_secure_transport")),),
        holds=(Must("value", Is("on")),),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set require_secure_transport to on",
    ),
    Rule(
        name="azure-cache-tls",
        about="Managed Redis takes TLS 1.2 or later only.",
        kinds=("azure-native:redisenterprise:RedisEnterprise",),
        holds=(Must("minimumTlsVersion", _TLS_1_2, mend="1.2"),),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set minimum_tls_version to 1.2",
    ),
    Rule(
        name="azure-cache-clients-tls",
        about="Databases of Managed Redis take encrypted connections only.",
        kinds=("azure-native:redisenterprise:Database",),
        holds=(Must("clientProtocol", Is("Encrypted")),),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set client_protocol to Encrypted",
    ),
    Rule(
        name="azure-event-bus-tls",
        about="Event Hubs takes TLS 1.2 or later only, and no shared keys.",
        kinds=("azure-native:eventhub:Namespace",),
        holds=(
            Must("minimumTlsVersion", _TLS_1_2, mend="1.2"),
            Must("disableLocalAuth", Is(True)),
        ),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set minimum_tls_version to 1.2 and disable_local_auth",
    ),
    Rule(
        name="azure-storage-tls",
        about="Storage accounts take TLS 1.2 or later only, and no shared keys.",
        kinds=("azure-native:storage:StorageAccount",),
        holds=(
            Must("minimumTlsVersion", _TLS_1_2, mend="TLS1_2"),
            Must("enableHttpsTrafficOnly", Is(True), mend=True),
            Must("allowSharedKeyAccess", Is(False)),
        ),
        severity="high",
        frameworks=_TRANSIT,
        remedy="set minimum_tls_version to TLS1_2, HTTPS only, and no shared key access",
    ),
)
