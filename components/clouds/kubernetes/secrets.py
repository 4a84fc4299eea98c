"""A workload's secrets: kept in the cloud's secret store, brought into the cluster as files.

Each set of values has a Secret of its own, named by a digest of them. So a pod never starts before
its secrets are there, never with yesterday's, and a changed secret rolls the pods out anew.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.clouds.kubernetes.labels import NAMESPACE, Workload
from components.clouds.kubernetes.place import Place

STORE = "region"
"""Name of every cluster's ClusterSecretStore: the secret store of its own region."""

_DIGEST_LENGTH = 12


def mounted_secret(
    place: Place,
    name: str,
    workload: Workload,
    values: Mapping[str, pulumi.Input[str]],
    *,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Keeps values and brings them into the cluster.

    Args:
        place: where to.
        name: unique within the stack.
        workload: whose they are.
        values: by setting, such as ``AIP_DATABASE_PASSWORD``; the key in lower case is the file's
            name, as ``services.runtime.settings`` looks for it.
        parent: parent of what is made.

    Returns:
        The Secret's name, known once the Secret is there.
    """
    files = {key.lower(): value for key, value in values.items()}
    stored = place.cloud.secret(f"{name}-secrets", place.cluster, files, parent=parent)
    # Of random values only, and cut short: it says that something changed and nothing of what.
    digest = pulumi.Output.unsecret(pulumi.Output.all(**files).apply(_digest))
    secret = digest.apply(lambda found: f"{workload.name}-{found}")
    external = CustomResource(
        f"{name}-secrets",
        api_version="external-secrets.io/v1",
        kind="ExternalSecret",
        metadata={
            "name": secret,
            "namespace": NAMESPACE,
            "labels": workload.labels,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        spec={
            "refreshPolicy": "CreatedOnce",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": STORE},
            "target": {"name": secret, "creationPolicy": "Owner", "immutable": True},
            "dataFrom": [{"extract": {"key": stored.name}}],
        },
        opts=place.child(parent, stored.resource),
    )
    return pulumi.Output.all(secret, external.urn).apply(lambda both: str(both[0]))


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(dict(values), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
