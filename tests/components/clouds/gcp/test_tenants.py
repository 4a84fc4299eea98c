"""Tenants in a cell's stack, which is told by JSON alone of what the environment's stack made."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from components.clouds.cloud import (
    CloudEnvironment,
    DirectorArgs,
    DnsZone,
    KubernetesCluster,
    RegionEndpoint,
)
from components.clouds.gcp.attach import AttachedRegion, AttachedZone
from components.clouds.gcp.cloud import GcpCloud
from components.clouds.locations import LOCATIONS
from components.clouds.tenancy import (
    TenantCloud,
    TenantDatabaseArgs,
    TenantStore,
    TenantStoreArgs,
)
from components.target import DatabaseServer
from tests.components.clouds.gcp.conftest import (
    CALLS,
    NUMBER,
    GcpRecorder,
    everything,
    outputs_of,
)
from tests.components.clouds.gcp.program import PROJECT, environment
from tests.components.clouds.gcp.test_cloud import at, only, takes_labels
from tests.components.recording import Made, Recorder, recording, resolved, settle, the_loop

EUROPE, AMERICA = "gcp-europe-west4", "gcp-us-central1"
LONGEST_TENANT = "a-tenant-of-thirty-characters0"

BUCKET = "gcp:storage/bucket:Bucket"
KEY = "gcp:kms/cryptoKey:CryptoKey"
KEY_MEMBER = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
SERVER = "gcp:sql/databaseInstance:DatabaseInstance"
RECORD = "gcp:dns/recordSet:RecordSet"


@dataclass
class Tenant:
    """What was made for a tenant whose home is the first region."""

    stores: dict[str, TenantStore]
    server: DatabaseServer


class Cell:
    """A cell's stack: a cloud that knows the environment from what its stack exported."""

    def __init__(self, spec: CloudEnvironment, exported: dict[str, Any]) -> None:
        self.cloud: TenantCloud = GcpCloud(spec)
        self.root = pulumi.ComponentResource("test:Cell", "cell", None)
        secret = pulumi.Output.secret(exported)
        self.zone: DnsZone = self.cloud.attach_zone(
            "example.com", secret.apply(lambda found: found["zone"])
        )
        self.clusters: dict[str, KubernetesCluster] = {
            one.name: self.cloud.attach(
                one.name,
                one.name,
                secret.apply(lambda found, name=one.name: found["regions"][name]),
                parent=self.root,
            )
            for one in spec.regions
        }
        settle()

    def tenant(self, tenant: str) -> Tenant:
        """Makes a tenant as ``CloudTenants`` does."""
        stores = {
            region: self.cloud.tenant_store(
                f"{tenant}-{region}-store",
                TenantStoreArgs(cluster=cluster, tenant=tenant, namespace=f"tenant-{tenant}"),
                parent=self.root,
            )
            for region, cluster in self.clusters.items()
        }
        home = next(iter(self.clusters))
        server = self.cloud.tenant_database(
            f"{tenant}-database",
            TenantDatabaseArgs(
                cluster=self.clusters[home],
                tenant=tenant,
                key=stores[home].key,
                storage_gib=64,
                version="17",
                administrator_password=pulumi.Output.secret("administrator-password"),
            ),
            parent=self.root,
        )
        self.cloud.tenant_director(
            f"{tenant}-director", self.director_args(tenant), parent=self.root
        )
        settle()
        return Tenant(stores=stores, server=server)

    def director_args(self, tenant: str, *, zone: DnsZone | None = None) -> DirectorArgs:
        return DirectorArgs(
            zone=zone or self.zone,
            host=f"{tenant}.tenants.example.com",
            endpoints=[
                RegionEndpoint(
                    region=region,
                    weight=50,
                    host=f"{region}.example.com",
                    addresses=[pulumi.Output.from_input(f"address-of-{region}")],
                )
                for region in self.clusters
            ],
            health_path="/healthz",
        )


def exported(spec: CloudEnvironment) -> dict[str, Any]:
    """Returns what the environment's own stack exports, after a way through JSON."""
    with recording(GcpRecorder(outputs_of, CALLS)):
        made = everything(spec)
        zone = made.cloud.export_zone(made.zone)
        regions = {name: made.cloud.export(one.cluster) for name, one in made.regions.items()}
        told = resolved(pulumi.Output.from_input({"zone": zone, "regions": regions}))
    return json.loads(json.dumps(told))


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the stack of an environment in two regions exports."""
    return exported(environment("europe-west4", "us-central1"))


@pytest.fixture
def recorder(told: dict[str, Any]) -> Iterator[Recorder]:
    """A cell's stack; it may call no function of Google Cloud."""
    del told  # recorded before: one recording at a time
    with recording(GcpRecorder(outputs_of)) as found:
        yield found


