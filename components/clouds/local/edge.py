"""What takes calls on one machine: each region's gateway and, in front of them, the director."""

import json
import sys
from collections.abc import Mapping

import pulumi

from components.clouds.envoy import (
    HEALTH_PATH,
    HOST,
    SERVER_NAME,
    GatewayBootstrap,
    Listener,
    TlsFiles,
    Upstream,
)
from components.clouds.local import resources
from components.clouds.local.director import DirectorBootstrap, RegionUpstream
from components.clouds.local.place import (
    GLOBAL,
    LocalCluster,
    Place,
    child,
    endpoint,
    identity,
    own,
    supervisor,
)
from components.clouds.local.services import addresses
from components.clouds.local.sources import fingerprint
from components.target import (
    GatewayArgs,
    GatewayServer,
    GlobalLoadBalancerArgs,
    Identity,
    LoadBalancer,
)


def gateway(
    place: Place, name: str, args: GatewayArgs, *, parent: pulumi.Resource
) -> GatewayServer:
    """Runs an Envoy and, beside it, the process that follows its call log."""
    cluster = own(args.cluster)
    ports = place.ports(args.region)
    call_log = str(place.home / args.region / "logs" / "calls.jsonl")
    tls = _tls_files(args.identity)

    def bootstrap(files: TlsFiles) -> str:
        return _json(
            GatewayBootstrap(
                region=args.region,
                listener=Listener(port=ports.gateway, tls=files),
                admin_port=ports.gateway_admin,
                tls=files,
                upstreams=[
                    Upstream(
                        name=service.name,
                        addresses=addresses(
                            place,
                            service.name,
                            region=args.region,
                            replicas=len(service.endpoints),
                        ),
                        spiffe_id=service.spiffe_id,
                    )
                    for service in args.services
                ],
                control_plane=args.control_plane,
                call_log=call_log,
                issuer=args.issuer,
                max_request_bytes=args.max_request_bytes,
            ).render()
        )

    envoy = resources.Envoy(
        name,
        supervisor=cluster.folder,
        process_name="gateway",
        bootstrap=tls.apply(bootstrap),
        ports=[ports.gateway],
        admin_port=ports.gateway_admin,
        flush_interval_milliseconds=100,
        readiness=resources.Readiness(
            kind="http", port=ports.gateway, path=HEALTH_PATH, ca_file=args.identity.ca_file
        ),
        triggers={"identity": args.identity.fingerprint},
        opts=child(parent, *args.depends_on),
    )
    _meter(place, name, args, call_log=call_log, parent=parent)
    url = f"https://{SERVER_NAME}:{ports.gateway}"
    return GatewayServer(
        region=args.region,
        endpoint=endpoint(ports.gateway),
        spiffe_id=args.identity.spiffe_id,
        url=pulumi.Output.from_input(url),
        admin_url=pulumi.Output.from_input(f"http://{HOST}:{ports.gateway_admin}"),
        resource=envoy,
    )


def _meter(
    place: Place, name: str, args: GatewayArgs, *, call_log: str, parent: pulumi.Resource
) -> None:
    ports = place.ports(args.region)
    environment: Mapping[str, pulumi.Input[str]] = {
        **args.meter.environment,
        "AIP_CALL_LOG": call_log,
        "AIP_GATEWAY_ADMIN_PORT": str(ports.gateway_admin),
        "AIP_METRICS_PORT": str(ports.meter),
    }
    resources.Process(
        f"{name}-meter",
        supervisor=own(args.cluster).folder,
        process_name="meter",
        command=[sys.executable, "-m", args.meter.module],
        environment=environment,
        secrets=args.meter.secrets,
        working_directory=str(place.root),
        ports=[ports.meter],
        readiness=resources.Readiness(kind="http", port=ports.meter, path=HEALTH_PATH),
        triggers={
            "code": fingerprint(
                place.root / part for part in ("services/marketplace", "services/runtime")
            )
        },
        opts=child(parent, *args.depends_on),
    )


def global_load_balancer(
    place: Place, name: str, args: GlobalLoadBalancerArgs, *, parent: pulumi.Resource
) -> LoadBalancer:
    """Runs the director, an Envoy of its own in front of every region's gateway."""
    ports = place.settings.global_
    cluster = supervisor(place, "global-cluster", GLOBAL, parent=parent)
    own_identity = identity(
        place,
        f"{name}-identity",
        args.trust,
        region=GLOBAL,
        workload="director",
        parent=parent,
    )

    def bootstrap(files: TlsFiles) -> str:
        return _json(
            DirectorBootstrap(
                port=ports.director,
                admin_port=ports.director_admin,
                tls=files,
                regions=[
                    RegionUpstream(
                        region=gateway.region,
                        weight=args.weights[gateway.region],
                        port=place.ports(gateway.region).gateway,
                        spiffe_id=gateway.spiffe_id,
                    )
                    for gateway in args.gateways
                ],
            ).render()
        )

    envoy = resources.Envoy(
        name,
        supervisor=cluster.folder,
        process_name="director",
        bootstrap=_tls_files(own_identity).apply(bootstrap),
        ports=[ports.director],
        admin_port=ports.director_admin,
        readiness=resources.Readiness(
            kind="http", port=ports.director, path=HEALTH_PATH, ca_file=own_identity.ca_file
        ),
        triggers={"identity": own_identity.fingerprint},
        opts=child(parent, *(gateway.resource for gateway in args.gateways)),
    )
    _example(place, "language-example", cluster, parent=parent)
    return LoadBalancer(
        url=pulumi.Output.from_input(f"https://{SERVER_NAME}:{ports.director}"),
        grpc_address=pulumi.Output.from_input(f"{SERVER_NAME}:{ports.director}"),
        resource=envoy,
    )


def _example(place: Place, name: str, cluster: LocalCluster, *, parent: pulumi.Resource) -> None:
    """Runs the example AI service, so that there is something true to call from the start."""
    port = place.settings.global_.examples
    resources.Process(
        name,
        supervisor=cluster.folder,
        process_name="language",
        command=[sys.executable, "-m", "examples.language", "--port", str(port)],
        working_directory=str(place.root),
        ports=[port],
        readiness=resources.Readiness(kind="http", port=port, path=HEALTH_PATH),
        triggers={"code": fingerprint([place.root / "examples" / "language"])},
        opts=child(parent),
    )


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True)


def _tls_files(identity: Identity) -> pulumi.Output[TlsFiles]:
    def build(paths: list[str]) -> TlsFiles:
        certificate_file, key_file, ca_file = paths
        return TlsFiles(certificate_file=certificate_file, key_file=key_file, ca_file=ca_file)

    return pulumi.Output.all(identity.certificate_file, identity.key_file, identity.ca_file).apply(
        build
    )
