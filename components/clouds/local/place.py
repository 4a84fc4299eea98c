"""Where a local platform is put, and what every part of the target shares."""

from dataclasses import dataclass
from pathlib import Path

import pulumi

from components.clouds.envoy import HOST
from components.clouds.local import resources
from components.clouds.local.settings import LocalRegion, LocalSettings
from components.target import Cluster, Endpoint, Identity, Trust

GLOBAL = "global"
"""Stands for a region where something belongs to none."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One machine's platform.

    Attributes:
        settings: the ports of the environment file.
        home: folder for everything the running platform writes.
        root: the checkout whose code the processes run.
    """

    settings: LocalSettings
    home: Path
    root: Path

    def ports(self, region: str) -> LocalRegion:
        """Returns the ports of a region."""
        return self.settings.regions[region]


@dataclass(frozen=True, kw_only=True)
class LocalTrust:
    """The certificate authority of this machine's platform."""

    trust_domain: str
    ca_certificate: pulumi.Output[str]
    authority: resources.CertificateAuthority


@dataclass(frozen=True, kw_only=True)
class Loopback:
    """The network of one machine."""

    region: str


@dataclass(frozen=True, kw_only=True)
class LocalCluster:
    """A region's process supervisor."""

    region: str
    supervisor: resources.Supervisor

    @property
    def folder(self) -> pulumi.Output[str]:
        """The supervisor's folder; depending on it means depending on the supervisor."""
        return self.supervisor.folder


def child(parent: pulumi.Resource, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
    """Returns the options of a resource inside a component."""
    return pulumi.ResourceOptions(parent=parent, depends_on=list(depends_on))


def endpoint(port: int) -> Endpoint:
    """Returns the endpoint of a port that the environment file fixes."""
    return Endpoint(host=pulumi.Output.from_input(HOST), port=pulumi.Output.from_input(port))


def own(cluster: Cluster) -> LocalCluster:
    """Returns a cluster that this target made.

    Raises:
        TypeError: another target made it.
    """
    if not isinstance(cluster, LocalCluster):
        raise foreign(cluster)
    return cluster


def foreign(thing: object) -> TypeError:
    """Returns the error for a handle of another target."""
    return TypeError(f"{type(thing).__name__} was made by another target than local")


def password(name: str, *, length: int = 32, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Makes random letters and digits, kept encrypted in the state."""
    return resources.RandomPassword(name, length=length, opts=child(parent)).value


def identity(
    place: Place,
    name: str,
    trust: Trust,
    *,
    region: str,
    workload: str,
    parent: pulumi.Resource,
) -> Identity:
    """Makes a certificate for ``spiffe://<trust domain>/<region>/<workload>``."""
    if not isinstance(trust, LocalTrust):
        raise foreign(trust)
    spiffe_id = f"spiffe://{trust.trust_domain}/{region}/{workload}"
    certificate = resources.Certificate(
        name,
        authority=trust.authority,
        folder=str(place.home / region / "identities" / workload),
        file_name=workload,
        spiffe_id=spiffe_id,
        opts=child(parent),
    )
    return Identity(
        spiffe_id=spiffe_id,
        certificate_file=certificate.certificate_file,
        key_file=certificate.key_file,
        ca_file=certificate.ca_file,
        fingerprint=certificate.fingerprint,
    )


def supervisor(place: Place, name: str, region: str, *, parent: pulumi.Resource) -> LocalCluster:
    """Starts the supervisor of a region, or the global one."""
    port = place.settings.global_.supervisor if region == GLOBAL else place.ports(region).supervisor
    made = resources.Supervisor(
        name,
        folder=str(place.home / region),
        port=port,
        supervisor_name=region,
        opts=child(parent),
    )
    return LocalCluster(region=region, supervisor=made)
