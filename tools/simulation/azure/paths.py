"""The resource ids of Azure's resource types, as paths below subscription and resource group.

Source: the REST API reference. What is not listed gets ``Microsoft.<module>/<type>s/{name}`` with
the parameters that the SDK's function of the same type must be given.
"""

from typing import Final

_NETWORK: Final = {
    "VirtualNetwork": "virtualNetworks/{virtualNetworkName}",
    "Subnet": "virtualNetworks/{virtualNetworkName}/subnets/{subnetName}",
    "VirtualNetworkPeering": (
        "virtualNetworks/{virtualNetworkName}/virtualNetworkPeerings/{virtualNetworkPeeringName}"
    ),
    "NatGateway": "natGateways/{natGatewayName}",
    "PublicIPAddress": "publicIPAddresses/{publicIpAddressName}",
    "PublicIPPrefix": "publicIPPrefixes/{publicIpPrefixName}",
    "NetworkSecurityGroup": "networkSecurityGroups/{networkSecurityGroupName}",
    "SecurityRule": (
        "networkSecurityGroups/{networkSecurityGroupName}/securityRules/{securityRuleName}"
    ),
    "RouteTable": "routeTables/{routeTableName}",
    "Route": "routeTables/{routeTableName}/routes/{routeName}",
    "PrivateEndpoint": "privateEndpoints/{privateEndpointName}",
    "PrivateDnsZoneGroup": (
        "privateEndpoints/{privateEndpointName}/privateDnsZoneGroups/{privateDnsZoneGroupName}"
    ),
    "PrivateLinkService": "privateLinkServices/{serviceName}",
    "NetworkWatcher": "networkWatchers/{networkWatcherName}",
    "FlowLog": "networkWatchers/{networkWatcherName}/flowLogs/{flowLogName}",
    "VirtualWan": "virtualWans/{virtualWANName}",
    "VirtualHub": "virtualHubs/{virtualHubName}",
    "HubVirtualNetworkConnection": (
        "virtualHubs/{virtualHubName}/hubVirtualNetworkConnections/{connectionName}"
    ),
    "HubRouteTable": "virtualHubs/{virtualHubName}/hubRouteTables/{routeTableName}",
    "VpnGateway": "vpnGateways/{gatewayName}",
    "VpnSite": "vpnSites/{vpnSiteName}",
    "VpnConnection": "vpnGateways/{gatewayName}/vpnConnections/{connectionName}",
    "VirtualNetworkGateway": "virtualNetworkGateways/{virtualNetworkGatewayName}",
    "VirtualNetworkGatewayConnection": "connections/{virtualNetworkGatewayConnectionName}",
    "LocalNetworkGateway": "localNetworkGateways/{localNetworkGatewayName}",
    "LoadBalancer": "loadBalancers/{loadBalancerName}",
    "ApplicationGateway": "applicationGateways/{applicationGatewayName}",
}
_REST: Final = {
    "containerservice:ManagedCluster": "ContainerService/managedClusters/{resourceName}",
    "containerservice:AgentPool": (
        "ContainerService/managedClusters/{resourceName}/agentPools/{agentPoolName}"
    ),
    "containerservice:MaintenanceConfiguration": (
        "ContainerService/managedClusters/{resourceName}/maintenanceConfigurations/{configName}"
    ),
    "dbforpostgresql:Server": "DBforPostgreSQL/flexibleServers/{serverName}",
    "dbforpostgresql:Database": (
        "DBforPostgreSQL/flexibleServers/{serverName}/databases/{databaseName}"
    ),
    "dbforpostgresql:Configuration": (
        "DBforPostgreSQL/flexibleServers/{serverName}/configurations/{configurationName}"
    ),
    "dbforpostgresql:FirewallRule": (
        "DBforPostgreSQL/flexibleServers/{serverName}/firewallRules/{firewallRuleName}"
    ),
    "dbforpostgresql:VirtualEndpoint": (
        "DBforPostgreSQL/flexibleServers/{serverName}/virtualendpoints/{virtualEndpointName}"
    ),
    "dbforpostgresql:Administrator": (
        "DBforPostgreSQL/flexibleServers/{serverName}/administrators/{objectId}"
    ),
    "dbforpostgresql:AdministratorsMicrosoftEntra": (
        "DBforPostgreSQL/flexibleServers/{serverName}/administrators/{objectId}"
    ),
    "redisenterprise:RedisEnterprise": "Cache/redisEnterprise/{clusterName}",
    "redisenterprise:Database": "Cache/redisEnterprise/{clusterName}/databases/{databaseName}",
    "redisenterprise:AccessPolicyAssignment": (
        "Cache/redisEnterprise/{clusterName}/databases/{databaseName}"
        "/accessPolicyAssignments/{accessPolicyAssignmentName}"
    ),
    "eventhub:Namespace": "EventHub/namespaces/{namespaceName}",
    "eventhub:EventHub": "EventHub/namespaces/{namespaceName}/eventhubs/{eventHubName}",
    "eventhub:ConsumerGroup": (
        "EventHub/namespaces/{namespaceName}/eventhubs/{eventHubName}"
        "/consumergroups/{consumerGroupName}"
    ),
    "eventhub:NamespaceAuthorizationRule": (
        "EventHub/namespaces/{namespaceName}/authorizationRules/{authorizationRuleName}"
    ),
    "eventhub:EventHubAuthorizationRule": (
        "EventHub/namespaces/{namespaceName}/eventhubs/{eventHubName}"
        "/authorizationRules/{authorizationRuleName}"
    ),
    "eventhub:DisasterRecoveryConfig": (
        "EventHub/namespaces/{namespaceName}/disasterRecoveryConfigs/{alias}"
    ),
    "eventhub:NamespaceNetworkRuleSet": (
        "EventHub/namespaces/{namespaceName}/networkRuleSets/default"
    ),
    "storage:StorageAccount": "Storage/storageAccounts/{accountName}",
    "storage:BlobContainer": (
        "Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}"
    ),
    "storage:BlobServiceProperties": "Storage/storageAccounts/{accountName}/blobServices/default",
    "storage:FileServiceProperties": "Storage/storageAccounts/{accountName}/fileServices/default",
    "storage:ManagementPolicy": "Storage/storageAccounts/{accountName}/managementPolicies/default",
    "storage:EncryptionScope": (
        "Storage/storageAccounts/{accountName}/encryptionScopes/{encryptionScopeName}"
    ),
    "storage:ObjectReplicationPolicy": (
        "Storage/storageAccounts/{accountName}/objectReplicationPolicies"
        "/{objectReplicationPolicyId}"
    ),
    "storage:BlobContainerImmutabilityPolicy": (
        "Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}"
        "/immutabilityPolicies/default"
    ),
    "keyvault:Vault": "KeyVault/vaults/{vaultName}",
    "keyvault:Key": "KeyVault/vaults/{vaultName}/keys/{keyName}",
    "keyvault:Secret": "KeyVault/vaults/{vaultName}/secrets/{secretName}",
    "keyvault:ManagedHsm": "KeyVault/managedHSMs/{name}",
    "managedidentity:UserAssignedIdentity": (
        "ManagedIdentity/userAssignedIdentities/{resourceName}"
    ),
    "managedidentity:FederatedIdentityCredential": (
        "ManagedIdentity/userAssignedIdentities/{resourceName}"
        "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}"
    ),
    "trafficmanager:Profile": "Network/trafficManagerProfiles/{profileName}",
    "trafficmanager:Endpoint": (
        "Network/trafficManagerProfiles/{profileName}/{endpointType}/{endpointName}"
    ),
    "dns:Zone": "Network/dnsZones/{zoneName}",
    "dns:RecordSet": "Network/dnsZones/{zoneName}/{recordType}/{relativeRecordSetName}",
    "privatedns:PrivateZone": "Network/privateDnsZones/{privateZoneName}",
    "privatedns:VirtualNetworkLink": (
        "Network/privateDnsZones/{privateZoneName}/virtualNetworkLinks/{virtualNetworkLinkName}"
    ),
    "privatedns:PrivateRecordSet": (
        "Network/privateDnsZones/{privateZoneName}/{recordType}/{relativeRecordSetName}"
    ),
    "containerregistry:Registry": "ContainerRegistry/registries/{registryName}",
    "containerregistry:Replication": (
        "ContainerRegistry/registries/{registryName}/replications/{replicationName}"
    ),
    "containerregistry:CacheRule": (
        "ContainerRegistry/registries/{registryName}/cacheRules/{cacheRuleName}"
    ),
    "resources:AzureCliScript": "Resources/deploymentScripts/{scriptName}",
    "operationalinsights:Workspace": "OperationalInsights/workspaces/{workspaceName}",
    "cdn:Profile": "Cdn/profiles/{profileName}",
    "cdn:AFDEndpoint": "Cdn/profiles/{profileName}/afdEndpoints/{endpointName}",
    "cdn:AFDOriginGroup": "Cdn/profiles/{profileName}/originGroups/{originGroupName}",
    "cdn:AFDOrigin": (
        "Cdn/profiles/{profileName}/originGroups/{originGroupName}/origins/{originName}"
    ),
    "cdn:AFDCustomDomain": "Cdn/profiles/{profileName}/customDomains/{customDomainName}",
    "cdn:Route": "Cdn/profiles/{profileName}/afdEndpoints/{endpointName}/routes/{routeName}",
}
_GROUP: Final = "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}/providers/"

