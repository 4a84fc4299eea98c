"""A gRPC service in a cluster: migrations as a Job, then a Deployment that grows with its load."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import (
    PodTemplateSpecArgsDict,
    Service,
    ServiceAccount,
    VolumeArgsDict,
)
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from components.clouds.kubernetes.labels import (
    COMPONENT_LABEL,
    GRPC,
    GRPC_PORT,
    METRICS,
    METRICS_PORT,
    NAMESPACE,
    PLATFORM_PODS,
    Workload,
    host,
)
from components.clouds.kubernetes.network import (
    from_prometheus,
    pods,
    tcp,
    to_dns,
    to_internet,
    to_platform,
    to_stores,
)
from components.clouds.kubernetes.place import Place
from components.clouds.kubernetes.pods import (
    IDENTITY_FOLDER,
    SECRETS_FOLDER,
    pod,
    probe,
    python,
    read_only,
    secret_volume,
    spread,
)
from components.clouds.kubernetes.scaling import autoscaled
from components.clouds.kubernetes.secrets import mounted_secret
from components.clouds.kubernetes.sizes import JOB
from components.clouds.kubernetes.trust import identity_secret
from components.target import Endpoint, GrpcServiceArgs, RunningService

DRAIN_NOTICE_SECONDS = 5
"""How long a replica that ends still takes calls, while its callers learn of it."""
DRAIN_GRACE_SECONDS = 20
_TERMINATION_SECONDS = DRAIN_NOTICE_SECONDS + DRAIN_GRACE_SECONDS + 5
_MOUNTS = (read_only("identity", IDENTITY_FOLDER), read_only("secrets", SECRETS_FOLDER))
_JOB_ATTEMPTS = 3
_JOB_SECONDS = 600


def addresses(service: str) -> Sequence[str]:
    """Returns the one name that all of a service's replicas answer to."""
    return [f"{host(service)}:{GRPC_PORT}"]


def grpc_service(
    place: Place, name: str, args: GrpcServiceArgs, *, parent: pulumi.Resource
) -> RunningService:
    """Runs ``python -m <module> migrate`` once, then the replicas."""
    workload = Workload(name=args.name, component="service", version=args.version)
    account = ServiceAccount(
        name,
        metadata=workload.metadata,
        automount_service_account_token=False,
        opts=place.child(parent),
    )
    policy = _network_policy(place, name, workload, args, parent=parent)
    migration = _migration(place, name, args, [account], parent=parent) if args.migrate else None
    secret = mounted_secret(place, name, workload, args.program.secrets, parent=parent)
    depends_on = [*args.depends_on, account, policy, *([migration] if migration else [])]
    deployment = Deployment(
        name,
        metadata=workload.metadata,
        spec={
            # The autoscaler sets how many there are.
            "selector": {"match_labels": workload.selector},
            "strategy": {
                "type": "RollingUpdate",
                "rolling_update": {"max_unavailable": 0, "max_surge": "25%"},
            },
            "revision_history_limit": 3,
            "template": _template(place, workload, args, secret),
        },
        opts=place.child(parent, *depends_on),
    )
    service = Service(
        name,
        metadata=workload.metadata,
        spec={
            # Headless: callers see every replica and balance calls, not connections.
            "cluster_ip": "None",
            "selector": workload.selector,
            "ports": [
                {"name": GRPC, "port": GRPC_PORT, "target_port": GRPC, "app_protocol": "grpc"}
            ],
        },
        opts=place.child(parent),
    )
    scaling = autoscaled(place, name, workload, replicas=args.replicas, parent=parent)
    return RunningService(
        name=args.name,
        endpoints=[
            Endpoint(
                host=pulumi.Output.from_input(host(args.name)),
                port=pulumi.Output.from_input(GRPC_PORT),
            )
        ],
        spiffe_id=args.identity.spiffe_id,
        resources=[deployment, service, *scaling],
        migration=migration,
    )


