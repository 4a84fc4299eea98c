"""What the simulated Azure refuses, in Azure's words."""

from typing import Any

import pytest

from tests.simulation.calls import Caller, Made, RefusedError
from tools.simulation import accounts

NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
SERVER = "azure-native:dbforpostgresql:Server"
ACCOUNT = "azure-native:storage:StorageAccount"


@pytest.fixture(autouse=True)
def group(azure: Caller) -> Made:
    return azure.create(
        "azure-native:resources:ResourceGroup", resourceGroupName="group", location="westeurope"
    )


def _network(azure: Caller, name: str, block: str) -> Made:
    return azure.create(
        NETWORK,
        name,
        resourceGroupName="group",
        virtualNetworkName=name,
        addressSpace={"addressPrefixes": [block]},
    )


def _subnet(azure: Caller, name: str, block: str, network: str = "net") -> Made:
    return azure.create(
        SUBNET,
        name,
        resourceGroupName="group",
        virtualNetworkName=network,
        subnetName=name,
        addressPrefix=block,
    )


def test_a_subnet_lies_within_its_network_and_overlaps_no_other(azure: Caller) -> None:
    network = _network(azure, "net", "10.0.0.0/16")
    first = _subnet(azure, "first", "10.0.0.0/20")
    with pytest.raises(RefusedError, match="NetcfgInvalidSubnet"):
        _subnet(azure, "second", "10.1.0.0/20")
    with pytest.raises(RefusedError, match=r"NetcfgSubnetRangesOverlap.*'first'"):
        _subnet(azure, "second", "10.0.8.0/24")
    other = _network(azure, "other", "10.0.0.0/20")
    with pytest.raises(RefusedError, match="VnetAddressSpacesOverlap"):
        azure.create(
            "azure-native:network:VirtualNetworkPeering",
            resourceGroupName="group",
            virtualNetworkName="net",
            remoteVirtualNetwork={"id": other.id},
        )
    endpoint = azure.create(
        "azure-native:network:PrivateEndpoint",
        resourceGroupName="group",
        subnet={"id": first.id},
        location="westeurope",
    )
    for one in (first, network):
        with pytest.raises(RefusedError, match="InUseSubnetCannotBeDeleted"):
            azure.delete(one)
    azure.delete(endpoint)
    azure.delete(network)
    assert azure.read(first) is None, "it went with its network"


