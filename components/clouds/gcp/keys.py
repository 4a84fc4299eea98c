"""Customer-managed keys (Cloud KMS): who may use which, how long they live, how often they turn.

A region has four keys, so that no service agent can use what another's data is under. A key ring
can never be deleted and its name never be used again: its name is Pulumi's own. Dedicated tenants'
keys are in the region's ring beside these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from components.clouds.cloud import CloudRegion
from components.clouds.gcp.project import AGENTS, Project, physical

_ROTATION = f"{90 * 24 * 3600}s"
_USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"

_LONGEST = 63 - len("-1234567")
"""What KMS takes, less what Pulumi ends its own names with."""

_DATA_STORES = ("managedkafka", "memorystore", "sqladmin")


@dataclass(frozen=True, kw_only=True)
class RegionKeys:
    """Full names of a region's keys; known once their users may use them.

    Attributes:
        ring: full name of the key ring that they are in.
        cluster: etcd's secrets and the nodes' disks.
        data: database, cache, event bus and objects.
        secrets: the secret store.
        logs: flow logs.
    """

    ring: pulumi.Output[str]
    cluster: pulumi.Output[str]
    data: pulumi.Output[str]
    secrets: pulumi.Output[str]
    logs: pulumi.Output[str]


def region_keys(
    project: Project, name: str, region: CloudRegion, *, parent: pulumi.Resource
) -> RegionKeys:
    """Makes a region's key ring and keys."""
    ring = key_ring(project, name, region.location.name, parent=parent)
    users = {
        "cluster": [project.agent("container-engine-robot"), project.agent("compute-system")],
        "data": [*(project.agent(AGENTS[api]) for api in _DATA_STORES), project.storage_agent],
        "secrets": [project.agent(AGENTS["secretmanager"])],
        "logs": [project.agent(AGENTS["logging"])],
    }
    labels = project.environment.tags(region=region.name)
    made = {
        purpose: key(project, f"{name}-{purpose}", ring, members, labels, parent=parent)
        for purpose, members in users.items()
    }
    return RegionKeys(ring=ring.id, **made)


def replica_key(
    project: Project, name: str, region: CloudRegion, location: str, *, parent: pulumi.Resource
) -> pulumi.Output[str]:
    """Makes the key of a bucket's replica, which must be where the replica is."""
    ring = key_ring(project, name, location, parent=parent)
    labels = project.environment.tags(region=region.name)
    return key(project, name, ring, [project.storage_agent], labels, parent=parent)


def key_ring(
    project: Project, name: str, location: str, *, parent: pulumi.Resource
) -> gcp.kms.KeyRing:
    """Makes a key ring."""
    return gcp.kms.KeyRing(f"{name}-keys", location=location, opts=project.child(parent))


def key(
    project: Project,
    name: str,
    ring: gcp.kms.KeyRing,
    members: Sequence[pulumi.Output[str]],
    labels: Mapping[str, str],
    *,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Makes a key, rotated every 90 days, and lets some service agents and nobody else use it.

    Returns:
        The key's full name, through the grant: who encrypts with it waits for the grant.
    """
    made = crypto_key(project, name, ring.id, labels, parent=parent)
    grant = gcp.kms.CryptoKeyIAMBinding(
        f"{name}-key-users",
        crypto_key_id=made.id,
        role=_USE,
        members=members,
        opts=project.child(parent, project.agents),
    )
    return grant.crypto_key_id


def crypto_key(
    project: Project,
    name: str,
    ring: pulumi.Input[str],
    labels: Mapping[str, str],
    *,
    parent: pulumi.Resource,
) -> gcp.kms.CryptoKey:
    """Makes a key, rotated every 90 days, that nobody may use yet."""
    return gcp.kms.CryptoKey(
        physical(f"{name}-key", limit=_LONGEST),
        key_ring=ring,
        purpose="ENCRYPT_DECRYPT",
        rotation_period=_ROTATION,
        destroy_scheduled_duration=f"{(30 if project.environment.protect else 1) * 24 * 3600}s",
        version_template={
            "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION",
            "protection_level": "HSM" if project.environment.size == "large" else "SOFTWARE",
        },
        deletion_policy=project.deletion_policy,
        labels=labels,
        opts=project.child(parent),
    )


def grant(
    project: Project,
    name: str,
    key: gcp.kms.CryptoKey,
    member: pulumi.Input[str],
    *,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Lets one service agent use a key.

    Returns:
        The key's full name, through the grant: who encrypts with it waits for the grant.
    """
    made = gcp.kms.CryptoKeyIAMMember(
        f"{name}-key-users",
        crypto_key_id=key.id,
        role=_USE,
        member=member,
        opts=project.child(parent),
    )
    return made.crypto_key_id