def settings(args: GrpcServiceArgs) -> Mapping[str, pulumi.Input[str]]:
    """Returns the environment of the service's process."""
    return {
        **args.program.environment,
        "AIP_SERVICE": args.name,
        "AIP_VERSION": args.version,
        "AIP_REGION": args.region,
        # Network policies decide who reaches it, mTLS who is served.
        "AIP_LISTEN_ADDRESS": "0.0.0.0",  # noqa: S104
        "AIP_GRPC_PORT": str(GRPC_PORT),
        "AIP_METRICS_PORT": str(METRICS_PORT),
        "AIP_TLS_CERTIFICATE_FILE": args.identity.certificate_file,
        "AIP_TLS_KEY_FILE": args.identity.key_file,
        "AIP_TLS_CA_FILE": args.identity.ca_file,
        "AIP_SECRETS_DIR": SECRETS_FOLDER,
        "AIP_DRAIN_NOTICE_SECONDS": str(DRAIN_NOTICE_SECONDS),
        "AIP_DRAIN_GRACE_SECONDS": str(DRAIN_GRACE_SECONDS),
    }


def _template(
    place: Place, workload: Workload, args: GrpcServiceArgs, secret: pulumi.Output[str]
) -> PodTemplateSpecArgsDict:
    container = python(
        args.name,
        place.image,
        [args.program.module],
        settings(args),
        place.sizing.service,
        _MOUNTS,
    )
    container["ports"] = [
        {"name": GRPC, "container_port": GRPC_PORT},
        {"name": METRICS, "container_port": METRICS_PORT},
    ]
    # gRPC's own health check needs a client certificate, which the kubelet has not.
    container["startup_probe"] = probe("/healthz", METRICS, period_seconds=2, failures=60)
    container["readiness_probe"] = probe("/healthz", METRICS, period_seconds=2, failures=2)
    container["liveness_probe"] = probe("/healthz", METRICS, period_seconds=10, failures=6)
    return {
        "metadata": {"labels": workload.labels},
        "spec": {
            **pod(args.name, [container], _volumes(args, secret)),
            "topology_spread_constraints": spread(workload),
            "termination_grace_period_seconds": _TERMINATION_SECONDS,
        },
    }


def _migration(
    place: Place,
    name: str,
    args: GrpcServiceArgs,
    depends_on: Sequence[pulumi.Resource],
    *,
    parent: pulumi.Resource,
) -> Job:
    """Runs the migrations; whatever changes them makes a new Job, and the old one goes.

    The Job's name is left to Pulumi: its template cannot be changed, only replaced.
    """
    workload = Workload(name=f"{args.name}-migrations", component="job", version=args.version)
    secret = mounted_secret(
        place,
        f"{name}-migrations",
        workload,
        {**args.program.secrets, **args.migration_secrets},
        parent=parent,
    )
    container = python(
        "migrate", place.image, [args.program.module, "migrate"], settings(args), JOB, _MOUNTS
    )
    policy = NetworkPolicy(
        f"{name}-migrations",
        metadata=workload.metadata,
        spec={
            "pod_selector": {"match_labels": workload.selector},
            "policy_types": ["Ingress", "Egress"],
            "egress": [to_dns(), to_stores(args.program.environment)],
        },
        opts=place.child(parent),
    )
    return Job(
        f"{args.name}-migrations",
        metadata={"namespace": NAMESPACE, "labels": workload.labels},
        spec={
            "backoff_limit": _JOB_ATTEMPTS,
            "active_deadline_seconds": _JOB_SECONDS,
            "template": {
                "metadata": {
                    "labels": workload.labels,
                    "annotations": {"ai-platform/database": args.database_identity},
                },
                "spec": {
                    **pod(args.name, [container], _volumes(args, secret)),
                    "restart_policy": "Never",
                },
            },
        },
        opts=place.child(parent, *args.depends_on, *depends_on, policy),
    )


def _volumes(args: GrpcServiceArgs, secret: pulumi.Output[str]) -> list[VolumeArgsDict]:
    return [
        secret_volume("identity", identity_secret(args.name)),
        secret_volume("secrets", secret),
    ]


def _network_policy(
    place: Place, name: str, workload: Workload, args: GrpcServiceArgs, *, parent: pulumi.Resource
) -> NetworkPolicy:
    """Lets the gateway and the platform's services call, and Prometheus look; nobody else."""
    callers = [pods({**PLATFORM_PODS, COMPONENT_LABEL: one}) for one in ("gateway", "service")]
    return NetworkPolicy(
        name,
        metadata=workload.metadata,
        spec={
            "pod_selector": {"match_labels": workload.selector},
            "policy_types": ["Ingress", "Egress"],
            "ingress": [
                {"from_": callers, "ports": tcp(GRPC)},
                from_prometheus(METRICS),
            ],
            "egress": [
                to_dns(),
                to_platform(GRPC_PORT),
                to_stores(args.program.environment),
                to_internet(443),
            ],
        },
        opts=place.child(parent),
    )
