"""What HIPAA, PCI DSS and SOX ask of regions whose data is under them.

A region's regimes are in the environment file and on everything that is tagged there.
"""

from policies.infrastructure.conditions import AtLeast, Has, HasOne, Is, Mentions, Set, Unset
from policies.infrastructure.rule import Must, Rule

_LOGS = ("HIPAA 164.312(b)", "PCI DSS 10.5.1", "SOX 404")
_BACKUPS = ("HIPAA 164.308(a)(7)(ii)(A)", "SOX 404")
_KEPT = ("HIPAA 164.312(c)(1)", "PCI DSS 3.2.1", "SOX 802")

_STRICT = Mentions(("hipaa", "pci-dss", "sox"))
_UNDER = (Must("tags.compliance", _STRICT),)
_YEAR = AtLeast(365)
_MONTH = AtLeast(35)

RULES = (
    Rule(
        name="aws-regulated-logs-kept",
        about="Logs of regulated regions are kept for a year.",
        kinds=("aws:cloudwatch/logGroup:LogGroup",),
        where=_UNDER,
        holds=(Must("retentionInDays", _YEAR),),
        severity="high",
        frameworks=_LOGS,
        remedy="set retention_in_days to 365 or more",
    ),
    Rule(
        name="aws-regulated-database-kept",
        about="A database of a regulated region can be restored for 35 days and is not deleted.",
        kinds=("aws:rds/cluster:Cluster",),
        where=_UNDER,
        holds=(
            Must("backupRetentionPeriod", _MONTH),
            Must("copyTagsToSnapshot", Is(True)),
            Must("deletionProtection", Is(True)),
        ),
        severity="critical",
        frameworks=_BACKUPS,
        remedy="set backup_retention_period to 35, deletion_protection and copy_tags_to_snapshot",
    ),
    Rule(
        name="aws-regulated-database-logged",
        about="A database of a regulated region sends its log away.",
        kinds=("aws:rds/cluster:Cluster",),
        where=_UNDER,
        holds=(Must("enabledCloudwatchLogsExports", Has("postgresql")),),
        severity="high",
        frameworks=_LOGS,
        remedy="export the log postgresql",
    ),
    Rule(
        name="aws-database-changes-logged",
        about="Aurora logs who changes tables and rights.",
        kinds=("aws:rds/clusterParameterGroup:ClusterParameterGroup",),
        holds=(Must("parameters", HasOne({"name": "log_statement", "value": "ddl"})),),
        severity="medium",
        frameworks=_LOGS,
        remedy="set the parameter log_statement to ddl",
    ),
    Rule(
        name="aws-regulated-keys-kept",
        about="A key of a regulated region is deleted only after a month in which it can be kept.",
        kinds=("aws:kms/key:Key",),
        where=_UNDER,
        holds=(Must("deletionWindowInDays", AtLeast(30)),),
        severity="high",
        frameworks=_KEPT,
        remedy="set deletion_window_in_days to 30",
    ),
    Rule(
        name="aws-regulated-cluster-logged",
        about="A cluster of a regulated region logs all that its control plane does.",
        kinds=("aws:eks/cluster:Cluster",),
        where=_UNDER,
        holds=tuple(
            Must("enabledClusterLogTypes", Has(one))
            for one in ("api", "controllerManager", "scheduler")
        ),
        severity="medium",
        frameworks=_LOGS,
        remedy="enable every log type",
    ),
    Rule(
        name="gcp-regulated-database-kept",
        about="A database of a regulated region keeps 35 backups and is not deleted.",
        kinds=("gcp:sql/databaseInstance:DatabaseInstance",),
        where=(
            Must("settings.userLabels.compliance", _STRICT),
            Must("settings.backupConfiguration.enabled", Is(True)),
        ),
        holds=(
            Must("settings.backupConfiguration.backupRetentionSettings.retainedBackups", _MONTH),
            Must("settings.deletionProtectionEnabled", Is(True)),
        ),
        severity="critical",
        frameworks=_BACKUPS,
        remedy="keep 35 backups and set deletion_protection_enabled",
    ),
    Rule(
        name="gcp-logs-kept",
        about="Logs of Google Cloud are kept for a year.",
        kinds=("gcp:logging/projectBucketConfig:ProjectBucketConfig",),
        holds=(Must("retentionDays", _YEAR),),
        severity="high",
        frameworks=_LOGS,
        remedy="set retention_days to 365 or more",
        smallest="large",
    ),
    Rule(
        name="gcp-logs-own-key",
        about="Logs of Google Cloud are encrypted under a key of ours.",
        kinds=("gcp:logging/projectBucketConfig:ProjectBucketConfig",),
        holds=(Must("cmekSettings.kmsKeyName", Set()),),
        severity="medium",
        frameworks=("HIPAA 164.312(a)(2)(iv)", "PCI DSS 3.5.1"),
        remedy="set cmek_settings.kms_key_name to the region's key",
    ),
    Rule(
        name="gcp-audit-of-all",
        about="Nobody is left out of Google Cloud's audit logs.",
        kinds=("gcp:projects/iAMAuditConfig:IAMAuditConfig",),
        each="auditLogConfigs[*]",
        holds=(Must("exemptedMembers", Unset()),),
        severity="medium",
        frameworks=_LOGS,
        remedy="leave exempted_members empty",
    ),
    Rule(
        name="azure-logs-kept",
        about="Logs of Azure are kept for a year.",
        kinds=("azure-native:operationalinsights:Workspace",),
        holds=(Must("retentionInDays", _YEAR),),
        severity="high",
        frameworks=_LOGS,
        remedy="set retention_in_days to 365 or more",
        smallest="large",
    ),
    Rule(
        name="azure-logs-signed-in",
        about="Logs of Azure are read and written with Entra's identities only.",
        kinds=("azure-native:operationalinsights:Workspace",),
        holds=(Must("features.disableLocalAuth", Is(True)),),
        severity="medium",
        frameworks=_LOGS,
        remedy="set features.disable_local_auth",
    ),
    Rule(
        name="azure-regulated-database-kept",
        about="A database of a regulated region can be restored for 35 days.",
        kinds=("azure-native:dbforpostgresql:Server",),
        where=_UNDER,
        holds=(Must("backup.backupRetentionDays", _MONTH),),
        severity="critical",
        frameworks=_BACKUPS,
        remedy="set backup.backup_retention_days to 35",
    ),
    Rule(
        name="azure-log-sent",
        about="What sends logs sends some, and to our workspace.",
        kinds=("azure-native:monitor:DiagnosticSetting",),
        holds=(Must("workspaceId", Set()), Must("logs[*].enabled", Is(True)), Must("logs", Set())),
        severity="high",
        frameworks=_LOGS,
        remedy="name the workspace and enable the logs",
    ),
)
