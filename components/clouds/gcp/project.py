"""The environment's Google Cloud project: its provider, its APIs, and what there is once in it.

What belongs to no region hangs below one component of its own, made at first use, so that it keeps
its place whichever region comes first.

The program turns on the APIs it uses, but for the two it takes to ask and to turn on others, which
whoever creates the project turns on: ``cloudresourcemanager`` and ``serviceusage``.
"""

import hashlib
from functools import cached_property

import pulumi
import pulumi_gcp as gcp

from components.clouds.cloud import AccountError, CloudEnvironment, CloudRegion, KubernetesCluster
from components.target import Cluster

APIS = (
    "artifactregistry",
    "cloudkms",
    "cloudresourcemanager",
    "compute",
    "container",
    "containerscanning",
    "dns",
    "iam",
    "iamcredentials",
    "logging",
    "managedkafka",
    "memorystore",
    "networkconnectivity",
    "pubsub",
    "run",
    "secretmanager",
    "serviceconsumermanagement",
    "servicedirectory",
    "sqladmin",
    "storagetransfer",
)

AGENTS = {
    "artifactregistry": "gcp-sa-artifactregistry",
    "logging": "gcp-sa-logging",
    "managedkafka": "gcp-sa-managedkafka",
    "memorystore": "gcp-sa-memorystore",
    "pubsub": "gcp-sa-pubsub",
    "secretmanager": "gcp-sa-secretmanager",
    "sqladmin": "gcp-sa-cloud-sql",
}
"""Service agents that exist only once they were asked for, by API: domain of their address
(docs.cloud.google.com/iam/docs/service-agents)."""

AUDITED = ("cloudkms", "container", "secretmanager", "sqladmin")
"""APIs whose reads are logged too; changes always are."""


def physical(*parts: str, limit: int) -> str:
    """Returns parts joined by ``-``, cut and ended by a hash where they are longer than a limit.

    Args:
        *parts: lower-case letters, digits and dashes.
        limit: greatest length the cloud takes.
    """
    joined = "-".join(parts)
    if len(joined) <= limit:
        return joined
    digest = hashlib.sha256(joined.encode()).hexdigest()[:8]
    return f"{joined[: limit - 9].rstrip('-')}-{digest}"


