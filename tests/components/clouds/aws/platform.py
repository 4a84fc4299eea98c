"""An environment on AWS, declared as the cloud target declares it, against recording mocks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pulumi
from pulumi.runtime import mocks as pulumi_mocks

from components.clouds.aws.cloud import AwsCloud
from components.clouds.aws.cluster import AwsCluster, ClusterAccess, own_cluster
from components.clouds.cloud import (
    CloudDatabaseArgs,
    CloudEnvironment,
    CloudRegion,
    DirectorArgs,
    DnsAccess,
    DnsZone,
    Grant,
    PublicAddress,
    RegionEndpoint,
    Registry,
    Size,
    StoredSecret,
    WorkloadIdentityArgs,
)
from components.clouds.locations import find
from components.target import CacheServer, DatabaseServer, EventBus, LoadBalancer, ObjectStore
from tests.components.recording import Made, Recorder, recording, settle

ACCOUNT = "123456789012"
FRANKFURT = "aws-eu-central-1"
IRELAND = "aws-eu-west-1"
SYDNEY = "aws-ap-southeast-2"
IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"
_WORKLOADS: Mapping[str, Sequence[Grant]] = {
    "external-secrets": ["read-secrets"],
    "marketplace": ["event-bus", "object-store"],
    "gateway": [],
}
_LOGIN = "aws:ecr/getAuthorizationToken:getAuthorizationToken"


class AwsRecorder(Recorder):
    """Answers as AWS does where the program looks at what was made."""

    def __init__(self, *, account: str = ACCOUNT) -> None:
        """Remembers nothing yet; the credentials are of ``account``."""
        self.ignored: dict[str, frozenset[str]] = {}
        """Of a resource by its name: properties whose changes the engine is told to ignore."""
        super().__init__(
            outputs_of,
            {
                IDENTITY: {"accountId": account, "arn": f"arn:aws:iam::{account}:user/x"},
                _LOGIN: {"userName": "AWS", "password": "token", "proxyEndpoint": "https://x"},
            },
        )

    def remember(self, request: Any) -> None:
        """Keeps a registration, the code of a function as its text."""
        plain = type(request)()
        plain.CopyFrom(request)
        if "code" in plain.object.fields:
            files = plain.object.fields["code"].struct_value.fields["assets"].struct_value
            text = files.fields["lead_database.py"].struct_value.fields["text"].string_value
            plain.object.fields["code"].string_value = text
        if request.ignoreChanges:
            self.ignored[request.name] = frozenset(request.ignoreChanges)
        super().remember(plain)

    def new_resource(
        self, args: pulumi_mocks.MockResourceArgs
    ) -> tuple[str | None, dict[str, Any]]:
        """Adds what AWS computes inside of what it was told, such as a VPC config's group."""
        identifier, outputs = super().new_resource(args)
        return identifier, {**outputs, **outputs_of(args)}

    def call(self, args: pulumi_mocks.MockCallArgs) -> Any:
        """Answers a function alone: Pulumi's mocks take no pair without failures."""
        answer, _ = super().call(args)
        return answer

    def aws(self) -> list[Made]:
        """Returns every resource of AWS."""
        return [one for one in self.made if one.type.startswith("aws:")]


def outputs_of(args: pulumi_mocks.MockResourceArgs) -> Mapping[str, Any]:
    """Gives what AWS computes."""
    name, location = args.name, args.inputs.get("region", "")
    host = f"{name}.{location}.example"
    outputs: dict[str, Any] = {
        "arn": f"arn:aws:service:{location}:{ACCOUNT}:{name}",
        "name": args.inputs.get("name") or f"{name}-1a2b3c4",
        "endpoint": host,
    }
    match args.typ:
        case "aws:eks/cluster:Cluster":
            issuer = f"https://oidc.eks.{location}.amazonaws.com/id/{name}"
            outputs |= {
                "endpoint": f"https://{host}",
                "certificateAuthority": {"data": "Y2E="},
                "identities": [{"oidcs": [{"issuer": issuer}]}],
                "vpcConfig": {
                    **args.inputs["vpcConfig"],
                    "clusterSecurityGroupId": f"sg-{name}",
                },
            }
        case "aws:rds/cluster:Cluster":
            outputs |= {"readerEndpoint": f"reader.{host}"}
        case "aws:elasticache/replicationGroup:ReplicationGroup":
            outputs |= {"primaryEndpointAddress": f"primary.{host}"}
        case "aws:msk/cluster:Cluster":
            outputs |= {"bootstrapBrokersSaslIam": f"b-1.{host}:9098,b-2.{host}:9098"}
        case "aws:ec2/eip:Eip":
            outputs |= {"publicIp": f"192.0.2.{len(name) % 250}", "allocationId": f"eip-{name}"}
        case "aws:ecr/repository:Repository":
            host = f"{ACCOUNT}.dkr.ecr.{location}.amazonaws.com"
            outputs |= {"repositoryUrl": f"{host}/{args.inputs['name']}"}
        case "aws:route53/zone:Zone":
            outputs |= {"zoneId": "Z1", "nameServers": ["ns-1.example", "ns-2.example"]}
        case "random:index/randomPassword:RandomPassword":
            outputs |= {"result": f"generated-{name}"}
        case _:
            pass
    return outputs


