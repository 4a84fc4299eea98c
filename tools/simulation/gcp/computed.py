"""What Google Cloud adds to the resources it makes: links, addresses, certificates."""

from collections.abc import Callable

from components.clouds.local.provider.values import UNKNOWN, Properties, Value
from tools.simulation.behaviour import Call, digest, text, uuid
from tools.simulation.certificates import authority, encoded_authority
from tools.simulation.cloud import Cloud

_CLUSTERS = ("gcp:container/cluster:Cluster",)
_COMPUTE = "https://www.googleapis.com/compute/v1/"
_LINKS = {
    "compute": _COMPUTE,
    "container": "https://container.googleapis.com/v1/",
    "storage": "https://www.googleapis.com/storage/v1/b/",
    "sql": "https://sqladmin.googleapis.com/sql/v1beta4/",
    "dns": "https://dns.googleapis.com/dns/v1/",
}


def _address(call: Call, prefix: str) -> str:
    made = digest(call.id, call.place)
    return f"{prefix}.{int(made[:2], 16)}.{int(made[2:4], 16)}.{int(made[4:6], 16) % 250 + 2}"


def _network(call: Call, number: str) -> Properties:
    del number
    return {
        "numericId": str(int(digest(call.id)[:15], 16)),
        "networkId": str(int(digest(call.id)[:15], 16)),
        "gatewayIpv4": "",
        "autoCreateSubnetworks": True,
        "mtu": 1460,
        "routingMode": "REGIONAL",
    }


def _subnetwork(call: Call, number: str) -> Properties:
    del number
    block = text(call.inputs, "ipCidrRange").partition("/")[0]
    return {
        "gatewayAddress": f"{block.rpartition('.')[0]}.1",
        "subnetworkId": int(digest(call.id)[:12], 16),
        "stackType": "IPV4_ONLY",
        "purpose": "PRIVATE",
    }


def _cluster(call: Call, number: str) -> Properties:
    name = text(call.inputs, "name")
    location = text(call.inputs, "location") or call.session.region
    given = call.inputs.get("masterAuth")
    private = call.inputs.get("privateClusterConfig")
    config: dict[str, Value] = dict(private) if isinstance(private, dict) else {}
    host = _address(call, "34")
    authentication: dict[str, Value] = dict(given) if isinstance(given, dict) else {}
    authentication |= {
        "clusterCaCertificate": encoded_authority(call.id),
        "clientCertificate": "",
        "clientKey": "",
    }
    authentication.setdefault("clientCertificateConfig", {"issueClientCertificate": False})
    return {
        "endpoint": host,
        "masterVersion": text(call.inputs, "minMasterVersion") or "1.34.1-gke.1000000",
        "nodeVersion": text(call.inputs, "nodeVersion") or "1.34.1-gke.1000000",
        "selfLink": f"https://container.googleapis.com/v1/projects/{call.place}"
        f"/locations/{location}/clusters/{name}",
        "masterAuth": authentication,
        "controlPlaneEndpointsConfig": {
            "dnsEndpointConfig": {
                "endpoint": f"gke-{digest(call.id)[:30]}-{number}.{location}.gke.goog"
            }
        },
        "privateClusterConfig": {"privateEndpoint": "172.16.0.2", "publicEndpoint": host} | config,
        "servicesIpv4Cidr": "34.118.224.0/20",
        "location": location,
        "nodeLocations": [f"{location}-{letter}" for letter in "abc"],
        "defaultMaxPodsPerNode": 110,
        "datapathProvider": "ADVANCED_DATAPATH",
        "network": "default",
        "subnetwork": "default",
    }


def _service_account(number: str, made: str) -> str:
    return f"p{number}-{made[:6]}@gcp-sa-cloud-sql.iam.gserviceaccount.com"