class Project:
    """The project that everything of an environment on Google Cloud is in.

    Args:
        environment: what is made in it.
        prepared: whether another stack has turned on its APIs and made what there is once in it.
    """

    def __init__(self, environment: CloudEnvironment, *, prepared: bool = False) -> None:
        """Remembers the environment; makes nothing."""
        self.environment = environment
        self._prepared = prepared

    @property
    def id(self) -> str:
        """The project's id, such as ``ai-platform-production``."""
        return self.environment.account

    @cached_property
    def root(self) -> pulumi.ComponentResource:
        """Parent of what there is once in the project."""
        return pulumi.ComponentResource("ai-platform:clouds:GoogleCloud", "google-cloud", None)

    @cached_property
    def provider(self) -> gcp.Provider:
        """The provider of every resource on Google Cloud."""
        return gcp.Provider(
            "google-cloud",
            project=self.id,
            billing_project=self.id,
            user_project_override=True,
            default_labels=self.environment.tags(),
            opts=pulumi.ResourceOptions(parent=self.root),
        )

    @cached_property
    def apis(self) -> pulumi.ComponentResource:
        """The APIs that are used; they stay on when the environment is destroyed."""
        inside = pulumi.ResourceOptions(parent=self.root)
        apis = pulumi.ComponentResource("ai-platform:clouds:Apis", "google-apis", None, inside)
        options = pulumi.ResourceOptions(parent=apis, provider=self.provider)
        for api in APIS:
            gcp.projects.Service(
                f"{api}-api",
                service=f"{api}.googleapis.com",
                disable_on_destroy=False,
                opts=options,
            )
        return apis

    @cached_property
    def number(self) -> pulumi.Output[str]:
        """The project's number, which addresses of service agents are made of."""
        return gcp.organizations.get_project_output(project_id=self.id, opts=self._ask).number

    @property
    def _ask(self) -> pulumi.InvokeOutputOptions:
        """Options of a question to an API, which must be on first: unknown in a first preview."""
        return pulumi.InvokeOutputOptions(
            parent=self.root, provider=self.provider, depends_on=[self.apis]
        )

    @cached_property
    def agents(self) -> pulumi.ComponentResource:
        """The service agents that Google makes only when asked."""
        agents = pulumi.ComponentResource(
            "ai-platform:clouds:ServiceAgents",
            "google-service-agents",
            None,
            pulumi.ResourceOptions(parent=self.root),
        )
        for api in AGENTS:
            gcp.projects.ServiceIdentity(
                f"{api}-agent", service=f"{api}.googleapis.com", opts=self.child(agents)
            )
        for api in AUDITED:
            gcp.projects.IAMAuditConfig(
                f"{api}-audit",
                project=self.id,
                service=f"{api}.googleapis.com",
                audit_log_configs=[{"log_type": "DATA_READ"}, {"log_type": "DATA_WRITE"}],
                opts=self.child(agents),
            )
        return agents

    @cached_property
    def storage_agent(self) -> pulumi.Output[str]:
        """Cloud Storage's service agent as a member of IAM policies; asking for it makes it."""
        found = gcp.storage.get_project_service_account_output(project=self.id, opts=self._ask)
        return found.member

    @cached_property
    def transfer_agent(self) -> pulumi.Output[str]:
        """Storage Transfer's service agent as a member of IAM policies; asking makes it."""
        found = gcp.storage.get_transfer_project_service_account_output(
            project=self.id, opts=self._ask
        )
        return found.member

    @cached_property
    def replication_grants(self) -> list[gcp.projects.IAMMember]:
        """Lets changes of buckets be told to what copies them; project-wide, as Google's are."""
        return [
            gcp.projects.IAMMember(
                f"replication-{purpose}",
                project=self.id,
                role=role,
                member=member,
                opts=self.once(),
            )
            for purpose, role, member in (
                ("subscribe", "roles/pubsub.editor", self.transfer_agent),
                ("publish", "roles/pubsub.publisher", self.storage_agent),
            )
        ]

    @property
    def access_token(self) -> pulumi.Output[str]:
        """A short-lived token of whoever runs the program."""
        found = gcp.organizations.get_client_config_output(opts=self._ask)
        return pulumi.Output.secret(found.access_token)

    def agent(self, domain: str) -> pulumi.Output[str]:
        """Returns a service agent as a member of IAM policies."""
        return pulumi.Output.format(
            "serviceAccount:service-{}@{}.iam.gserviceaccount.com", self.number, domain
        )

    def child(
        self, parent: pulumi.Resource, *depends_on: pulumi.Resource
    ) -> pulumi.ResourceOptions:
        """Returns the options of a resource inside a component."""
        first = [] if self._prepared else [self.apis]
        return pulumi.ResourceOptions(
            parent=parent, provider=self.provider, depends_on=[*first, *depends_on]
        )

    def once(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        """Returns the options of a resource that there is once in the project."""
        return self.child(self.root, *depends_on)

    def name(self, region: CloudRegion, *parts: str, limit: int) -> str:
        """Returns a physical name for something of a region."""
        return physical(self.environment.name, region.name, *parts, limit=limit)

    @property
    def deletion_policy(self) -> str:
        """What a resource that holds data is to do when it is deleted."""
        return "PREVENT" if self.environment.protect else "DELETE"

    def pick(self, *, small: str, medium: str, large: str) -> str:
        """Returns the machine type for the environment's size."""
        return {"small": small, "medium": medium, "large": large}[self.environment.size]

    def account_id(self, name: str) -> str:
        """Returns the id of a service account, of which Google takes 30 characters."""
        return physical(self.environment.name, name, limit=30)

    def check_account(self) -> None:
        """Makes sure that the credentials at hand see the environment's project.

        Raises:
            AccountError: there are none, or they are of another project.
        """
        key = self.environment.account_key
        try:
            current = gcp.organizations.get_client_config().project
        except Exception as error:
            raise AccountError(
                f"{key}: no credentials for Google Cloud ({_reason(error)}); run "
                "`gcloud auth application-default login`"
            ) from error
        if current and current != self.id:
            raise AccountError(
                f"{key}: the environment's project is {self.id!r}, but the credentials' is "
                f"{current!r}; run `gcloud config set project {self.id}` or set "
                f"GOOGLE_PROJECT={self.id}"
            )
        try:
            found = gcp.organizations.get_project(project_id=self.id)
        except Exception as error:
            raise AccountError(
                f"{key}: the credentials at hand do not see the project {self.id!r} "
                f"({_reason(error)}); name the environment's project or log in with "
                "`gcloud auth application-default login` as somebody who may use it"
            ) from error
        if found.project_id != self.id:
            raise AccountError(
                f"{key}: asked for the project {self.id!r}, Google Cloud answered with "
                f"{found.project_id!r}; use the project's id, not its name or number"
            )


def own(cluster: Cluster) -> KubernetesCluster:
    """Returns a cluster that Google Cloud made.

    Raises:
        TypeError: another target made it.
    """
    if not isinstance(cluster, KubernetesCluster) or cluster.cloud != "gcp":
        raise foreign(cluster)
    return cluster


def foreign(thing: object) -> TypeError:
    """Returns the error for a handle of another target."""
    return TypeError(f"{type(thing).__name__} was made by another target than Google Cloud")


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
