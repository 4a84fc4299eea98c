"""Cloud Storage: a region's bucket and its replica elsewhere under the same law.

The replica is in a location that follows from the region's alone, whether or not the environment
has a region there: so a region brings its replica, and no region's resources depend on another's.
Where a country has but one location of Google's, there is no replica: a bucket is in three zones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from components.clouds.gcp import network as networks
from components.clouds.gcp import project as projects
from components.clouds.gcp.keys import replica_key
from components.clouds.gcp.project import Project, physical
from components.clouds.locations import LOCATIONS, Location
from components.target import Cluster, ObjectStore

_DAY = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class GcpObjectStore(ObjectStore):
    """A bucket on Cloud Storage."""

    bucket: gcp.storage.Bucket


def replica_location(location: Location) -> Location | None:
    """Returns where a location's objects are copied to: the same law, another place."""
    others = [
        one
        for one in LOCATIONS
        if one.cloud == "gcp"
        and one.jurisdiction == location.jurisdiction
        and one.name != location.name
    ]
    return min(others, key=lambda one: one.number, default=None)


def object_store(
    project: Project, name: str, cluster: Cluster, *, parent: pulumi.Resource
) -> GcpObjectStore:
    """Makes a region's bucket, its replica and what copies from one to the other."""
    network = networks.own(projects.own(cluster).network)
    labels = project.environment.tags(region=network.region, data_class="customer")
    made = bucket(
        project,
        name,
        location=network.place.location.name,
        key=network.keys.data,
        labels=labels,
        parent=parent,
    )
    elsewhere = replica_location(network.place.location)
    if elsewhere:
        replica = bucket(
            project,
            f"{name}-replica",
            location=elsewhere.name,
            key=replica_key(
                project, f"{name}-replica", network.place, elsewhere.name, parent=parent
            ),
            labels=labels,
            parent=parent,
        )
        _replication(project, name, made, replica, parent=parent)
    return GcpObjectStore(url=made.url, resource=made, bucket=made)


def bucket(
    project: Project,
    name: str,
    *,
    location: str,
    key: pulumi.Output[str],
    labels: Mapping[str, str],
    parent: pulumi.Resource,
) -> gcp.storage.Bucket:
    """Makes a bucket that nobody may use yet.

    Args:
        project: where.
        name: unique within the environment, not just the stack.
        location: where its objects are.
        key: full name of the key that they are encrypted with.
        labels: of the bucket.
        parent: parent of what is made.
    """
    environment = project.environment
    return gcp.storage.Bucket(
        name,
        # All of Google's customers share these names; Google takes 63 characters.
        name=physical(project.id, environment.name, name, limit=63),
        location=location.upper(),
        storage_class="STANDARD",
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        versioning={"enabled": True},
        encryption={"default_kms_key_name": key},
        soft_delete_policy={"retention_duration_seconds": 30 * _DAY if environment.protect else 0},
        lifecycle_rules=[
            {
                "action": {"type": "Delete"},
                "condition": {"days_since_noncurrent_time": 90, "with_state": "ARCHIVED"},
            },
            {
                "action": {"type": "AbortIncompleteMultipartUpload"},
                "condition": {"age": 7},
            },
        ],
        force_destroy=not environment.protect,
        deletion_policy=project.deletion_policy,
        labels=labels,
        opts=project.child(parent),
    )


def _replication(
    project: Project,
    name: str,
    source: gcp.storage.Bucket,
    sink: gcp.storage.Bucket,
    *,
    parent: pulumi.Resource,
) -> None:
    """Copies what is written, by the roles that Google documents for it.

    https://docs.cloud.google.com/storage/docs/using-cross-bucket-replication
    """
    grants = [
        gcp.storage.BucketIAMMember(
            f"{name}-replication-{purpose}",
            bucket=bucket.name,
            role=role,
            member=project.transfer_agent,
            opts=project.child(parent),
        )
        for purpose, bucket, role in (
            ("watch", source, "roles/storage.legacyBucketOwner"),
            ("read", source, "roles/storage.objectViewer"),
            ("write", sink, "roles/storage.legacyBucketWriter"),
        )
    ]
    gcp.storage.TransferJob(
        f"{name}-replication",
        description=f"{name}: copies objects to their replica",
        project=project.id,
        replication_spec={
            "gcs_data_source": {"bucket_name": source.name},
            "gcs_data_sink": {"bucket_name": sink.name},
            "transfer_options": {"overwrite_when": "DIFFERENT"},
        },
        status="ENABLED",
        opts=project.child(parent, *grants, *project.replication_grants),
    )
