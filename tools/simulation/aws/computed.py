"""What AWS adds to the resources it makes: endpoints, numbers, defaults."""

from collections.abc import Callable

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.aws.locations import zones
from tools.simulation.behaviour import Call, digest, text, texts, uuid
from tools.simulation.certificates import encoded_authority
from tools.simulation.cloud import Cloud

_PORTS = {"aurora-postgresql": 5432, "postgres": 5432, "aurora-mysql": 3306, "mysql": 3306}
_HOSTED_ZONES = {"s3": "Z3AQBSTGFYJSTF", "globalaccelerator": "Z2BJ6XQ5FK7U4H"}


def _hash(call: Call, length: int = 12) -> str:
    return digest(call.id, call.place)[:length]


def _vpc(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, region, arn
    made = digest(call.id)
    return {
        "defaultNetworkAclId": f"acl-{made[:17]}",
        "defaultRouteTableId": f"rtb-{made[1:18]}",
        "mainRouteTableId": f"rtb-{made[1:18]}",
        "defaultSecurityGroupId": f"sg-{made[2:19]}",
        "dhcpOptionsId": f"dopt-{made[3:20]}",
        "enableDnsSupport": True,
        "instanceTenancy": "default",
        "ownerId": call.session.account,
    }


def _subnet(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    return {
        "availabilityZone": zones(region)[0],
        "availabilityZoneId": f"{region.replace('-', '')[:5]}-az1",
        "ownerId": call.session.account,
        "privateDnsHostnameTypeOnLaunch": "ip-name",
    }


def _eip(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    made = digest(call.id)
    address = f"52.{int(made[:2], 16)}.{int(made[2:4], 16)}.{int(made[4:6], 16)}"
    return {
        "allocationId": call.id,
        "domain": "vpc",
        "publicIp": address,
        "publicDns": f"ec2-{address.replace('.', '-')}.{region}.compute.amazonaws.com",
        "networkBorderGroup": region,
        "publicIpv4Pool": "amazon",
    }


def _nat(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del region, arn
    address = cloud.named(text(call.inputs, "allocationId"))
    return {
        "connectivityType": "public",
        "networkInterfaceId": f"eni-{_hash(call, 17)}",
        "privateIp": "10.0.0.10",
        "publicIp": text(address[0].properties, "publicIp") if address else "",
    }


def _eks(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    made = digest(call.id, call.place).upper()[:32]
    config = call.inputs.get("vpcConfig")
    given = config if isinstance(config, dict) else {}
    return {
        "endpoint": f"https://{made}.gr7.{region}.eks.amazonaws.com",
        "clusterId": "",
        "certificateAuthority": {"data": encoded_authority(call.id)},
        "certificateAuthorities": [{"data": encoded_authority(call.id)}],
        "identities": [
            {"oidcs": [{"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{made}"}]}
        ],
        "platformVersion": "eks.1",
        "status": "ACTIVE",
        "version": "1.34",
        "vpcConfig": given | {"clusterSecurityGroupId": f"sg-{made.lower()[:17]}"},
        "createdAt": "2026-01-01T00:00:00Z",
    }


def _aurora(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    made = _hash(call)
    name = text(call.inputs, "clusterIdentifier")
    return {
        "endpoint": f"{name}.cluster-{made}.{region}.rds.amazonaws.com",
        "readerEndpoint": f"{name}.cluster-ro-{made}.{region}.rds.amazonaws.com",
        "clusterResourceId": f"cluster-{digest(call.id).upper()[:26]}",
        "engineVersionActual": text(call.inputs, "engineVersion"),
        "hostedZoneId": f"Z{digest(region).upper()[:13]}",
        "port": _PORTS.get(text(call.inputs, "engine"), 5432),
        "availabilityZones": [*zones(region)[:3]],
        "clusterMembers": [],
        "masterUserSecrets": _master_secret(call, region),
    }


def _master_secret(call: Call, region: str) -> Value:
    if call.inputs.get("manageMasterUserPassword") is not True:
        return []
    name = f"rds!cluster-{uuid(call.id)}-{_hash(call, 6)}"
    return [
        {
            "secretArn": f"arn:aws:secretsmanager:{region}:{call.session.account}:secret:{name}",
            "secretStatus": "active",
            "kmsKeyId": text(call.inputs, "masterUserSecretKmsKeyId"),
        }
    ]


def _aurora_instance(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    name = text(call.inputs, "identifier")
    return {
        "endpoint": f"{name}.{_hash(call)}.{region}.rds.amazonaws.com",
        "port": _PORTS.get(text(call.inputs, "engine"), 5432),
        "dbiResourceId": f"db-{digest(call.id).upper()[:26]}",
        "availabilityZone": zones(region)[0],
    }


def _global_cluster(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del region, arn
    source = cloud.named(text(call.inputs, "sourceDbClusterIdentifier"))
    found: Properties = {
        "globalClusterResourceId": f"cluster-{_hash(call, 16)}",
        "endpoint": f"{call.id}.global-{_hash(call)}.global.rds.amazonaws.com",
    }
    for key in ("engine", "engineVersion", "databaseName", "storageEncrypted"):
        if source and source[0].properties.get(key) is not None:
            found[key] = source[0].properties[key]
    return found


def _cache(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    made, name = _hash(call, 6), text(call.inputs, "replicationGroupId")
    short = region.replace("-", "")[:4]
    count = call.inputs.get("numCacheClusters")
    members = count if isinstance(count, int) else 1
    return {
        "primaryEndpointAddress": f"master.{name}.{made}.{short}.cache.amazonaws.com",
        "readerEndpointAddress": f"replica.{name}.{made}.{short}.cache.amazonaws.com",
        "configurationEndpointAddress": f"clustercfg.{name}.{made}.{short}.cache.amazonaws.com",
        "port": 6379,
        "memberClusters": [f"{name}-{place + 1:03d}" for place in range(members)],
        "engineVersionActual": text(call.inputs, "engineVersion"),
    }


def _serverless_cache(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    name, made = text(call.inputs, "name"), _hash(call, 6)
    host = f"{name}-{made}.serverless.{region.replace('-', '')[:4]}.cache.amazonaws.com"
    return {
        "endpoints": [{"address": host, "port": 6379}],
        "readerEndpoints": [{"address": host, "port": 6380}],
        "status": "available",
    }


def _kafka(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    name, made = text(call.inputs, "clusterName").lower(), _hash(call, 6)
    domain = f"{name}.{made}.c2.kafka.{region}.amazonaws.com"
    count = call.inputs.get("numberOfBrokerNodes")
    brokers = range(1, (count if isinstance(count, int) else 3) + 1)

    def addresses(port: int) -> str:
        return ",".join(f"b-{one}.{domain}:{port}" for one in brokers)

    return {
        "bootstrapBrokers": addresses(9092),
        "bootstrapBrokersTls": addresses(9094),
        "bootstrapBrokersSaslScram": addresses(9096),
        "bootstrapBrokersSaslIam": addresses(9098),
        "zookeeperConnectString": "",
        "currentVersion": "K1",
        "clusterUuid": call.id.rpartition("/")[2],
    }


def _bucket(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    name = call.id
    return {
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "bucketRegion": region,
        "hostedZoneId": _HOSTED_ZONES["s3"],
        "requestPayer": "BucketOwner",
    }


def _key(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, region, arn
    return {
        "keyId": call.id,
        "description": "",
        "keyUsage": "ENCRYPT_DECRYPT",
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "keySpec": "SYMMETRIC_DEFAULT",
        "rotationPeriodInDays": 365,
    }


def _alias(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del region, arn
    target = text(call.inputs, "targetKeyId")
    keys = cloud.named(target)
    return {"targetKeyArn": text(keys[0].properties, "arn") if keys else target}


def _role(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, region, arn
    return {
        "uniqueId": f"AROA{digest(call.id).upper()[:17]}",
        "maxSessionDuration": 3600,
        "path": "/",
        "createDate": "2026-01-01T00:00:00Z",
    }


def _zone(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, region, arn
    made = digest(call.id)
    servers: list[Value] = [
        f"ns-{int(made[n : n + 3], 16)}.awsdns-{n:02d}.{top}"
        for n, top in enumerate(("com", "net", "org", "co.uk"))
    ]
    return {
        "zoneId": call.id,
        "nameServers": servers,
        "primaryNameServer": servers[0],
        "comment": "Managed by Pulumi",
    }


def _record(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del region, arn
    zones_found = cloud.named(text(call.inputs, "zoneId"))
    zone = text(zones_found[0].inputs, "name").rstrip(".") if zones_found else ""
    name = text(call.inputs, "name").rstrip(".")
    return {"fqdn": name if not zone or name.endswith(zone) else f"{name}.{zone}"}


def _certificate(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, region, arn
    domains = [text(call.inputs, "domainName"), *texts(call.inputs, "subjectAlternativeNames")]
    options: list[Value] = [
        {
            "domainName": domain,
            "resourceRecordName": f"_{digest(domain)[:32]}.{domain.removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{digest(domain, 'to')[:32]}.acm-validations.aws.",
        }
        for domain in dict.fromkeys(domains)
        if domain
    ]
    return {
        "domainValidationOptions": options,
        "status": "ISSUED",
        "type": "AMAZON_ISSUED",
        "keyAlgorithm": "RSA_2048",
        "notAfter": "2027-02-01T00:00:00Z",
        "notBefore": "2026-01-01T00:00:00Z",
    }


def _repository(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    account = call.session.account
    return {
        "registryId": account,
        "repositoryUrl": f"{account}.dkr.ecr.{region}.amazonaws.com/{call.id}",
    }


def _accelerator(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, region, arn
    made = digest(call.id)
    return {
        "dnsName": f"a{made[:16]}.awsglobalaccelerator.com",
        "dualStackDnsName": f"a{made[:16]}.dualstack.awsglobalaccelerator.com",
        "hostedZoneId": _HOSTED_ZONES["globalaccelerator"],
        "ipSets": [
            {"ipAddresses": ["75.2.60.5", "99.83.190.10"], "ipFamily": "IPv4"},
        ],
    }


def _vpn(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, region, arn
    found: Properties = {}
    for tunnel, first in ((1, 3), (2, 18)):
        made = digest(call.id, str(tunnel))
        numbers = ".".join(str(int(made[n : n + 2], 16)) for n in (0, 2, 4))
        found[f"tunnel{tunnel}Address"] = f"{first}.{numbers}"
        found[f"tunnel{tunnel}PresharedKey"] = made[:32]
    return found


def _endpoint(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    del cloud, arn
    service = text(call.inputs, "serviceName").rpartition(".")[2]
    dns: list[Value] = [
        {
            "dnsName": f"{call.id}-{_hash(call, 8)}.{service}.{region}.vpce.amazonaws.com",
            "hostedZoneId": f"Z{digest(region).upper()[:13]}",
        }
    ]
    return {
        "dnsEntries": dns if call.inputs.get("vpcEndpointType") == "Interface" else [],
        "vpcEndpointType": "Gateway",
        "state": "available",
        "ownerId": call.session.account,
        "prefixListId": f"pl-{_hash(call, 8)}",
        "policy": '{"Version":"2008-10-17","Statement":[]}',
    }


_TABLE: dict[str, Callable[[Cloud, Call, str, str], Properties]] = {
    "aws:ec2/vpc:Vpc": _vpc,
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:ec2/eip:Eip": _eip,
    "aws:ec2/natGateway:NatGateway": _nat,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:ec2/vpnConnection:VpnConnection": _vpn,
    "aws:eks/cluster:Cluster": _eks,
    "aws:rds/cluster:Cluster": _aurora,
    "aws:rds/clusterInstance:ClusterInstance": _aurora_instance,
    "aws:rds/globalCluster:GlobalCluster": _global_cluster,
    "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
    "aws:elasticache/serverlessCache:ServerlessCache": _serverless_cache,
    "aws:msk/cluster:Cluster": _kafka,
    "aws:msk/serverlessCluster:ServerlessCluster": _kafka,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketV2:BucketV2": _bucket,
    "aws:kms/key:Key": _key,
    "aws:kms/replicaKey:ReplicaKey": _key,
    "aws:kms/alias:Alias": _alias,
    "aws:iam/role:Role": _role,
    "aws:route53/zone:Zone": _zone,
    "aws:route53/record:Record": _record,
    "aws:acm/certificate:Certificate": _certificate,
    "aws:ecr/repository:Repository": _repository,
    "aws:globalaccelerator/accelerator:Accelerator": _accelerator,
}


def outputs(cloud: Cloud, call: Call, region: str, arn: str) -> Properties:
    """Returns what the type's table says, {} for a type without one."""
    made = _TABLE.get(call.token)
    return made(cloud, call, region, arn) if made else {}


def settle(call: Call, properties: Properties) -> None:
    """Renews, after an update, the outputs that follow from inputs."""
    if "engineVersionActual" in properties and (version := text(call.inputs, "engineVersion")):
        properties["engineVersionActual"] = version


def by_name(call: Call, path: str, region: str) -> Value:
    """Returns the value of an output that is called the same everywhere."""
    name = path.rpartition(".")[2]
    match name:
        case "arn" | "clusterArn" if path == name:
            return None
        case "region":
            return region
        case "ownerId" | "accountId" | "registryId" | "catalogId":
            return call.session.account
        case "associationId":
            return call.id
        case "id":
            return call.id
        case "name" if path == name and call.inputs.get("namePrefix"):
            # A secret's ARN ends in six letters that are not of its name.
            return call.id.partition(":secret:")[2][:-7] or call.id
        case "versionId":
            return uuid(call.id, path)
        case "namePrefix" | "bucketPrefix" | "identifierPrefix" | "clusterIdentifierPrefix":
            return ""
        case _:
            return None
