"""A region's bucket, and its copy in another region under the same law."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.clouds.aws.account import Place
from components.clouds.aws.cluster import AwsCluster
from components.clouds.aws.policies import Statement, document, trust
from components.clouds.cloud import CloudRegion
from components.target import ObjectStore

OBJECT_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:PutObject",
)
"""What reads and writes a bucket's objects."""

_NONCURRENT_DAYS = 90
_UNFINISHED_UPLOAD_DAYS = 7


def bucket_name(place: Place) -> str:
    """Returns the name of a region's bucket; the account's number keeps it from being taken."""
    return f"{place.physical_name}-{place.environment.account}"


@dataclass(frozen=True, kw_only=True)
class ClosedBucket:
    """A bucket that nobody reaches but by its policy; ``policy`` is what workloads wait for."""

    bucket: aws.s3.Bucket
    versioning: aws.s3.BucketVersioning
    policy: aws.s3.BucketPolicy


@dataclass(frozen=True, kw_only=True)
class _Bucket:
    """A bucket, and the component that its replication is to be a child of as well."""

    name: str
    place: Place
    key: aws.kms.Key
    bucket: aws.s3.Bucket
    versioning: aws.s3.BucketVersioning
    parent: pulumi.Resource


class Buckets:
    """The regions' buckets; each is replicated as soon as the one it is copied to is there."""

    def __init__(self) -> None:
        """Makes nothing."""
        self._made: dict[str, _Bucket] = {}

    def make(self, cluster: AwsCluster, name: str, *, parent: pulumi.Resource) -> ObjectStore:
        """Makes a region's bucket, and the replications that were waiting for it."""
        made = _bucket(cluster, name, parent=parent)
        regions = cluster.place.environment.regions
        self._made[made.place.region.name] = made
        for source in self._made.values():
            target = destination(source.place.region, regions)
            if target and target in self._made and made in (source, self._made[target]):
                _replicate(source, self._made[target])
        return ObjectStore(
            url=made.bucket.bucket.apply(lambda bucket: f"s3://{bucket}"), resource=made.bucket
        )


def destination(region: CloudRegion, regions: Sequence[CloudRegion]) -> str | None:
    """Returns the region that a region's objects are copied to; None where the law allows none.

    It is the one with the lowest number of the same jurisdiction, whatever order the environment
    names them in, so that most added regions change nobody's.
    """
    others = [
        one
        for one in regions
        if one.name != region.name and one.location.jurisdiction == region.location.jurisdiction
    ]
    return min(others, key=lambda one: one.location.number).name if others else None


def _bucket(cluster: AwsCluster, name: str, *, parent: pulumi.Resource) -> _Bucket:
    place, key = cluster.place, cluster.network.keys.data
    made = closed_bucket(
        place,
        name,
        physical_name=bucket_name(place),
        key=key,
        tags=place.tags("customer"),
        parent=parent,
    )
    aws.s3.BucketOwnershipControls(
        name,
        bucket=made.bucket.bucket,
        rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
        region=place.location,
        opts=place.account.inside(parent),
    )
    return _Bucket(
        name=name,
        place=place,
        key=key,
        bucket=made.bucket,
        versioning=made.versioning,
        parent=parent,
    )


