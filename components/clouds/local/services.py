"""The platform's gRPC services as processes of one machine."""

import sys
from collections.abc import Sequence

import pulumi

from components.clouds.envoy import HOST
from components.clouds.local import resources
from components.clouds.local.place import Place, child, endpoint, own
from components.clouds.local.settings import grpc_port, metrics_port
from components.clouds.local.sources import fingerprint
from components.target import GrpcServiceArgs, RunningService


def addresses(place: Place, service: str, *, region: str, replicas: int) -> Sequence[str]:
    """Returns the ports the environment file gives the service."""
    first = place.ports(region).services[service]
    return [f"{HOST}:{grpc_port(first, replica)}" for replica in range(replicas)]


def grpc_service(
    place: Place, name: str, args: GrpcServiceArgs, *, parent: pulumi.Resource
) -> RunningService:
    """Runs ``python -m <module> migrate`` once, then a process a replica."""
    cluster = own(args.cluster)
    first = place.ports(args.region).services[args.name]
    code = fingerprint(
        place.root / part
        for part in (
            f"services/{args.name}",
            "services/runtime",
            "generated",
            "policies/access",
        )
    )
    migration: resources.Job | None = None
    if args.migrate:
        command = [sys.executable, "-m", args.program.module, "migrate"]
        migration = resources.Job(
            f"{args.name}-migrations",
            folder=cluster.folder,
            job_name=f"{args.name}-migrations",
            command=command,
            check_command=[*command, "--check"],
            environment=_program_environment(args, replica=0, first=first),
            secrets={**args.program.secrets, **args.migration_secrets},
            working_directory=str(place.root),
            triggers={
                "code": fingerprint([place.root / f"services/{args.name}/migrations"]),
                "database": args.database_identity,
            },
            opts=child(parent, *args.depends_on),
        )
    depends_on = [*args.depends_on, *([migration] if migration else [])]
    replicas = [
        resources.Process(
            f"{name}-{replica}",
            supervisor=cluster.folder,
            process_name=f"{args.name}-{replica}",
            command=[sys.executable, "-m", args.program.module],
            environment=_program_environment(args, replica=replica, first=first),
            secrets=args.program.secrets,
            working_directory=str(place.root),
            ports=[grpc_port(first, replica), metrics_port(first, replica)],
            readiness=resources.Readiness(
                kind="grpc",
                port=grpc_port(first, replica),
                ca_file=args.identity.ca_file,
                certificate_file=args.identity.certificate_file,
                key_file=args.identity.key_file,
            ),
            triggers={"code": code, "version": args.version},
            opts=child(parent, *depends_on),
        )
        for replica in range(args.replicas)
    ]
    return RunningService(
        name=args.name,
        endpoints=[endpoint(grpc_port(first, replica)) for replica in range(args.replicas)],
        spiffe_id=args.identity.spiffe_id,
        resources=replicas,
        migration=migration,
    )


def _program_environment(
    args: GrpcServiceArgs, *, replica: int, first: int
) -> dict[str, pulumi.Input[str]]:
    return {
        **args.program.environment,
        "AIP_SERVICE": args.name,
        "AIP_VERSION": args.version,
        "AIP_REGION": args.region,
        "AIP_REPLICA_INDEX": str(replica),
        "AIP_GRPC_PORT": str(grpc_port(first, replica)),
        "AIP_METRICS_PORT": str(metrics_port(first, replica)),
        "AIP_TLS_CERTIFICATE_FILE": args.identity.certificate_file,
        "AIP_TLS_KEY_FILE": args.identity.key_file,
        "AIP_TLS_CA_FILE": args.identity.ca_file,
    }
