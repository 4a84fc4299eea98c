"""Who may talk to whom inside a cluster: nobody, but for what is written here.

Every namespace denies by default; a workload's own policy opens what it needs. Addresses of stores
are private ones whose exact value only the cloud knows, so they are opened by port; what may be
reached on the internet is opened by port too, as names cannot be written in a NetworkPolicy.
"""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
    NetworkPolicyPortArgsDict,
)

from components.clouds.kubernetes.labels import PLATFORM_PODS

MONITORING_NAMESPACE = "monitoring"

PRIVATE_RANGES = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
"""RFC 1918 and RFC 6598: what no address of the internet is in."""

_LINK_LOCAL = "169.254.0.0/16"
"""RFC 3927: where node-local DNS caches listen."""

_CLOUD_IDENTITY = ("169.254.170.23/32", "169.254.169.254/32")
"""Of EKS and of GKE, in this order."""

_STORE_PORTS = ("AIP_CACHE_PORT", "AIP_DATABASE_PORT", "AIP_REPLICA_PORT")
"""Settings that hold the port of something outside the cluster."""


def namespace(name: str) -> NetworkPolicyPeerArgsDict:
    """Returns every pod of a namespace, as a peer."""
    return {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": name}}}


def pods(labels: Mapping[str, str]) -> NetworkPolicyPeerArgsDict:
    """Returns the same namespace's pods with the labels, as a peer."""
    return {"pod_selector": {"match_labels": dict(labels)}}


def tcp(*ports: int | str) -> list[NetworkPolicyPortArgsDict]:
    """Returns TCP ports, by number or by the container port's name."""
    return [{"protocol": "TCP", "port": port} for port in ports]


def to_dns() -> NetworkPolicyEgressRuleArgsDict:
    """Opens name resolution by the cluster's own servers.

    Clouds differ in where these are: pods of kube-system, a process on each node, a cache on a
    link-local address. Servers on the internet, by which data could be carried out, are not open.
    """
    return {
        "to": [
            namespace("kube-system"),
            *blocks(*PRIVATE_RANGES, _LINK_LOCAL),
        ],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }


def to_stores(
    settings: Mapping[str, pulumi.Input[str]],
) -> NetworkPolicyEgressRuleArgsDict:
    """Opens the ports of the database and the cache that a program's settings name."""
    return to_private([settings[key] for key in _STORE_PORTS if key in settings])


def to_private(ports: Sequence[pulumi.Input[str]]) -> NetworkPolicyEgressRuleArgsDict:
    """Opens ports of private addresses."""
    return {
        "to": blocks(*PRIVATE_RANGES),
        "ports": pulumi.Output.all(*ports).apply(_distinct),
    }


def to_cloud_identity() -> NetworkPolicyEgressRuleArgsDict:
    """Opens the addresses at which a cloud hands out what a service account acts as.

    EKS Pod Identity's agent and GKE's metadata server; on Azure that is a public address.
    """
    return {"to": blocks(*_CLOUD_IDENTITY), "ports": tcp(80)}


def to_internet(*ports: int) -> NetworkPolicyEgressRuleArgsDict:
    """Opens ports of every public address, and of no private one."""
    return {
        "to": [{"ip_block": {"cidr": "0.0.0.0/0", "except_": [*PRIVATE_RANGES, _LINK_LOCAL]}}],
        "ports": tcp(*ports),
    }


def to_platform(port: int) -> NetworkPolicyEgressRuleArgsDict:
    """Opens a port of the platform's own pods."""
    return {"to": [pods(PLATFORM_PODS)], "ports": tcp(port)}


def from_prometheus(*ports: str) -> NetworkPolicyIngressRuleArgsDict:
    """Lets Prometheus fetch metrics."""
    return {"from_": [namespace(MONITORING_NAMESPACE)], "ports": tcp(*ports)}


def blocks(*ranges: str) -> list[NetworkPolicyPeerArgsDict]:
    """Returns ranges of addresses, as peers."""
    return [{"ip_block": {"cidr": one}} for one in ranges]


def _distinct(ports: Sequence[str]) -> list[NetworkPolicyPortArgsDict]:
    return tcp(*sorted({int(port) for port in ports}))
