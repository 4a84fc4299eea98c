"""Declares an environment on Azure the way the platform does, against Pulumi's mocks."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pulumi
import yaml
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from components.clouds.azure.cloud import AzureCloud
from components.clouds.cloud import (
    Cloud,
    CloudDatabaseArgs,
    CloudEnvironment,
    CloudRegion,
    DirectorArgs,
    DnsAccess,
    KubernetesCluster,
    PublicAddress,
    RegionEndpoint,
    Registry,
    Size,
    StoredSecret,
    WorkloadIdentity,
    WorkloadIdentityArgs,
)
from components.clouds.locations import find
from components.target import CacheServer, DatabaseServer, EventBus, LoadBalancer, ObjectStore
from tests.components.recording import Made, Recorder, recording, resolved, settle, the_loop

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
DEPLOYER = "77777777-0000-0000-0000-000000000000"

GIVEN_KUBECONFIG = {
    "clusters": [
        {
            "name": "given",
            "cluster": {
                "server": "https://given.example:443",
                "certificate-authority-data": "QVVUSE9SSVRZ",
            },
        }
    ],
    "users": [{"name": "given", "user": {"token": "a-token-of-azure"}}],
}

CALLS: Mapping[str, Mapping[str, Any]] = {
    "azure-native:authorization:getClientConfig": {
        "clientId": "client",
        "objectId": DEPLOYER,
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
    },
    "azure-native:containerservice:listManagedClusterUserCredentials": {
        "kubeconfigs": [
            {
                "name": "clusterUser",
                "value": base64.b64encode(yaml.safe_dump(GIVEN_KUBECONFIG).encode()).decode(),
            }
        ]
    },
    "azure-native:redisenterprise:listDatabaseKeys": {
        "primaryKey": "the-key-of-the-cache",
        "secondaryKey": "another",
    },
}


_NAMES = {
    "azure-native:keyvault:Vault": "vaultName",
    "azure-native:storage:StorageAccount": "accountName",
    "azure-native:storage:BlobContainer": "containerName",
    "azure-native:storage:EncryptionScope": "encryptionScopeName",
}
"""Inputs that name what Azure would otherwise have named."""


def outputs(args: MockResourceArgs) -> dict[str, Any]:
    """Answers as Azure would for what is read of a resource."""
    given: dict[str, dict[str, Any]] = {
        "random:index/randomString:RandomString": {"result": "abcdefghij"},
        "azure-native:network:PublicIPAddress": {"ipAddress": "203.0.113.7"},
        "azure-native:resources:AzureCliScript": {"outputs": {"address": "10.4.52.36"}},
        "azure-native:keyvault:Key": {
            "keyUri": f"https://vault/keys/{args.name}",
            "keyUriWithVersion": f"https://vault/keys/{args.name}/1",
        },
        "azure-native:managedidentity:UserAssignedIdentity": {
            "clientId": f"{args.name}-client",
            "principalId": f"{args.name}-principal",
        },
        "azure-native:containerservice:ManagedCluster": {
            "oidcIssuerProfile": {"enabled": True, "issuerURL": f"https://issuer/{args.name}/"}
        },
        "azure-native:redisenterprise:RedisEnterprise": {
            "hostName": f"{args.name}.redis.azure.net"
        },
        "azure-native:dbforpostgresql:Server": {
            "fullyQualifiedDomainName": f"{args.name}.postgres.database.azure.com"
        },
        "azure-native:containerregistry:Registry": {"loginServer": "images.azurecr.io"},
        "azure-native:dns:Zone": {"nameServers": ["ns1.azure-dns.com."]},
    }
    own_name = args.inputs.get(_NAMES.get(args.typ, ""), args.name)
    return {"name": own_name, **given.get(args.typ, {})}


class AzureRecorder(Recorder):
    """Gives resources ids as long as Azure's, which parts of names are taken from."""

    def __init__(
        self,
        outputs: Callable[[MockResourceArgs], Mapping[str, Any]],
        calls: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(outputs, calls)
        self.protected: set[str] = set()

    def remember(self, request: Any) -> None:
        super().remember(request)
        if request.protect:
            self.protected.add(request.name)

    def call(self, args: MockCallArgs) -> Any:
        return super().call(args)[0]

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        made, state = super().new_resource(args)
        state |= outputs(args)
        if "identity" in state:  # which Azure gives back in another form than it takes it
            state["identity"] = {"type": "UserAssigned"}
        kind = args.typ.split(":")
        return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/{kind[1]}/{kind[-1]}/{made}", state


def recorder(calls: Mapping[str, Mapping[str, Any]] = CALLS) -> AzureRecorder:
    return AzureRecorder(outputs, calls)


def environment(
    *locations: str, size: Size = "large", protect: bool = True, name: str = "production"
) -> CloudEnvironment:
    found = [find("azure", location) for location in locations or ("westeurope", "northeurope")]
    return CloudEnvironment(
        name=name,
        account=SUBSCRIPTION,
        account_key="clouds.azure.subscription",
        regions=[
            CloudRegion(name=f"azure-{one.name}", location=one, cidr=one.cidr, compliance=["gdpr"])
            for one in found
        ],
        size=size,
        protect=protect,
        kubernetes_version="1.34",
    )


@dataclass(frozen=True)
class Recorded:
    """What the engine was told, and what the components of other layers were."""

    made: tuple[Made, ...]
    values: Mapping[str, Any]
    protected: frozenset[str]

    def of(self, kind: str) -> dict[str, Made]:
        """Returns the resources of a type (such as ``network:VirtualNetwork``), by name."""
        return {one.name: one for one in self.made if one.type == f"azure-native:{kind}"}

    def one(self, name: str) -> Made:
        """Returns the only resource of a name."""
        (found,) = (one for one in self.made if one.name == name)
        return found


@cache
def record(
    *locations: str,
    size: Size = "large",
    protect: bool = True,
    leader: str | None = None,
    order: tuple[str, ...] | None = None,
    weights: tuple[tuple[str, int], ...] = (),
) -> Recorded:
    """Declares an environment, and keeps what came of it."""
    remembered = recorder()
    with recording(remembered):
        given = environment(*locations, size=size, protect=protect)
        declared = declare(given, leader=leader, order=order, weights=dict(weights))
        settle()
        values = declared.values()
    return Recorded(tuple(remembered.made), values, frozenset(remembered.protected))


@dataclass
class Declared:
    """What the cloud gave back, by region."""

    clusters: dict[str, KubernetesCluster] = field(default_factory=dict)
    databases: dict[str, DatabaseServer] = field(default_factory=dict)
    caches: dict[str, CacheServer] = field(default_factory=dict)
    buses: dict[str, EventBus] = field(default_factory=dict)
    stores: dict[str, ObjectStore] = field(default_factory=dict)
    secrets: dict[str, StoredSecret] = field(default_factory=dict)
    identities: dict[str, WorkloadIdentity] = field(default_factory=dict)
    addresses: dict[str, PublicAddress] = field(default_factory=dict)
    access: dict[str, DnsAccess] = field(default_factory=dict)
    secret_stores: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    registry: Registry | None = None
    director: LoadBalancer | None = None

    def values(self) -> dict[str, Any]:
        """Returns what other layers read, resolved, for the environment's first region."""
        assert self.registry
        assert self.director
        region = next(iter(self.clusters))
        database, stored = self.databases[region], self.secrets[region]
        cache, identity, access = self.caches[region], self.identities[region], self.access[region]
        outputs: dict[str, pulumi.Output[Any]] = {
            "issuer": self.clusters[region].oidc_issuer,
            "database": database.endpoint.host,
            "cache": cache.endpoint.host,
            "cache password": cache.password,
            "bus": self.buses[region].bootstrap_servers,
            "objects": self.stores[region].url,
            "secret": stored.name,
            "secret store": pulumi.Output.from_input(self.secret_stores[region]),
            "annotations": pulumi.Output.from_input(identity.service_account_annotations),
            "address": self.addresses[region].addresses[0],
            "address annotations": pulumi.Output.from_input(
                self.addresses[region].service_annotations
            ),
            "repository": self.registry.repositories[region],
            "solver": pulumi.Output.from_input(access.cert_manager_solver),
            "external-dns": pulumi.Output.from_input(access.external_dns_values),
            "url": self.director.url,
        }
        return {name: resolved(value) for name, value in outputs.items()} | {
            f"{name} is secret": secret(value) for name, value in outputs.items()
        }


def secret(value: pulumi.Output[Any]) -> bool:
    """Tells whether a value is kept encrypted."""
    return the_loop().run_until_complete(value.is_secret())


class Component(pulumi.ComponentResource):
    """Stands for a component of the platform."""

    def __init__(self, name: str, parent: pulumi.Resource | None = None) -> None:
        super().__init__("test:components:Part", name, None, pulumi.ResourceOptions(parent=parent))


def declare(
    given: CloudEnvironment,
    *,
    leader: str | None = None,
    weights: Mapping[str, int] | None = None,
    order: Sequence[str] | None = None,
) -> Declared:
    """Declares everything a cloud can make, in every region."""
    cloud: Cloud = AzureCloud(given)
    declared = Declared()
    names = [one.name for one in given.regions]
    for region in order or names:
        _region(cloud, region, declared)
    _databases(cloud, names, leader or names[0], declared)
    root = Component("global")
    declared.registry = cloud.registry("registry", parent=root)
    zone = cloud.dns_zone("zone", "platform.example", parent=root)
    for region in names:
        declared.access[region] = cloud.dns_access(
            f"{region}-dns",
            zone,
            declared.clusters[region],
            namespace="cert-manager",
            service_account="cert-manager",
            parent=root,
        )
    declared.director = cloud.director(
        "director",
        DirectorArgs(
            zone=zone,
            host="api.platform.example",
            health_path="/healthz",
            endpoints=[
                RegionEndpoint(
                    region=region,
                    weight=(weights or {}).get(region, 100 // len(names)),
                    host=f"{region}.platform.example",
                    addresses=declared.addresses[region].addresses,
                )
                for region in names
            ],
        ),
        parent=root,
    )
    return declared


def _region(cloud: Cloud, region: str, declared: Declared) -> None:
    part = Component(region)
    network = cloud.network(f"{region}-network", region, parent=part)
    cluster = cloud.cluster(f"{region}-cluster", network, parent=part)
    declared.clusters[region] = cluster
    declared.caches[region] = cloud.cache(f"{region}-cache", cluster, version="9", parent=part)
    declared.buses[region] = cloud.event_bus(f"{region}-bus", cluster, parent=part)
    declared.stores[region] = cloud.object_store(f"{region}-objects", cluster, parent=part)
    declared.secrets[region] = cloud.secret(
        f"{region}-security",
        cluster,
        {"password": pulumi.Output.secret("hunter2"), "user": "security"},
        parent=part,
    )
    declared.identities[region] = cloud.workload_identity(
        f"{region}-security-identity",
        WorkloadIdentityArgs(
            cluster=cluster,
            namespace="ai-platform",
            service_account="security",
            grants=["read-secrets", "event-bus", "object-store"],
        ),
        parent=part,
    )
    declared.addresses[region] = cloud.public_address(f"{region}-ip", cluster, parent=part)
    declared.secret_stores[region] = cloud.secret_store(
        cluster, service_account="external-secrets/external-secrets"
    )


def _databases(cloud: Cloud, names: Sequence[str], leader: str, declared: Declared) -> None:
    followers = [one for one in names if one != leader]
    args = CloudDatabaseArgs(
        region=leader,
        cluster=declared.clusters[leader],
        leader=leader,
        followers=followers,
        leader_server=None,
        version="17",
        role="primary",
        administrator_password=pulumi.Output.secret("correct horse"),
    )
    part = Component("databases")
    made = cloud.database_server(f"{leader}-database", args, parent=part)
    declared.databases[leader] = made
    for region in followers:
        declared.databases[region] = cloud.database_server(
            f"{region}-database",
            replace(
                args,
                region=region,
                cluster=declared.clusters[region],
                leader_server=made,
                role="standby",
            ),
            parent=part,
        )
