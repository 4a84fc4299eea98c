"""A region's EKS cluster, in Auto Mode: AWS runs nodes, storage and load balancers' controllers.

Its API listens inside the VPC. ``pulumi up`` therefore runs inside the environment's networks, or
``ClusterAccess`` names the addresses of the runners: the public endpoint answers those only, and
is off when there are none. Tokens are made by ``aws eks get-token`` for each run and never kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components.clouds.aws.account import Place
from components.clouds.aws.network import AwsNetwork
from components.clouds.cloud import KubernetesCluster
from components.target import Cluster

STORAGE_CLASS = "encrypted"

_CONTROL_PLANE_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_SERVICE_CIDR = "172.20.0.0/16"
"""Addresses of Services: outside 10.0.0.0/8, which is the regions'."""

_ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """Who reaches the clusters' APIs besides the identity that makes them.

    Attributes:
        cidrs: public addresses of the runners of ``pulumi up``; none where they run inside.
        administrators: ARNs of further IAM roles that administer the clusters.
    """

    cidrs: Sequence[str] = ()
    administrators: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ClusterApi:
    """How a cluster's API is reached.

    Attributes:
        endpoint: its URL.
        certificate_authority: of its certificate, PEM in base64.
    """

    name: pulumi.Input[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class AwsCluster(KubernetesCluster):
    """A region's cluster.

    Attributes:
        security_group: id of the group that nodes and pods are in.
    """

    network: AwsNetwork
    resource: aws.eks.Cluster
    security_group: pulumi.Output[str]

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.network.place


def own_cluster(cluster: Cluster) -> AwsCluster:
    """Returns a cluster that this cloud made.

    Raises:
        TypeError: another cloud made it.
    """
    if not isinstance(cluster, AwsCluster):
        raise TypeError(f"{type(cluster).__name__} was made by another cloud than aws")
    return cluster


def cluster(
    access: ClusterAccess, name: str, network: AwsNetwork, *, parent: pulumi.Resource
) -> AwsCluster:
    """Makes the cluster, its storage class and the provider of what is put into it."""
    place = network.place
    account = place.account
    logs = place.log_group(
        name,
        f"/aws/eks/{place.physical_name}/cluster",
        network.keys.operational,
        parent=parent,
    )
    made = aws.eks.Cluster(
        name,
        name=place.physical_name,
        version=place.environment.kubernetes_version,
        role_arn=account.cluster_role.arn,
        vpc_config=aws.eks.ClusterVpcConfigArgs(
            subnet_ids=[one.id for one in network.private],
            endpoint_private_access=True,
            endpoint_public_access=bool(access.cidrs),
            public_access_cidrs=list(access.cidrs) or None,
        ),
        access_config=aws.eks.ClusterAccessConfigArgs(
            authentication_mode="API", bootstrap_cluster_creator_admin_permissions=True
        ),
        bootstrap_self_managed_addons=False,
        compute_config=aws.eks.ClusterComputeConfigArgs(
            enabled=True,
            node_pools=["general-purpose", "system"],
            node_role_arn=account.node_role.arn,
        ),
        storage_config=aws.eks.ClusterStorageConfigArgs(
            block_storage=aws.eks.ClusterStorageConfigBlockStorageArgs(enabled=True)
        ),
        kubernetes_network_config=aws.eks.ClusterKubernetesNetworkConfigArgs(
            elastic_load_balancing=aws.eks.ClusterKubernetesNetworkConfigElasticLoadBalancingArgs(
                enabled=True
            ),
            ip_family="ipv4",
            service_ipv4_cidr=_SERVICE_CIDR,
        ),
        encryption_config=aws.eks.ClusterEncryptionConfigArgs(
            provider=aws.eks.ClusterEncryptionConfigProviderArgs(
                key_arn=network.keys.operational.arn
            ),
            resources=["secrets"],
        ),
        enabled_cluster_log_types=list(_CONTROL_PLANE_LOGS),
        upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
        zonal_shift_config=aws.eks.ClusterZonalShiftConfigArgs(enabled=True),
        deletion_protection=place.environment.protect,
        tags=place.tags("customer"),
        region=place.location,
        opts=account.inside(
            parent, logs, *account.cluster_role.policies, *account.node_role.policies
        ),
    )
    for principal in access.administrators:
        _administrator(place, name, made, principal, parent=parent)
    api = ClusterApi(
        name=made.name,
        endpoint=made.endpoint,
        certificate_authority=made.certificate_authority.data.apply(str),
    )
    provider = kubernetes_provider(place, name, api, parent=parent)
    _storage_class(name, network.keys.operational, provider, parent=parent)
    return AwsCluster(
        cloud="aws",
        network=network,
        name=place.physical_name,
        provider=provider,
        oidc_issuer=made.identities.apply(_issuer),
        resource=made,
        storage_class=STORAGE_CLASS,
        security_group=made.vpc_config.cluster_security_group_id,
    )


def kubernetes_provider(
    place: Place, name: str, api: ClusterApi, *, parent: pulumi.Resource
) -> kubernetes.Provider:
    """Makes the provider of what is put into a cluster."""
    return kubernetes.Provider(
        f"{name}-kubernetes",
        kubeconfig=_kubeconfig(place, api),
        cluster_identifier=api.endpoint,
        enable_server_side_apply=True,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _issuer(identities: Sequence[aws.eks.outputs.ClusterIdentity]) -> str:
    oidcs = identities[0].oidcs if identities else None
    if not oidcs or not oidcs[0].issuer:
        raise ValueError("AWS returned an EKS cluster with no OIDC issuer; run `pulumi refresh`")
    return oidcs[0].issuer


def _administrator(
    place: Place, name: str, made: aws.eks.Cluster, principal: str, *, parent: pulumi.Resource
) -> None:
    role = principal.rpartition("/")[2]
    entry = aws.eks.AccessEntry(
        f"{name}-{role}",
        cluster_name=made.name,
        principal_arn=principal,
        tags=place.tags(),
        region=place.location,
        opts=place.account.inside(parent),
    )
    aws.eks.AccessPolicyAssociation(
        f"{name}-{role}",
        cluster_name=made.name,
        principal_arn=entry.principal_arn,
        policy_arn=_ADMINISTRATOR,
        access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
        region=place.location,
        opts=place.account.inside(parent),
    )


def _kubeconfig(place: Place, api: ClusterApi) -> pulumi.Output[str]:
    arguments = ["--region", place.location, "eks", "get-token", "--cluster-name"]
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": place.physical_name,
            "clusters": [
                {
                    "name": place.physical_name,
                    "cluster": {
                        "server": api.endpoint,
                        "certificate-authority-data": api.certificate_authority,
                    },
                }
            ],
            "contexts": [
                {
                    "name": place.physical_name,
                    "context": {"cluster": place.physical_name, "user": "deployer"},
                }
            ],
            "users": [
                {
                    "name": "deployer",
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1beta1",
                            "command": "aws",
                            "args": [*arguments, api.name, "--output", "json"],
                            "interactiveMode": "Never",
                        }
                    },
                }
            ],
        }
    )


def _storage_class(
    name: str, key: aws.kms.Key, provider: kubernetes.Provider, *, parent: pulumi.Resource
) -> None:
    """Makes the cluster's default storage class: Auto Mode brings none."""
    kubernetes.storage.v1.StorageClass(
        f"{name}-storage-class",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(
            name=STORAGE_CLASS,
            annotations={"storageclass.kubernetes.io/is-default-class": "true"},
        ),
        provisioner="ebs.csi.eks.amazonaws.com",
        parameters={"type": "gp3", "encrypted": "true", "kmsKeyId": key.arn},
        volume_binding_mode="WaitForFirstConsumer",
        allow_volume_expansion=True,
        reclaim_policy="Delete",
        opts=pulumi.ResourceOptions(parent=parent, provider=provider),
    )