@pytest.fixture
def cell(told: dict[str, Any], recorder: Recorder) -> Cell:
    del recorder
    return Cell(environment("europe-west4", "us-central1"), told)


def of_tenants(recorder: Recorder) -> list[Made]:
    return [one for one in recorder.made if one.type.startswith("gcp:")]


def test_what_is_attached_has_the_ids_that_were_exported(told: dict[str, Any], cell: Cell) -> None:
    cluster = cell.clusters[EUROPE]
    network = cluster.network
    assert isinstance(network, AttachedRegion)
    assert resolved(network.vpc) == told["regions"][EUROPE]["vpc"] == "vpc-id"
    assert resolved(network.data_subnet) == f"{EUROPE}-network-data-id"
    assert resolved(network.key_ring) == f"{EUROPE}-network-keys-id"
    assert resolved(network.project_number) == NUMBER
    assert resolved(cluster.oidc_issuer) == told["regions"][EUROPE]["oidc_issuer"]
    assert (cluster.name, cluster.region) == ("production-europe-west4", EUROPE)
    assert isinstance(cell.zone, AttachedZone)
    assert resolved(cell.zone.name) == "zone-1234567"
    assert resolved(cell.zone.name_servers) == ["ns-1.example.", "ns-2.example."]


def test_attaching_makes_nothing_in_the_cloud(cell: Cell, recorder: Recorder) -> None:
    del cell
    assert {one.type for one in recorder.made} == {
        "ai-platform:clouds:GoogleCloud",
        "pulumi:providers:gcp",
        "pulumi:providers:kubernetes",
        "test:Cell",
    }
    provider = recorder.of("pulumi:providers:kubernetes")[f"{EUROPE}-kubernetes"]
    config = json.loads(provider.inputs["kubeconfig"])
    assert config["clusters"][0]["cluster"]["server"] == f"https://{EUROPE}-cluster.gke.goog"
    assert set(config["users"][0]["user"]) == {"exec"}


def test_ids_are_shown_in_previews_though_they_came_in_a_secret(cell: Cell) -> None:
    network = cell.clusters[EUROPE].network
    assert isinstance(network, AttachedRegion)
    assert not the_loop().run_until_complete(network.vpc.is_secret())


def test_a_tenant_has_a_few_resources_and_none_that_there_is_once(
    cell: Cell, recorder: Recorder
) -> None:
    cell.tenant("contoso")
    made = of_tenants(recorder)
    of_store = [one for one in made if one.name.startswith(f"contoso-{EUROPE}-store")]
    assert len(of_store) <= 8
    assert len([one for one in made if one.name.startswith("contoso-database")]) <= 6
    assert len([one for one in made if one.name.startswith("contoso-director")]) <= 2
    assert all("contoso" in one.name for one in made)
    assert not recorder.of("gcp:serviceaccount/account:Account")


def test_a_tenants_key_is_its_own_and_turns_every_90_days(cell: Cell, recorder: Recorder) -> None:
    cell.tenant("contoso")
    for region in (EUROPE, AMERICA):
        key = recorder.of(KEY)[f"contoso-{region}-store-key"]
        assert key.inputs["rotationPeriod"] == "7776000s"
        assert key.inputs["keyRing"] == f"{region}-network-keys-id"
        bucket = recorder.of(BUCKET)[f"contoso-{region}-store"]
        assert at(bucket, "encryption.defaultKmsKeyName") == f"contoso-{region}-store-key-id"
        assert f"contoso-{region}-store-key-users" in bucket.depends_on
    server = only(recorder, SERVER)
    assert server.inputs["encryptionKeyName"] == f"contoso-{EUROPE}-store-key-id"
    assert "contoso-database-key-users" in server.depends_on


def test_a_tenants_key_is_used_by_what_is_under_it_only(cell: Cell, recorder: Recorder) -> None:
    cell.tenant("contoso")
    members = {
        (one.inputs["cryptoKeyId"], one.inputs["member"])
        for one in recorder.of(KEY_MEMBER).values()
    }
    sql = f"serviceAccount:service-{NUMBER}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
    assert members == {
        (f"contoso-{EUROPE}-store-key-id", "serviceAccount:storage-agent"),
        (f"contoso-{AMERICA}-store-key-id", "serviceAccount:storage-agent"),
        (f"contoso-{EUROPE}-store-key-id", sql),
    }
    roles = {one.inputs["role"] for one in recorder.of(KEY_MEMBER).values()}
    assert roles == {"roles/cloudkms.cryptoKeyEncrypterDecrypter"}


