"""What Azure adds to the resources it makes: host names, principals, keys."""

import re
from collections.abc import Callable

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.accounts import Accounts
from tools.simulation.azure.locations import normal
from tools.simulation.behaviour import Call, digest, text, uuid
from tools.simulation.cloud import Cloud


def _name(call: Call) -> str:
    return call.id.rpartition("/")[2].lower()


def _network(call: Call, accounts: Accounts) -> Properties:
    del accounts
    given: Value = call.inputs.get("subnets")
    subnets: list[Value] = [
        {"id": f"{call.id}/subnets/{text(one, 'name')}", "provisioningState": "Succeeded"}
        for one in (given if isinstance(given, list) else [])
        if isinstance(one, dict)
    ]
    return {"subnets": subnets}


def _gateway(call: Call, accounts: Accounts) -> Properties:
    del accounts
    instances: list[Value] = [
        {"id": f"Instance{number}", "publicIpAddress": _address(call, 20 + number)}
        for number in range(2)
    ]
    return {"ipConfigurations": instances}


def _address(call: Call, first: int) -> str:
    made = digest(call.id, str(first))
    return f"{first}.{int(made[:2], 16)}.{int(made[2:4], 16)}.{int(made[4:6], 16)}"


def _cluster(call: Call, accounts: Accounts) -> Properties:
    location = normal(text(call.inputs, "location"))
    prefix = text(call.inputs, "dnsPrefix") or _name(call)
    host = f"{prefix}-{digest(call.id)[:8]}.hcp.{location}.azmk8s.io"
    private = f"{prefix}-{digest(call.id)[:8]}.privatelink.{location}.azmk8s.io"
    issuer = f"https://{location}.oic.prod-aks.azure.com/{accounts.azure_tenant}/{uuid(call.id)}/"
    kubelet: dict[str, Value] = {
        "clientId": uuid(call.id, "kubelet", "client"),
        "objectId": uuid(call.id, "kubelet"),
        "resourceId": f"{call.id}-agentpool",
    }
    group = text(call.inputs, "resourceGroupName")
    profile = call.inputs.get("oidcIssuerProfile")
    return {
        "fqdn": host,
        "privateFQDN": private,
        "azurePortalFQDN": host.replace(".hcp.", ".portal.hcp."),
        "currentKubernetesVersion": text(call.inputs, "kubernetesVersion") or "1.34.1",
        "maxAgentPools": 100,
        "nodeResourceGroup": f"MC_{group}_{_name(call)}_{location}",
        "powerState": {"code": "Running"},
        "resourceUID": digest(call.id)[:24],
        "identityProfile": {"kubeletidentity": kubelet},
        "oidcIssuerProfile": (profile if isinstance(profile, dict) else {}) | {"issuerURL": issuer},
    }


def _server(call: Call, accounts: Accounts) -> Properties:
    del accounts
    source = text(call.inputs, "sourceServerResourceId")
    return {
        "fullyQualifiedDomainName": f"{_name(call)}.postgres.database.azure.com",
        "state": "Ready",
        "minorVersion": "6",
        "replicaCapacity": 0 if source else 5,
        "replicationRole": "AsyncReplica" if source else "Primary",
        "privateEndpointConnections": [],
        "highAvailability": {"mode": "Disabled"},
        "sourceServerResourceId": source,
    }


def _redis(call: Call, accounts: Accounts) -> Properties:
    del accounts
    location = normal(text(call.inputs, "location"))
    return {
        "hostName": f"{_name(call)}.{location}.redis.azure.net",
        "redisVersion": "7.4",
        "resourceState": "Running",
    }


def _redis_database(call: Call, accounts: Accounts) -> Properties:
    del call, accounts
    return {"port": 10000, "resourceState": "Running", "redisVersion": "7.4"}


def _hub(call: Call, accounts: Accounts) -> Properties:
    del accounts
    return {
        "serviceBusEndpoint": f"https://{_name(call)}.servicebus.windows.net:443/",
        "metricId": digest(call.id)[:36],
        "status": "Active",
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
    }


def _storage(call: Call, accounts: Accounts) -> Properties:
    del accounts
    kinds = ("blob", "dfs", "file", "queue", "table", "web")
    endpoints: dict[str, Value] = {
        kind: f"https://{_name(call)}.{'z1.web' if kind == 'web' else kind}.core.windows.net/"
        for kind in kinds
    }
    return {
        "primaryEndpoints": endpoints,
        "primaryLocation": normal(text(call.inputs, "location")),
        "statusOfPrimary": "available",
    }


def _vault(call: Call, accounts: Accounts) -> Properties:
    del accounts
    given = call.inputs.get("properties")
    uri = f"https://{_name(call)}.vault.azure.net/"
    return {"properties": (given if isinstance(given, dict) else {}) | {"vaultUri": uri}}


