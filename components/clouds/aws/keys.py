"""A region's keys: customer-managed, rotated every 90 days, never leaving the region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.clouds.aws.account import Place
from components.clouds.aws.policies import Statement, document

ROTATION_DAYS = 90

_ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:Describe*",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:Get*",
    "kms:List*",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateKeyDescription",
)
_USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "kms:ReEncrypt*",
)
_DATA_SERVICES = ("elasticache", "kafka", "rds", "s3", "secretsmanager")


@dataclass(frozen=True, kw_only=True)
class Keys:
    """A region's keys.

    Attributes:
        data: of what holds customers' data: database, cache, bus, objects, secrets. Nobody can
            use it but through those services.
        operational: of logs, of volumes and of secrets inside the cluster.
    """

    data: aws.kms.Key
    operational: aws.kms.Key


def keys(place: Place, name: str, *, parent: pulumi.Resource) -> Keys:
    """Makes the keys, and encrypts every volume of the region by default."""
    made = Keys(
        data=_key(
            place,
            f"{name}-data",
            document(*_through(place, _DATA_SERVICES)),
            place.tags("customer"),
            parent=parent,
        ),
        operational=_key(
            place,
            f"{name}-operational",
            _operational_policy(place),
            place.tags("operational"),
            parent=parent,
        ),
    )
    inside = place.account.inside(parent)
    aws.ebs.EncryptionByDefault(name, enabled=True, region=place.location, opts=inside)
    aws.ebs.DefaultKmsKey(name, key_arn=made.operational.arn, region=place.location, opts=inside)
    return made


def key(
    place: Place,
    name: str,
    *statements: Statement,
    data_class: str,
    parent: pulumi.Resource,
) -> aws.kms.Key:
    """Makes a key that the account's own policies govern, and that ``statements`` open further."""
    owner = Statement(actions=["kms:*"], principal={"AWS": _root(place)})
    return _key(place, name, document(owner, *statements), place.tags(data_class), parent=parent)


def tenant_key(
    place: Place,
    name: str,
    *statements: Statement,
    log_group: str,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
) -> aws.kms.Key:
    """Makes a tenant's own key: of its database and that one's log, and for ``statements``."""
    policy = document(
        *_through(place, ["rds"]), _logs(place, f"log-group:{log_group}"), *statements
    )
    return _key(place, name, policy, tags, parent=parent)


def _key(
    place: Place,
    name: str,
    policy: pulumi.Output[str],
    tags: Mapping[str, str],
    *,
    parent: pulumi.Resource,
) -> aws.kms.Key:
    return aws.kms.Key(
        name,
        description=f"{place.environment.name} {name}",
        policy=policy,
        enable_key_rotation=True,
        rotation_period_in_days=ROTATION_DAYS,
        deletion_window_in_days=30 if place.environment.protect else 7,
        tags=tags,
        region=place.location,
        opts=place.account.inside(parent),
    )


def _through(place: Place, services: Sequence[str]) -> list[Statement]:
    """Lets the account administer a key, and use it only through services that keep data."""
    through = [f"{one}.{place.location}.amazonaws.com" for one in services]
    via = {"kms:CallerAccount": place.environment.account, "kms:ViaService": through}
    anyone = {"AWS": "*"}
    return [
        Statement(actions=_ADMINISTRATION, principal={"AWS": _root(place)}),
        Statement(actions=_USE, principal=anyone, conditions={"StringEquals": via}),
        Statement(
            actions=["kms:CreateGrant"],
            principal=anyone,
            conditions={"StringEquals": via, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _operational_policy(place: Place) -> pulumi.Output[str]:
    """Leaves the key to the account's policies, and lets CloudWatch encrypt the account's logs."""
    return document(
        Statement(actions=["kms:*"], principal={"AWS": _root(place)}),
        _logs(place, "log-group:*"),
    )


def _logs(place: Place, log_groups: str) -> Statement:
    """Lets CloudWatch Logs encrypt the log groups that a pattern names."""
    return Statement(
        actions=_USE,
        principal={"Service": f"logs.{place.location}.amazonaws.com"},
        conditions={
            "ArnLike": {"kms:EncryptionContext:aws:logs:arn": place.arn("logs", log_groups)}
        },
    )


def _root(place: Place) -> str:
    return f"arn:aws:iam::{place.environment.account}:root"
