"""Workload identity: what a Kubernetes service account may do in Google Cloud.

Each has a Google service account of its own and no key. Google knows a service account of a cluster
by project, namespace and name only, not by cluster: a region's identity is the region's because the
Google account is, which only that region's annotation names.

A dedicated tenant's workload has no Google account: a project has a hundred of them unless Google
allows it more. It is granted what is the tenant's own as the Kubernetes service account it is.
"""

from collections.abc import Callable, Mapping

import pulumi
import pulumi_gcp as gcp

from components.clouds.cloud import (
    CloudRegion,
    Grant,
    KubernetesCluster,
    WorkloadIdentity,
    WorkloadIdentityArgs,
)
from components.clouds.gcp import network as networks
from components.clouds.gcp import project as projects
from components.clouds.gcp.project import Project
from components.clouds.gcp.secrets import prefix

ANNOTATION = "iam.gke.io/gcp-service-account"


def workload_identity(
    project: Project,
    name: str,
    args: WorkloadIdentityArgs,
    *,
    bucket: Callable[[str], pulumi.Output[str]],
    parent: pulumi.Resource,
) -> WorkloadIdentity:
    """Makes a Google service account that the Kubernetes one acts as, with what it is granted.

    Args:
        project: where.
        name: unique within the stack.
        args: who, and what it may do.
        bucket: name of a region's bucket.
        parent: parent of what is made.
    """
    region = networks.own(projects.own(args.cluster).network).place
    account, use = account_for(
        project, name, args.cluster, args.namespace, args.service_account, parent=parent
    )
    for grant in args.grants:
        _grant(project, f"{name}-{grant}", grant, region, account, bucket, parent=parent)
    return WorkloadIdentity(resource=use, service_account_annotations=annotations(account))


def account_for(
    project: Project,
    name: str,
    cluster: KubernetesCluster,
    namespace: str,
    service_account: str,
    *,
    parent: pulumi.Resource,
) -> tuple[gcp.serviceaccount.Account, pulumi.Resource]:
    """Makes a Google service account that a Kubernetes one may act as."""
    account = gcp.serviceaccount.Account(
        name,
        account_id=project.account_id(name),
        display_name=f"{namespace}/{service_account} in {cluster.region}"[:100],
        opts=project.child(parent),
    )
    use = gcp.serviceaccount.IAMMember(
        f"{name}-use",
        service_account_id=account.name,
        role="roles/iam.workloadIdentityUser",
        member=f"serviceAccount:{project.id}.svc.id.goog[{namespace}/{service_account}]",
        # The pool of identities comes into being with the project's first cluster.
        opts=project.child(parent, cluster.resource),
    )
    return account, use


def principal(
    project: Project,
    number: pulumi.Input[str],
    namespace: str,
    service_account: str,
) -> pulumi.Output[str]:
    """Returns a Kubernetes service account as a member of IAM policies.

    https://docs.cloud.google.com/iam/docs/principal-identifiers

    Args:
        project: whose clusters it is in.
        number: the project's.
        namespace: of the service account, on every cluster of the project that has it.
        service_account: its name.
    """
    return pulumi.Output.format(
        "principal://iam.googleapis.com/projects/{}/locations/global/workloadIdentityPools/"
        "{}.svc.id.goog/subject/ns/{}/sa/{}",
        number,
        project.id,
        namespace,
        service_account,
    )


def annotations(account: gcp.serviceaccount.Account) -> Mapping[str, pulumi.Input[str]]:
    """Returns what a Kubernetes service account carries to act as a Google one."""
    return {ANNOTATION: account.email}


def _grant(
    project: Project,
    name: str,
    grant: Grant,
    region: CloudRegion,
    account: gcp.serviceaccount.Account,
    bucket: Callable[[str], pulumi.Output[str]],
    *,
    parent: pulumi.Resource,
) -> None:
    match grant:
        case "read-secrets":
            gcp.projects.IAMMember(
                name,
                project=project.id,
                role="roles/secretmanager.secretAccessor",
                member=account.member,
                condition={
                    "title": f"secrets-{region.name}",
                    "expression": pulumi.Output.format(
                        'resource.name.startsWith("projects/{}/secrets/{}")',
                        project.number,
                        prefix(project, region),
                    ),
                },
                opts=project.child(parent),
            )
        case "event-bus":
            # Kafka's own ACLs are what divides clusters: IAM has no conditions on them.
            gcp.projects.IAMMember(
                name,
                project=project.id,
                role="roles/managedkafka.client",
                member=account.member,
                opts=project.child(parent),
            )
        case "object-store":
            gcp.storage.BucketIAMMember(
                name,
                bucket=bucket(region.name),
                role="roles/storage.objectUser",
                member=account.member,
                opts=project.child(parent),
            )
