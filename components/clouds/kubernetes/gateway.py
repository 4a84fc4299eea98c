"""A region's gateway in a cluster: Envoys behind its public addresses, a meter in each pod.

The bootstrap is the one the local target uses. What differs: the listener shows a public
certificate (ACME) in place of the workload's identity, services are found by name, and renewed
certificates are taken from their mounted folders without a restart.
"""

import json
from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ContainerArgsDict,
    EnvVarArgsDict,
    PodTemplateSpecArgsDict,
    Service,
    ServiceAccount,
)
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from components.clouds.cloud import PublicAddress
from components.clouds.envoy import HEALTH_PATH, GatewayBootstrap, Listener, TlsFiles, Upstream
from components.clouds.kubernetes.addons import ACME_ISSUER
from components.clouds.kubernetes.grpc_service import addresses
from components.clouds.kubernetes.labels import (
    ADMIN_PORT,
    GRPC_PORT,
    HTTPS,
    HTTPS_PORT,
    METER,
    METER_PORT,
    METRICS,
    METRICS_PORT,
    NAMESPACE,
    Workload,
)
from components.clouds.kubernetes.network import (
    from_prometheus,
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
    container_security,
    environment,
    pod,
    probe,
    python,
    read_only,
    secret_volume,
    spread,
)
from components.clouds.kubernetes.scaling import autoscaled
from components.clouds.kubernetes.secrets import mounted_secret
from components.clouds.kubernetes.sizes import METER as METER_SHARE
from components.clouds.kubernetes.trust import identity_secret
from components.target import Endpoint, GatewayArgs, GatewayServer, Identity

_NAME = "gateway"
_PUBLIC_PORT = 443
_ANYWHERE = "0.0.0.0"  # noqa: S104 - the pod's own address is not known before it runs
_CONFIGURATION_FOLDER = "/etc/envoy"
_CERTIFICATE_FOLDER = "/var/run/public-certificate"
_CERTIFICATE_SECRET = "gateway-public-certificate"  # noqa: S105 - its name
_LOG_FOLDER = "/var/log/gateway"
_CALL_LOG = f"{_LOG_FOLDER}/calls.jsonl"
_LOG_SIZE = "1Gi"
_SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_FLUSH_MILLISECONDS = 100
_DRAIN_SECONDS = 40
"""How long callers and load balancers have to leave a pod that ends; at least half is taken."""
_DRAIN = (
    "python",
    "-m",
    "services.marketplace.gateway.drain",
    str(ADMIN_PORT),
    str(_DRAIN_SECONDS),
)
_METER_DRAIN_SECONDS = 20
_TERMINATION_SECONDS = _DRAIN_SECONDS + _METER_DRAIN_SECONDS + 10


def gateway(
    place: Place,
    name: str,
    args: GatewayArgs,
    address: PublicAddress,
    *,
    parent: pulumi.Resource,
) -> GatewayServer:
    """Runs a region's gateway.

    Args:
        place: where to.
        name: unique within the stack.
        args: what it needs.
        address: the region's public addresses.
        parent: parent of what is made.
    """
    region_host = f"{args.region}.{place.domain}"
    version = str(args.meter.environment["AIP_VERSION"])
    workload = Workload(name=_NAME, component="gateway", version=version)
    account = ServiceAccount(
        name,
        metadata=workload.metadata,
        automount_service_account_token=False,
        opts=place.child(parent),
    )
    certificate = _public_certificate(place, name, region_host, parent=parent)
    configuration = ConfigMap(
        name,
        # Named anew whenever it changes, so that the pods roll out with it and can go back.
        metadata={"namespace": NAMESPACE, "labels": workload.labels},
        immutable=True,
        data=_tls_files(args.identity).apply(lambda tls: _files(args, tls, region_host)),
        opts=place.child(parent),
    )
    secret = mounted_secret(place, name, workload, args.meter.secrets, parent=parent)
    policy = _network_policy(place, name, workload, args, parent=parent)
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
            "template": _template(place, workload, args, configuration, secret),
        },
        opts=place.child(parent, *args.depends_on, account, certificate, policy),
    )
    Service(
        name,
        metadata={
            **workload.metadata,
            "annotations": address.service_annotations,
        },
        spec={
            "type": "LoadBalancer",
            "load_balancer_class": address.load_balancer_class,
            # Keeps the caller's address, and skips nodes without a gateway.
            "external_traffic_policy": "Local",
            "selector": workload.selector,
            "ports": [{"name": HTTPS, "port": _PUBLIC_PORT, "target_port": HTTPS}],
        },
        opts=place.child(parent, address.resource, deployment),
    )
    autoscaled(place, name, workload, replicas=place.sizing.gateway_replicas, parent=parent)
    return GatewayServer(
        region=args.region,
        endpoint=Endpoint(
            host=pulumi.Output.from_input(region_host),
            port=pulumi.Output.from_input(_PUBLIC_PORT),
        ),
        spiffe_id=args.identity.spiffe_id,
        url=pulumi.Output.from_input(f"https://{region_host}"),
        admin_url=None,
        resource=deployment,
    )


