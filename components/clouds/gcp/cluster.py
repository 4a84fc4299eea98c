"""GKE: a region's private Kubernetes cluster and its nodes.

Standard with one autoscaled node pool and not Autopilot, which refuses what observability needs of
its nodes (host network, host paths). The control plane has no IP address: it is reached by its DNS
name, behind Google's front end, and only with IAM's consent, from CI as from anywhere else.
"""

import json
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as kubernetes

from components.clouds.cloud import CloudRegion, KubernetesCluster
from components.clouds.gcp import network as networks
from components.clouds.gcp.project import Project, physical
from components.target import Network

STORAGE_CLASS = "encrypted"

_NODE_ROLES = {
    "telemetry": "roles/container.defaultNodeServiceAccount",
    "images": "roles/artifactregistry.reader",
}

_LOGS = ("SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER")


@dataclass(frozen=True, kw_only=True)
class GkeCluster(KubernetesCluster):
    """A cluster on GKE.

    Attributes:
        kubeconfig: JSON; asks Google for a token at each use and keeps none.
    """

    kubeconfig: pulumi.Output[str]


def cluster_name(project: Project, place: CloudRegion) -> str:
    """Returns the name of a region's cluster; others must know it, so it is not Pulumi's own."""
    return physical(project.environment.name, place.location.name, limit=40)


def cluster(
    project: Project, name: str, network: Network, *, parent: pulumi.Resource
) -> GkeCluster:
    """Makes a cluster, its nodes, the provider for its objects and its class of volumes."""
    region = networks.own(network)
    location = region.place.location
    physical_name = cluster_name(project, region.place)
    account = _node_account(project, name, parent=parent)
    node = _node(project, region, account)
    made = gcp.container.Cluster(
        name,
        name=physical_name,
        location=location.name,
        node_locations=_zones(project, location.zones),
        deletion_protection=project.environment.protect,
        min_master_version=project.environment.kubernetes_version,
        release_channel={"channel": "REGULAR"},
        maintenance_policy={
            "recurring_window": {
                "start_time": "2025-01-04T02:00:00Z",
                "end_time": "2025-01-04T08:00:00Z",
                "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU",
            }
        },
        network=region.vpc.id,
        subnetwork=region.nodes.id,
        networking_mode="VPC_NATIVE",
        datapath_provider="ADVANCED_DATAPATH",
        enable_intranode_visibility=True,
        ip_allocation_policy={
            "cluster_secondary_range_name": networks.PODS,
            "services_secondary_range_name": networks.SERVICES,
        },
        private_cluster_config={"enable_private_nodes": True},
        control_plane_endpoints_config={
            "dns_endpoint_config": {"allow_external_traffic": True},
            "ip_endpoints_config": {"enabled": False},
        },
        master_auth={"client_certificate_config": {"issue_client_certificate": False}},
        anonymous_authentication_config={"mode": "LIMITED"},
        rbac_binding_config={
            "enable_insecure_binding_system_authenticated": False,
            "enable_insecure_binding_system_unauthenticated": False,
        },
        enable_legacy_abac=False,
        enable_shielded_nodes=True,
        workload_identity_config={"workload_pool": f"{project.id}.svc.id.goog"},
        database_encryption={"state": "ENCRYPTED", "key_name": region.keys.cluster},
        logging_config={"enable_components": list(_LOGS)},
        monitoring_config={
            "enable_components": ["SYSTEM_COMPONENTS"],
            "managed_prometheus": {"enabled": False},
            "advanced_datapath_observability_config": {
                "enable_metrics": True,
                "enable_relay": False,
            },
        },
        security_posture_config={"mode": "BASIC", "vulnerability_mode": "VULNERABILITY_BASIC"},
        cost_management_config={"enabled": True},
        vertical_pod_autoscaling={"enabled": True},
        addons_config={
            "gce_persistent_disk_csi_driver_config": {"enabled": True},
            "http_load_balancing": {"disabled": False},
            "horizontal_pod_autoscaling": {"disabled": False},
        },
        remove_default_node_pool=True,
        initial_node_count=1,
        node_config=node,
        resource_labels=project.environment.tags(region=region.region, data_class="customer"),
        opts=pulumi.ResourceOptions.merge(
            project.child(parent, region.way_out),
            pulumi.ResourceOptions(
                delete_before_replace=True,  # its name is fixed
                # They are of the pool that is removed at once; a change would replace the cluster.
                ignore_changes=["nodeConfig", "initialNodeCount"],
            ),
        ),
    )
    nodes = gcp.container.NodePool(
        # Pulumi's own suffix makes room for a successor; GKE takes 40 characters with it.
        f"{location.name}-nodes",
        cluster=made.id,
        location=location.name,
        node_locations=_zones(project, location.zones),
        initial_node_count=1,
        autoscaling=_autoscaling(project),
        management={"auto_repair": True, "auto_upgrade": True},
        upgrade_settings={"strategy": "SURGE", "max_surge": 1, "max_unavailable": 0},
        network_config={"enable_private_nodes": True},
        node_config={
            **node,
            "resource_labels": project.environment.tags(region=region.region),
        },
        opts=pulumi.ResourceOptions.merge(
            project.child(parent),
            pulumi.ResourceOptions(ignore_changes=["initialNodeCount"]),
        ),
    )
    kubeconfig = made.control_plane_endpoints_config.apply(
        lambda found: _kubeconfig(physical_name, _dns_endpoint(found))
    )
    provider = objects_provider(name, kubeconfig, parent=parent)
    _storage_class(name, region, provider, nodes, parent=parent)
    return GkeCluster(
        cloud="gcp",
        network=region,
        name=physical_name,
        provider=provider,
        oidc_issuer=pulumi.Output.format(
            "https://container.googleapis.com/v1/projects/{}/locations/{}/clusters/{}",
            project.id,
            location.name,
            made.name,
        ),
        resource=nodes,
        storage_class=STORAGE_CLASS,
        kubeconfig=kubeconfig,
    )


