"""The AWS account of an environment: its provider, and what exists once however many the regions.

Whatever is global (roles, the global database cluster) is a child of one component, ``aws``, so
that its URN does not depend on which region is declared first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pulumi
import pulumi_aws as aws

from components.clouds.aws.policies import Statement, document, trust
from components.clouds.cloud import AccountError, CloudEnvironment, CloudRegion

GLOBAL_LOCATION = "us-east-1"
"""Where AWS keeps what has no region: IAM, Route 53 and the keys that sign its zones."""

ANY_ADDRESS = "0.0.0.0/0"

_CLUSTER_POLICIES = (
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
_NODE_POLICIES = ("AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodeMinimalPolicy")


@dataclass(frozen=True, kw_only=True)
class ServiceRole:
    """A role a service of AWS takes.

    Attributes:
        policies: what gives the role its rights; who uses the role depends on them, and so goes
            before they do.
    """

    arn: pulumi.Output[str]
    policies: Sequence[pulumi.Resource]


class Account:
    """An environment's account. Making one makes no resource: each is made when first asked for."""

    def __init__(self, environment: CloudEnvironment) -> None:
        """Remembers the environment."""
        self.environment = environment

    @cached_property
    def root(self) -> pulumi.ComponentResource:
        """The component that holds what belongs to no region."""
        return pulumi.ComponentResource("ai-platform:clouds:AwsAccount", "aws")

    @cached_property
    def provider(self) -> aws.Provider:
        """The one provider; refuses any account but the environment's. Resources say the region."""
        return aws.Provider(
            "aws",
            region=GLOBAL_LOCATION,
            allowed_account_ids=[self.environment.account],
            default_tags=aws.ProviderDefaultTagsArgs(tags=self.environment.tags()),
            opts=pulumi.ResourceOptions(parent=self.root),
        )

    def check(self) -> None:
        """Asks AWS whose the credentials are.

        Raises:
            AccountError: there are none that work, or they are of another account.
        """
        wanted = f"{self.environment.account_key} is AWS account {self.environment.account!r}"
        mend = "run `aws sso login` or set AWS_PROFILE to a profile of that account"
        try:
            found = aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=self.provider))
        except Exception as error:
            # The provider answers with a plain Exception, for an account it may not use as well.
            raise AccountError(
                f"{wanted}, but the credentials at hand cannot be used for it: {error}; {mend}"
            ) from error
        if found.account_id != self.environment.account:
            raise AccountError(
                f"{wanted}, but the credentials at hand are of {found.account_id!r} "
                f"({found.arn}); {mend}"
            )

    def inside(
        self,
        parent: pulumi.Resource,
        *depends_on: pulumi.Resource,
        ignore_changes: Sequence[str] = (),
    ) -> pulumi.ResourceOptions:
        """Returns the options of a resource of this account inside a component."""
        return pulumi.ResourceOptions(
            parent=parent,
            provider=self.provider,
            depends_on=list(depends_on),
            ignore_changes=list(ignore_changes),
        )

    def role(
        self,
        name: str,
        *,
        service: str,
        managed: Sequence[str] = (),
        inline: Sequence[Statement] = (),
    ) -> ServiceRole:
        """Makes a role, one for all regions, that a service of AWS takes for this account.

        Args:
            name: unique within the stack.
            service: of AWS, such as ``eks``.
            managed: names of AWS' own policies.
            inline: what else the role may do.
        """
        role = aws.iam.Role(
            name,
            assume_role_policy=trust(service, account=self.environment.account),
            tags=self.environment.tags(),
            opts=self.inside(self.root),
        )
        policies: list[pulumi.Resource] = []
        if managed:
            attached = aws.iam.RolePolicyAttachmentsExclusive(
                name,
                role_name=role.name,
                policy_arns=[f"arn:aws:iam::aws:policy/{one}" for one in managed],
                opts=self.inside(self.root),
            )
            policies.append(attached)
        if inline:
            own = aws.iam.RolePolicy(
                name, role=role.name, policy=document(*inline), opts=self.inside(self.root)
            )
            policies.append(own)
        return ServiceRole(arn=role.arn, policies=policies)

    @cached_property
    def cluster_role(self) -> ServiceRole:
        """What EKS Auto Mode acts as; one for every cluster, as AWS recommends.

        It may use the environment's keys for volumes of its nodes and pods.
        """
        of_environment = {"aws:ResourceTag/environment": self.environment.name}
        return self.role(
            "aws-cluster",
            service="eks",
            managed=_CLUSTER_POLICIES,
            inline=[
                Statement(
                    actions=[
                        "kms:Decrypt",
                        "kms:DescribeKey",
                        "kms:Encrypt",
                        "kms:GenerateDataKey*",
                        "kms:ReEncrypt*",
                    ],
                    resources=[f"arn:aws:kms:*:{self.environment.account}:key/*"],
                    conditions={"StringEquals": of_environment},
                ),
                Statement(
                    actions=["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
                    resources=[f"arn:aws:kms:*:{self.environment.account}:key/*"],
                    conditions={
                        "StringEquals": of_environment,
                        "Bool": {"kms:GrantIsForAWSResource": "true"},
                    },
                ),
            ],
        )

    @cached_property
    def node_role(self) -> ServiceRole:
        """What the clusters' nodes act as: they join, and pull images."""
        return self.role("aws-node", service="ec2", managed=_NODE_POLICIES)

    @cached_property
    def flow_log_role(self) -> ServiceRole:
        """What VPCs write their flow logs as."""
        log_groups = f"arn:aws:logs:*:{self.environment.account}:log-group"
        return self.role(
            "aws-flow-logs",
            service="vpc-flow-logs",
            inline=[
                Statement(
                    actions=[
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    resources=[f"{log_groups}:/{self.environment.name}/*"],
                ),
                Statement(actions=["logs:DescribeLogGroups"], resources=["*"]),
            ],
        )


@dataclass(frozen=True, kw_only=True)
class Place:
    """A region of the environment in its account; what every resource there is made with."""

    account: Account
    region: CloudRegion

    @property
    def environment(self) -> CloudEnvironment:
        """The environment the region is of."""
        return self.account.environment

    @property
    def location(self) -> str:
        """AWS' name of the region; every resource is given it, since the provider serves all."""
        return self.region.location.name

    @property
    def physical_name(self) -> str:
        """Name, in AWS, of what there is one of in the region and others must know the name of.

        Unique in the account, because an environment has at most one region in a location.
        """
        return f"{self.environment.name}-{self.location}"

    def tags(self, data_class: str = "none") -> dict[str, str]:
        """Returns the tags of a resource in the region."""
        return self.environment.tags(region=self.region.name, data_class=data_class)

    def arn(self, service: str, resource: str) -> str:
        """Returns the ARN of a resource in the region."""
        return f"arn:aws:{service}:{self.location}:{self.environment.account}:{resource}"

    def log_group(
        self,
        name: str,
        path: str,
        key: aws.kms.Key,
        *,
        tags: Mapping[str, str] | None = None,
        parent: pulumi.Resource,
    ) -> aws.cloudwatch.LogGroup:
        """Makes a log group under a key: kept a year where data is protected, else 30 days.

        Args:
            name: unique within the stack.
            path: the log group's own name.
            key: lets CloudWatch Logs use it for this log group.
            tags: besides the region's own.
            parent: of the log group.
        """
        return aws.cloudwatch.LogGroup(
            name,
            name=path,
            kms_key_id=key.arn,
            retention_in_days=365 if self.environment.protect else 30,
            tags=self.tags("operational") | dict(tags or {}),
            region=self.location,
            opts=self.account.inside(parent),
        )
