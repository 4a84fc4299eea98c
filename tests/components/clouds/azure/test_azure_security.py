"""What a security reviewer reads first, on what the engine is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.clouds.azure.object_store import sku
from tests.components.clouds.azure.subject import DEPLOYER, SUBSCRIPTION, TENANT, record
from tests.components.recording import Made

UNTAGGABLE = {
    "authorization:ManagementLockByScope",
    "authorization:RoleAssignment",
    "dbforpostgresql:Configuration",
    "dns:DnssecConfig",
    "dns:RecordSet",
    "managedidentity:FederatedIdentityCredential",
    "monitor:DiagnosticSetting",
    "network:PrivateDnsZoneGroup",
    "redisenterprise:Database",
    "storage:BlobContainer",
    "storage:BlobServiceProperties",
    "trafficmanager:Endpoint",
}
"""Types that Azure gives no tags."""

DATA_KEY = "azure-westeurope-network-data-key"
CLUSTER_KEY = "azure-westeurope-network-cluster-key"


def azure() -> Iterator[Made]:
    return (one for one in record().made if one.type.startswith("azure-native:"))


def test_everything_is_in_the_subscription_of_the_environment() -> None:
    (provider,) = (one for one in record().made if one.type == "pulumi:providers:azure-native")
    assert provider.inputs["subscriptionId"] == SUBSCRIPTION


def test_everything_that_takes_tags_has_them() -> None:
    taggable = [one for one in azure() if one.type.removeprefix("azure-native:") not in UNTAGGABLE]
    assert len(taggable) > 50
    for one in taggable:
        assert one.inputs["tags"]["environment"] == "production", one.name
        assert one.inputs["tags"]["managed-by"] == "pulumi", one.name


@pytest.mark.parametrize(
    ("name", "data_class"),
    [
        ("azure-westeurope-database", "customer"),
        ("azure-westeurope-cache", "customer"),
        ("azure-westeurope-bus", "customer"),
        ("azure-westeurope-objects", "customer"),
        ("azure-westeurope-network-flows", "operational"),
        ("azure-westeurope-network", "none"),
    ],
)
def test_tags_say_what_is_held_and_under_which_regime(name: str, data_class: str) -> None:
    tags = record().one(name).inputs["tags"]
    assert tags["data-class"] == data_class
    assert tags["region"] == "azure-westeurope"
    assert tags["compliance"] == "gdpr"


def test_keys_are_rotated_every_90_days_and_cannot_be_purged() -> None:
    keys = record().of("keyvault:Key")
    assert len(keys) == 5
    for key in keys.values():
        (action,) = key.inputs["properties"]["rotationPolicy"]["lifetimeActions"]
        assert action["trigger"]["timeAfterCreate"] == "P90D"
        assert action["action"]["type"] == "rotate"
    for vault in record().of("keyvault:Vault").values():
        properties = vault.inputs["properties"]
        assert properties["enablePurgeProtection"] is True
        assert properties["softDeleteRetentionInDays"] == 90
        assert properties["enableRbacAuthorization"] is True
        assert properties["publicNetworkAccess"] == "Disabled"
        assert properties["tenantId"] == TENANT


def test_an_identity_may_use_its_own_key_and_no_other() -> None:
    grants = record().of("authorization:RoleAssignment")
    data = grants["azure-westeurope-network-data-key-access"].inputs
    assert data["principalId"] == "azure-westeurope-network-data-identity-principal"
    assert data["scope"].endswith(f"/{DATA_KEY}-id")
    cluster = grants["azure-westeurope-network-cluster-key-access"].inputs
    assert cluster["principalId"] == "azure-westeurope-network-cluster-identity-principal"
    assert cluster["scope"].endswith(f"/{CLUSTER_KEY}-id")


def test_no_role_is_given_on_a_whole_subscription() -> None:
    for one in record().of("authorization:RoleAssignment").values():
        assert one.inputs["scope"].count("/") > 4, one.name


def test_the_database_is_encrypted_private_tls_only_and_restorable() -> None:
    server = record().one("azure-westeurope-database")
    inputs = server.inputs
    assert inputs["dataEncryption"]["type"] == "AzureKeyVault"
    assert inputs["dataEncryption"]["primaryKeyURI"] == f"https://vault/keys/{DATA_KEY}"
    within = inputs["network"]
    assert within["publicNetworkAccess"] == "Disabled"
    assert within["delegatedSubnetResourceId"].endswith(
        "/azure-westeurope-network-id/subnets/database"
    )
    assert within["privateDnsZoneArmResourceId"].endswith("/azure-westeurope-database-zone-id")
    assert {"azure-westeurope-database-zone", "azure-westeurope-database-link"} <= server.depends_on
    (subnet,) = (
        one
        for one in record().one("azure-westeurope-network").inputs["subnets"]
        if one["name"] == "database"
    )
    (delegated,) = subnet["delegations"]
    assert delegated["serviceName"] == "Microsoft.DBforPostgreSQL/flexibleServers"
    assert subnet["networkSecurityGroup"]["id"].endswith("/azure-westeurope-network-data-rules-id")
    assert inputs["backup"] == {"backupRetentionDays": 35, "geoRedundantBackup": "Disabled"}
    assert inputs["highAvailability"]["mode"] == "ZoneRedundant"
    assert "azure-westeurope-network-data-key-access" in server.depends_on
    settings = {
        one.inputs["configurationName"]: one.inputs["value"]
        for one in record().of("dbforpostgresql:Configuration").values()
        if one.inputs["serverName"] == "azure-westeurope-database"
    }
    assert settings == {
        "require_secure_transport": "on",
        "wal_level": "logical",
        "max_replication_slots": "64",
        "max_wal_senders": "64",
        "max_logical_replication_workers": "32",
        "max_worker_processes": "48",
    }


def test_the_cache_is_encrypted_private_and_tls_only() -> None:
    inputs = record().one("azure-westeurope-cache").inputs
    own = inputs["encryption"]["customerManagedKeyEncryption"]
    assert own["keyEncryptionKeyUrl"] == f"https://vault/keys/{DATA_KEY}/1"
    assert inputs["publicNetworkAccess"] == "Disabled"
    assert inputs["minimumTlsVersion"] == "1.2"
    assert inputs["highAvailability"] == "Enabled"
    database = record().one("azure-westeurope-cache-database").inputs
    assert database["clientProtocol"] == "Encrypted"


def test_the_event_bus_is_encrypted_private_and_has_no_shared_keys() -> None:
    inputs = record().one("azure-westeurope-bus").inputs
    (key,) = inputs["encryption"]["keyVaultProperties"]
    assert key["keyName"] == DATA_KEY
    assert inputs["encryption"]["keySource"] == "Microsoft.KeyVault"
    assert inputs["publicNetworkAccess"] == "Disabled"
    assert inputs["disableLocalAuth"] is True
    assert inputs["minimumTlsVersion"] == "1.2"


def test_storage_is_encrypted_private_and_has_no_shared_keys() -> None:
    accounts = record().of("storage:StorageAccount")
    assert len(accounts) == 4
    for name, one in accounts.items():
        inputs = one.inputs
        region = "-".join(name.split("-")[:2])
        key = inputs["encryption"]["keyVaultProperties"]
        assert inputs["encryption"]["keySource"] == "Microsoft.Keyvault"
        assert key["keyName"] == f"{region}-network-data-key"
        assert "keyVersion" not in key  # so that Azure follows rotation
        assert inputs["publicNetworkAccess"] == "Disabled"
        assert inputs["allowBlobPublicAccess"] is False
        assert inputs["allowSharedKeyAccess"] is False
        assert inputs["minimumTlsVersion"] == "TLS1_2"
        assert inputs["enableHttpsTrafficOnly"] is True


@pytest.mark.parametrize(
    ("location", "kept"),
    [("westeurope", "Standard_GZRS"), ("brazilsouth", "Standard_ZRS")],
)
def test_objects_stay_under_their_law_when_they_are_replicated(location: str, kept: str) -> None:
    assert sku(location, replicated=True) == kept
    assert sku(location, replicated=False) == "Standard_LRS"


def test_objects_are_replicated() -> None:
    assert record().one("azure-westeurope-objects").inputs["sku"]["name"] == "Standard_GZRS"
    versions = record().one("azure-westeurope-objects-versions").inputs
    assert versions["isVersioningEnabled"] is True
    assert versions["deleteRetentionPolicy"] == {"enabled": True, "days": 30}


def test_the_cluster_is_private_and_signed_in_to_with_entra_only() -> None:
    inputs = record().one("azure-westeurope-cluster").inputs
    access = inputs["apiServerAccessProfile"]
    assert access["enablePrivateCluster"] is True
    assert access["subnetId"].endswith("/subnets/api-server")
    assert access["disableRunCommand"] is True
    assert inputs["publicNetworkAccess"] == "Disabled"
    assert inputs["disableLocalAccounts"] is True
    assert inputs["aadProfile"] == {"managed": True, "enableAzureRBAC": True, "tenantID": TENANT}
    assert inputs["securityProfile"]["workloadIdentity"] == {"enabled": True}
    assert inputs["networkProfile"]["networkDataplane"] == "cilium"
    assert inputs["autoUpgradeProfile"]["upgradeChannel"] == "patch"


def test_the_clusters_secrets_and_disks_are_encrypted_with_its_own_key() -> None:
    inputs = record().one("azure-westeurope-cluster").inputs
    kms = inputs["securityProfile"]["azureKeyVaultKms"]
    assert kms["enabled"] is True
    assert kms["keyId"] == f"https://vault/keys/{CLUSTER_KEY}/1"
    assert kms["keyVaultNetworkAccess"] == "Private"
    assert inputs["diskEncryptionSetID"].endswith("/azure-westeurope-cluster-disks-id")
    disks = record().one("azure-westeurope-cluster-disks").inputs
    assert disks["activeKey"]["keyUrl"] == f"https://vault/keys/{CLUSTER_KEY}/1"
    assert disks["rotationToLatestKeyVersionEnabled"] is True


def test_nodes_of_each_zone_have_their_own_way_out() -> None:
    pools = record().one("azure-westeurope-cluster").inputs["agentPoolProfiles"]
    assert [(one["availabilityZones"], one["vnetSubnetID"][-7:]) for one in pools] == [
        ([zone], f"nodes-{zone}") for zone in "123"
    ]
    subnets = {
        one["name"]: one for one in record().one("azure-westeurope-network").inputs["subnets"]
    }
    gateways = record().of("network:NatGateway")
    for zone in "123":
        gateway = f"azure-westeurope-network-nat-{zone}"
        assert subnets[f"nodes-{zone}"]["natGateway"]["id"].endswith(f"/{gateway}-id")
        assert gateways[gateway].inputs["zones"] == [zone]
    assert all(one["enableNodePublicIP"] is False for one in pools)
    assert all(one["defaultOutboundAccess"] is False for one in subnets.values())


def rules(name: str) -> list[dict[str, Any]]:
    return record().one(name).inputs["securityRules"]


def test_only_https_to_the_gateway_comes_in_from_the_internet() -> None:
    open_to_all = [
        (group.name, rule)
        for group in record().of("network:NetworkSecurityGroup").values()
        for rule in group.inputs["securityRules"]
        if rule["access"] == "Allow"
        and rule.get("sourceAddressPrefix") in {"*", "Internet", "0.0.0.0/0"}
    ]
    assert len(open_to_all) == 2
    for name, rule in open_to_all:
        assert name.endswith("-node-rules")
        assert rule["destinationPortRanges"] == ["443"]
        assert rule["destinationAddressPrefix"] == "203.0.113.7"


def test_what_no_rule_lets_in_is_refused() -> None:
    for group in record().of("network:NetworkSecurityGroup").values():
        *_, last = sorted(group.inputs["securityRules"], key=lambda rule: rule["priority"])
        assert (last["access"], last["sourceAddressPrefix"]) == ("Deny", "*")


def test_data_is_reached_from_the_platforms_addresses_on_the_ports_it_answers_on() -> None:
    allowed, _ = rules("azure-westeurope-network-data-rules")
    assert allowed["sourceAddressPrefix"] == "10.0.0.0/8"
    assert allowed["destinationPortRanges"] == ["443", "5432", "9093", "10000"]


def test_services_are_reached_over_private_endpoints() -> None:
    endpoints = record().of("network:PrivateEndpoint").values()
    reached = {
        (one.inputs["privateLinkServiceConnections"][0]["groupIds"][0], one.inputs["location"])
        for one in endpoints
    }
    groups = {"redisEnterprise", "namespace", "blob", "vault"}
    assert reached == {
        (group, location) for group in groups for location in ("westeurope", "northeurope")
    }
    assert all(one.inputs["subnet"]["id"].endswith("/subnets/data") for one in endpoints)


def test_private_names_are_known_in_every_region() -> None:
    links = record().of("privatedns:VirtualNetworkLink").values()
    zones = record().of("privatedns:PrivateZone")
    linked = {(one.inputs["privateZoneName"], one.inputs["virtualNetwork"]["id"]) for one in links}
    assert len(linked) == 2 * len(zones) == 2 * (5 + 2)  # kinds of services, servers


def test_flows_and_audit_logs_are_kept() -> None:
    flow_log = record().one("azure-westeurope-network-flow-log").inputs
    assert flow_log["targetResourceId"].endswith("/azure-westeurope-network-id")
    assert flow_log["retentionPolicy"] == {"days": 365, "enabled": True}
    kinds = record().one("azure-westeurope-cluster-logs").inputs["logs"]
    assert {"kube-audit", "kube-apiserver", "guard"} <= {one["category"] for one in kinds}
    sources = record().of("monitor:DiagnosticSetting")
    assert {name.removeprefix("azure-westeurope-") for name in sources if "west" in name} == {
        "network-vault-logs",
        "cluster-logs",
        "database-logs",
        "bus-logs",
    }


def test_the_registry_has_no_password_and_a_key_of_its_own() -> None:
    inputs = record().one("registry").inputs
    assert inputs["adminUserEnabled"] is False
    assert inputs["anonymousPullEnabled"] is False
    assert inputs["encryption"]["status"] == "enabled"
    key = inputs["encryption"]["keyVaultProperties"]
    assert key["keyIdentifier"] == "https://vault/keys/registry-images-key"
    copies = record().of("containerregistry:Replication").values()
    assert [one.inputs["location"] for one in copies] == ["westeurope"]


def test_the_zone_is_signed() -> None:
    assert record().one("zone-signing").inputs["zoneName"] == "zone"


def test_secrets_are_secret_and_one_json_object() -> None:
    made = record().one("azure-westeurope-security").inputs["properties"]
    assert made == {
        "contentType": "application/json",
        "value": '{"password": "hunter2", "user": "security"}',
    }


def test_who_deploys_is_administrator_of_the_cluster() -> None:
    made = record().one("azure-westeurope-cluster-administrator").inputs
    assert made["principalId"] == DEPLOYER
    assert made["scope"].endswith("/azure-westeurope-cluster-id")


def test_a_service_account_gets_what_it_is_granted_in_its_region_only() -> None:
    prefix = "azure-westeurope-security-identity"
    given = {
        name.removeprefix(f"{prefix}-"): one.inputs["scope"].rpartition("/")[2]
        for name, one in record().of("authorization:RoleAssignment").items()
        if name.startswith(prefix)
    }
    assert given == {
        "secrets-user": "azure-westeurope-network-vault-id",
        "event-hubs-sender": "azure-westeurope-bus-id",
        "event-hubs-receiver": "azure-westeurope-bus-id",
        "storage-blob-contributor": "azure-westeurope-objects-container-id",
    }
    credential = record().one(f"{prefix}-credential").inputs
    assert credential["subject"] == "system:serviceaccount:ai-platform:security"
    assert credential["issuer"] == "https://issuer/azure-westeurope-cluster/"
    assert credential["audiences"] == ["api://AzureADTokenExchange"]


def test_protection_is_of_the_environment_to_say() -> None:
    held = {
        f"azure-{location}-{what}"
        for location in ("westeurope", "northeurope")
        for what in ("database", "objects")
    }
    assert record().protected == held
    locks = record().of("authorization:ManagementLockByScope").values()
    assert {one.inputs["scope"].rpartition("/")[2] for one in locks} == {
        f"{one}-id" for one in held
    }
    assert {one.inputs["level"] for one in locks} == {"CanNotDelete"}


def test_what_is_not_protected_can_be_destroyed() -> None:
    free = record(protect=False, size="small")
    assert not free.of("authorization:ManagementLockByScope")
    assert not free.protected
    vault = free.one("azure-westeurope-network-vault").inputs["properties"]
    assert vault["softDeleteRetentionInDays"] == 7
    assert free.one("azure-westeurope-database").inputs["backup"]["backupRetentionDays"] == 7


def test_small_environments_have_one_of_everything() -> None:
    small = record(protect=False, size="small")
    assert len(small.of("network:NatGateway")) == 2
    cluster = small.one("azure-westeurope-cluster").inputs
    assert len(cluster["agentPoolProfiles"]) == 1
    assert cluster["sku"]["tier"] == "Free"
    database = small.one("azure-westeurope-database").inputs
    assert database["highAvailability"]["mode"] == "Disabled"
    assert small.one("azure-westeurope-cache").inputs["highAvailability"] == "Disabled"