def closed_bucket(
    place: Place,
    name: str,
    *statements: Statement,
    physical_name: str,
    key: aws.kms.Key,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
) -> ClosedBucket:
    """Makes a bucket that is versioned, encrypted, never public and reached by TLS alone.

    What was overwritten or deleted in it is gone for good after 90 days.

    Args:
        place: where it is.
        name: unique within the stack.
        statements: who else may do what, of the bucket's policy.
        physical_name: unique among all buckets of AWS.
        key: that everything in it is encrypted with.
        tags: of the bucket.
        parent: of all of it.
    """
    location = place.location
    inside = place.account.inside(parent)
    bucket = aws.s3.Bucket(
        name,
        bucket=physical_name,
        force_destroy=not place.environment.protect,
        tags=tags,
        region=location,
        opts=inside,
    )
    versioning = aws.s3.BucketVersioning(
        name,
        bucket=bucket.bucket,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(
            status="Enabled"
        ),
        region=location,
        opts=inside,
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=bucket.bucket,
        rules=[
            aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                    sse_algorithm="aws:kms", kms_master_key_id=key.arn
                ),
                bucket_key_enabled=True,
            )
        ],
        region=location,
        opts=inside,
    )
    closed = aws.s3.BucketPublicAccessBlock(
        name,
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        region=location,
        opts=inside,
    )
    policy = aws.s3.BucketPolicy(
        name,
        bucket=bucket.bucket,
        policy=document(*_tls_only(bucket.arn), *statements),
        region=location,
        opts=place.account.inside(parent, closed),
    )
    aws.s3.BucketLifecycleConfiguration(
        name,
        bucket=bucket.bucket,
        rules=[
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="leftovers",
                status="Enabled",
                filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=_UNFINISHED_UPLOAD_DAYS
                ),
                noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                    noncurrent_days=_NONCURRENT_DAYS
                ),
            )
        ],
        region=location,
        opts=place.account.inside(parent, versioning),
    )
    return ClosedBucket(bucket=bucket, versioning=versioning, policy=policy)


def _tls_only(arn: pulumi.Output[str]) -> list[Statement]:
    """Refuses whoever comes without TLS, or with less than 1.2."""
    conditions = [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    ]
    return [
        Statement(
            effect="Deny",
            actions=["s3:*"],
            principal="*",
            resources=[arn, pulumi.Output.concat(arn, "/*")],
            conditions=condition,
        )
        for condition in conditions
    ]


def _replicate(source: _Bucket, target: _Bucket) -> None:
    """Copies a bucket's objects, and their deletions, as a role that can do nothing else."""
    place, parent, name = source.place, source.parent, f"{source.name}-replication"
    role = aws.iam.Role(
        name,
        assume_role_policy=trust("s3", account=place.environment.account),
        tags=place.tags(),
        opts=place.account.inside(parent),
    )
    source_objects = pulumi.Output.concat(source.bucket.arn, "/*")
    target_objects = pulumi.Output.concat(target.bucket.arn, "/*")
    rights = aws.iam.RolePolicy(
        name,
        role=role.name,
        policy=document(
            Statement(
                actions=["s3:GetReplicationConfiguration", "s3:ListBucket"],
                resources=[source.bucket.arn],
            ),
            Statement(
                actions=[
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionTagging",
                ],
                resources=[source_objects],
            ),
            Statement(
                actions=["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"],
                resources=[target_objects],
            ),
            Statement(actions=["kms:Decrypt"], resources=[source.key.arn]),
            Statement(actions=["kms:Encrypt"], resources=[target.key.arn]),
        ),
        opts=place.account.inside(parent),
    )
    aws.s3.BucketReplicationConfig(
        name,
        bucket=source.bucket.bucket,
        role=role.arn,
        rules=[
            aws.s3.BucketReplicationConfigRuleArgs(
                id="all",
                status="Enabled",
                priority=0,
                filter=aws.s3.BucketReplicationConfigRuleFilterArgs(prefix=""),
                delete_marker_replication=aws.s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs(
                    status="Enabled"
                ),
                source_selection_criteria=aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs(
                    sse_kms_encrypted_objects=aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs(
                        status="Enabled"
                    )
                ),
                destination=aws.s3.BucketReplicationConfigRuleDestinationArgs(
                    bucket=target.bucket.arn,
                    encryption_configuration=aws.s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs(
                        replica_kms_key_id=target.key.arn
                    ),
                ),
            )
        ],
        region=place.location,
        opts=place.account.inside(parent, source.versioning, target.versioning, rights),
    )
