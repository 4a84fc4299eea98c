"""A region's cluster as the mocks make it, and what the stack would put into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
import pulumi_kubernetes
from pulumi.runtime import mocks as pulumi_mocks

from components.clouds.cloud import (
    Cloud,
    DnsAccess,
    KubernetesCluster,
    PublicAddress,
    StoredSecret,
    WorkloadIdentity,
)
from components.clouds.kubernetes import trust
from components.clouds.kubernetes.addons import BaseArgs, base
from components.clouds.kubernetes.gateway import gateway
from components.clouds.kubernetes.grpc_service import addresses, grpc_service
from components.clouds.kubernetes.place import Place
from components.target import GatewayArgs, GatewayServer, GrpcServiceArgs, Program, RunningService
from tests.components.recording import Recorder, settle

REGION = "aws-eu-central-1"
DOMAIN = "example.com"
IMAGE = "registry.example.com/ai-platform@sha256:" + "0" * 64
SECRETS = {
    "AIP_DATABASE_PASSWORD": "tenant-password",
    "AIP_SYSTEM_DATABASE_PASSWORD": "system-password",
    "AIP_CACHE_PASSWORD": "cache-password",
}
ENVIRONMENT = {
    "AIP_DATABASE_HOST": "primary.internal",
    "AIP_DATABASE_PORT": "5432",
    "AIP_DATABASE_NAME": "marketplace",
    "AIP_REPLICA_HOST": "replica.internal",
    "AIP_REPLICA_PORT": "5433",
    "AIP_CACHE_HOST": "cache.internal",
    "AIP_CACHE_PORT": "6379",
    "AIP_SECURITY_ADDRESSES": ",".join(addresses("security")),
    "AIP_TRUST_DOMAIN": "platform.example",
    "AIP_ISSUER": "https://platform.example",
}


@dataclass(frozen=True)
class Network:
    """The region's."""

    region: str = REGION


@dataclass
class Secrets:
    """The only part of a cloud that workloads use: its secret store."""

    resource: pulumi.Resource
    kept: dict[str, Mapping[str, pulumi.Input[str]]] = field(
        default_factory=dict[str, Mapping[str, pulumi.Input[str]]]
    )

    def secret(
        self,
        name: str,
        cluster: KubernetesCluster,
        values: Mapping[str, pulumi.Input[str]],
        *,
        parent: pulumi.Resource,
    ) -> StoredSecret:
        del cluster, parent
        self.kept[name] = values
        return StoredSecret(name=pulumi.Output.from_input(f"store/{name}"), resource=self.resource)


def outputs_of(args: pulumi_mocks.MockResourceArgs) -> dict[str, Any]:
    """Outputs as the providers give them."""
    if args.typ.startswith("tls:"):
        return {
            "privateKeyPem": f"key of {args.name}\n",
            "certPem": f"certificate of {args.name}\n",
            "certRequestPem": f"request of {args.name}\n",
        }
    if args.typ == "docker-build:index:Image":
        return {"digest": "sha256:" + "1" * 64}
    if args.typ == "random:index/randomPassword:RandomPassword":
        return {"result": f"generated-{args.name}"}
    if args.typ == "kubernetes:core/v1:ConfigMap":
        return {"metadata": {"name": f"{args.name}-1a2b3c"}}
    return {}