def objects_provider(
    name: str, kubeconfig: pulumi.Input[str], *, parent: pulumi.Resource
) -> kubernetes.Provider:
    """Makes the provider of a cluster's objects."""
    return kubernetes.Provider(
        f"{name}-kubernetes",
        kubeconfig=kubeconfig,
        enable_server_side_apply=True,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _zones(project: Project, zones: tuple[str, str, str]) -> list[str]:
    return list(zones[:1] if project.environment.size == "small" else zones)


def _autoscaling(project: Project) -> gcp.container.NodePoolAutoscalingArgsDict:
    """Returns the bounds of the pool, over all of its zones together."""
    least, most = {"small": (2, 6), "medium": (3, 12), "large": (6, 60)}[project.environment.size]
    return {
        "total_min_node_count": least,
        "total_max_node_count": most,
        "location_policy": "BALANCED",
    }


def _node_account(
    project: Project, name: str, *, parent: pulumi.Resource
) -> gcp.serviceaccount.Account:
    """Makes the identity of the nodes: they log, report and pull images, and nothing else."""
    account = gcp.serviceaccount.Account(
        f"{name}-nodes",
        account_id=project.account_id(f"{name}-nodes"),
        display_name=f"Nodes of {name} ({project.environment.name})",
        opts=project.child(parent),
    )
    for purpose, role in _NODE_ROLES.items():
        gcp.projects.IAMMember(
            f"{name}-nodes-{purpose}",
            project=project.id,
            role=role,
            member=account.member,
            opts=project.child(parent),
        )
    return account


def _node(
    project: Project, region: networks.GcpNetwork, account: gcp.serviceaccount.Account
) -> gcp.container.NodePoolNodeConfigArgsDict:
    return {
        "machine_type": project.pick(
            small="e2-standard-4", medium="e2-standard-4", large="n2-standard-8"
        ),
        "image_type": "COS_CONTAINERD",
        "disk_type": "pd-balanced",
        "disk_size_gb": 100,
        "boot_disk_kms_key": region.keys.cluster,
        "service_account": account.email,
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "shielded_instance_config": {
            "enable_secure_boot": True,
            "enable_integrity_monitoring": True,
        },
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "metadata": {"disable-legacy-endpoints": "true"},
        "tags": [networks.node_tag(project)],
    }


def _dns_endpoint(config: gcp.container.outputs.ClusterControlPlaneEndpointsConfig) -> str:
    found = config.dns_endpoint_config
    if not found or not found.endpoint:
        raise ValueError("the cluster has no DNS endpoint: dns_endpoint_config must be on")
    return found.endpoint


def _kubeconfig(name: str, endpoint: str) -> str:
    """Returns a kubeconfig that asks Google for a token at each use and keeps none.

    The DNS endpoint's certificate is of a public authority.
    """
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": f"https://{endpoint}"}}],
            "users": [
                {
                    "name": name,
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1beta1",
                            "command": "gke-gcloud-auth-plugin",
                            "interactiveMode": "Never",
                            "provideClusterInfo": True,
                            "installHint": "gcloud components install gke-gcloud-auth-plugin",
                        }
                    },
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        },
        sort_keys=True,
    )


def _storage_class(
    name: str,
    region: networks.GcpNetwork,
    provider: kubernetes.Provider,
    nodes: pulumi.Resource,
    *,
    parent: pulumi.Resource,
) -> None:
    """Makes a class of volumes under the region's key; GKE's own classes are under Google's."""
    kubernetes.storage.v1.StorageClass(
        f"{name}-storage-class",
        metadata={"name": STORAGE_CLASS},
        provisioner="pd.csi.storage.gke.io",
        parameters={
            "type": "pd-balanced",
            "disk-encryption-kms-key": region.keys.cluster,
        },
        reclaim_policy="Delete",
        allow_volume_expansion=True,
        volume_binding_mode="WaitForFirstConsumer",
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=[nodes]),
    )
