"""A region's secrets, in Secrets Manager, and where a cluster's external-secrets finds them."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from components.clouds.aws.account import Place
from components.clouds.aws.cluster import AwsCluster
from components.clouds.cloud import StoredSecret


def secret(
    cluster: AwsCluster,
    name: str,
    values: Mapping[str, pulumi.Input[str]],
    *,
    parent: pulumi.Resource,
) -> StoredSecret:
    """Keeps values as one JSON object under the region's key."""
    place = cluster.place
    made = aws.secretsmanager.Secret(
        name,
        name_prefix=f"{prefix(place)}{name}-",
        description=f"{name} of {place.environment.name}",
        kms_key_id=cluster.network.keys.data.arn,
        recovery_window_in_days=30 if place.environment.protect else 0,
        tags=place.tags("customer"),
        region=place.location,
        opts=place.account.inside(parent),
    )
    version = aws.secretsmanager.SecretVersion(
        name,
        secret_id=made.id,
        secret_string=pulumi.Output.secret(pulumi.Output.json_dumps(dict(values), sort_keys=True)),
        region=place.location,
        opts=place.account.inside(parent),
    )
    return StoredSecret(name=made.name, resource=version)


def prefix(place: Place) -> str:
    """Returns what the names of the environment's secrets start with."""
    return f"{place.environment.name}/"


def secret_store(cluster: AwsCluster) -> Mapping[str, Any]:
    """Returns the store's ``spec.provider``.

    It names no credentials: external-secrets' pods get their role from EKS Pod Identity.
    """
    return {"aws": {"service": "SecretsManager", "region": cluster.place.location}}