def environment(
    *regions: str, size: Size = "large", protect: bool = True, account: str = ACCOUNT
) -> CloudEnvironment:
    """Returns an environment of regions named ``aws-<location>``."""
    locations = [find("aws", one.removeprefix("aws-")) for one in regions]
    return CloudEnvironment(
        name="production",
        account=account,
        account_key="environments/Pulumi.production.yaml: accounts.aws",
        regions=[
            CloudRegion(
                name=f"aws-{one.name}", location=one, cidr=one.cidr, compliance=("gdpr", "iso27001")
            )
            for one in locations
        ],
        size=size,
        protect=protect,
        kubernetes_version="1.34",
    )


@dataclass(frozen=True, kw_only=True)
class Region:
    """What was made for a region."""

    cluster: AwsCluster
    cache: CacheServer
    bus: EventBus
    store: ObjectStore
    secret: StoredSecret
    secret_store: Mapping[str, Any]
    address: PublicAddress
    access: DnsAccess


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What was made for an environment."""

    regions: Mapping[str, Region]
    databases: Mapping[str, DatabaseServer]
    registry: Registry
    balancer: LoadBalancer


def declare(
    spec: CloudEnvironment, *, leader: str | None = None, access: ClusterAccess | None = None
) -> Declared:
    """Declares everything a cloud can make, in the order the platform does."""
    cloud = AwsCloud(spec, access=access) if access else AwsCloud(spec)
    names = [one.name for one in spec.regions]
    leader = leader or names[0]
    root = pulumi.ComponentResource("test:Platform", "platform")
    zone = cloud.dns_zone("zone", "example.com", parent=root)
    registry = cloud.registry("registry", parent=root)
    regions = {name: _region(cloud, name, zone_of=zone, root=root) for name in names}
    databases: dict[str, DatabaseServer] = {}
    recovery = pulumi.ComponentResource(
        "test:DisasterRecovery", "recovery", None, pulumi.ResourceOptions(parent=root)
    )
    for name in (leader, *(one for one in names if one != leader)):
        databases[name] = cloud.database_server(
            f"{name}-database",
            CloudDatabaseArgs(
                region=name,
                cluster=regions[name].cluster,
                leader=leader,
                followers=[one for one in names if one != leader],
                leader_server=databases.get(leader),
                version="17",
                role="primary" if name == leader else "standby",
                administrator_password=pulumi.Output.secret("administrator-password"),
            ),
            parent=recovery,
        )
    balancer = cloud.director(
        "director",
        DirectorArgs(
            zone=zone,
            host="api.example.com",
            endpoints=[
                RegionEndpoint(
                    region=name,
                    weight=100 // len(names),
                    host=f"{name}.example.com",
                    addresses=regions[name].address.addresses,
                )
                for name in names
            ],
            health_path="/healthz",
        ),
        parent=root,
    )
    return Declared(regions=regions, databases=databases, registry=registry, balancer=balancer)


@cache
def seen(
    *regions: str,
    size: Size = "large",
    protect: bool = True,
    leader: str | None = None,
    access: ClusterAccess | None = None,
) -> AwsRecorder:
    """Returns what the engine is told of an environment; each is declared once for all tests."""
    recorder = AwsRecorder()
    with recording(recorder):
        declare(environment(*regions, size=size, protect=protect), leader=leader, access=access)
        settle()
    # The stack itself is registered by whichever program of the process is the first.
    recorder.made = [one for one in recorder.made if one.type != "pulumi:pulumi:Stack"]
    return recorder


def _region(cloud: AwsCloud, name: str, *, zone_of: DnsZone, root: pulumi.Resource) -> Region:
    parent = pulumi.ComponentResource(
        "test:Region", name, None, pulumi.ResourceOptions(parent=root)
    )
    network = cloud.network(f"{name}-network", name, parent=parent)
    cluster = own_cluster(cloud.cluster(f"{name}-cluster", network, parent=parent))
    for workload, grants in _WORKLOADS.items():
        cloud.workload_identity(
            f"{name}-{workload}",
            WorkloadIdentityArgs(
                cluster=cluster, namespace="ai-platform", service_account=workload, grants=grants
            ),
            parent=parent,
        )
    accesses = [
        cloud.dns_access(
            f"{name}-{one}-dns",
            zone_of,
            cluster,
            namespace=one,
            service_account=one,
            parent=parent,
        )
        for one in ("external-dns", "cert-manager")
    ]
    return Region(
        cluster=cluster,
        cache=cloud.cache(f"{name}-cache", cluster, version="8", parent=parent),
        bus=cloud.event_bus(f"{name}-event-bus", cluster, parent=parent),
        store=cloud.object_store(f"{name}-object-store", cluster, parent=parent),
        secret=cloud.secret(
            f"{name}-marketplace-secret",
            cluster,
            {"aip_database_password": pulumi.Output.secret("hunter2")},
            parent=parent,
        ),
        secret_store=cloud.secret_store(
            cluster, service_account="external-secrets/external-secrets"
        ),
        address=cloud.public_address(f"{name}-address", cluster, parent=parent),
        access=accesses[0],
    )


def statements(policy: str) -> Sequence[Mapping[str, Any]]:
    """Returns the statements of a policy as registered."""
    return json.loads(policy)["Statement"]
