"""Which inputs Azure's resource types can't change in place.

What is part of the id can't, nor the location; the rest is what the resource providers refuse to
change (REST API reference), for the types in use.
"""

from typing import Final

_TABLE: Final[dict[str, tuple[str, ...]]] = {
    "azure-native:containerservice:ManagedCluster": (
        "agentPoolProfiles.name",
        "agentPoolProfiles.vnetSubnetID",
        "apiServerAccessProfile.enablePrivateCluster",
        "diskEncryptionSetID",
        "dnsPrefix",
        "fqdnSubdomain",
        "linuxProfile.adminUsername",
        "networkProfile.dnsServiceIP",
        "networkProfile.podCidr",
        "networkProfile.serviceCidr",
        "nodeResourceGroup",
    ),
    "azure-native:containerservice:AgentPool": (
        "availabilityZones",
        "osDiskSizeGB",
        "osDiskType",
        "osType",
        "vmSize",
        "vnetSubnetID",
    ),
    "azure-native:dbforpostgresql:Server": (
        "administratorLogin",
        "availabilityZone",
        "createMode",
        "dataEncryption.type",
        "network.delegatedSubnetResourceId",
        "pointInTimeUTC",
        "sourceServerResourceId",
    ),
    "azure-native:redisenterprise:RedisEnterprise": ("highAvailability", "zones"),
    "azure-native:redisenterprise:Database": ("clusteringPolicy", "modules", "port"),
    "azure-native:eventhub:Namespace": ("clusterArmId", "sku.name", "sku.tier", "zoneRedundant"),
    "azure-native:storage:StorageAccount": (
        "encryption.requireInfrastructureEncryption",
        "extendedLocation",
        "isHnsEnabled",
        "isNfsV3Enabled",
    ),
    "azure-native:keyvault:Vault": ("properties.tenantId",),
    "azure-native:keyvault:Key": ("properties",),
    "azure-native:network:NatGateway": ("sku", "zones"),
    "azure-native:network:PublicIPAddress": (
        "publicIPAddressVersion",
        "publicIPAllocationMethod",
        "sku",
        "zones",
    ),
    "azure-native:network:PrivateEndpoint": ("subnet",),
    "azure-native:network:VirtualHub": ("addressPrefix", "virtualWan"),
    "azure-native:network:VpnGateway": ("virtualHub",),
    "azure-native:network:FlowLog": ("targetResourceId",),
    "azure-native:authorization:RoleAssignment": (
        "principalId",
        "principalType",
        "roleDefinitionId",
        "condition",
    ),
    "azure-native:managedidentity:UserAssignedIdentity": (),
    "azure-native:privatedns:VirtualNetworkLink": ("virtualNetwork",),
    "azure-native:trafficmanager:Profile": ("dnsConfig.relativeName",),
}


def replacing(token: str, identity: frozenset[str]) -> frozenset[str]:
    """Returns the inputs that replace a type's resources.

    Args:
        token: the type.
        identity: inputs that its id is made of.
    """
    return identity | {"location"} | frozenset(_TABLE.get(token, ()))