def bootstrap(args: GatewayArgs, tls: TlsFiles, server_name: str) -> GatewayBootstrap:
    """Returns what the region's gateways are told."""
    return GatewayBootstrap(
        region=args.region,
        listener=Listener(
            address=_ANYWHERE,
            port=HTTPS_PORT,
            tls=TlsFiles(
                certificate_file=f"{_CERTIFICATE_FOLDER}/tls.crt",
                key_file=f"{_CERTIFICATE_FOLDER}/tls.key",
                ca_file=_SYSTEM_AUTHORITIES,
            ),
            server_name=server_name,
        ),
        admin_port=ADMIN_PORT,
        metrics_port=METRICS_PORT,
        tls=tls,
        upstreams=[
            Upstream(name=one.name, addresses=addresses(one.name), spiffe_id=one.spiffe_id)
            for one in args.services
        ],
        control_plane=args.control_plane,
        call_log=_CALL_LOG,
        issuer=args.issuer,
        max_request_bytes=args.max_request_bytes,
    )


def meter_settings(args: GatewayArgs) -> Mapping[str, pulumi.Input[str]]:
    """Returns the environment of the meter's process."""
    return {
        **args.meter.environment,
        "AIP_LISTEN_ADDRESS": _ANYWHERE,
        "AIP_CALL_LOG": _CALL_LOG,
        "AIP_GATEWAY_ADMIN_PORT": str(ADMIN_PORT),
        "AIP_METRICS_PORT": str(METER_PORT),
        "AIP_SECRETS_DIR": SECRETS_FOLDER,
        "AIP_DRAIN_SECONDS": str(_METER_DRAIN_SECONDS),
    }


def _files(args: GatewayArgs, tls: TlsFiles, server_name: str) -> dict[str, str]:
    rendered = json.dumps(bootstrap(args, tls, server_name).render(), indent=1, sort_keys=True)
    return {"bootstrap.json": rendered, **tls.discovered()}


