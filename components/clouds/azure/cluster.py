"""A region's Kubernetes cluster: AKS, private, signed in to with Entra identities only.

The control plane has an address in the region's network and none outside it: who runs
``pulumi up`` must be in a network that is connected to it (a runner in the region, or a VPN), and
signed in with ``az login`` or as a workload identity. The kubeconfig holds no token: ``kubelogin``
gets one when it is needed.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes
import yaml
from pulumi_azure_native import authorization, compute, containerservice, managedidentity

from components.clouds.azure.logs import send_logs
from components.clouds.azure.network import AzureNetwork
from components.clouds.azure.roles import Role, grant
from components.clouds.azure.sizes import SIZES
from components.clouds.azure.subscription import Subscription
from components.clouds.cloud import KubernetesCluster

AKS_SERVER_APPLICATION = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""Entra application of every AKS API server.

Source: learn.microsoft.com/azure/aks/kubelogin-authentication.
"""

POD_CIDR = "100.64.0.0/12"
"""Pods' own addresses (RFC 6598), seen by nobody outside their cluster, so the same in all."""

SERVICE_CIDR = "100.80.0.0/16"
DNS_ADDRESS = "100.80.0.10"

AUDIT_LOGS = (
    "kube-apiserver",
    "kube-audit",
    "kube-audit-admin",
    "kube-controller-manager",
    "kube-scheduler",
    "cluster-autoscaler",
    "cloud-controller-manager",
    "guard",
)


@dataclass(frozen=True, kw_only=True)
class AksCluster(KubernetesCluster):
    """A region's cluster, as its cells are told of it.

    Attributes:
        network: the region's.
        kubeconfig: JSON, without any token.
    """

    network: AzureNetwork
    kubeconfig: pulumi.Output[str]


def cluster(
    subscription: Subscription, name: str, within: AzureNetwork, *, parent: pulumi.Resource
) -> AksCluster:
    """Makes a region's cluster and the provider that applies objects to it."""
    identity, access = _identity(subscription, name, within, parent=parent)
    kubelet = _kubelet(subscription, name, within, identity, parent=parent)
    disks = _disk_encryption(subscription, name, within, identity, parent=parent)
    made = containerservice.ManagedCluster(
        name,
        _cluster_args(subscription, within, identity, kubelet[0], disks),
        opts=subscription.child(
            parent,
            *access,
            *kubelet[1:],
            ignore_changes=["agentPoolProfiles[*].count"],  # the autoscaler's
        ),
    )
    send_logs(within, name, made.id, categories=AUDIT_LOGS, parent=parent)
    administrator = grant(
        subscription,
        f"{name}-administrator",
        Role.CLUSTER_ADMIN,
        principal=subscription.credentials.object_id,
        scope=made.id,
        parent=parent,
        # Who applies first stays: another who runs `pulumi up` has the role by other means.
        ignore_changes=["principalId"],
        principal_type=None,
    )
    config = _kubeconfig(subscription, made)
    return AksCluster(
        cloud="azure",
        network=within,
        name=name,
        provider=objects_provider(name, config, made, administrator, parent=parent),
        kubeconfig=config,
        oidc_issuer=made.oidc_issuer_profile.apply(lambda found: found.issuer_url if found else ""),
        resource=administrator,
    )


def objects_provider(
    name: str,
    config: pulumi.Output[str],
    *depends_on: pulumi.Resource,
    parent: pulumi.Resource,
) -> pulumi_kubernetes.Provider:
    """Makes the provider that applies objects to a cluster and to no other."""
    return pulumi_kubernetes.Provider(
        f"{name}-kubernetes",
        kubeconfig=config,
        enable_server_side_apply=True,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(depends_on)),
    )


