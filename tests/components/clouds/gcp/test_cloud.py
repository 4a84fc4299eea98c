"""What an environment on Google Cloud is made of, asserted on what was registered."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi_gcp
import pytest

from components.clouds.cloud import AccountError
from components.clouds.gcp.cloud import GcpCloud
from components.clouds.gcp.network import Ranges
from components.clouds.gcp.object_store import replica_location
from components.clouds.gcp.project import physical
from components.clouds.locations import LOCATIONS, find
from tests.components.clouds.gcp.conftest import GcpRecorder, everything, outputs_of
from tests.components.clouds.gcp.program import PROJECT, environment
from tests.components.recording import Made, Recorder, recording, resolved, the_loop

KEYS = {
    "gcp:artifactregistry/repository:Repository": "kmsKeyName",
    "gcp:container/cluster:Cluster": "databaseEncryption.keyName",
    "gcp:container/nodePool:NodePool": "nodeConfig.bootDiskKmsKey",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "cmekSettings.kmsKeyName",
    "gcp:managedkafka/cluster:Cluster": "gcpConfig.kmsKey",
    "gcp:memorystore/instance:Instance": "kmsKey",
    "gcp:secretmanager/secret:Secret": (
        "replication.userManaged.replicas.0.customerManagedEncryption.kmsKeyName"
    ),
    "gcp:sql/databaseInstance:DatabaseInstance": "encryptionKeyName",
    "gcp:storage/bucket:Bucket": "encryption.defaultKmsKeyName",
}
"""Every type that keeps data, and where it names its key."""

LABELS = ("labels", "resourceLabels", "settings.userLabels")


def at(made: Made, path: str) -> Any:
    found: Any = made.inputs
    for part in path.split("."):
        found = found[int(part)] if isinstance(found, list) else found.get(part)
        if found is None:
            return None
    return found


def only(recorder: Recorder, kind: str) -> Made:
    (found,) = recorder.of(kind).values()
    return found


def takes_labels(made: Made) -> bool:
    """Tells whether the SDK's class of a resource has labels."""
    module, name = made.type.split(":")[1].split("/")[0], made.type.rpartition(":")[2]
    members = dir(getattr(getattr(pulumi_gcp, module), name))
    return any(label in members for label in ("labels", "resource_labels"))


def statements(made: Made) -> str:
    return json.dumps(made.inputs, sort_keys=True)


def test_every_region_has_one_of_everything(recorder: Recorder) -> None:
    everything(environment("europe-west4", "us-central1"))
    for kind in (
        "gcp:container/cluster:Cluster",
        "gcp:container/nodePool:NodePool",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:memorystore/instance:Instance",
        "gcp:managedkafka/cluster:Cluster",
        "gcp:compute/routerNat:RouterNat",
    ):
        assert len(recorder.of(kind)) == 2, kind
    assert len(recorder.of("gcp:compute/network:Network")) == 1
    of_a_region = [one for one in recorder.made if "us-central1" in one.name]
    assert len(of_a_region) <= 60


@pytest.mark.parametrize("kind", KEYS)
def test_what_keeps_data_is_under_our_key(recorder: Recorder, kind: str) -> None:
    everything(environment("europe-west4"))
    made = recorder.of(kind)
    assert made
    for one in made.values():
        key = at(one, KEYS[kind])
        assert key, one.name
        # The key is named through its grant, so who encrypts waits until it may.
        grants = {name for name in one.depends_on if name.endswith("-key-users")}
        assert any(key.startswith(name.removesuffix("-users")) for name in grants), one.name