def _public_certificate(
    place: Place, name: str, region_host: str, *, parent: pulumi.Resource
) -> CustomResource:
    return CustomResource(
        f"{name}-public-certificate",
        api_version="cert-manager.io/v1",
        kind="Certificate",
        metadata={
            "name": _CERTIFICATE_SECRET,
            "namespace": NAMESPACE,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        spec={
            "secretName": _CERTIFICATE_SECRET,
            "dnsNames": [f"api.{place.domain}", region_host],
            "usages": ["digital signature", "server auth"],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "revisionHistoryLimit": 1,
            "issuerRef": {
                "group": "cert-manager.io",
                "kind": "ClusterIssuer",
                "name": ACME_ISSUER,
            },
        },
        opts=place.child(parent),
    )


def _template(
    place: Place,
    workload: Workload,
    args: GatewayArgs,
    configuration: ConfigMap,
    secret: pulumi.Output[str],
) -> PodTemplateSpecArgsDict:
    return {
        "metadata": {"labels": workload.labels},
        "spec": {
            **pod(
                _NAME,
                [_envoy(place, args)],
                [
                    {"name": "configuration", "config_map": {"name": configuration.metadata.name}},
                    {"name": "log", "empty_dir": {"size_limit": _LOG_SIZE}},
                    secret_volume("certificate", _CERTIFICATE_SECRET),
                    secret_volume("identity", identity_secret(_NAME)),
                    secret_volume("secrets", secret),
                ],
            ),
            "init_containers": [_meter(place, args)],
            "topology_spread_constraints": spread(workload),
            "termination_grace_period_seconds": _TERMINATION_SECONDS,
        },
    }


def _envoy(place: Place, args: GatewayArgs) -> ContainerArgsDict:
    ready = {"path": HEALTH_PATH, "port": HTTPS, "scheme": "HTTPS"}
    return {
        "name": "envoy",
        "image": place.image,
        "command": ["envoy"],
        "args": [
            "--config-path",
            f"{_CONFIGURATION_FOLDER}/bootstrap.json",
            "--service-node",
            f"{args.region}/$(POD_NAME)",
            "--concurrency",
            str(place.sizing.gateway_workers),
            "--file-flush-interval-msec",
            str(_FLUSH_MILLISECONDS),
            "--drain-time-s",
            str(_DRAIN_SECONDS // 2),
            "--disable-hot-restart",
        ],
        "env": [_pod_name("POD_NAME")],
        "ports": [
            {"name": HTTPS, "container_port": HTTPS_PORT},
            {"name": METRICS, "container_port": METRICS_PORT},
        ],
        "resources": place.sizing.gateway.requirements(),
        "security_context": container_security(),
        "volume_mounts": [
            read_only("certificate", _CERTIFICATE_FOLDER),
            read_only("configuration", _CONFIGURATION_FOLDER),
            read_only("identity", IDENTITY_FOLDER),
            {"name": "log", "mount_path": _LOG_FOLDER},
        ],
        # Ready once its listener has come from the control plane. Alive without: a gateway that
        # cannot reach the control plane goes on with what it has.
        "startup_probe": probe(**ready, period_seconds=2, failures=90),
        "readiness_probe": probe(**ready, period_seconds=5, failures=2),
        "liveness_probe": {
            "tcp_socket": {"port": METRICS},
            "period_seconds": 10,
            "failure_threshold": 6,
        },
        "lifecycle": {"pre_stop": {"exec_": {"command": _DRAIN}}},
        "termination_message_policy": "FallbackToLogsOnError",
    }


def _meter(place: Place, args: GatewayArgs) -> ContainerArgsDict:
    """Starts before Envoy and ends after it: no call goes uncounted."""
    container = python(
        "meter",
        place.image,
        [args.meter.module],
        meter_settings(args),
        METER_SHARE,
        [read_only("secrets", SECRETS_FOLDER), {"name": "log", "mount_path": _LOG_FOLDER}],
    )
    return {
        **container,
        "env": [*environment(meter_settings(args)), _pod_name("AIP_GATEWAY")],
        "restart_policy": "Always",
        "ports": [{"name": METER, "container_port": METER_PORT}],
        "liveness_probe": probe(HEALTH_PATH, METER, period_seconds=10, failures=6),
    }


def _pod_name(variable: str) -> EnvVarArgsDict:
    return {"name": variable, "value_from": {"field_ref": {"field_path": "metadata.name"}}}


def _network_policy(
    place: Place, name: str, workload: Workload, args: GatewayArgs, *, parent: pulumi.Resource
) -> NetworkPolicy:
    """Lets everybody call. The gateway itself reaches no private address but the platform's own."""
    return NetworkPolicy(
        name,
        metadata=workload.metadata,
        spec={
            "pod_selector": {"match_labels": workload.selector},
            "policy_types": ["Ingress", "Egress"],
            "ingress": [{"ports": tcp(HTTPS)}, from_prometheus(METRICS, METER)],
            "egress": [
                to_dns(),
                to_platform(GRPC_PORT),
                to_stores(args.meter.environment),
                to_internet(_PUBLIC_PORT),
            ],
        },
        opts=place.child(parent),
    )


def _tls_files(identity: Identity) -> pulumi.Output[TlsFiles]:
    def build(paths: list[str]) -> TlsFiles:
        certificate_file, key_file, ca_file = paths
        return TlsFiles(
            certificate_file=certificate_file,
            key_file=key_file,
            ca_file=ca_file,
            discovery_folder=_CONFIGURATION_FOLDER,
        )

    return pulumi.Output.all(identity.certificate_file, identity.key_file, identity.ca_file).apply(
        build
    )