def _cluster_args(
    subscription: Subscription,
    within: AzureNetwork,
    identity: managedidentity.UserAssignedIdentity,
    kubelet: managedidentity.UserAssignedIdentity,
    disks: compute.DiskEncryptionSet,
) -> containerservice.ManagedClusterArgs:
    environment = subscription.environment
    sizing = SIZES[environment.size]
    key = within.cluster_key
    return containerservice.ManagedClusterArgs(
        resource_group_name=within.group.name,
        node_resource_group=pulumi.Output.concat(within.group.name, "-nodes"),
        location=within.location,
        sku=containerservice.ManagedClusterSKUArgs(name="Base", tier=sizing.cluster_tier),
        kubernetes_version=environment.kubernetes_version,
        dns_prefix=pulumi.Output.concat("aks-", within.suffix),
        identity=containerservice.ManagedClusterIdentityArgs(
            type=containerservice.ResourceIdentityType.USER_ASSIGNED,
            user_assigned_identities=[identity.id],
        ),
        identity_profile={
            "kubeletidentity": containerservice.UserAssignedIdentityArgs(
                resource_id=kubelet.id,
                client_id=kubelet.client_id,
                object_id=kubelet.principal_id,
            )
        },
        agent_pool_profiles=_pools(within, environment.size == "small"),
        disk_encryption_set_id=disks.id,
        network_profile=containerservice.ContainerServiceNetworkProfileArgs(
            network_plugin="azure",
            network_plugin_mode="overlay",
            network_dataplane="cilium",
            network_policy="cilium",
            outbound_type="userAssignedNATGateway",
            load_balancer_sku="standard",
            pod_cidr=POD_CIDR,
            service_cidr=SERVICE_CIDR,
            dns_service_ip=DNS_ADDRESS,
        ),
        api_server_access_profile=containerservice.ManagedClusterAPIServerAccessProfileArgs(
            enable_private_cluster=True,
            enable_private_cluster_public_fqdn=True,
            enable_vnet_integration=True,
            subnet_id=within.api_server_subnet,
            private_dns_zone="none",
            disable_run_command=True,
        ),
        public_network_access="Disabled",
        enable_rbac=True,
        disable_local_accounts=True,
        aad_profile=containerservice.ManagedClusterAADProfileArgs(
            managed=True, enable_azure_rbac=True, tenant_id=subscription.credentials.tenant_id
        ),
        oidc_issuer_profile=containerservice.ManagedClusterOIDCIssuerProfileArgs(enabled=True),
        security_profile=containerservice.ManagedClusterSecurityProfileArgs(
            workload_identity=containerservice.ManagedClusterSecurityProfileWorkloadIdentityArgs(
                enabled=True
            ),
            azure_key_vault_kms=containerservice.AzureKeyVaultKmsArgs(
                enabled=True,
                key_id=key.key.key_uri_with_version,
                key_vault_network_access="Private",
                key_vault_resource_id=key.vault.id,
            ),
            image_cleaner=containerservice.ManagedClusterSecurityProfileImageCleanerArgs(
                enabled=True, interval_hours=168
            ),
            defender=containerservice.ManagedClusterSecurityProfileDefenderArgs(
                log_analytics_workspace_resource_id=within.logs,
                security_monitoring=(
                    containerservice.ManagedClusterSecurityProfileDefenderSecurityMonitoringArgs(
                        enabled=True
                    )
                ),
            )
            if sizing.defender
            else None,
        ),
        addon_profiles={
            "azurepolicy": containerservice.ManagedClusterAddonProfileArgs(enabled=True)
        },
        # Patches only: the minor version is the environment file's to say.
        auto_upgrade_profile=containerservice.ManagedClusterAutoUpgradeProfileArgs(
            upgrade_channel="patch", node_os_upgrade_channel="NodeImage"
        ),
        support_plan="KubernetesOfficial",
        tags=within.tags(),
    )


def _pools(
    within: AzureNetwork, alone: bool
) -> list[containerservice.ManagedClusterAgentPoolProfileArgs]:
    """Describes a pool in each zone, in that zone's subnet.

    One pool over all zones could not have a NAT gateway for each, nor would the autoscaler know in
    which zone a volume's pod must run.
    """
    sizing = SIZES[within.subscription.environment.size]
    least, most = sizing.nodes
    zones = within.region_spec.location.zones
    return [
        containerservice.ManagedClusterAgentPoolProfileArgs(
            name=f"zone{zone}",
            mode="System",
            type="VirtualMachineScaleSets",
            os_type="Linux",
            os_sku="AzureLinux",
            vm_size=sizing.node_size,
            os_disk_type="Managed",
            os_disk_size_gb=128,
            availability_zones=[zone],
            vnet_subnet_id=subnet,
            count=least,
            min_count=least,
            max_count=most,
            max_pods=110,
            enable_auto_scaling=True,
            enable_node_public_ip=False,
            enable_encryption_at_host=True,
            upgrade_settings=containerservice.AgentPoolUpgradeSettingsArgs(
                max_surge="1" if alone else "33%", drain_timeout_in_minutes=30
            ),
            tags=within.tags(),
        )
        for zone, subnet in zip(zones, within.node_subnets, strict=False)
    ]


