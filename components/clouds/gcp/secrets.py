"""Secret Manager: a region's secrets, kept in the region under its key, and who reads them."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_gcp as gcp

from components.clouds.cloud import CloudRegion, KubernetesCluster, StoredSecret
from components.clouds.gcp import network as networks
from components.clouds.gcp import project as projects
from components.clouds.gcp.project import Project

_LONGEST = 255


def prefix(project: Project, region: CloudRegion) -> str:
    """Returns what the names of a region's secrets start with, and no other region's."""
    return f"{project.environment.name}_{region.name}_"


def secret(
    project: Project,
    name: str,
    cluster: KubernetesCluster,
    values: Mapping[str, pulumi.Input[str]],
    *,
    parent: pulumi.Resource,
) -> StoredSecret:
    """Keeps values as one JSON object."""
    network = networks.own(projects.own(cluster).network)
    made = gcp.secretmanager.Secret(
        name,
        secret_id=f"{prefix(project, network.place)}{name}"[:_LONGEST],
        replication={
            "user_managed": {
                "replicas": [
                    {
                        "location": network.place.location.name,
                        "customer_managed_encryption": {"kms_key_name": network.keys.secrets},
                    }
                ]
            }
        },
        deletion_protection=project.environment.protect,
        labels=project.environment.tags(region=network.region, data_class="customer"),
        opts=project.child(parent),
    )
    version = gcp.secretmanager.SecretVersion(
        f"{name}-value",
        secret=made.id,
        secret_data=pulumi.Output.secret(pulumi.Output.all(**values).apply(_json)),
        opts=project.child(parent),
    )
    return StoredSecret(name=made.secret_id, resource=version)


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(values, sort_keys=True)


def secret_store(
    project: Project, cluster: KubernetesCluster, *, service_account: str
) -> Mapping[str, Any]:
    """Returns how external-secrets reads the region's secrets, as its own service account."""
    network = networks.own(projects.own(cluster).network)
    namespace, _, name = service_account.partition("/")
    return {
        "gcpsm": {
            "projectID": project.id,
            "auth": {
                "workloadIdentity": {
                    "clusterProjectID": project.id,
                    "clusterLocation": network.place.location.name,
                    "clusterName": cluster.name,
                    "serviceAccountRef": {"namespace": namespace, "name": name},
                }
            },
        }
    }