def test_subnets_within_a_network_are_judged_and_can_be_referred_to(azure: Caller) -> None:
    declared: dict[str, Any] = {
        "resourceGroupName": "group",
        "virtualNetworkName": "net",
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
    }
    first = {"name": "first", "addressPrefix": "10.0.0.0/20"}
    overlapping = {"name": "second", "addressPrefix": "10.0.8.0/24"}
    with pytest.raises(RefusedError, match="NetcfgSubnetRangesOverlap"):
        azure.create(NETWORK, **declared, subnets=[first, overlapping])
    with pytest.raises(RefusedError, match="NetcfgInvalidSubnet"):
        azure.create(NETWORK, **declared, subnets=[{"name": "a", "addressPrefix": "10.1.0.0/24"}])
    second = {"name": "second", "addressPrefix": "10.0.16.0/20"}
    network = azure.create(NETWORK, **declared, subnets=[first, second])
    ids = [one["id"] for one in network["subnets"]]
    assert ids == [f"{network.id}/subnets/first", f"{network.id}/subnets/second"]
    azure.create(
        "azure-native:network:PrivateEndpoint", resourceGroupName="group", subnet={"id": ids[1]}
    )
    with pytest.raises(RefusedError, match="Subnet second is in use"):
        azure.update(network, subnets=[first])
    with pytest.raises(RefusedError, match="NetcfgSubnetRangesOverlap"):
        _subnet(azure, "third", "10.0.0.0/24")


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (ACCOUNT, {"accountName": "Upper-Case"}, "3 to 24 lower-case"),
        (NETWORK, {"location": "westeurop"}, "did you mean westeurope"),
        (NETWORK, {"addressSpace": {"addressPrefixes": ["10.0.0.1/16"]}}, "host bits"),
        (
            "azure-native:containerservice:ManagedCluster",
            {"networkProfile": {"serviceCidr": "10.1.0.0/16", "dnsServiceIP": "10.0.0.10"}},
            "must be within serviceCidr",
        ),
    ],
)
def test_what_can_be_known_beforehand_is_refused_by_a_preview(
    azure: Caller, token: str, inputs: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        azure.preview(token, resourceGroupName="group", **inputs)


def test_what_is_referred_to_must_be_there(azure: Caller, group: Made) -> None:
    with pytest.raises(RefusedError, match="Resource group 'none' could not be found"):
        azure.create(
            NETWORK,
            resourceGroupName="none",
            location="westeurope",
            addressSpace={"addressPrefixes": ["10.0.0.0/16"]},
        )
    with pytest.raises(RefusedError, match="ParentResourceNotFound"):
        _subnet(azure, "first", "10.0.0.0/20", network="none")
    missing = f"{group.id}/providers/Microsoft.Network/networkSecurityGroups/none"
    _network(azure, "net", "10.0.0.0/16")
    with pytest.raises(RefusedError, match=f"Resource {missing} referenced by"):
        azure.create(
            SUBNET,
            resourceGroupName="group",
            virtualNetworkName="net",
            addressPrefix="10.0.0.0/20",
            networkSecurityGroup={"id": missing},
        )


def _account(azure: Caller, name: str) -> Made:
    return azure.create(
        ACCOUNT,
        name,
        resourceGroupName="group",
        accountName="data",
        kind="StorageV2",
        sku={"name": "Standard_ZRS"},
    )


def test_names_in_host_names_are_taken_in_all_the_world(azure: Caller) -> None:
    azure.create(
        "azure-native:resources:ResourceGroup", "b", resourceGroupName="b", location="eastus"
    )
    _account(azure, "one")
    with pytest.raises(RefusedError, match="storage account named data is already taken"):
        azure.create(
            ACCOUNT,
            "two",
            resourceGroupName="b",
            accountName="data",
            kind="StorageV2",
            sku={"name": "Standard_ZRS"},
        )


def _vault(azure: Caller) -> Made:
    properties = {
        "tenantId": accounts.Accounts().azure_tenant,
        "sku": {"family": "A", "name": "standard"},
        "enablePurgeProtection": True,
    }
    return azure.create(
        "azure-native:keyvault:Vault",
        resourceGroupName="group",
        vaultName="vault",
        properties=properties,
    )


def test_a_vault_keeps_its_name_and_its_protection(azure: Caller) -> None:
    vault = _vault(azure)
    with pytest.raises(RefusedError, match=r"enablePurgeProtection.*cannot be set to false"):
        azure.update(
            vault, properties=vault.inputs["properties"] | {"enablePurgeProtection": False}
        )
    azure.delete(vault)
    with pytest.raises(RefusedError, match="already exists in deleted state"):
        _vault(azure)


def test_a_lock_refuses_deletion_and_a_group_takes_all_along(azure: Caller, group: Made) -> None:
    account = _account(azure, "one")
    lock = azure.create(
        "azure-native:authorization:ManagementLockByScope",
        scope=account.id,
        lockName="keep",
        level="CanNotDelete",
    )
    with pytest.raises(RefusedError, match="ScopeLocked"):
        azure.delete(account)
    azure.delete(lock)
    azure.delete(group)
    assert azure.cloud.resources() == []


def test_services_of_a_cluster_do_not_overlap_its_subnet(azure: Caller) -> None:
    _network(azure, "net", "10.0.0.0/8")
    subnet = _subnet(azure, "nodes", "10.2.0.0/20")
    with pytest.raises(RefusedError, match="ServiceCidrOverlapExistingSubnetsCidr"):
        azure.create(
            "azure-native:containerservice:ManagedCluster",
            resourceGroupName="group",
            agentPoolProfiles=[{"name": "system", "vnetSubnetID": subnet.id}],
            networkProfile={"serviceCidr": "10.2.0.0/16", "dnsServiceIP": "10.2.0.10"},
        )


def test_one_role_is_given_once(azure: Caller, group: Made) -> None:
    role = {
        "principalId": "00000000-0000-4000-8000-00000000000a",
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/b24988ac",
        "scope": group.id,
    }
    azure.create("azure-native:authorization:RoleAssignment", **role)
    with pytest.raises(RefusedError, match="RoleAssignmentExists"):
        azure.create("azure-native:authorization:RoleAssignment", "two", **role)


def _server(azure: Caller, name: str, **inputs: Any) -> Made:
    return azure.create(SERVER, name, resourceGroupName="group", serverName=name, **inputs)


def test_a_replica_follows_and_takes_over_when_a_script_says_so(azure: Caller) -> None:
    with pytest.raises(RefusedError, match="administratorLogin and administratorLoginPassword"):
        _server(azure, "east", createMode="Default")
    login = {"administratorLogin": "root", "administratorLoginPassword": "long-enough-1"}
    east = _server(azure, "east", createMode="Default", location="eastus", **login)
    west = _server(azure, "west", createMode="Replica", sourceServerResourceId=east.id)
    assert _role(azure, west) == "AsyncReplica"
    with pytest.raises(RefusedError, match="is a replica itself"):
        _server(azure, "third", createMode="Replica", sourceServerResourceId=west.id)
    switch = """
        body='{"properties":{"replica":{"role":"Primary","promoteMode":"switchover","promoteOption":"planned"}}}'
        az rest --method patch --url "$SERVER?api-version=2025-08-01" --body "$body" --output none
    """
    script: dict[str, Any] = {
        "kind": "AzureCLI",
        "azCliVersion": "2.75.0",
        "resourceGroupName": "group",
        "retentionInterval": "P1D",
        "environmentVariables": [{"name": "SERVER", "value": west.id}],
    }
    token = "azure-native:resources:AzureCliScript"
    with pytest.raises(RefusedError, match="needs a virtual endpoint that names the replica"):
        azure.create(token, **script, scriptContent=switch)
    point = f"""
        set -e
        body='{{"properties":{{"endpointType":"ReadWrite","members":["west"]}}}}'
        az rest --method put --url "{east.id}/virtualEndpoints/lead?api-version=2025-08-01" \
          --body "$body" --output none
    """
    azure.create(token, **script, scriptContent=point + switch)
    assert (_role(azure, east), _role(azure, west)) == ("AsyncReplica", "Primary")


def test_a_server_in_a_network_has_a_delegated_subnet_and_a_zone_that_the_network_looks_up(
    azure: Caller,
) -> None:
    network = _network(azure, "net", "10.0.0.0/16")
    subnet = _subnet(azure, "plain", "10.0.1.0/24")
    zone = azure.create(
        "azure-native:privatedns:PrivateZone",
        "zone",
        resourceGroupName="group",
        location="global",
        privateZoneName="one.private.postgres.database.azure.com",
    )

    def make(within: str) -> Made:
        return _server(
            azure,
            "server",
            createMode="Default",
            administratorLogin="root",
            administratorLoginPassword="long-enough-1",
            network={
                "delegatedSubnetResourceId": within,
                "privateDnsZoneArmResourceId": zone.id,
            },
        )

    with pytest.raises(RefusedError, match="is not delegated to Microsoft"):
        make(subnet.id)
    delegated = azure.create(
        SUBNET,
        "own",
        resourceGroupName="group",
        virtualNetworkName="net",
        subnetName="own",
        addressPrefix="10.0.2.0/24",
        delegations=[
            {"name": "postgresql", "serviceName": "Microsoft.DBforPostgreSQL/flexibleServers"}
        ],
    )
    with pytest.raises(RefusedError, match="that is linked to the server's network"):
        make(delegated.id)
    azure.create(
        "azure-native:privatedns:VirtualNetworkLink",
        "link",
        resourceGroupName="group",
        location="global",
        privateZoneName="one.private.postgres.database.azure.com",
        virtualNetworkLinkName="link",
        registrationEnabled=False,
        virtualNetwork={"id": network.id},
    )
    server = make(delegated.id)
    script = {
        "kind": "AzureCLI",
        "azCliVersion": "2.75.0",
        "resourceGroupName": "group",
        "retentionInterval": "P1D",
        "scriptContent": f"""
            az rest --method get --url "{zone.id}/A?api-version=2024-06-01" \
              --query "value[0].properties.aRecords[0]" >"$AZ_SCRIPTS_OUTPUT_PATH"
        """,
    }
    made = azure.create("azure-native:resources:AzureCliScript", **script)
    assert made.outputs["outputs"] == {"ipv4Address": "10.0.2.4"}
    azure.delete(server)
    azure.delete(zone)  # whose address went with the server


def test_static_parameters_are_pending_until_a_restart(azure: Caller) -> None:
    login = {"administratorLogin": "root", "administratorLoginPassword": "long-enough-1"}
    server = _server(azure, "server", createMode="Default", **login)

    def pending(name: str) -> object:
        made = azure.create(
            "azure-native:dbforpostgresql:Configuration",
            name,
            resourceGroupName="group",
            serverName="server",
            configurationName=name,
            source="user-override",
            value="logical" if name == "wal_level" else "on",
        )
        found = azure.read(made)
        assert found is not None
        return found["isConfigPendingRestart"]

    assert pending("require_secure_transport") is False
    assert pending("wal_level") is True
    script = {
        "kind": "AzureCLI",
        "azCliVersion": "2.75.0",
        "resourceGroupName": "group",
        "retentionInterval": "P1D",
        "scriptContent": f"""
            set -e
            az rest --method post --url "{server.id}/restart?api-version=2025-08-01" --body "{{}}"
            setting="{server.id}/configurations/wal_level"
            az rest --method get --url "$setting?api-version=2025-08-01" \
              --query properties.isConfigPendingRestart --output tsv |
              sed 's/.*/{{"pending": "&"}}/' >"$AZ_SCRIPTS_OUTPUT_PATH"
        """,
    }
    made = azure.create("azure-native:resources:AzureCliScript", **script)
    assert made.outputs["outputs"] == {"pending": "false"}


def _role(azure: Caller, server: Made) -> str:
    found = azure.read(server)
    assert found is not None
    return found["replicationRole"]


def test_credentials_and_subscription_are_the_callers_own(azure: Caller) -> None:
    client = azure.invoke("azure-native:authorization:getClientConfig")
    assert client["subscriptionId"] == accounts.Accounts().azure_subscription
    with pytest.raises(RefusedError, match="SubscriptionNotFound"):
        azure.configure(subscriptionId="11111111-0000-4000-8000-000000000001")
    accounts.save(azure.folder, accounts.Accounts(without_credentials=("azure-native",)))
    with pytest.raises(RefusedError, match="no Azure credentials found"):
        azure.configure()


def test_a_location_is_the_same_in_all_spellings(azure: Caller) -> None:
    network = _network(azure, "net", "10.0.0.0/16")
    assert azure.diff(network, location="West Europe").changes == azure.diff(network).DIFF_NONE
    assert list(azure.diff(network, location="eastus").replaces) == ["location"]