def _vault_uri(call: Call, kind: str) -> Properties:
    name, version = call.id.rpartition("/")[2], digest(call.id)[:32]
    uri = f"https://{text(call.inputs, 'vaultName').lower()}.vault.azure.net/{kind}/{name}"
    return {f"{kind[:-1]}Uri": uri, f"{kind[:-1]}UriWithVersion": f"{uri}/{version}"}


def _key(call: Call, accounts: Accounts) -> Properties:
    del accounts
    return _vault_uri(call, "keys")


def _secret(call: Call, accounts: Accounts) -> Properties:
    del accounts
    given = call.inputs.get("properties")
    # Its value is in no answer.
    kept = {k: v for k, v in given.items() if k != "value"} if isinstance(given, dict) else {}
    return {"properties": kept | _vault_uri(call, "secrets")}


def _identity(call: Call, accounts: Accounts) -> Properties:
    return {
        "clientId": uuid(call.id, "client"),
        "principalId": uuid(call.id, "principal"),
        "tenantId": accounts.azure_tenant,
    }


def _public_ip(call: Call, accounts: Accounts) -> Properties:
    del accounts
    return {"ipAddress": _address(call, 20)}


def _registry(call: Call, accounts: Accounts) -> Properties:
    del accounts
    return {"loginServer": f"{_name(call)}.azurecr.io", "creationDate": "2026-01-01T00:00:00Z"}


def _zone(call: Call, accounts: Accounts) -> Properties:
    del accounts
    number = int(digest(call.id)[:2], 16) % 40 + 1
    tops = ("com", "net", "org", "info")
    return {
        "nameServers": [f"ns{n + 1}-{number:02d}.azure-dns.{top}." for n, top in enumerate(tops)],
        "maxNumberOfRecordSets": 10000,
        "numberOfRecordSets": 2,
    }


def _record(call: Call, accounts: Accounts) -> Properties:
    del accounts
    name = text(call.inputs, "relativeRecordSetName")
    zone = text(call.inputs, "zoneName") or text(call.inputs, "privateZoneName")
    return {"fqdn": f"{zone}." if name == "@" else f"{name}.{zone}."}


def _traffic(call: Call, accounts: Accounts) -> Properties:
    del accounts
    given = call.inputs.get("dnsConfig")
    name = text(call.inputs, "dnsConfig", "relativeName")
    host = f"{name}.trafficmanager.net"
    return {"dnsConfig": (given if isinstance(given, dict) else {}) | {"fqdn": host}}


def _front_door(call: Call, accounts: Accounts) -> Properties:
    del accounts
    return {"hostName": f"{_name(call)}-{digest(call.id)[:16]}.z01.azurefd.net"}


def _workspace(call: Call, accounts: Accounts) -> Properties:
    del accounts
    return {"customerId": uuid(call.id)}


_ASSIGNED = re.compile(r"userAssignedIdentities\[([^\]]+)\]\.\w+$")
_TABLE: dict[str, Callable[[Call, Accounts], Properties]] = {
    "network:VirtualNetwork": _network,
    "network:VpnGateway": _gateway,
    "containerservice:ManagedCluster": _cluster,
    "dbforpostgresql:Server": _server,
    "redisenterprise:RedisEnterprise": _redis,
    "redisenterprise:Database": _redis_database,
    "eventhub:Namespace": _hub,
    "storage:StorageAccount": _storage,
    "keyvault:Vault": _vault,
    "keyvault:Key": _key,
    "keyvault:Secret": _secret,
    "managedidentity:UserAssignedIdentity": _identity,
    "network:PublicIPAddress": _public_ip,
    "containerregistry:Registry": _registry,
    "dns:Zone": _zone,
    "dns:RecordSet": _record,
    "privatedns:PrivateRecordSet": _record,
    "trafficmanager:Profile": _traffic,
    "cdn:AFDEndpoint": _front_door,
    "operationalinsights:Workspace": _workspace,
}


def outputs(cloud: Cloud, call: Call, accounts: Accounts) -> Properties:
    """Returns what the type's table says, and a system-assigned identity if one is asked for."""
    del cloud
    made = _TABLE.get(call.token.removeprefix("azure-native:"))
    found = made(call, accounts) if made else {}
    identity = call.inputs.get("identity")
    if isinstance(identity, dict):
        found["identity"] = identity | {
            "principalId": uuid(call.id, "system"),
            "tenantId": accounts.azure_tenant,
        }
    return found


def by_name(call: Call, path: str, accounts: Accounts) -> Value:
    """Returns the value of an output that is called the same everywhere."""
    name = path.rpartition(".")[2]
    if identity := _ASSIGNED.search(path):
        return uuid(identity[1], name.removesuffix("Id"))
    match name:
        case "etag":
            return f'W/"{uuid(call.id)}"'
        case "resourceGuid" | "uniqueId" | "objectId" | "principalId" | "customerId":
            return uuid(call.id, name)
        case "tenantId":
            return accounts.azure_tenant
        case "provisioningState":
            return "Succeeded"
        case "azureApiVersion":
            return "2024-05-01"
        case "id":
            return call.id
        case "location":
            return text(call.inputs, "location") or None
        case _:
            return None
