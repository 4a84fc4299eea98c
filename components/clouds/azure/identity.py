"""Workload identities: Kubernetes service accounts that act as Entra identities, without keys.

A service account's token is exchanged for one of a managed identity that trusts the cluster's
issuer and this one subject (learn.microsoft.com/azure/aks/workload-identity-overview).
"""

from collections.abc import Mapping

import pulumi
from pulumi_azure_native import managedidentity

from components.clouds.azure.event_bus import AzureEventBus
from components.clouds.azure.network import AzureNetwork
from components.clouds.azure.object_store import AzureObjectStore
from components.clouds.azure.roles import Role, grant
from components.clouds.azure.subscription import Named, Subscription
from components.clouds.cloud import Grant, KubernetesCluster, WorkloadIdentity, WorkloadIdentityArgs

AUDIENCE = "api://AzureADTokenExchange"
POD_LABELS: Mapping[str, str] = {"azure.workload.identity/use": "true"}


def federated_identity(
    subscription: Subscription,
    name: str,
    cluster: KubernetesCluster,
    *,
    group: Named,
    location: str,
    tags: Mapping[str, str],
    namespace: str,
    service_account: str,
    parent: pulumi.Resource,
) -> tuple[managedidentity.UserAssignedIdentity, managedidentity.FederatedIdentityCredential]:
    """Makes an identity that one service account of one cluster can take, and nobody else."""
    identity = managedidentity.UserAssignedIdentity(
        name,
        resource_group_name=group.name,
        location=location,
        tags=tags,
        opts=subscription.child(parent),
    )
    credential = managedidentity.FederatedIdentityCredential(
        f"{name}-credential",
        resource_name_=identity.name,
        resource_group_name=group.name,
        issuer=cluster.oidc_issuer,
        subject=f"system:serviceaccount:{namespace}:{service_account}",
        audiences=[AUDIENCE],
        opts=subscription.child(parent),
    )
    return identity, credential


def annotations(
    subscription: Subscription, identity: managedidentity.UserAssignedIdentity
) -> dict[str, pulumi.Input[str]]:
    """Returns what tells a service account which identity it takes."""
    return {
        "azure.workload.identity/client-id": identity.client_id,
        "azure.workload.identity/tenant-id": subscription.credentials.tenant_id,
    }


def workload_identity(
    name: str,
    args: WorkloadIdentityArgs,
    within: AzureNetwork,
    *,
    event_bus: AzureEventBus | None,
    object_store: AzureObjectStore | None,
    parent: pulumi.Resource,
) -> WorkloadIdentity:
    """Lets a service account do what it is granted.

    Raises:
        ValueError: a grant is on something that the region does not have.
    """
    subscription = within.subscription
    identity, credential = federated_identity(
        subscription,
        name,
        args.cluster,
        group=within.group,
        location=within.location,
        tags=within.tags(),
        namespace=args.namespace,
        service_account=args.service_account,
        parent=parent,
    )
    for given in args.grants:
        for role, scope in _scopes(given, within, event_bus, object_store):
            grant(
                subscription,
                f"{name}-{role.name.lower().replace('_', '-')}",
                role,
                principal=identity.principal_id,
                scope=scope,
                parent=parent,
            )
    return WorkloadIdentity(
        resource=credential,
        service_account_annotations=annotations(subscription, identity),
        pod_labels=POD_LABELS,
    )


def _scopes(
    given: Grant,
    within: AzureNetwork,
    event_bus: AzureEventBus | None,
    object_store: AzureObjectStore | None,
) -> list[tuple[Role, pulumi.Output[str]]]:
    if given == "read-secrets":
        return [(Role.SECRETS_USER, within.data_key.vault.id)]
    if given == "event-bus" and event_bus:
        namespace = event_bus.namespace.id
        return [(Role.EVENT_HUBS_SENDER, namespace), (Role.EVENT_HUBS_RECEIVER, namespace)]
    if given == "object-store" and object_store:
        return [(Role.STORAGE_BLOB_CONTRIBUTOR, object_store.container.id)]
    raise ValueError(
        f"region {within.region!r} has no {given}: make it before an identity is granted its use"
    )