class World:
    """One cluster, ready for workloads."""

    def __init__(self, recorder: Recorder, *, image: str = IMAGE) -> None:
        self.recorder = recorder
        self.root = pulumi.ComponentResource("test:index:Root", "root")
        self.cloud = pulumi.ComponentResource("test:index:Cloud", "cloud")
        self.secrets = Secrets(self.cloud)
        provider = pulumi_kubernetes.Provider(f"{REGION}-kubernetes", kubeconfig="{}")
        self.cluster = KubernetesCluster(
            cloud="aws",
            network=Network(),
            name="test",
            provider=provider,
            oidc_issuer=pulumi.Output.from_input("https://issuer.example.com"),
            resource=self.cloud,
            storage_class="encrypted",
        )
        self.place = Place(
            cloud=cast("Cloud", self.secrets),
            cluster=self.cluster,
            ready=[],
            image=pulumi.Output.from_input(image),
            size="large",
            domain=DOMAIN,
        )
        root_of_trust = trust.trust("authority", "platform.example", parent=self.root)
        self.authority = trust.cluster_authority(
            f"{REGION}-authority", root_of_trust, self.cluster, self.cloud, parent=self.root
        )

    def service_args(self, **changes: Any) -> GrpcServiceArgs:
        name = changes.get("name", "marketplace")
        given: dict[str, Any] = {
            "name": name,
            "region": REGION,
            "cluster": self.cluster,
            "version": "1.2.3",
            "replicas": 3,
            "program": Program(module=f"services.{name}", environment=ENVIRONMENT, secrets=SECRETS),
            "identity": trust.identity(
                f"{REGION}-{name}-identity",
                self.authority,
                region=REGION,
                workload=name,
                parent=self.root,
            ),
            "migrate": True,
            "migration_secrets": {"AIP_OWNER_DATABASE_PASSWORD": "owner-password"},
            "database_identity": "16384",
            "depends_on": [],
        }
        return GrpcServiceArgs(**(given | changes))

    def service(self, **changes: Any) -> RunningService:
        args = self.service_args(**changes)
        made = grpc_service(self.place, f"{REGION}-{args.name}", args, parent=self.root)
        settle()
        return made

    def gateway_args(self) -> GatewayArgs:
        services = [
            RunningService(
                name=name,
                endpoints=[],
                spiffe_id=f"spiffe://platform.example/{REGION}/{name}",
                resources=[],
                migration=None,
            )
            for name in ("security", "marketplace")
        ]
        return GatewayArgs(
            region=REGION,
            cluster=self.cluster,
            identity=trust.identity(
                f"{REGION}-gateway-identity",
                self.authority,
                region=REGION,
                workload="gateway",
                parent=self.root,
            ),
            services=services,
            control_plane="marketplace",
            issuer="https://platform.example",
            meter=Program(
                module="services.marketplace.meter",
                environment={
                    **ENVIRONMENT,
                    "AIP_SERVICE": "meter",
                    "AIP_VERSION": "1.2.3",
                    "AIP_REGION": REGION,
                },
                secrets={"AIP_SYSTEM_DATABASE_PASSWORD": "system-password"},
            ),
            max_request_bytes=4 << 20,
            depends_on=[],
        )

    def gateway(self) -> GatewayServer:
        address = PublicAddress(
            addresses=[pulumi.Output.from_input("203.0.113.7")],
            service_annotations={"load-balancer/addresses": "203.0.113.7"},
            load_balancer_class="cloud/lb",
            resource=self.cloud,
        )
        made = gateway(
            self.place, f"{REGION}-gateway", self.gateway_args(), address, parent=self.root
        )
        settle()
        return made

    def base(self, **changes: Any) -> None:
        access = DnsAccess(
            cert_manager_solver={"route53": {"region": "us-east-1"}},
            external_dns_values={"provider": {"name": "aws"}},
            service_account_annotations={"cloud/role": "dns"},
            pod_labels={"cloud/identity": "use"},
            resource=self.cloud,
        )
        given: dict[str, Any] = {
            "domain": DOMAIN,
            "size": "large",
            "contact": "operations@example.com",
            "secret_store": {"aws": {"service": "SecretsManager", "region": "eu-central-1"}},
            "external_secrets": WorkloadIdentity(
                resource=self.cloud, service_account_annotations={"cloud/role": "secrets"}
            ),
            "cert_manager": access,
            "external_dns": access,
        }
        base(
            self.cluster, BaseArgs(**(given | changes)), name=f"{REGION}-cluster", parent=self.root
        )
        settle()

    def spec(self, kind: str, name: str) -> dict[str, Any]:
        """The spec of an object, by its type (``apps/v1:Deployment``) and its Pulumi name."""
        return self.recorder.of(f"kubernetes:{kind}")[name].inputs["spec"]

    def pod(self, kind: str, name: str) -> dict[str, Any]:
        """The pod spec of a workload."""
        return self.spec(kind, name)["template"]["spec"]

    def mounted_secret(self, kind: str, name: str) -> str:
        """The name of the Secret with a workload's own secrets."""
        volumes = {one["name"]: one for one in self.pod(kind, name)["volumes"]}
        return volumes["secrets"]["secret"]["secretName"]