def test_keys_turn_every_90_days_and_each_has_its_own_users(recorder: Recorder) -> None:
    everything(environment("europe-west4"))
    keys = recorder.of("gcp:kms/cryptoKey:CryptoKey")
    assert {one.inputs["rotationPeriod"] for one in keys.values()} == {"7776000s"}
    assert {one.inputs["destroyScheduledDuration"] for one in keys.values()} == {"2592000s"}
    grants = recorder.of("gcp:kms/cryptoKeyIAMBinding:CryptoKeyIAMBinding")
    assert len(grants) == len(keys)
    for one in grants.values():
        assert one.inputs["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"
        assert not {"allUsers", "allAuthenticatedUsers"} & set(one.inputs["members"])
    secrets = grants["gcp-europe-west4-network-secrets-key-users"].inputs["members"]
    assert secrets == [
        "serviceAccount:service-123456789012@gcp-sa-secretmanager.iam.gserviceaccount.com"
    ]


def test_whatever_takes_labels_has_them(recorder: Recorder) -> None:
    everything(environment("europe-west4", "us-central1"))
    taking = [one for one in recorder.made if one.type.startswith("gcp:") and takes_labels(one)]
    assert len(taking) > 40
    for one in taking:
        labels = next((found for path in LABELS if (found := at(one, path))), None)
        assert labels, f"{one.type} {one.name}"
        assert labels["environment"] == "production"
        if "gcp-" in one.name:
            assert labels["region"] in one.name
            assert labels["compliance"] == ("gdpr" if "europe" in one.name else "none")
    server = recorder.of("gcp:sql/databaseInstance:DatabaseInstance")["gcp-us-central1-database"]
    assert at(server, "settings.userLabels.data-class") == "customer"


def test_one_provider_of_the_environments_project_makes_everything(recorder: Recorder) -> None:
    everything(environment("europe-west4", "us-central1"))
    provider = only(recorder, "pulumi:providers:gcp")
    assert provider.inputs["project"] == PROJECT
    assert json.loads(provider.inputs["defaultLabels"])["managed-by"] == "pulumi"


def test_apis_come_before_what_needs_them_and_stay(recorder: Recorder) -> None:
    everything(environment("europe-west4"))
    apis = recorder.of("gcp:projects/service:Service")
    assert not any(one.inputs["disableOnDestroy"] for one in apis.values())
    for one in recorder.made:
        if one.type.startswith("gcp:") and one.name not in apis:
            assert "container-api" in one.depends_on, f"{one.type} {one.name}"


def test_the_regions_addresses_do_not_overlap_and_stay_inside(recorder: Recorder) -> None:
    everything(environment("europe-west4", "us-central1"))
    nodes = recorder.of("gcp:compute/subnetwork:Subnetwork")["gcp-europe-west4-network-nodes"]
    assert nodes.inputs["ipCidrRange"] == "10.97.0.0/20"
    for location in LOCATIONS:
        ranges = Ranges.of(location.cidr)
        parts = [ranges.nodes, ranges.data, ranges.services, ranges.pods]
        assert all(part.subnet_of(location.cidr) for part in parts)
        assert not any(one.overlaps(other) for one in parts for other in parts if one is not other)


def test_subnets_are_private_and_their_flows_are_logged(recorder: Recorder) -> None:
    everything(environment("europe-west4"))
    for one in recorder.of("gcp:compute/subnetwork:Subnetwork").values():
        assert one.inputs["privateIpGoogleAccess"] is True
        assert one.inputs["logConfig"]["flowSampling"] > 0
    logs = only(recorder, "gcp:logging/projectBucketConfig:ProjectBucketConfig")
    assert logs.inputs["retentionDays"] >= 365
    assert logs.inputs["location"] == "europe-west4"
    sink = only(recorder, "gcp:logging/projectSink:ProjectSink")
    assert 'location:"europe-west4"' in sink.inputs["filter"]
    assert (
        recorder.of("gcp:compute/network:Network")["vpc"].inputs["autoCreateSubnetworks"] is False
    )


def test_nothing_is_let_in_from_the_internet(recorder: Recorder) -> None:
    everything(environment("europe-west4"))
    for one in recorder.of("gcp:compute/firewall:Firewall").values():
        if one.inputs.get("allows"):
            assert "0.0.0.0/0" not in one.inputs["sourceRanges"], one.name
    deny = recorder.of("gcp:compute/firewall:Firewall")["deny-ingress"]
    assert deny.inputs["denies"] == [{"protocol": "all"}]
    for one in recorder.made:
        if one.type.startswith("gcp:"):
            said = statements(one)
            assert "allUsers" not in said, one.name
            assert "allAuthenticatedUsers" not in said, one.name


def test_the_cluster_is_private_and_hardened(recorder: Recorder) -> None:
    everything(environment("europe-west4"))
    made = only(recorder, "gcp:container/cluster:Cluster")
    assert at(made, "privateClusterConfig.enablePrivateNodes") is True
    assert at(made, "controlPlaneEndpointsConfig.ipEndpointsConfig.enabled") is False
    assert at(made, "databaseEncryption.state") == "ENCRYPTED"
    assert at(made, "workloadIdentityConfig.workloadPool") == f"{PROJECT}.svc.id.goog"
    assert at(made, "masterAuth.clientCertificateConfig.issueClientCertificate") is False
    assert {"APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"} <= set(
        at(made, "loggingConfig.enableComponents")
    )
    assert made.inputs["datapathProvider"] == "ADVANCED_DATAPATH"
    assert made.inputs["minMasterVersion"] == "1.34"
    assert at(made, "releaseChannel.channel") == "REGULAR"
    assert len(made.inputs["nodeLocations"]) == 3
    assert "gcp-europe-west4-network-nat" in made.depends_on
    nodes = only(recorder, "gcp:container/nodePool:NodePool")
    assert at(nodes, "nodeConfig.shieldedInstanceConfig.enableSecureBoot") is True
    assert at(nodes, "nodeConfig.workloadMetadataConfig.mode") == "GKE_METADATA"
    assert at(nodes, "nodeConfig.serviceAccount").startswith("gcp-europe-west4-cluster-nodes@")
    assert at(nodes, "networkConfig.enablePrivateNodes") is True


def test_the_kubeconfig_keeps_no_token(recorder: Recorder) -> None:
    everything(environment("europe-west4"))
    provider = only(recorder, "pulumi:providers:kubernetes")
    config = json.loads(provider.inputs["kubeconfig"])
    assert config["clusters"][0]["cluster"] == {
        "server": "https://gcp-europe-west4-cluster.gke.goog"
    }
    assert set(config["users"][0]["user"]) == {"exec"}
    assert config["users"][0]["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert provider.inputs["enableServerSideApply"] == "true"


def test_volumes_are_under_the_regions_key(recorder: Recorder) -> None:
    region = everything(environment("europe-west4")).regions["gcp-europe-west4"]
    made = only(recorder, "kubernetes:storage.k8s.io/v1:StorageClass")
    assert at(made, "parameters.disk-encryption-kms-key").startswith("gcp-europe-west4-network")
    assert at(made, "metadata.name") == region.cluster.storage_class


def test_the_database_is_private_encrypted_and_recoverable(recorder: Recorder) -> None:
    region = everything(environment("europe-west4")).regions["gcp-europe-west4"]
    made = only(recorder, "gcp:sql/databaseInstance:DatabaseInstance")
    assert made.inputs["databaseVersion"] == "POSTGRES_17"
    address = at(made, "settings.ipConfiguration")
    assert address["ipv4Enabled"] is False
    assert address["sslMode"] == "ENCRYPTED_ONLY"
    (endpoints,) = address["pscConfigs"]
    assert endpoints["pscEnabled"] is True
    assert endpoints["allowedConsumerProjects"] == [PROJECT]
    assert endpoints["networkAttachmentUri"] == "gcp-europe-west4-database-id"
    backups = at(made, "settings.backupConfiguration")
    assert backups["pointInTimeRecoveryEnabled"] is True
    assert backups["transactionLogRetentionDays"] == 35
    assert at(made, "settings.availabilityType") == "REGIONAL"
    flags = {one["name"]: one["value"] for one in at(made, "settings.databaseFlags")}
    assert flags["cloudsql.logical_decoding"] == "on"
    assert flags["max_logical_replication_workers"] == "32"
    rule = only(recorder, "gcp:compute/forwardingRule:ForwardingRule")
    assert rule.inputs["allowPscGlobalAccess"] is True
    assert region.database.tls
    assert resolved(region.database.endpoint.host) == "gcp-europe-west4-database.1a2b3c4d.sql.goog"
    record = recorder.of("gcp:dns/recordSet:RecordSet")["gcp-europe-west4-database-endpoint"]
    assert record.inputs["name"] == "gcp-europe-west4-database.1a2b3c4d.sql.goog."
    assert record.inputs["rrdatas"] == ["address-of-gcp-europe-west4-database-endpoint"]
    assert region.database.ca_certificate is not None
    assert resolved(region.database.ca_certificate) == "certificate of gcp-europe-west4-database"


def test_the_cache_takes_tls_and_a_password(recorder: Recorder) -> None:
    region = everything(environment("europe-west4")).regions["gcp-europe-west4"]
    made = only(recorder, "gcp:memorystore/instance:Instance")
    assert made.inputs["transitEncryptionMode"] == "SERVER_AUTHENTICATION"
    assert made.inputs["engineVersion"] == "VALKEY_9_0"
    policy = only(recorder, "gcp:memorystore/aclPolicy:AclPolicy")
    (rule,) = policy.inputs["rules"]
    assert rule["username"] == "default"
    password = resolved(region.cache.password)
    assert f">{password} " in rule["rule"]
    assert "nopass" not in rule["rule"]
    assert made.inputs["aclPolicy"] == "gcp-europe-west4-cache-access-id"
    assert region.cache.tls
    assert resolved(region.cache.endpoint.host) == "10.97.16.7"  # the primary's, not the reader's
    assert region.cache.ca_certificate is not None
    assert resolved(region.cache.ca_certificate) == "one\ntwo"


def test_passwords_and_tokens_are_secret(recorder: Recorder) -> None:
    made = everything(environment("europe-west4"))
    region = made.regions["gcp-europe-west4"]
    token = made.registry.password
    assert token is not None
    assert resolved(token) == "ya29.short-lived"
    for output in (region.cache.password, token):
        assert the_loop().run_until_complete(output.is_secret())
    assert not any("ya29" in statements(one) for one in recorder.made)


def test_buckets_are_private_versioned_and_copied_under_the_same_law(recorder: Recorder) -> None:
    everything(environment("europe-west4", "us-central1"))
    buckets = recorder.of("gcp:storage/bucket:Bucket")
    for one in buckets.values():
        assert one.inputs["publicAccessPrevention"] == "enforced"
        assert one.inputs["uniformBucketLevelAccess"] is True
        assert one.inputs["versioning"] == {"enabled": True}
        assert len(one.inputs["name"]) <= 63
    assert buckets["gcp-europe-west4-object-store-replica"].inputs["location"] == "EUROPE-WEST1"
    job = recorder.of("gcp:storage/transferJob:TransferJob")[
        "gcp-us-central1-object-store-replication"
    ]
    spec = job.inputs["replicationSpec"]
    source = buckets["gcp-us-central1-object-store"].inputs["name"]
    assert spec["gcsDataSource"]["bucketName"] == source
    assert "gcp-us-central1-object-store-replication-write" in job.depends_on


def test_replicas_stay_in_the_jurisdiction() -> None:
    for location in LOCATIONS:
        if location.cloud == "gcp" and (elsewhere := replica_location(location)):
            assert elsewhere.jurisdiction == location.jurisdiction
            assert elsewhere.name != location.name
    assert replica_location(find("gcp", "africa-south1")) is None


def test_a_secret_stays_in_its_region(recorder: Recorder) -> None:
    region = everything(environment("europe-west4")).regions["gcp-europe-west4"]
    made = only(recorder, "gcp:secretmanager/secret:Secret")
    (replica,) = at(made, "replication.userManaged.replicas")
    assert replica["location"] == "europe-west4"
    value = only(recorder, "gcp:secretmanager/secretVersion:SecretVersion")
    assert json.loads(value.inputs["secretData"]) == {"password": "in-confidence"}
    name = resolved(region.secret.name)
    assert name.startswith("production_gcp-europe-west4_")


def test_a_workload_gets_what_it_is_granted_in_its_region(recorder: Recorder) -> None:
    region = everything(environment("europe-west4", "us-central1")).regions["gcp-us-central1"]
    members = recorder.of("gcp:projects/iAMMember:IAMMember")
    reading = members["gcp-us-central1-marketplace-read-secrets"].inputs
    assert reading["role"] == "roles/secretmanager.secretAccessor"
    assert reading["condition"]["expression"] == (
        'resource.name.startsWith("projects/123456789012/secrets/production_gcp-us-central1_")'
    )
    use = recorder.of("gcp:serviceaccount/iAMMember:IAMMember")["gcp-us-central1-marketplace-use"]
    assert use.inputs["member"] == f"serviceAccount:{PROJECT}.svc.id.goog[ai-platform/marketplace]"
    objects = recorder.of("gcp:storage/bucketIAMMember:BucketIAMMember")
    assert "gcp-us-central1" in objects["gcp-us-central1-marketplace-object-store"].inputs["bucket"]
    email = resolved(region.identity.service_account_annotations["iam.gke.io/gcp-service-account"])  # pyright: ignore[reportArgumentType]
    assert email.startswith("gcp-us-central1-marketplace@")
    assert not any(
        one.inputs["role"] in {"roles/owner", "roles/editor"} for one in members.values()
    )


def test_no_service_account_has_a_key(recorder: Recorder) -> None:
    everything(environment("europe-west4"))
    assert not recorder.of("gcp:serviceaccount/key:Key")
    for one in recorder.of("gcp:serviceaccount/account:Account").values():
        assert 6 <= len(one.inputs["accountId"]) <= 30


def test_the_zone_is_signed_and_the_front_door_weighs_healthy_regions(recorder: Recorder) -> None:
    made = everything(environment("europe-west4", "us-central1"))
    zone = recorder.of("gcp:dns/managedZone:ManagedZone")["zone"]
    assert zone.inputs["dnssecConfig"]["state"] == "on"
    record = recorder.of("gcp:dns/recordSet:RecordSet")["director"]
    policy = record.inputs["routingPolicy"]
    assert [one["weight"] for one in policy["wrrs"]] == [90, 10]
    assert policy["wrrs"][1]["healthCheckedTargets"] == {
        "externalEndpoints": ["address-of-gcp-us-central1-gateway"]
    }
    assert policy["healthCheck"] == "director-health-id"
    check = only(recorder, "gcp:compute/healthCheck:HealthCheck")
    assert check.inputs["httpsHealthCheck"]["requestPath"] == "/healthz"
    assert len(check.inputs["sourceRegions"]) == 3
    assert resolved(made.director.url) == "https://api.example.com"


def test_images_are_scanned_and_their_tags_never_move(recorder: Recorder) -> None:
    made = everything(environment("europe-west4", "us-central1"))
    repository = only(recorder, "gcp:artifactregistry/repository:Repository")
    assert repository.inputs["dockerConfig"] == {"immutableTags": True}
    assert set(made.registry.repositories) == {"gcp-europe-west4", "gcp-us-central1"}
    assert resolved(made.registry.push_to).startswith(f"us-docker.pkg.dev/{PROJECT}/")


@pytest.mark.parametrize("protect", [True, False])
def test_what_holds_data_is_protected_as_the_environment_says(
    recorder: Recorder, protect: bool
) -> None:
    everything(environment("europe-west4", protect=protect))
    for kind, key in (
        ("gcp:container/cluster:Cluster", "deletionProtection"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "deletionProtection"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "settings.deletionProtectionEnabled"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "settings.finalBackupConfig.enabled"),
        ("gcp:memorystore/instance:Instance", "deletionProtectionEnabled"),
        ("gcp:secretmanager/secret:Secret", "deletionProtection"),
    ):
        assert at(only(recorder, kind), key) is protect, (kind, key)
    for one in recorder.of("gcp:storage/bucket:Bucket").values():
        assert one.inputs["forceDestroy"] is not protect
    for kind in ("gcp:kms/cryptoKey:CryptoKey", "gcp:managedkafka/cluster:Cluster"):
        policies = {one.inputs["deletionPolicy"] for one in recorder.of(kind).values()}
        assert policies == {"PREVENT" if protect else "DELETE"}


def test_a_small_environment_is_one_zone_and_one_instance(recorder: Recorder) -> None:
    everything(environment("europe-west4", size="small", protect=False))
    assert only(recorder, "gcp:container/cluster:Cluster").inputs["nodeLocations"] == [
        "europe-west4-a"
    ]
    server = only(recorder, "gcp:sql/databaseInstance:DatabaseInstance")
    assert at(server, "settings.availabilityType") == "ZONAL"
    assert only(recorder, "gcp:memorystore/instance:Instance").inputs["replicaCount"] == 0
    assert not recorder.of("gcp:cloudrunv2/job:Job")


def test_names_are_cut_where_google_takes_no_more() -> None:
    assert physical("production", "europe-west4", limit=40) == "production-europe-west4"
    long = physical("production", "northamerica-northeast1", "marketplace", limit=30)
    assert len(long) <= 30
    assert long != physical("production", "northamerica-northeast1", "connectors", limit=30)


def test_names_that_pulumi_ends_fit_in_the_longest_location(recorder: Recorder) -> None:
    longest = max((one.name for one in LOCATIONS if one.cloud == "gcp"), key=len)
    everything(environment(longest))
    suffix = len("-1234567")
    for one in recorder.made:
        limit = 40 if one.type == "gcp:container/nodePool:NodePool" else 63
        if one.type.startswith(("gcp:compute", "gcp:container", "gcp:networkconnectivity")):
            length = len(one.inputs.get("name") or f"{one.name}{'x' * suffix}")
            assert length <= limit, f"{one.type} {one.name}"


def test_only_the_sdks_parts_that_are_used_are_loaded() -> None:
    # The SDK puts a lazy stand-in for each of its parts; it is a plain module once it is loaded.
    program = (
        "import sys, types, components.clouds.gcp.cloud; "
        "print(*(name for name, one in sys.modules.items() if type(one) is types.ModuleType))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[4],
    ).stdout.split()
    assert not {"pulumi_aws", "pulumi_azure_native"} & set(loaded)
    assert "pulumi_gcp" in loaded
    assert not {"pulumi_gcp.bigquery", "pulumi_gcp.vertex"} & set(loaded)


def test_an_account_of_the_environment_passes(recorder: Recorder) -> None:
    del recorder
    GcpCloud(environment()).check_account()


@pytest.mark.parametrize(
    ("calls", "says"),
    [
        ({}, "gcloud auth application-default login"),
        (
            {"gcp:organizations/getClientConfig:getClientConfig": {"project": "another"}},
            "'another'; run `gcloud config set project ai-platform-simulated`",
        ),
        (
            {"gcp:organizations/getClientConfig:getClientConfig": {"project": ""}},
            "do not see the project 'ai-platform-simulated'",
        ),
    ],
)
def test_another_account_is_refused(calls: dict[str, dict[str, Any]], says: str) -> None:
    with (
        recording(GcpRecorder(outputs_of, calls)),
        pytest.raises(AccountError, match=r"clouds\.gcp\.project") as raised,
    ):
        GcpCloud(environment()).check_account()
    assert says in str(raised.value)
