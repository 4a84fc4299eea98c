"""What is done to databases from inside a cluster, where alone they can be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from components.clouds.kubernetes.labels import NAMESPACE, Workload
from components.clouds.kubernetes.network import to_dns, to_private
from components.clouds.kubernetes.place import Place
from components.clouds.kubernetes.pods import (
    SECRETS_FOLDER,
    pod,
    python,
    read_only,
    secret_volume,
)
from components.clouds.kubernetes.secrets import mounted_secret
from components.clouds.kubernetes.sizes import JOB
from components.target import DatabaseServer, Program, ServiceDatabase

_PASSWORD_LENGTH = 32
_JOB_ATTEMPTS = 3
_JOB_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Leader:
    """A cloud's server that takes writes there, and the cluster beside it."""

    place: Place
    server: DatabaseServer

    @property
    def cloud(self) -> str:
        """Whose server it is; an environment has one leader on each of its clouds."""
        return self.place.cluster.cloud

    @property
    def address(self) -> pulumi.Output[str]:
        """``<cloud>=<administrator>@<host>:<port>``."""
        server = self.server
        return pulumi.Output.concat(
            f"{self.cloud}={server.administrator}@", server.endpoint.host, ":", _port(server)
        )


def service_database(
    place: Place,
    name: str,
    server: DatabaseServer,
    *,
    version: str,
    parent: pulumi.Resource,
    others: Sequence[Leader] = (),
    replication_password: pulumi.Output[str] | None = None,
) -> ServiceDatabase:
    """Makes a service's database and its three roles, by a Job beside each cloud's leader.

    Args:
        place: the cluster beside the primary server.
        name: of the service, and so of its database.
        server: the primary.
        version: of the platform.
        parent: parent of what is made.
        others: leaders of the environment's other clouds, which follow the primary.
        replication_password: what they follow it with.

    Raises:
        ValueError: there are others, and no password for them.
    """
    owner, tenant, system = (
        _password(f"{role}-password", parent=parent)
        for role in (f"{name}-owner", name, f"{name}-system")
    )
    primary = Leader(place=place, server=server)
    provisioned = [
        run_to_completion(
            leader.place,
            f"{name}-{leader.cloud}-database",
            Program(
                module="services.runtime.provision",
                environment={
                    "AIP_SERVICE": name,
                    "AIP_REGION": leader.server.region,
                    "AIP_ADMINISTRATOR": leader.server.administrator,
                    "AIP_DATABASE_NAME": name,
                    **connection(leader.server),
                },
                secrets={
                    "AIP_ADMINISTRATOR_PASSWORD": leader.server.administrator_password,
                    "AIP_OWNER_DATABASE_PASSWORD": owner,
                    "AIP_DATABASE_PASSWORD": tenant,
                    "AIP_SYSTEM_DATABASE_PASSWORD": system,
                    **authorities(leader.server),
                },
            ),
            ports=[_port(leader.server)],
            version=version,
            depends_on=[leader.server.resource],
            parent=parent,
        )
        for leader in (primary, *others)
    ]
    ready: Job = provisioned[0]
    if others:
        if replication_password is None:
            raise ValueError(f"{name}: replication_password is missing; other clouds follow by it")
        ready = _replication(
            name,
            primary,
            others,
            {
                "AIP_ADMINISTRATOR_PASSWORD": server.administrator_password,
                "AIP_OWNER_DATABASE_PASSWORD": owner,
                "AIP_REPLICATION_PASSWORD": replication_password,
                **authorities(server, *(one.server for one in others)),
            },
            version=version,
            depends_on=provisioned,
            parent=parent,
        )
    return ServiceDatabase(
        name=name,
        identity=server.endpoint.host,
        owner_password=owner,
        password=tenant,
        system_password=system,
        resource=ready,
    )


def _replication(
    name: str,
    primary: Leader,
    others: Sequence[Leader],
    secrets: Mapping[str, pulumi.Input[str]],
    *,
    version: str,
    depends_on: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> Job:
    """Has the other clouds' leaders follow the primary, by logical replication.

    A changed primary changes what the Job is given, so that it runs again and turns the direction.
    """
    leaders = sorted((primary, *others), key=lambda one: one.cloud)
    return run_to_completion(
        primary.place,
        f"{name}-replication",
        Program(
            module="services.runtime.replication",
            environment={
                "AIP_SERVICE": name,
                "AIP_DATABASE_NAME": name,
                "AIP_PRIMARY": primary.cloud,
                "AIP_LEADERS": pulumi.Output.all(*[one.address for one in leaders]).apply(",".join),
                "AIP_DATABASE_TLS": "true" if primary.server.tls else "false",
            },
            secrets=secrets,
        ),
        ports=[_port(one.server) for one in leaders],
        version=version,
        depends_on=depends_on,
        parent=parent,
    )


def connection(server: DatabaseServer) -> Mapping[str, pulumi.Input[str]]:
    """Returns the settings that say where a server is; the image knows most authorities."""
    return {
        "AIP_DATABASE_HOST": server.endpoint.host,
        "AIP_DATABASE_PORT": _port(server),
        "AIP_DATABASE_TLS": "true" if server.tls else "false",
    }


def authorities(*servers: DatabaseServer) -> Mapping[str, pulumi.Input[str]]:
    """Returns the servers' authorities that the image does not know."""
    own = [one.ca_certificate for one in servers if one.ca_certificate is not None]
    return {"AIP_DATABASE_CA": pulumi.Output.concat(*own)} if own else {}


def run_to_completion(
    place: Place,
    name: str,
    program: Program,
    *,
    ports: Sequence[pulumi.Input[str]],
    version: str,
    depends_on: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> Job:
    """Runs a program that works on databases, again whenever anything it is given changes.

    The Job's name is left to Pulumi: its template cannot be changed, only replaced.
    """
    workload = Workload(name=name, component="job", version=version)
    secret = mounted_secret(place, name, workload, program.secrets, parent=parent)
    policy = NetworkPolicy(
        name,
        metadata=workload.metadata,
        spec={
            "pod_selector": {"match_labels": workload.selector},
            "policy_types": ["Ingress", "Egress"],
            "egress": [to_dns(), to_private(ports)],
        },
        opts=place.child(parent),
    )
    settings = {**program.environment, "AIP_SECRETS_DIR": SECRETS_FOLDER}
    mounts = [read_only("secrets", SECRETS_FOLDER)]
    container = python("job", place.image, [program.module], settings, JOB, mounts)
    return Job(
        name,
        metadata={"namespace": NAMESPACE, "labels": workload.labels},
        spec={
            "backoff_limit": _JOB_ATTEMPTS,
            "active_deadline_seconds": _JOB_SECONDS,
            "template": {
                "metadata": {"labels": workload.labels},
                "spec": {
                    **pod("default", [container], [secret_volume("secrets", secret)]),
                    "restart_policy": "Never",
                },
            },
        },
        opts=place.child(parent, *depends_on, policy),
    )


def _port(server: DatabaseServer) -> pulumi.Output[str]:
    # The engine gives whole numbers back as floats.
    return server.endpoint.port.apply(lambda port: str(int(port)))


def _password(name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
    return pulumi_random.RandomPassword(
        name,
        length=_PASSWORD_LENGTH,
        special=False,
        opts=pulumi.ResourceOptions(parent=parent),
    ).result