def _identity(
    subscription: Subscription, name: str, within: AzureNetwork, *, parent: pulumi.Resource
) -> tuple[managedidentity.UserAssignedIdentity, list[authorization.RoleAssignment]]:
    """Makes the identity of the control plane and what it must be allowed."""
    identity = managedidentity.UserAssignedIdentity(
        f"{name}-identity",
        resource_group_name=within.group.name,
        location=within.location,
        tags=within.tags(),
        opts=subscription.child(parent),
    )
    scopes: list[tuple[str, Role, pulumi.Output[str]]] = [
        ("network", Role.NETWORK_CONTRIBUTOR, within.virtual_network.id),
        ("address", Role.NETWORK_CONTRIBUTOR, within.gateway_address.id),
        ("key", Role.KEY_USER, within.cluster_key.key.id),
        # It approves the private endpoint over which the control plane uses the key.
        ("vault", Role.VAULT_CONTRIBUTOR, within.cluster_key.vault.id),
    ]
    return identity, [
        grant(
            subscription,
            f"{name}-{what}-access",
            role,
            principal=identity.principal_id,
            scope=scope,
            parent=parent,
        )
        for what, role, scope in scopes
    ]


def _kubelet(
    subscription: Subscription,
    name: str,
    within: AzureNetwork,
    control_plane: managedidentity.UserAssignedIdentity,
    *,
    parent: pulumi.Resource,
) -> tuple[
    managedidentity.UserAssignedIdentity,
    authorization.RoleAssignment,
    authorization.RoleAssignment,
]:
    """Makes the identity of the nodes, which pull images and can do nothing else."""
    kubelet = managedidentity.UserAssignedIdentity(
        f"{name}-kubelet",
        resource_group_name=within.group.name,
        location=within.location,
        tags=within.tags(),
        opts=subscription.child(parent),
    )
    operator = grant(
        subscription,
        f"{name}-kubelet-operator",
        Role.IDENTITY_OPERATOR,
        principal=control_plane.principal_id,
        scope=kubelet.id,
        parent=parent,
    )
    pull = grant(
        subscription,
        f"{name}-image-access",
        Role.ACR_PULL,
        principal=kubelet.principal_id,
        scope=subscription.group.id,  # the registry is the only one in it
        parent=parent,
    )
    return kubelet, operator, pull


def _disk_encryption(
    subscription: Subscription,
    name: str,
    within: AzureNetwork,
    identity: managedidentity.UserAssignedIdentity,
    *,
    parent: pulumi.Resource,
) -> compute.DiskEncryptionSet:
    """Makes what encrypts nodes' disks and, unless a class says otherwise, persistent volumes."""
    key = within.cluster_key
    disks = compute.DiskEncryptionSet(
        f"{name}-disks",
        resource_group_name=within.group.name,
        location=within.location,
        encryption_type="EncryptionAtRestWithCustomerKey",
        identity=compute.EncryptionSetIdentityArgs(
            type="UserAssigned", user_assigned_identities=[key.identity.id]
        ),
        active_key=compute.KeyForDiskEncryptionSetArgs(
            key_url=key.key.key_uri_with_version, source_vault=None
        ),
        rotation_to_latest_key_version_enabled=True,
        tags=within.tags(data_class="customer"),
        # Azure moves it to each new version of the key.
        opts=subscription.child(parent, key.access, ignore_changes=["activeKey"]),
    )
    grant(
        subscription,
        f"{name}-disks-access",
        Role.READER,
        principal=identity.principal_id,
        scope=disks.id,
        parent=parent,
    )
    return disks


def _kubeconfig(
    subscription: Subscription, made: containerservice.ManagedCluster
) -> pulumi.Output[str]:
    """Returns a kubeconfig whose user is whoever is signed in when it is used."""
    credentials = containerservice.list_managed_cluster_user_credentials_output(
        resource_group_name=made.id.apply(lambda found: found.split("/")[4]),
        resource_name=pulumi.Output.all(made.id, made.name).apply(lambda both: both[1]),
        format="exec",
        opts=pulumi.InvokeOutputOptions(provider=subscription.provider),
    )
    return pulumi.Output.secret(
        credentials.apply(lambda found: kubeconfig(found.kubeconfigs[0].value))
    )


def kubeconfig(encoded: str) -> str:
    """Takes the server and its authority from what Azure gives, and the user from ``kubelogin``.

    Args:
        encoded: a kubeconfig, YAML in base64.

    Returns:
        A kubeconfig, JSON, with no token or key in it.
    """
    given: dict[str, Any] = yaml.safe_load(base64.b64decode(encoded))
    server: dict[str, str] = given["clusters"][0]["cluster"]
    name = "aks"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {
                    "name": name,
                    "cluster": {
                        "server": server["server"],
                        "certificate-authority-data": server["certificate-authority-data"],
                    },
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [
                {
                    "name": name,
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1",
                            "command": "kubelogin",
                            "args": [
                                "get-token",
                                "--login",
                                "azurecli",
                                "--server-id",
                                AKS_SERVER_APPLICATION,
                            ],
                            "interactiveMode": "Never",
                            "installHint": "https://azure.github.io/kubelogin/install.html",
                        }
                    },
                }
            ],
        }
    )
