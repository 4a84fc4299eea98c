"""What ids and ARNs of AWS's resource types look like.

Sources: the "Import" sections of the SDK, and the Service Authorization Reference for ARNs.
Placeholders: inputs by name, and account, region, partition, id, hex (17 digits), uuid, upper (13
letters and digits in upper case), suffix (6 letters).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """How a type's resources are called.

    Attributes:
        id: template of the id.
        arn: template of the ARN, "" for none or the default form.
        name: input that holds its name, "" when nobody names it.
        limit: most characters of the name.
        is_global: whether ids are unique in the account rather than in a region of it.
    """

    id: str
    arn: str = ""
    name: str = "name"
    limit: int = 255
    is_global: bool = False


def _regional(service: str, resource: str) -> str:
    return f"arn:{{partition}}:{service}:{{region}}:{{account}}:{resource}"


def _ec2(prefix: str, kind: str) -> Shape:
    return Shape(f"{prefix}-{{hex}}", _regional("ec2", f"{kind}/{{id}}"), name="")


def _bucket_part() -> Shape:
    return Shape("{bucket}", name="")


_EC2 = {
    "vpc:Vpc": ("vpc", "vpc"),
    "subnet:Subnet": ("subnet", "subnet"),
    "routeTable:RouteTable": ("rtb", "route-table"),
    "routeTableAssociation:RouteTableAssociation": ("rtbassoc", "route-table-association"),
    "mainRouteTableAssociation:MainRouteTableAssociation": ("rtbassoc", "route-table-association"),
    "natGateway:NatGateway": ("nat", "natgateway"),
    "eip:Eip": ("eipalloc", "elastic-ip"),
    "internetGateway:InternetGateway": ("igw", "internet-gateway"),
    "egressOnlyInternetGateway:EgressOnlyInternetGateway": (
        "eigw",
        "egress-only-internet-gateway",
    ),
    "vpcEndpoint:VpcEndpoint": ("vpce", "vpc-endpoint"),
    "vpcEndpointService:VpcEndpointService": ("vpce-svc", "vpc-endpoint-service"),
    "flowLog:FlowLog": ("fl", "vpc-flow-log"),
    "networkAcl:NetworkAcl": ("acl", "network-acl"),
    "networkInterface:NetworkInterface": ("eni", "network-interface"),
    "vpcPeeringConnection:VpcPeeringConnection": ("pcx", "vpc-peering-connection"),
    "customerGateway:CustomerGateway": ("cgw", "customer-gateway"),
    "vpnGateway:VpnGateway": ("vgw", "vpn-gateway"),
    "vpnConnection:VpnConnection": ("vpn", "vpn-connection"),
    "instance:Instance": ("i", "instance"),
    "managedPrefixList:ManagedPrefixList": ("pl", "prefix-list"),
    "defaultSecurityGroup:DefaultSecurityGroup": ("sg", "security-group"),
    "defaultRouteTable:DefaultRouteTable": ("rtb", "route-table"),
}
_EC2_ELSEWHERE = {
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("sgr", "security-group-rule"),
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("sgr", "security-group-rule"),
    "ec2/securityGroupRule:SecurityGroupRule": ("sgrule", "security-group-rule"),
    "ec2transitgateway/transitGateway:TransitGateway": ("tgw", "transit-gateway"),
    "ec2transitgateway/vpcAttachment:VpcAttachment": ("tgw-attach", "transit-gateway-attachment"),
    "ec2transitgateway/peeringAttachment:PeeringAttachment": (
        "tgw-attach",
        "transit-gateway-attachment",
    ),
    "ec2transitgateway/routeTable:RouteTable": ("tgw-rtb", "transit-gateway-route-table"),
}
_BUCKET_PARTS = (
    "bucketVersioning:BucketVersioning",
    "bucketVersioningV2:BucketVersioningV2",
    "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
    "bucketPublicAccessBlock:BucketPublicAccessBlock",
    "bucketOwnershipControls:BucketOwnershipControls",
    "bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
    "bucketReplicationConfig:BucketReplicationConfig",
    "bucketPolicy:BucketPolicy",
    "bucketLogging:BucketLogging",
    "bucketLoggingV2:BucketLoggingV2",
    "bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
    "bucketNotification:BucketNotification",
    "bucketCorsConfiguration:BucketCorsConfiguration",
    "bucketAclV2:BucketAclV2",
    "bucketAcl:BucketAcl",
    "bucketAccelerateConfiguration:BucketAccelerateConfiguration",
)
_IAM = "arn:{partition}:iam::{account}:"

SHAPES: dict[str, Shape] = {
    **{f"aws:ec2/{token}": _ec2(*words) for token, words in _EC2.items()},
    **{f"aws:{token}": _ec2(*words) for token, words in _EC2_ELSEWHERE.items()},
    **{f"aws:s3/{token}": _bucket_part() for token in _BUCKET_PARTS},
    "aws:ec2/securityGroup:SecurityGroup": Shape(
        "sg-{hex}", _regional("ec2", "security-group/{id}")
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Shape(
        "lt-{hex}", _regional("ec2", "launch-template/{id}"), limit=125
    ),
    "aws:ec2/route:Route": Shape("r-{routeTableId}{number}", name=""),
    "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation": Shape(
        "a-{vpcEndpointId}{number}", name=""
    ),
    "aws:ec2/keyPair:KeyPair": Shape(
        "{keyName}", _regional("ec2", "key-pair/{id}"), name="keyName"
    ),
    "aws:eks/cluster:Cluster": Shape("{name}", _regional("eks", "cluster/{name}"), limit=100),
    "aws:eks/addon:Addon": Shape(
        "{clusterName}:{addonName}",
        _regional("eks", "addon/{clusterName}/{addonName}/{uuid}"),
        name="",
    ),
    "aws:eks/nodeGroup:NodeGroup": Shape(
        "{clusterName}:{nodeGroupName}",
        _regional("eks", "nodegroup/{clusterName}/{nodeGroupName}/{uuid}"),
        name="nodeGroupName",
        limit=63,
    ),
    "aws:eks/fargateProfile:FargateProfile": Shape(
        "{clusterName}:{fargateProfileName}",
        _regional("eks", "fargateprofile/{clusterName}/{fargateProfileName}/{uuid}"),
        name="fargateProfileName",
    ),
    "aws:eks/accessEntry:AccessEntry": Shape("{clusterName}:{principalArn}", name=""),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Shape(
        "{clusterName}#{principalArn}#{policyArn}", name=""
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Shape(
        "a-{hex}", _regional("eks", "podidentityassociation/{clusterName}/{id}"), name=""
    ),
    "aws:eks/identityProviderConfig:IdentityProviderConfig": Shape("{clusterName}:{hex}", name=""),
    "aws:iam/role:Role": Shape("{name}", _IAM + "role{path}{name}", limit=64, is_global=True),
    "aws:iam/policy:Policy": Shape(
        _IAM + "policy{path}{name}", _IAM + "policy{path}{name}", limit=128, is_global=True
    ),
    "aws:iam/user:User": Shape("{name}", _IAM + "user{path}{name}", limit=64, is_global=True),
    "aws:iam/group:Group": Shape("{name}", _IAM + "group{path}{name}", limit=128, is_global=True),
    "aws:iam/instanceProfile:InstanceProfile": Shape(
        "{name}", _IAM + "instance-profile{path}{name}", limit=128, is_global=True
    ),
    "aws:iam/rolePolicy:RolePolicy": Shape("{role}:{name}", limit=128, is_global=True),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Shape(
        "{role}/{policyArn}", name="", is_global=True
    ),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": Shape(
        "{user}/{policyArn}", name="", is_global=True
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Shape(
        _IAM + "oidc-provider/{host}", _IAM + "oidc-provider/{host}", name="", is_global=True
    ),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": Shape(
        _IAM + "role/aws-service-role/{awsServiceName}/{hex}",
        _IAM + "role/aws-service-role/{awsServiceName}/{hex}",
        name="",
        is_global=True,
    ),
    "aws:rds/cluster:Cluster": Shape(
        "{clusterIdentifier}",
        _regional("rds", "cluster:{clusterIdentifier}"),
        name="clusterIdentifier",
        limit=63,
    ),
    "aws:rds/clusterInstance:ClusterInstance": Shape(
        "{identifier}", _regional("rds", "db:{identifier}"), name="identifier", limit=63
    ),
    "aws:rds/instance:Instance": Shape(
        "db-{upper}", _regional("rds", "db:{identifier}"), name="identifier", limit=63
    ),
    "aws:rds/globalCluster:GlobalCluster": Shape(
        "{globalClusterIdentifier}",
        "arn:{partition}:rds::{account}:global-cluster:{globalClusterIdentifier}",
        name="globalClusterIdentifier",
        limit=63,
        is_global=True,
    ),
    "aws:rds/subnetGroup:SubnetGroup": Shape("{name}", _regional("rds", "subgrp:{name}")),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": Shape(
        "{name}", _regional("rds", "cluster-pg:{name}")
    ),
    "aws:rds/parameterGroup:ParameterGroup": Shape("{name}", _regional("rds", "pg:{name}")),
    "aws:rds/proxy:Proxy": Shape("{name}", _regional("rds", "db-proxy:prx-{hex}"), limit=63),
    "aws:elasticache/replicationGroup:ReplicationGroup": Shape(
        "{replicationGroupId}",
        _regional("elasticache", "replicationgroup:{replicationGroupId}"),
        name="replicationGroupId",
        limit=40,
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": Shape(
        "{name}", _regional("elasticache", "serverlesscache:{name}"), limit=40
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": Shape(
        "{name}", _regional("elasticache", "subnetgroup:{name}")
    ),
    "aws:elasticache/parameterGroup:ParameterGroup": Shape(
        "{name}", _regional("elasticache", "parametergroup:{name}")
    ),
    "aws:elasticache/user:User": Shape(
        "{userId}", _regional("elasticache", "user:{userId}"), name="userId"
    ),
    "aws:elasticache/userGroup:UserGroup": Shape(
        "{userGroupId}", _regional("elasticache", "usergroup:{userGroupId}"), name="userGroupId"
    ),
    "aws:msk/cluster:Cluster": Shape(
        _regional("kafka", "cluster/{clusterName}/{uuid}-7"),
        _regional("kafka", "cluster/{clusterName}/{uuid}-7"),
        name="clusterName",
        limit=64,
    ),
    "aws:msk/serverlessCluster:ServerlessCluster": Shape(
        _regional("kafka", "cluster/{clusterName}/{uuid}-s1"),
        _regional("kafka", "cluster/{clusterName}/{uuid}-s1"),
        name="clusterName",
        limit=64,
    ),
    "aws:msk/configuration:Configuration": Shape(
        _regional("kafka", "configuration/{name}/{uuid}-7"),
        _regional("kafka", "configuration/{name}/{uuid}-7"),
    ),
    "aws:msk/scramSecretAssociation:ScramSecretAssociation": Shape("{clusterArn}", name=""),
    "aws:msk/clusterPolicy:ClusterPolicy": Shape("{clusterArn}", name=""),
    "aws:msk/replicator:Replicator": Shape(
        _regional("kafka", "replicator/{replicatorName}/{uuid}-7"),
        _regional("kafka", "replicator/{replicatorName}/{uuid}-7"),
        name="replicatorName",
    ),
    "aws:s3/bucket:Bucket": Shape(
        "{bucket}", "arn:{partition}:s3:::{bucket}", name="bucket", limit=63, is_global=True
    ),
    "aws:s3/bucketV2:BucketV2": Shape(
        "{bucket}", "arn:{partition}:s3:::{bucket}", name="bucket", limit=63, is_global=True
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Shape("{bucket}/{key}", name=""),
    "aws:kms/key:Key": Shape("{kms}", _regional("kms", "key/{id}"), name=""),
    "aws:kms/replicaKey:ReplicaKey": Shape("{replica}", _regional("kms", "key/{id}"), name=""),
    "aws:kms/alias:Alias": Shape("{name}", _regional("kms", "{name}"), limit=256),
    "aws:secretsmanager/secret:Secret": Shape(
        _regional("secretsmanager", "secret:{name}-{suffix}"),
        _regional("secretsmanager", "secret:{name}-{suffix}"),
        limit=512,
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Shape("{secretId}|{uuid}", name=""),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Shape("{secretId}", name=""),
    "aws:secretsmanager/secretRotation:SecretRotation": Shape("{secretId}", name=""),
    "aws:route53/zone:Zone": Shape(
        "Z{upper}", "arn:{partition}:route53:::hostedzone/{id}", is_global=True
    ),
    "aws:route53/record:Record": Shape(
        "{zoneId}_{name}_{type}_{setIdentifier}", name="", is_global=True
    ),
    "aws:route53/healthCheck:HealthCheck": Shape(
        "{uuid}", "arn:{partition}:route53:::healthcheck/{id}", name="", is_global=True
    ),
    "aws:route53/zoneAssociation:ZoneAssociation": Shape(
        "{zoneId}:{vpcId}:{vpcRegion}", name="", is_global=True
    ),
    "aws:acm/certificate:Certificate": Shape(
        _regional("acm", "certificate/{uuid}"), _regional("acm", "certificate/{uuid}"), name=""
    ),
    "aws:acm/certificateValidation:CertificateValidation": Shape(
        "2026-01-01 00:00:00 +0000 UTC {hex}", name=""
    ),
    "aws:ecr/repository:Repository": Shape(
        "{name}", _regional("ecr", "repository/{name}"), limit=256
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Shape("{repository}", name=""),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Shape("{repository}", name=""),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": Shape("{account}", name=""),
    "aws:cloudwatch/logGroup:LogGroup": Shape(
        "{name}", _regional("logs", "log-group:{name}"), limit=512
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Shape(
        "{name}", _regional("cloudwatch", "alarm:{name}")
    ),
    "aws:globalaccelerator/accelerator:Accelerator": Shape(
        "arn:{partition}:globalaccelerator::{account}:accelerator/{uuid}",
        "arn:{partition}:globalaccelerator::{account}:accelerator/{uuid}",
        limit=64,
        is_global=True,
    ),
    "aws:globalaccelerator/listener:Listener": Shape(
        "{acceleratorArn}/listener/{upper}",
        "{acceleratorArn}/listener/{upper}",
        name="",
        is_global=True,
    ),
    "aws:globalaccelerator/endpointGroup:EndpointGroup": Shape(
        "{listenerArn}/endpoint-group/{upper}",
        "{listenerArn}/endpoint-group/{upper}",
        name="",
        is_global=True,
    ),
    "aws:networkmanager/globalNetwork:GlobalNetwork": Shape(
        "global-network-{hex}",
        "arn:{partition}:networkmanager::{account}:global-network/{id}",
        name="",
        is_global=True,
    ),
    "aws:networkmanager/coreNetwork:CoreNetwork": Shape(
        "core-network-{hex}",
        "arn:{partition}:networkmanager::{account}:core-network/{id}",
        name="",
        is_global=True,
    ),
    "aws:ec2transitgateway/route:Route": Shape(
        "{transitGatewayRouteTableId}_{destinationCidrBlock}", name=""
    ),
    "aws:ec2/vpnConnectionRoute:VpnConnectionRoute": Shape(
        "{destinationCidrBlock}:{vpnConnectionId}", name=""
    ),
    "aws:lambda/function:Function": Shape(
        "{name}", _regional("lambda", "function:{name}"), limit=64
    ),
    "aws:lambda/invocation:Invocation": Shape("{functionName}_$LATEST_{hex}", name=""),
    "aws:sns/topic:Topic": Shape(_regional("sns", "{name}"), _regional("sns", "{name}")),
    "aws:sqs/queue:Queue": Shape(
        "https://sqs.{region}.amazonaws.com/{account}/{name}",
        _regional("sqs", "{name}"),
        limit=80,
    ),
    "aws:dynamodb/table:Table": Shape("{name}", _regional("dynamodb", "table/{name}")),
    "aws:lb/loadBalancer:LoadBalancer": Shape(
        _regional("elasticloadbalancing", "loadbalancer/net/{name}/{hex}"),
        _regional("elasticloadbalancing", "loadbalancer/net/{name}/{hex}"),
        limit=32,
    ),
    "aws:lb/targetGroup:TargetGroup": Shape(
        _regional("elasticloadbalancing", "targetgroup/{name}/{hex}"),
        _regional("elasticloadbalancing", "targetgroup/{name}/{hex}"),
        limit=32,
    ),
    "aws:backup/vault:Vault": Shape("{name}", _regional("backup", "backup-vault:{name}"), limit=50),
    "aws:backup/plan:Plan": Shape("{uuid}", _regional("backup", "backup-plan:{uuid}")),
    "aws:cloudtrail/trail:Trail": Shape(
        _regional("cloudtrail", "trail/{name}"), _regional("cloudtrail", "trail/{name}")
    ),
}