def _database(call: Call, number: str) -> Properties:
    name, region = text(call.inputs, "name"), text(call.inputs, "region") or call.session.region
    private, made = _address(call, "10"), digest(call.id, call.place)[:12]
    certificate: dict[str, Value] = {
        "cert": authority(call.id),
        "commonName": f"C=US,O=Google\\, Inc,CN=Google Cloud SQL Server CA,dnQualifier={made}",
        "createTime": "2026-01-01T00:00:00Z",
        "expirationTime": "2036-01-01T00:00:00Z",
        "sha1Fingerprint": digest(call.id)[:40],
    }
    return {
        "connectionName": f"{call.place}:{region}:{name}",
        "privateIpAddress": private,
        "publicIpAddress": "",
        "firstIpAddress": private,
        "ipAddresses": [{"ipAddress": private, "type": "PRIVATE", "timeToRetire": ""}],
        "serviceAccountEmailAddress": _service_account(number, made),
        "serverCaCerts": [certificate],
        "dnsName": f"{made}.{uuid(call.id)[:13]}.{region}.sql.goog.",
        "pscServiceAttachmentLink": f"projects/{made}-tp/regions/{region}"
        f"/serviceAttachments/a-{made}-psc-service-attachment",
        "instanceType": "READ_REPLICA_INSTANCE"
        if text(call.inputs, "masterInstanceName")
        else "CLOUD_SQL_INSTANCE",
        "maintenanceVersion": "POSTGRES_17_5.R20260101.00_00",
        "deletionProtection": True,
    }


def _memorystore(call: Call, number: str) -> Properties:
    del number
    alone = text(call.inputs, "mode") == "CLUSTER_DISABLED"
    kinds = ("PRIMARY", "READER") if alone else ("DISCOVERY",)
    connections: list[Value] = [_connection(call, place, kind) for place, kind in enumerate(kinds)]
    network = f"projects/{call.place}/global/networks/default"
    return {
        "name": call.id,
        "state": "ACTIVE",
        "uid": uuid(call.id),
        "endpoints": [{"connections": connections}],
        "discoveryEndpoints": []
        if alone
        else [{"address": _address(call, "10"), "port": 6379, "network": network}],
        "managedServerCas": [{"caCerts": [{"certificates": [authority(call.id)]}]}],
        "replicaCount": 0,
        "mode": "CLUSTER",
        "nodeType": "HIGHMEM_MEDIUM",
        "engineVersion": "VALKEY_8_0",
    }


def _connection(call: Call, place: int, kind: str) -> Value:
    return {
        "pscAutoConnection": {
            "ipAddress": _address(call, f"{10 + place}"),
            "port": 6379,
            "connectionType": f"CONNECTION_TYPE_{kind}",
            "network": f"projects/{call.place}/global/networks/default",
            "pscConnectionId": str(int(digest(call.id, kind)[:14], 16)),
            "forwardingRule": "",
            "serviceAttachment": "",
            "projectId": call.place,
        }
    }


def _kafka(call: Call, number: str) -> Properties:
    del number
    name, region = text(call.inputs, "clusterId"), text(call.inputs, "location")
    host = f"bootstrap.{name}.{region}.managedkafka.{call.place}.cloud.goog"
    return {"name": call.id, "state": "ACTIVE", "bootstrapAddress": f"{host}:9092"}


def _bucket(call: Call, number: str) -> Properties:
    name = text(call.inputs, "name")
    return {
        "url": f"gs://{name}",
        "selfLink": f"{_LINKS['storage']}{name}",
        "project": call.session.account,
        "projectNumber": int(number),
        "storageClass": "STANDARD",
        "rpo": "DEFAULT",
    }


def _account(call: Call, number: str) -> Properties:
    del number
    email = f"{text(call.inputs, 'accountId')}@{call.place}.iam.gserviceaccount.com"
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": f"projects/{call.place}/serviceAccounts/{email}",
        "uniqueId": f"1{int(digest(email)[:16], 16):020d}"[:21],
    }


def _zone(call: Call, number: str) -> Properties:
    del number
    group = "abcd"[int(digest(call.id)[0], 16) % 4]
    return {
        "nameServers": [f"ns-cloud-{group}{n}.googledomains.com." for n in range(1, 5)],
        "managedZoneId": str(int(digest(call.id)[:15], 16)),
        "visibility": "public",
        "description": "Managed by Pulumi",
    }


def _secret(call: Call, number: str) -> Properties:
    return {"name": f"projects/{number}/secrets/{text(call.inputs, 'secretId')}"}


def _secret_version(call: Call, number: str) -> Properties:
    del number
    return {"name": call.id, "version": "1", "enabled": True}


def _global_address(call: Call, number: str) -> Properties:
    del number
    inside = text(call.inputs, "addressType") == "INTERNAL"
    return {"address": _address(call, "10" if inside else "34")}


def _repository(call: Call, number: str) -> Properties:
    del number
    name, location = text(call.inputs, "repositoryId"), text(call.inputs, "location")
    return {
        "name": name,
        "registryUri": f"{location}-docker.pkg.dev/{call.place}/{name}",
    }