def test_a_tenants_bucket_is_private_and_for_its_workload(cell: Cell, recorder: Recorder) -> None:
    tenant = cell.tenant("contoso")
    bucket = recorder.of(BUCKET)[f"contoso-{EUROPE}-store"]
    assert bucket.inputs["location"] == "EUROPE-WEST4"
    assert bucket.inputs["publicAccessPrevention"] == "enforced"
    assert bucket.inputs["uniformBucketLevelAccess"] is True
    assert bucket.inputs["versioning"] == {"enabled": True}
    assert resolved(tenant.stores[EUROPE].objects.url) == f"gs://{bucket.inputs['name']}"
    access = recorder.of("gcp:storage/bucketIAMMember:BucketIAMMember")
    assert set(access) == {f"contoso-{one}-store-workload" for one in (EUROPE, AMERICA)}
    inputs = access[f"contoso-{EUROPE}-store-workload"].inputs
    assert inputs["bucket"] == bucket.inputs["name"]
    assert inputs["role"] == "roles/storage.objectUser"
    assert inputs["member"] == (
        f"principal://iam.googleapis.com/projects/{NUMBER}/locations/global/"
        f"workloadIdentityPools/{PROJECT}.svc.id.goog/subject/ns/tenant-contoso/sa/workload"
    )
    granted = {one.type for one in recorder.made if "IAM" in one.type or "iAM" in one.type}
    assert granted == {KEY_MEMBER, "gcp:storage/bucketIAMMember:BucketIAMMember"}


def test_a_tenants_server_is_private_takes_tls_only_and_can_be_recovered(
    cell: Cell, recorder: Recorder
) -> None:
    tenant = cell.tenant("contoso")
    server = only(recorder, SERVER)
    assert server.inputs["databaseVersion"] == "POSTGRES_17"
    assert server.inputs["region"] == "europe-west4"
    address = at(server, "settings.ipConfiguration")
    assert address["ipv4Enabled"] is False
    assert address["sslMode"] == "ENCRYPTED_ONLY"
    assert address["pscConfigs"] == [{"pscEnabled": True, "allowedConsumerProjects": [PROJECT]}]
    backups = at(server, "settings.backupConfiguration")
    assert backups["pointInTimeRecoveryEnabled"] is True
    assert backups["transactionLogRetentionDays"] == 7  # the most of this edition
    assert at(server, "settings.edition") == "ENTERPRISE"
    assert at(server, "settings.availabilityType") == "REGIONAL"
    assert at(server, "settings.diskAutoresizeLimit") == 64
    assert "diskSize" not in server.inputs["settings"]  # a lower quota would replace the server
    rule = only(recorder, "gcp:compute/forwardingRule:ForwardingRule")
    assert rule.inputs["target"] == "attachment-of-contoso-database"
    assert rule.inputs["network"] == "vpc-id"
    inside = only(recorder, "gcp:compute/address:Address")
    assert inside.inputs["addressType"] == "INTERNAL"
    assert inside.inputs["subnetwork"] == f"{EUROPE}-network-data-id"
    assert tenant.server.tls
    assert tenant.server.role == "primary"
    assert resolved(tenant.server.endpoint.host) == "contoso-database.1a2b3c4d.sql.goog"
    assert the_loop().run_until_complete(tenant.server.administrator_password.is_secret())


def test_a_tenants_name_is_answered_with_its_healthy_regions(
    cell: Cell, recorder: Recorder
) -> None:
    cell.tenant("contoso")
    record = recorder.of(RECORD)["contoso-director"]
    assert record.inputs["name"] == "contoso.tenants.example.com."
    assert record.inputs["managedZone"] == "zone-1234567"
    policy = record.inputs["routingPolicy"]
    assert policy["healthCheck"] == "director-health-id"
    assert [one["weight"] for one in policy["wrrs"]] == [50, 50]
    assert policy["wrrs"][1]["healthCheckedTargets"] == {
        "externalEndpoints": [f"address-of-{AMERICA}"]
    }
    assert set(recorder.of(RECORD)) == {"contoso-director", "contoso-database-endpoint"}


def test_whatever_takes_labels_names_the_tenant(cell: Cell, recorder: Recorder) -> None:
    cell.tenant("contoso")
    labels: dict[tuple[str, str], dict[str, str]] = {
        (one.type, one.name): one.inputs.get("labels", {})
        for one in of_tenants(recorder)
        if takes_labels(one)
    }
    assert len(labels) == 7
    labels[SERVER, EUROPE] = at(only(recorder, SERVER), "settings.userLabels")
    for (kind, name), found in labels.items():
        assert found.get("tenant") == "contoso", (kind, name)
        assert found["environment"] == "production"
        assert found["compliance"] == ("none" if AMERICA in name else "gdpr"), (kind, name)
    assert labels[SERVER, EUROPE]["data-class"] == "customer"
    assert labels[BUCKET, f"contoso-{EUROPE}-store"]["data-class"] == "customer"


