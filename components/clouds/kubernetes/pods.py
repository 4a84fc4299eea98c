"""The parts every pod of the platform has alike: who it runs as, what it mounts, where it goes.

They satisfy Pod Security ``restricted`` (kubernetes.io/docs/concepts/security/
pod-security-standards) and go further where that costs nothing: no writable root file system, no
service account token.
"""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    PodSecurityContextArgsDict,
    PodSpecArgsDict,
    ProbeArgsDict,
    SecurityContextArgsDict,
    TopologySpreadConstraintArgsDict,
    VolumeArgsDict,
    VolumeMountArgsDict,
)

from components.clouds.kubernetes.labels import Workload
from components.clouds.kubernetes.sizes import Share

IDENTITY_FOLDER = "/var/run/identity"
SECRETS_FOLDER = "/var/run/secrets/ai-platform"

PRIORITY_CLASS = "ai-platform"
USER = 10001
"""Numeric user and group of the image, which ``runAsNonRoot`` is checked against."""

_OWNER_AND_GROUP_READ = 0o440


def pod_security() -> PodSecurityContextArgsDict:
    """Returns the security context of a pod; mounted secrets belong to its group."""
    return {
        "run_as_non_root": True,
        "run_as_user": USER,
        "run_as_group": USER,
        "fs_group": USER,
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def container_security() -> SecurityContextArgsDict:
    """Returns the security context of a container."""
    return {
        "allow_privilege_escalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "read_only_root_filesystem": True,
        "run_as_non_root": True,
    }


def environment(settings: Mapping[str, pulumi.Input[str]]) -> list[EnvVarArgsDict]:
    """Returns settings as a container's environment, in an order that never changes."""
    return [{"name": key, "value": settings[key]} for key in sorted(settings)]


def python(
    name: str,
    image: pulumi.Input[str],
    arguments: Sequence[str],
    settings: Mapping[str, pulumi.Input[str]],
    share: Share,
    mounts: Sequence[VolumeMountArgsDict],
) -> ContainerArgsDict:
    """Returns a container that runs a module of the platform's image.

    Args:
        name: of the container.
        image: the platform's, by digest.
        arguments: the module and its arguments, after ``python -m``.
        settings: its environment.
        share: what it is given.
        mounts: its volumes; nothing else can be written to.
    """
    return {
        "name": name,
        "image": image,
        "args": list(arguments),
        "env": environment(settings),
        "resources": share.requirements(),
        "security_context": container_security(),
        "volume_mounts": list(mounts),
        "termination_message_policy": "FallbackToLogsOnError",
    }


def pod(
    account: str, containers: Sequence[ContainerArgsDict], volumes: Sequence[VolumeArgsDict]
) -> PodSpecArgsDict:
    """Returns a pod of the platform: restricted, prioritised, without a token of its account."""
    return {
        "service_account_name": account,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "priority_class_name": PRIORITY_CLASS,
        "security_context": pod_security(),
        "containers": list(containers),
        "volumes": list(volumes),
    }


def secret_volume(name: str, secret: pulumi.Input[str]) -> VolumeArgsDict:
    """Returns a volume of a Secret that the pod's group may read."""
    return {
        "name": name,
        "secret": {"secret_name": secret, "default_mode": _OWNER_AND_GROUP_READ},
    }


def read_only(name: str, path: str) -> VolumeMountArgsDict:
    """Returns the mount of a volume at a path."""
    return {"name": name, "mount_path": path, "read_only": True}


def probe(
    path: str, port: str, *, period_seconds: int, failures: int, scheme: str = "HTTP"
) -> ProbeArgsDict:
    """Returns a probe by HTTP; the port is named."""
    return {
        "http_get": {"path": path, "port": port, "scheme": scheme},
        "period_seconds": period_seconds,
        "timeout_seconds": 3,
        "failure_threshold": failures,
    }


def spread(workload: Workload) -> list[TopologySpreadConstraintArgsDict]:
    """Spreads a workload's pods of one version: always over zones, over nodes where it can be."""
    return [
        _evenly(workload, "topology.kubernetes.io/zone", "DoNotSchedule"),
        _evenly(workload, "kubernetes.io/hostname", "ScheduleAnyway"),
    ]


def _evenly(workload: Workload, topology: str, otherwise: str) -> TopologySpreadConstraintArgsDict:
    return {
        "topology_key": topology,
        "max_skew": 1,
        "when_unsatisfiable": otherwise,
        "label_selector": {"match_labels": workload.selector},
        "match_label_keys": ["pod-template-hash"],
    }