def _vpn_gateway(call: Call, number: str) -> Properties:
    del number
    addresses: list[Value] = [
        {"id": place, "ipAddress": _address(call, f"{35 + place}")} for place in range(2)
    ]
    return {"vpnInterfaces": addresses}


def _service_connection(call: Call, number: str) -> Properties:
    del number
    return {"peering": text(call.inputs, "service").replace(".", "-")}


def _service_identity(call: Call, number: str) -> Properties:
    service = text(call.inputs, "service").partition(".")[0]
    email = f"service-{number}@gcp-sa-{service}.iam.gserviceaccount.com"
    return {"email": email, "member": f"serviceAccount:{email}"}


def _sink(call: Call, number: str) -> Properties:
    del call
    agent = f"service-{number}@gcp-sa-logging.iam.gserviceaccount.com"
    return {"writerIdentity": f"serviceAccount:{agent}"}


def _transfer(call: Call, number: str) -> Properties:
    del number
    return {"name": f"transferJobs/{call.id.rpartition('/')[2]}"}


def _key(call: Call, number: str) -> Properties:
    del number
    version: dict[str, Value] = {"name": f"{call.id}/cryptoKeyVersions/1", "state": "ENABLED"}
    return {"primaries": [version], "destroyScheduledDuration": "2592000s"}


_TABLE: dict[str, Callable[[Call, str], Properties]] = {
    "gcp:compute/network:Network": _network,
    "gcp:compute/subnetwork:Subnetwork": _subnetwork,
    "gcp:compute/address:Address": _global_address,
    "gcp:compute/globalAddress:GlobalAddress": _global_address,
    "gcp:compute/haVpnGateway:HaVpnGateway": _vpn_gateway,
    "gcp:container/cluster:Cluster": _cluster,
    "gcp:sql/databaseInstance:DatabaseInstance": _database,
    "gcp:memorystore/instance:Instance": _memorystore,
    "gcp:managedkafka/cluster:Cluster": _kafka,
    "gcp:storage/bucket:Bucket": _bucket,
    "gcp:serviceaccount/account:Account": _account,
    "gcp:dns/managedZone:ManagedZone": _zone,
    "gcp:secretmanager/secret:Secret": _secret,
    "gcp:secretmanager/secretVersion:SecretVersion": _secret_version,
    "gcp:artifactregistry/repository:Repository": _repository,
    "gcp:servicenetworking/connection:Connection": _service_connection,
    "gcp:kms/cryptoKey:CryptoKey": _key,
    "gcp:projects/serviceIdentity:ServiceIdentity": _service_identity,
    "gcp:logging/projectSink:ProjectSink": _sink,
    "gcp:storage/transferJob:TransferJob": _transfer,
}


def outputs(cloud: Cloud, call: Call, number: str) -> Properties:
    """Returns the self link and what the type's table says."""
    del cloud
    module = call.token.split(":")[1].split("/")[0]
    found: Properties = {}
    if module in _LINKS:
        path = call.id
        if module == "sql" and not path.startswith("projects/"):
            path = f"projects/{call.place}/instances/{call.id}"
        found["selfLink"] = f"{_LINKS[module]}{path}"
    made = _TABLE.get(call.token)
    return found | (made(call, number) if made else {})


def within_inputs(call: Call) -> Properties:
    """Returns inputs with what is computed inside them, which a preview does not know yet."""
    if call.token not in _CLUSTERS:
        return {}
    config = call.inputs.get("controlPlaneEndpointsConfig")
    dns = config.get("dnsEndpointConfig") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(dns, dict):
        return {}
    location = text(call.inputs, "location")
    host: Value = f"gke-{digest(call.id)[:12]}.{location}.gke.goog" if call.id else UNKNOWN
    endpoint: dict[str, Value] = {**dns, "endpoint": host}
    return {"controlPlaneEndpointsConfig": {**config, "dnsEndpointConfig": endpoint}}


def by_name(call: Call, path: str) -> Value:
    """Returns the value of an output that is called the same everywhere."""
    name = path.rpartition(".")[2]
    match name:
        case "etag" | "fingerprint" | "labelFingerprint" | "tagsFingerprint":
            return digest(call.id, name)[:12]
        case "uid" | "uniqueId":
            return uuid(call.id)
        case "creationTimestamp":
            return "2026-01-01T00:00:00.000-08:00"
        case "name" if path == name:
            return call.id
        case "project":
            return call.place
        case "location" | "region":
            return call.session.region or None
        case "generatedId" | "numericId":
            return str(int(digest(call.id)[:15], 16))
        case _:
            return None
