"""Which inputs Google's resource types can't change in place.

What is part of the id can't, and never can project, region, zone or network; the rest of the table
is what the APIs' update and patch methods leave out, for the types in use.
"""

_ALWAYS = frozenset({"name", "project", "region", "zone", "location", "namePrefix", "namespace"})
_TABLE: dict[str, tuple[str, ...]] = {
    "gcp:compute/network:Network": ("autoCreateSubnetworks", "description"),
    "gcp:compute/subnetwork:Subnetwork": ("description", "network", "purpose", "ipv6AccessType"),
    "gcp:compute/router:Router": ("network", "encryptedInterconnectRouter"),
    "gcp:compute/routerNat:RouterNat": ("router", "type"),
    "gcp:compute/address:Address": (
        "address",
        "addressType",
        "ipVersion",
        "network",
        "networkTier",
        "prefixLength",
        "purpose",
        "subnetwork",
    ),
    "gcp:compute/globalAddress:GlobalAddress": (
        "address",
        "addressType",
        "description",
        "ipVersion",
        "network",
        "prefixLength",
        "purpose",
    ),
    "gcp:compute/firewall:Firewall": ("direction", "network"),
    "gcp:compute/route:Route": ("destRange", "network", "nextHopIp", "nextHopGateway", "priority"),
    "gcp:compute/vPNTunnel:VPNTunnel": (
        "ikeVersion",
        "peerExternalGateway",
        "peerGcpGateway",
        "peerIp",
        "router",
        "sharedSecret",
        "vpnGateway",
        "vpnGatewayInterface",
    ),
    "gcp:compute/haVpnGateway:HaVpnGateway": ("network", "stackType", "vpnInterfaces"),
    "gcp:compute/externalVpnGateway:ExternalVpnGateway": ("interfaces", "redundancyType"),
    "gcp:container/cluster:Cluster": (
        "clusterIpv4Cidr",
        "datapathProvider",
        "defaultMaxPodsPerNode",
        "enableAutopilot",
        "initialNodeCount",
        "ipAllocationPolicy.clusterIpv4CidrBlock",
        "ipAllocationPolicy.clusterSecondaryRangeName",
        "ipAllocationPolicy.servicesIpv4CidrBlock",
        "ipAllocationPolicy.servicesSecondaryRangeName",
        "network",
        "networkingMode",
        "privateClusterConfig.enablePrivateNodes",
        "privateClusterConfig.masterIpv4CidrBlock",
        "subnetwork",
    ),
    "gcp:container/nodePool:NodePool": (
        "cluster",
        "initialNodeCount",
        "maxPodsPerNode",
        "nodeConfig.serviceAccount",
        "nodeConfig.spot",
    ),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        "encryptionKeyName",
        "settings.ipConfiguration.privateNetwork",
        "masterInstanceName",
    ),
    "gcp:sql/database:Database": ("instance",),
    "gcp:sql/user:User": ("host", "instance", "type"),
    "gcp:memorystore/instance:Instance": (
        "authorizationMode",
        "desiredAutoCreatedEndpoints",
        "instanceId",
        "kmsKey",
        "mode",
        "transitEncryptionMode",
        "zoneDistributionConfig",
    ),
    "gcp:managedkafka/cluster:Cluster": ("clusterId", "gcpConfig.kmsKey"),
    "gcp:managedkafka/topic:Topic": ("cluster", "topicId"),
    "gcp:storage/bucket:Bucket": (
        "customPlacementConfig",
        "enableObjectRetention",
        "hierarchicalNamespace",
    ),
    "gcp:kms/keyRing:KeyRing": (),
    "gcp:kms/cryptoKey:CryptoKey": (
        "destroyScheduledDuration",
        "importOnly",
        "keyRing",
        "purpose",
        "versionTemplate.protectionLevel",
    ),
    "gcp:secretmanager/secret:Secret": ("replication", "secretId"),
    "gcp:secretmanager/secretVersion:SecretVersion": ("secret", "secretData"),
    "gcp:dns/managedZone:ManagedZone": ("dnsName", "visibility"),
    "gcp:dns/recordSet:RecordSet": ("managedZone", "type"),
    "gcp:serviceaccount/account:Account": ("accountId",),
    "gcp:artifactregistry/repository:Repository": ("format", "kmsKeyName", "mode"),
    "gcp:servicenetworking/connection:Connection": ("network", "service"),
}
_MEMBERSHIP = ("IAMMember", "IamMember", "IAMBinding", "IamBinding")


def replacing(token: str, identity: frozenset[str]) -> frozenset[str]:
    """Returns the inputs that replace a type's resources.

    Args:
        token: the type.
        identity: inputs that its id is made of.
    """
    found = _ALWAYS | identity | frozenset(_TABLE.get(token, ()))
    if token.endswith(_MEMBERSHIP):
        found |= {"role", "member", "condition"}
    return found
