"""Artifact Registry: the environment's container images on Google Cloud.

One repository in a multi-region, which outlives the loss of a region and which clusters everywhere
read: Artifact Registry has no replication, and images hold no customer's data.
"""

import pulumi
import pulumi_gcp as gcp

from components.clouds.cloud import Registry
from components.clouds.gcp.keys import key, key_ring
from components.clouds.gcp.project import AGENTS, Project, physical

_LOCATION = "us"
_SERVER = f"{_LOCATION}-docker.pkg.dev"


def registry(project: Project, name: str, *, parent: pulumi.Resource) -> Registry:
    """Makes a repository whose tags never move, scanned, under a key of its own."""
    environment = project.environment
    made = gcp.artifactregistry.Repository(
        name,
        location=_LOCATION,
        repository_id=physical(environment.name, "images", limit=63),
        format="DOCKER",
        docker_config={"immutable_tags": True},
        vulnerability_scanning_config={"enablement_config": "INHERITED"},
        kms_key_name=key(
            project,
            name,
            key_ring(project, name, _LOCATION, parent=parent),
            [project.agent(AGENTS["artifactregistry"])],
            environment.tags(),
            parent=parent,
        ),
        deletion_policy=project.deletion_policy,
        labels=environment.tags(data_class="operational"),
        opts=pulumi.ResourceOptions.merge(
            project.child(parent),
            pulumi.ResourceOptions(delete_before_replace=True),  # its name is fixed
        ),
    )
    path = pulumi.Output.format("{}/{}/{}", _SERVER, project.id, made.repository_id)
    return Registry(
        repositories={region.name: path for region in environment.regions},
        push_to=path,
        server=pulumi.Output.from_input(_SERVER),
        username=pulumi.Output.from_input("oauth2accesstoken"),
        password=project.access_token,
        resource=made,
    )