PATHS: Final = {
    **{f"azure-native:network:{t}": f"{_GROUP}Microsoft.Network/{p}" for t, p in _NETWORK.items()},
    **{f"azure-native:{token}": f"{_GROUP}Microsoft.{path}" for token, path in _REST.items()},
    "azure-native:resources:ResourceGroup": (
        "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}"
    ),
    "azure-native:authorization:RoleAssignment": (
        "/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}"
    ),
    "azure-native:authorization:RoleDefinition": (
        "/{scope}/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionId}"
    ),
    "azure-native:authorization:ManagementLockByScope": (
        "/{scope}/providers/Microsoft.Authorization/locks/{lockName}"
    ),
    "azure-native:monitor:DiagnosticSetting": (
        "/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    ),
    "azure-native:insights:DiagnosticSetting": (
        "/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    ),
}
UNIQUE: Final = {"roleAssignmentName", "roleDefinitionId"}
"""Names that are UUIDs."""
ONE_WORD: Final = {"accountName", "registryName"}
"""Names that take letters and digits only."""
GLOBAL: Final = {
    "azure-native:storage:StorageAccount",
    "azure-native:keyvault:Vault",
    "azure-native:containerregistry:Registry",
    "azure-native:eventhub:Namespace",
    "azure-native:dbforpostgresql:Server",
    "azure-native:trafficmanager:Profile",
}
"""Types whose names are part of a host name that is taken once in the world."""
