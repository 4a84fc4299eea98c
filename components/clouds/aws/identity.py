"""What workloads may do in AWS: a role a service account, given by EKS Pod Identity."""

import pulumi
import pulumi_aws as aws

from components.clouds.aws.cluster import AwsCluster
from components.clouds.aws.object_store import OBJECT_ACTIONS, bucket_name
from components.clouds.aws.policies import Statement, document, trust_document
from components.clouds.aws.secrets import prefix
from components.clouds.cloud import Grant, WorkloadIdentity, WorkloadIdentityArgs


def workload_identity(
    cluster: AwsCluster, name: str, args: WorkloadIdentityArgs, *, parent: pulumi.Resource
) -> WorkloadIdentity:
    """Makes the role and gives it to the service account's pods."""
    place = cluster.place
    inside = place.account.inside(parent)
    role = aws.iam.Role(
        name,
        assume_role_policy=trust_document(
            Statement(
                actions=["sts:AssumeRole", "sts:TagSession"],
                principal={"Service": "pods.eks.amazonaws.com"},
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": place.environment.account,
                        "aws:RequestTag/kubernetes-namespace": args.namespace,
                        "aws:RequestTag/kubernetes-service-account": args.service_account,
                    },
                    "ArnEquals": {"aws:SourceArn": place.arn("eks", f"cluster/{cluster.name}")},
                },
            )
        ),
        tags=place.tags(),
        opts=inside,
    )
    statements = [one for grant in args.grants for one in _rights(cluster, grant)]
    rights = [
        aws.iam.RolePolicy(name, role=role.name, policy=document(*statements), opts=inside)
        for _ in statements[:1]
    ]
    association = aws.eks.PodIdentityAssociation(
        name,
        cluster_name=cluster.name,
        namespace=args.namespace,
        service_account=args.service_account,
        role_arn=role.arn,
        tags=place.tags(),
        region=place.location,
        opts=place.account.inside(parent, cluster.resource, *rights),
    )
    return WorkloadIdentity(resource=association)


def _rights(cluster: AwsCluster, grant: Grant) -> list[Statement]:
    """Returns what a grant means in the cluster's region, and nowhere else."""
    place = cluster.place
    match grant:
        case "read-secrets":
            return [
                Statement(
                    actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                    resources=[place.arn("secretsmanager", f"secret:{prefix(place)}*")],
                ),
                _use_key(cluster, "secretsmanager", "kms:Decrypt"),
            ]
        case "event-bus":
            bus = place.physical_name
            return [
                Statement(
                    actions=["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"],
                    resources=[place.arn("kafka", f"cluster/{bus}/*")],
                ),
                Statement(
                    actions=[
                        "kafka-cluster:CreateTopic",
                        "kafka-cluster:DescribeTopic",
                        "kafka-cluster:ReadData",
                        "kafka-cluster:WriteData",
                        "kafka-cluster:WriteDataIdempotently",
                    ],
                    resources=[place.arn("kafka", f"topic/{bus}/*")],
                ),
                Statement(
                    actions=["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"],
                    resources=[place.arn("kafka", f"group/{bus}/*")],
                ),
            ]
        case "object-store":
            arn = f"arn:aws:s3:::{bucket_name(place)}"
            return [
                Statement(actions=["s3:ListBucket"], resources=[arn]),
                Statement(actions=OBJECT_ACTIONS, resources=[f"{arn}/*"]),
                _use_key(cluster, "s3", "kms:Decrypt", "kms:GenerateDataKey"),
            ]


def _use_key(cluster: AwsCluster, service: str, *actions: str) -> Statement:
    return Statement(
        actions=actions,
        resources=[cluster.network.keys.data.arn],
        conditions={
            "StringEquals": {"kms:ViaService": f"{service}.{cluster.place.location}.amazonaws.com"}
        },
    )
