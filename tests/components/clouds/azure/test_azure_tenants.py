"""Dedicated tenants on Azure, in a cell told of the environment as its stack's outputs tell it."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pulumi
import pytest

from components.clouds.azure.attach import attached, attached_zone
from components.clouds.azure.cloud import AzureCloud
from components.clouds.cloud import DirectorArgs, DnsZone, KubernetesCluster, RegionEndpoint, Size
from components.clouds.tenancy import TenantCloud, TenantDatabaseArgs, TenantStoreArgs
from tests.components.clouds.azure.subject import (
    TENANT,
    AzureRecorder,
    Component,
    environment,
    recorder,
    secret,
)
from tests.components.recording import Made, recording, resolved, settle

ACME = "acme"
LONGEST = "a-tenant-whose-id-has-30-chars"
FEDERATED = "managedidentity:FederatedIdentityCredential"
WEST, NORTH = "azure-westeurope", "azure-northeurope"
REGIONS = (WEST, NORTH)
UNTAGGABLE = {
    "authorization:ManagementLockByScope",
    "authorization:RoleAssignment",
    "dbforpostgresql:Configuration",
    "dns:RecordSet",
    "managedidentity:FederatedIdentityCredential",
    "monitor:DiagnosticSetting",
    "network:PrivateDnsZoneGroup",
    "storage:BlobContainer",
    "storage:EncryptionScope",
}


@cache
def exported() -> Mapping[str, Any]:
    """Declares an environment and returns what it tells its cells, after JSON."""
    with recording(recorder()):
        cloud: TenantCloud = AzureCloud(environment())
        root = Component("platform")
        zone = cloud.dns_zone("zone", "platform.example", parent=root)
        clusters = {
            name: cloud.cluster(
                f"{name}-cluster", cloud.network(f"{name}-network", name, parent=root), parent=root
            )
            for name in REGIONS
        }
        cloud.director("director", director_args(zone, "api.platform.example"), parent=root)
        told = {
            "zone": cloud.export_zone(zone),
            "regions": {name: cloud.export(one) for name, one in clusters.items()},
        }
        values = json.loads(json.dumps(resolved(pulumi.Output.from_input(told))))
        settle()
    return values


def director_args(zone: DnsZone, host: str, regions: Sequence[str] = REGIONS) -> DirectorArgs:
    return DirectorArgs(
        zone=zone,
        host=host,
        endpoints=[
            RegionEndpoint(
                region=name,
                weight=100 // len(regions),
                host=f"{name}.platform.example",
                addresses=[pulumi.Output.from_input("192.0.2.1")],
            )
            for name in regions
        ],
        health_path="/healthz",
    )


def attach(cloud: TenantCloud, name: str, root: pulumi.Resource) -> KubernetesCluster:
    told = pulumi.Output.secret(exported()["regions"][name])
    return cloud.attach(name, name, told, parent=root)


def attach_zone(cloud: TenantCloud) -> DnsZone:
    return cloud.attach_zone("platform.example", pulumi.Output.secret(exported()["zone"]))


def put(
    cloud: TenantCloud, tenants: Sequence[str], regions: Sequence[str], storage_gib: int
) -> None:
    root = Component("regions")
    zone = attach_zone(cloud)
    clusters = {name: attach(cloud, name, root) for name in regions}
    for tenant in tenants:
        parent = Component(tenant)
        stores = {
            name: cloud.tenant_store(
                f"{tenant}-{name}-store",
                TenantStoreArgs(cluster=cluster, tenant=tenant, namespace=f"tenant-{tenant}"),
                parent=parent,
            )
            for name, cluster in clusters.items()
        }
        cloud.tenant_database(
            f"{tenant}-database",
            TenantDatabaseArgs(
                cluster=clusters[regions[0]],
                tenant=tenant,
                key=stores[regions[0]].key,
                storage_gib=storage_gib,
                version="17",
                administrator_password=pulumi.Output.secret(f"password-of-{tenant}"),
            ),
            parent=parent,
        )
        host = f"{tenant}.tenants.platform.example"
        cloud.tenant_director(
            f"{tenant}-director", director_args(zone, host, regions), parent=parent
        )


@cache
def cell(
    *tenants: str,
    regions: Sequence[str] = (WEST,),
    size: Size = "large",
    protect: bool = True,
    storage_gib: int = 50,
) -> AzureRecorder:
    """Returns what the engine is told of tenants; the first region is their home."""
    exported()
    with recording(recorder()) as remembered:
        try:
            put(AzureCloud(environment(size=size, protect=protect)), tenants, regions, storage_gib)
        finally:
            settle()
    assert isinstance(remembered, AzureRecorder)
    return remembered


def azure(made: AzureRecorder) -> list[Made]:
    return [one for one in made.made if one.type.startswith("azure-native:")]


def of(made: AzureRecorder, kind: str) -> dict[str, Made]:
    return made.of(f"azure-native:{kind}")


def one(made: AzureRecorder, name: str, kind: str) -> dict[str, Any]:
    return of(made, kind)[name].inputs


def server(made: AzureRecorder) -> dict[str, Any]:
    return one(made, f"{ACME}-database", "dbforpostgresql:Server")


def test_what_is_exported_survives_json_and_comes_back_with_the_same_ids() -> None:
    told = exported()["regions"][WEST]
    with recording(recorder()) as made:
        cloud: TenantCloud = AzureCloud(environment())
        cluster = attach(cloud, WEST, Component("regions"))
        within, zone = attached(cluster), attached_zone(attach_zone(cloud))
        settle()
        assert (cluster.region, within.location) == (WEST, "westeurope")
        assert resolved(cluster.oidc_issuer) == f"https://issuer/{WEST}-cluster/"
        assert resolved(within.data_subnet) == told["data_subnet"]
        assert told["data_subnet"].endswith(f"/{WEST}-network-id/subnets/data")
        assert resolved(within.data_key.uri) == f"https://vault/keys/{WEST}-network-data-key"
        assert resolved(within.data_key.identity) == told["data_identity"]
        assert resolved(within.group.name) == f"{WEST}-network-group"
        assert resolved(zone.group) == "azure-global"
        assert resolved(zone.name_servers) == ["ns1.azure-dns.com."]
        assert not secret(within.data_subnet)
    (provider,) = made.of("pulumi:providers:kubernetes").values()
    assert provider.inputs["kubeconfig"] == told["kubeconfig"]
    assert "kubelogin" in told["kubeconfig"]
    assert "a-token-of-azure" not in json.dumps(exported())
    assert not [one for one in made.made if one.type.startswith("azure-native:")]


def test_a_zone_without_a_director_is_not_exported() -> None:
    with recording(recorder()):
        cloud = AzureCloud(environment())
        zone = cloud.dns_zone("zone", "platform.example", parent=Component("platform"))
        with pytest.raises(ValueError, match=r"platform.example has no director yet"):
            cloud.export_zone(zone)
        settle()


def test_a_cluster_of_this_stack_takes_no_tenants() -> None:
    with recording(recorder()):
        cloud = AzureCloud(environment())
        root = Component("platform")
        network = cloud.network("network", WEST, parent=root)
        cluster = cloud.cluster("cluster", network, parent=root)
        args = TenantStoreArgs(cluster=cluster, tenant=ACME, namespace="tenant-acme")
        with pytest.raises(TypeError, match=r"azure-westeurope: .* attach\(\) returns it"):
            cloud.tenant_store("store", args, parent=root)
        settle()


def test_a_tenants_data_is_under_its_own_rotated_key() -> None:
    made = cell(ACME)
    key = one(made, f"{ACME}-{WEST}-store-key", "keyvault:Key")
    assert key["vaultName"] == "vault-abcdefghij"
    (action,) = key["properties"]["rotationPolicy"]["lifetimeActions"]
    assert action["trigger"]["timeAfterCreate"] == "P90D"
    uri = f"https://vault/keys/{ACME}-{WEST}-store-key"
    scope = one(made, f"{ACME}-{WEST}-store", "storage:EncryptionScope")
    assert scope["source"] == "Microsoft.KeyVault"
    assert scope["keyVaultProperties"] == {"keyUri": uri}
    container = one(made, f"{ACME}-{WEST}-store", "storage:BlobContainer")
    assert container["defaultEncryptionScope"] == scope["encryptionScopeName"]
    assert container["denyEncryptionScopeOverride"] is True
    encryption = server(made)["dataEncryption"]
    assert (encryption["type"], encryption["primaryKeyURI"]) == ("AzureKeyVault", uri)
    identity = exported()["regions"][WEST]["data_identity"]
    assert encryption["primaryUserAssignedIdentityId"] == identity
    access = f"{ACME}-{WEST}-store-key-access"
    grant = one(made, access, "authorization:RoleAssignment")
    assert grant["scope"].endswith(f"/{ACME}-{WEST}-store-key-id")
    assert grant["principalId"] == exported()["regions"][WEST]["data_principal"]
    for kind, name in (
        ("dbforpostgresql:Server", f"{ACME}-database"),
        ("storage:EncryptionScope", f"{ACME}-{WEST}-store"),
    ):
        assert access in of(made, kind)[name].depends_on


def test_objects_are_private_versioned_and_take_tls_only() -> None:
    made = cell(ACME)
    name = f"{WEST}-tenants"
    account = one(made, name, "storage:StorageAccount")
    assert account["publicNetworkAccess"] == "Disabled"
    assert account["allowBlobPublicAccess"] is False
    assert account["allowSharedKeyAccess"] is False
    assert account["enableHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["encryption"]["keySource"] == "Microsoft.Keyvault"
    assert account["sku"]["name"] == "Standard_GZRS"
    versions = one(made, f"{name}-versions", "storage:BlobServiceProperties")
    assert versions["isVersioningEnabled"] is True
    assert versions["containerDeleteRetentionPolicy"] == {"enabled": True, "days": 30}
    container = of(made, "storage:BlobContainer")[f"{ACME}-{WEST}-store"]
    assert container.inputs["publicAccess"] == "None"
    assert {f"{name}-versions", f"{name}-endpoint-names"} <= container.depends_on


def test_a_tenants_workload_may_use_its_container_and_nothing_else() -> None:
    made = cell(ACME, "globex")
    name = f"{ACME}-{WEST}-store"
    credential = one(made, f"{name}-workload-credential", FEDERATED)
    assert credential["subject"] == "system:serviceaccount:tenant-acme:workload"
    assert credential["issuer"] == f"https://issuer/{WEST}-cluster/"
    grants = [
        grant.inputs
        for grant in of(made, "authorization:RoleAssignment").values()
        if grant.inputs["principalId"] == f"{name}-workload-principal"
    ]
    assert [grant["scope"].rpartition("/")[2] for grant in grants] == [f"{name}-id"]
    assert grants[0]["roleDefinitionId"].endswith("/ba92f5b4-2d11-453d-a403-e96b0029c9fe")


def test_a_service_account_is_told_its_identity() -> None:
    exported()
    with recording(recorder()):
        cloud = AzureCloud(environment())
        root = Component("regions")
        cluster = attach(cloud, WEST, root)
        args = TenantStoreArgs(cluster=cluster, tenant=ACME, namespace="tenant-acme")
        store = cloud.tenant_store("store", args, parent=root)
        told = resolved(pulumi.Output.from_input(dict(store.service_account_annotations)))
        url = resolved(store.objects.url)
        settle()
    assert told == {
        "azure.workload.identity/client-id": "store-workload-client",
        "azure.workload.identity/tenant-id": TENANT,
    }
    assert re.fullmatch(
        r"https://t[0-9a-f]{8}abcdefghij\.blob\.core\.windows\.net/acme-[0-9a-f]{8}", url
    )


def test_a_tenants_server_is_private_takes_tls_only_and_is_restorable() -> None:
    made = cell(ACME)
    assert server(made)["network"] == {"publicNetworkAccess": "Disabled"}
    assert server(made)["createMode"] == "Default"
    assert server(made)["backup"]["backupRetentionDays"] == 35
    assert server(made)["highAvailability"]["mode"] == "ZoneRedundant"
    setting = of(made, "dbforpostgresql:Configuration")[f"{ACME}-database-require-secure-transport"]
    assert setting.inputs["configurationName"] == "require_secure_transport"
    assert setting.inputs["value"] == "on"
    endpoint = one(made, f"{ACME}-database-endpoint", "network:PrivateEndpoint")
    assert endpoint["subnet"]["id"].endswith(f"/{WEST}-network-id/subnets/data")
    names = one(made, f"{ACME}-database-endpoint-names", "network:PrivateDnsZoneGroup")
    (zone,) = names["privateDnsZoneConfigs"]
    assert zone["privateDnsZoneId"] == exported()["regions"][WEST]["database_zone"]
    assert not of(made, "privatedns:PrivateZone")


@pytest.mark.parametrize(("quota", "disk"), [(1, 32), (32, 32), (50, 64), (16384, 16384)])
def test_a_disk_holds_the_quota_and_does_not_outgrow_it(quota: int, disk: int) -> None:
    storage = server(cell(ACME, storage_gib=quota))["storage"]
    assert storage == {"storageSizeGB": disk, "autoGrow": "Disabled"}


def test_a_quota_no_disk_holds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"acme: quotas.storage_gib is 16385, .* at most 16384"):
        cell(ACME, storage_gib=16385)


def test_protection_is_of_the_environment_to_say() -> None:
    held = cell(ACME)
    assert held.protected == {f"{WEST}-tenants", f"{ACME}-{WEST}-store", f"{ACME}-database"}
    (lock,) = of(held, "authorization:ManagementLockByScope").values()
    assert lock.inputs["scope"].endswith(f"/{ACME}-database-id")
    free = cell(ACME, size="small", protect=False)
    assert not free.protected
    assert not of(free, "authorization:ManagementLockByScope")
    assert server(free)["sku"]["tier"] == "Burstable"
    assert server(free)["highAvailability"]["mode"] == "Disabled"


def test_a_tenants_name_leads_to_its_own_regions_while_they_are_healthy() -> None:
    made = cell(ACME, "globex")
    (profile,) = of(made, "trafficmanager:Profile").values()
    (endpoint,) = of(made, "trafficmanager:Endpoint").values()
    assert endpoint.inputs["endpointName"] == f"{WEST}-1"
    assert profile.inputs["monitorConfig"]["customHeaders"] == [
        {"name": "host", "value": "api.platform.example"}
    ]
    records = {one.name: one.inputs for one in of(made, "dns:RecordSet").values()}
    assert set(records) == {f"{ACME}-director", "globex-director"}
    target = f"{profile.inputs['dnsConfig']['relativeName']}.trafficmanager.net"
    record = records[f"{ACME}-director"]
    assert record["relativeRecordSetName"] == "acme.tenants"
    assert (record["recordType"], record["cnameRecord"]) == ("CNAME", {"cname": target})
    assert record["resourceGroupName"] == "azure-global"
    elsewhere = of(cell(ACME, regions=REGIONS), "trafficmanager:Profile")
    assert profile.name not in elsewhere


def test_tenants_do_not_clash_and_do_not_touch_each_other() -> None:
    tenants = (ACME, LONGEST, "a--b", "a-b")
    made = cell(*tenants)
    names = [(made.type, made.name) for made in made.made]
    assert len(names) == len(set(names))
    containers = [one.inputs["containerName"] for one in of(made, "storage:BlobContainer").values()]
    assert len(set(containers)) == len(tenants)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one) and len(one) < 64 for one in containers)
    alone = {one.name: one for one in azure(cell(ACME))}
    both = {one.name: one for one in azure(made)}
    assert alone.items() <= both.items()


def test_names_are_as_long_as_azure_lets_them_be() -> None:
    made = cell(LONGEST)
    account = one(made, f"{WEST}-tenants", "storage:StorageAccount")["accountName"]
    assert re.fullmatch(r"[a-z0-9]{3,24}", account)
    most = {"dbforpostgresql:Server": 63, "network:PrivateEndpoint": 64, "keyvault:Key": 127}
    for kind, letters in most.items():
        for name in of(made, kind):
            assert len(name) + len("12345678") <= letters, name


def test_a_tenant_is_few_resources_and_all_say_whose_they_are() -> None:
    made = cell(ACME, regions=REGIONS)
    own = [one for one in azure(made) if one.name.startswith(f"{ACME}-")]
    for region in REGIONS:
        assert len([one for one in own if one.name.startswith(f"{ACME}-{region}")]) <= 8
    assert len([one for one in own if one.name.startswith(f"{ACME}-database")]) <= 6
    taggable = [one for one in own if one.type.removeprefix("azure-native:") not in UNTAGGABLE]
    assert len(taggable) == 6
    for made_of in taggable:
        tags = made_of.inputs["tags"]
        assert (tags["tenant"], tags["environment"]) == (ACME, "production"), made_of.name
    assert "tenant" not in one(made, f"{WEST}-tenants", "storage:StorageAccount")["tags"]
