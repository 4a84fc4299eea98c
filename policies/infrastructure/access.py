"""Rights: no wildcards, no basic roles, no passwords where there are identities."""

from policies.infrastructure.conditions import Is, Matches, NoneOf, OneOf, Unset
from policies.infrastructure.rule import Must, Rule

_ACCESS = ("SOC 2 CC6.3", "ISO 27001 A.8.2", "CIS Controls 6")

# Owner, User Access Administrator, Role Based Access Control Administrator.
# Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles.
_GIVERS = (
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
)

RULES = (
    Rule(
        name="aws-role-no-wildcard",
        about="No role may do everything, be it of one service.",
        kinds=("aws:iam/rolePolicy:RolePolicy",),
        each="policy@Statement[*]",
        where=(Must("Effect", Is("Allow")),),
        holds=(
            Must("Action[*]", Matches(r"[a-z0-9-]+:[A-Z][A-Za-z]+\*?", "be an action by name")),
            Must("NotAction", Unset()),
        ),
        severity="critical",
        frameworks=_ACCESS,
        remedy="name the actions that are needed",
    ),
    Rule(
        name="aws-instance-metadata",
        about="Who asks an instance for its identity must have a session (IMDSv2), on it.",
        kinds=("aws:ec2/instance:Instance", "aws:ec2/launchTemplate:LaunchTemplate"),
        holds=(
            Must("metadataOptions.httpTokens", Is("required"), mend="required"),
            Must("metadataOptions.httpPutResponseHopLimit", OneOf((1,)), mend=1),
        ),
        severity="critical",
        frameworks=_ACCESS,
        remedy="set metadata_options.http_tokens to required, and a hop limit of 1",
    ),
    Rule(
        name="gcp-member-no-basic-role",
        about="Nobody has a basic role on a project.",
        kinds=("gcp:projects/iAMMember:IAMMember",),
        holds=(Must("role", NoneOf(("roles/owner", "roles/editor", "roles/viewer"))),),
        severity="critical",
        frameworks=_ACCESS,
        remedy="give a predefined role, on the resource where it can be",
    ),
    Rule(
        name="gcp-cluster-no-legacy-access",
        about="GKE knows no legacy authorization and no client certificates.",
        kinds=("gcp:container/cluster:Cluster",),
        holds=(
            Must("enableLegacyAbac", NoneOf((True,))),
            Must("masterAuth.clientCertificateConfig.issueClientCertificate", NoneOf((True,))),
        ),
        severity="high",
        frameworks=_ACCESS,
        remedy="leave legacy ABAC and client certificates off",
    ),
    Rule(
        name="gcp-node-identity",
        about="Pods on GKE reach no node's own identity, and nodes start what is signed.",
        kinds=("gcp:container/nodePool:NodePool",),
        holds=(
            Must("nodeConfig.workloadMetadataConfig.mode", Is("GKE_METADATA")),
            Must("nodeConfig.shieldedInstanceConfig.enableSecureBoot", Is(True)),
        ),
        severity="high",
        frameworks=_ACCESS,
        remedy="set workload_metadata_config to GKE_METADATA and enable secure boot",
    ),
    Rule(
        name="azure-role-no-owner",
        about="Nobody is given a role that gives roles.",
        kinds=("azure-native:authorization:RoleAssignment",),
        holds=(
            Must(
                "roleDefinitionId",
                Matches(
                    rf".*/roleDefinitions/(?!{'|'.join(_GIVERS)})[0-9a-f-]{{36}}",
                    "be neither Owner nor an administrator of access",
                ),
            ),
        ),
        severity="critical",
        frameworks=_ACCESS,
        remedy="give a role for what is to be done, on the resource where it can be",
    ),
    Rule(
        name="azure-cluster-sign-in",
        about="AKS is signed in to with Entra only, and its pods with identities of their own.",
        kinds=("azure-native:containerservice:ManagedCluster",),
        holds=(
            Must("disableLocalAccounts", Is(True)),
            Must("aadProfile.enableAzureRBAC", Is(True)),
            Must("securityProfile.workloadIdentity.enabled", Is(True)),
        ),
        severity="high",
        frameworks=_ACCESS,
        remedy="disable local accounts; enable Azure RBAC and workload identity",
    ),
    Rule(
        name="azure-registry-no-password",
        about="The registry has no administrator's password and no anonymous readers.",
        kinds=("azure-native:containerregistry:Registry",),
        holds=(
            Must("adminUserEnabled", NoneOf((True,)), mend=False),
            Must("anonymousPullEnabled", NoneOf((True,))),
        ),
        severity="high",
        frameworks=_ACCESS,
        remedy="leave the administrator and anonymous pulls off",
    ),
    Rule(
        name="cluster-role-no-wildcard",
        about="No role in a cluster may do everything, or see every kind of object.",
        kinds=(
            "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
            "kubernetes:rbac.authorization.k8s.io/v1:Role",
        ),
        each="rules[*]",
        holds=(
            Must("verbs[*]", NoneOf(("*", "bind", "escalate", "impersonate"))),
            Must("resources[*]", NoneOf(("*", "secrets"))),
            Must("apiGroups[*]", NoneOf(("*",))),
        ),
        severity="critical",
        frameworks=(*_ACCESS, "CIS Kubernetes 5.1"),
        remedy="name the verbs and resources that are needed",
    ),
)