@pytest.mark.parametrize("protect", [True, False])
def test_tenants_are_protected_as_the_environment_says(
    told: dict[str, Any], recorder: Recorder, protect: bool
) -> None:
    Cell(environment("europe-west4", "us-central1", protect=protect), told).tenant("contoso")
    server = only(recorder, SERVER)
    assert server.inputs["deletionProtection"] is protect
    assert at(server, "settings.deletionProtectionEnabled") is protect
    assert at(server, "settings.finalBackupConfig.enabled") is protect
    for bucket in recorder.of(BUCKET).values():
        assert bucket.inputs["forceDestroy"] is not protect
    policies = {one.inputs["deletionPolicy"] for one in recorder.of(KEY).values()}
    assert policies == {"PREVENT" if protect else "DELETE"}


def test_a_small_environments_tenants_share_a_core(
    told: dict[str, Any], recorder: Recorder
) -> None:
    spec = environment("europe-west4", "us-central1", size="small", protect=False)
    Cell(spec, told).tenant("contoso")
    server = only(recorder, SERVER)
    assert at(server, "settings.tier") == "db-g1-small"
    assert at(server, "settings.availabilityType") == "ZONAL"


def test_two_tenants_share_nothing(cell: Cell, recorder: Recorder) -> None:
    cell.tenant("contoso")
    first = {(one.type, one.name): one for one in of_tenants(recorder)}
    cell.tenant("contoso-2")
    second = {
        (one.type, one.name): one
        for one in of_tenants(recorder)
        if (one.type, one.name) not in first
    }
    assert len(second) == len(first)
    assert len(of_tenants(recorder)) == 2 * len(first)
    names = [one.inputs["name"] for one in recorder.made if "name" in one.inputs]
    assert len(names) == len(set(names))
    for one in second.values():
        others = {name for _, name in first}
        assert not one.depends_on & others, one.name


def test_names_fit_for_the_longest_tenant_in_the_longest_location() -> None:
    location = max((one.name for one in LOCATIONS if one.cloud == "gcp"), key=len)
    spec = environment(location)
    told = exported(spec)
    recorder = GcpRecorder(outputs_of)
    with recording(recorder):
        cell = Cell(spec, told)
        cell.tenant(LONGEST_TENANT)
        cell.tenant(LONGEST_TENANT[:-1] + "1")
    suffix = len("-1234567")
    for one in recorder.made:
        if one.type in {BUCKET, KEY} or one.type.startswith(("gcp:compute", "gcp:dns/managed")):
            length = len(one.inputs.get("name") or f"{one.name}{'x' * suffix}")
            assert length <= 63, f"{one.type} {one.name}"
    servers = recorder.of(SERVER)
    assert len(servers) == 2
    assert all(len(f"{PROJECT}:{name}") + suffix <= 98 for name in servers)
    assert len({one.inputs["name"] for one in recorder.of(BUCKET).values()}) == 2


def test_tenants_are_put_on_what_was_attached_and_on_nothing_else() -> None:
    with recording(GcpRecorder(outputs_of, CALLS)):
        made = everything(environment("europe-west4"))
        cluster = made.regions[EUROPE].cluster
        args = TenantStoreArgs(cluster=cluster, tenant="contoso", namespace="tenant-contoso")
        root = pulumi.ComponentResource("test:Cell", "cell", None)
        with pytest.raises(TypeError, match=r"gcp-europe-west4: .*attach\(\) returns it"):
            made.cloud.tenant_store("contoso-store", args, parent=root)
        director = DirectorArgs(
            zone=made.zone, host="contoso.example.com", endpoints=[], health_path="/healthz"
        )
        with pytest.raises(TypeError, match=r"example\.com: .*attach_zone\(\) returns it"):
            made.cloud.tenant_director("contoso-director", director, parent=root)
        settle()


def test_a_zone_is_exported_once_it_has_a_director() -> None:
    with recording(GcpRecorder(outputs_of, CALLS)):
        cloud = GcpCloud(environment())
        root = pulumi.ComponentResource("test:Platform", "platform", None)
        zone = cloud.dns_zone("zone", "example.com", parent=root)
        with pytest.raises(ValueError, match=r"example\.com has no director yet"):
            cloud.export_zone(zone)
        settle()
