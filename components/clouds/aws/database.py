"""PostgreSQL: an Aurora Global Database, one cluster a region.

Which region leads is no part of a cluster's declaration. It is the input of one invocation, which
asks the new leader's region to take over (``lead_database.py``); a changed leader is that one
change, and it is made where the platform goes, not where it may have lost a region.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.clouds import replication
from components.clouds.aws.account import Account, Place, ServiceRole
from components.clouds.aws.cluster import AwsCluster, own_cluster
from components.clouds.aws.network import security_group
from components.clouds.aws.policies import Statement
from components.clouds.cloud import CloudDatabaseArgs, Size
from components.clouds.locations import EVERY_REGION
from components.target import DatabaseServer, Endpoint

PORT = 5432
ADMINISTRATOR = "postgres"

ENGINE = "aurora-postgresql"
_CAPACITY: dict[Size, tuple[float, float]] = {
    "small": (0.5, 4),
    "medium": (1, 16),
    "large": (4, 128),
}
"""Least and most Aurora capacity units of an instance: about 2 GiB of memory each."""

INSTANCES: dict[Size, int] = {"small": 1, "medium": 2, "large": 2}
PARAMETERS = {
    "rds.force_ssl": "1",
    "log_statement": "ddl",
    "log_min_duration_statement": "1000",
}
_ONCE_MADE = (
    # The writer and its followers are made with different ones, and either may become the other.
    "master_username",
    "master_password",
    "replication_source_identifier",
    # The global cluster upgrades its members.
    "engine_version",
)
_LEAD_SECONDS = 900


class GlobalDatabase:
    """The global cluster, the functions' role and the invocation that says who leads."""

    def __init__(self, account: Account) -> None:
        """Makes nothing yet."""
        self._account = account
        self._cluster: aws.rds.GlobalCluster | None = None
        self._role: ServiceRole | None = None

    def server(
        self, name: str, args: CloudDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a region's cluster; the leader first, since followers copy from it.

        A region that is new cannot lead in the same ``pulumi up``: its cluster joins as a follower.
        """
        cluster = own_cluster(args.cluster)
        place = cluster.place
        leads = args.region == args.leader
        if not leads and args.leader_server is None:
            raise ValueError(f"{name}: {args.region} follows {args.leader}, which was not made yet")
        after = [args.leader_server.resource] if args.leader_server else []
        made = self._region(name, args, cluster, after, parent=parent)
        instances = [
            instance(
                place,
                f"{name}-{number}",
                made,
                number,
                key=cluster.network.keys.data,
                tags=place.tags("customer"),
                parent=parent,
            )
            for number in range(INSTANCES[place.environment.size])
        ]
        function = self._function(name, cluster, parent=parent)
        resource: pulumi.Resource = instances[-1]
        if leads:
            resource = self._lead(place, made, function, instances)
        return DatabaseServer(
            region=args.region,
            role=args.role,
            endpoint=Endpoint(
                host=made.endpoint if leads else made.reader_endpoint,
                port=pulumi.Output.from_input(PORT),
            ),
            administrator=ADMINISTRATOR,
            administrator_password=args.administrator_password,
            resource=resource,
            tls=True,
        )

    def _global_cluster(self, place: Place, version: str) -> aws.rds.GlobalCluster:
        """Makes the global cluster where the first leader is; it stays there, reached from all."""
        if self._cluster is None:
            environment = self._account.environment
            self._cluster = aws.rds.GlobalCluster(
                "aws-database",
                global_cluster_identifier=environment.name,
                engine=ENGINE,
                engine_version=version,
                storage_encrypted=True,
                deletion_protection=environment.protect,
                force_destroy=not environment.protect,
                tags=environment.tags(data_class="customer"),
                region=place.location,
                opts=self._account.inside(self._account.root, ignore_changes=["region"]),
            )
        return self._cluster

    def _region(
        self,
        name: str,
        args: CloudDatabaseArgs,
        cluster: AwsCluster,
        after: Sequence[pulumi.Resource],
        *,
        parent: pulumi.Resource,
    ) -> aws.rds.Cluster:
        place, network = cluster.place, cluster.network
        protect, location = place.environment.protect, place.location
        leads = args.region == args.leader
        subnets = subnet_group(place, name, network.data_subnet_ids, parent=parent)
        parameters = parameter_group(
            place,
            name,
            args.version,
            "TLS only, logical replication, log of slow statements",
            PARAMETERS | replication.SETTINGS | {"rds.logical_replication": "1"},
            parent=parent,
        )
        firewall = database_security_group(
            place, name, network.vpc.id, cluster.security_group, follows=True, parent=parent
        )
        logs = place.log_group(
            f"{name}-postgresql",
            f"/aws/rds/cluster/{place.physical_name}/postgresql",
            network.keys.operational,
            parent=parent,
        )
        least, most = _CAPACITY[place.environment.size]
        return aws.rds.Cluster(
            name,
            cluster_identifier=place.physical_name,
            global_cluster_identifier=self._global_cluster(place, args.version).id,
            engine=ENGINE,
            engine_mode="provisioned",
            engine_version=args.version,
            master_username=ADMINISTRATOR if leads else None,
            master_password=args.administrator_password if leads else None,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[firewall.id],
            db_cluster_parameter_group_name=parameters.name,
            port=PORT,
            serverlessv2_scaling_configuration=aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
                min_capacity=least, max_capacity=most
            ),
            storage_encrypted=True,
            kms_key_id=network.keys.data.arn,
            backup_retention_period=35 if protect else 7,
            copy_tags_to_snapshot=True,
            deletion_protection=protect,
            skip_final_snapshot=not protect,
            final_snapshot_identifier=f"{place.physical_name}-final" if protect else None,
            enabled_cloudwatch_logs_exports=["postgresql"],
            iam_database_authentication_enabled=False,
            tags=place.tags("customer"),
            region=location,
            opts=place.account.inside(parent, logs, *after, ignore_changes=_ONCE_MADE),
        )

    def _function(
        self, name: str, cluster: AwsCluster, *, parent: pulumi.Resource
    ) -> aws.lambda_.Function:
        """Makes the function that lets its region lead; every region has its own, ready."""
        place, key = cluster.place, cluster.network.keys.operational
        role = self._function_role()
        code = Path(__file__).with_name("lead_database.py").read_text()
        logs = place.log_group(
            f"{name}-lead",
            f"/{place.environment.name}/{place.region.name}/lead-database",
            key,
            parent=parent,
        )
        return aws.lambda_.Function(
            f"{name}-lead",
            description=f"Lets {place.region.name} lead the database",
            role=role.arn,
            runtime="python3.13",
            architectures=["arm64"],
            handler="lead_database.handler",
            code=pulumi.AssetArchive({"lead_database.py": pulumi.StringAsset(code)}),
            timeout=_LEAD_SECONDS,
            kms_key_arn=key.arn,
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(
                log_format="JSON", log_group=logs.name
            ),
            tags=place.tags(),
            region=place.location,
            opts=place.account.inside(parent, *role.policies),
        )

    def _function_role(self) -> ServiceRole:
        if self._role is None:
            environment = self._account.environment
            self._role = self._account.role(
                "aws-lead-database",
                service="lambda",
                inline=[
                    Statement(
                        actions=["rds:DescribeDBClusters", "rds:DescribeGlobalClusters"],
                    ),
                    Statement(
                        actions=["rds:FailoverGlobalCluster", "rds:SwitchoverGlobalCluster"],
                        resources=[
                            f"arn:aws:rds::{environment.account}:global-cluster:{environment.name}",
                            f"arn:aws:rds:*:{environment.account}:cluster:{environment.name}-*",
                        ],
                    ),
                    Statement(
                        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                        resources=[
                            f"arn:aws:logs:*:{environment.account}:log-group:/{environment.name}/*"
                        ],
                    ),
                ],
            )
        return self._role

    def _lead(
        self,
        place: Place,
        made: aws.rds.Cluster,
        function: aws.lambda_.Function,
        instances: Sequence[pulumi.Resource],
    ) -> aws.lambda_.Invocation:
        """Says who leads. On another leader it is replaced, which calls the new one's function.

        Taking the old one away calls nothing, so a lost region does not stand in the way.
        """
        request = made.arn.apply(
            lambda arn: json.dumps({"global_cluster": place.environment.name, "leader": arn})
        )
        return aws.lambda_.Invocation(
            "aws-database-leader",
            function_name=function.name,
            input=request,
            lifecycle_scope="CREATE_ONLY",
            region=place.location,
            opts=self._account.inside(self._account.root, *instances),
        )


def subnet_group(
    place: Place,
    name: str,
    data_subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]],
    *,
    parent: pulumi.Resource,
) -> aws.rds.SubnetGroup:
    """Makes what puts databases into the region's data subnets."""
    return aws.rds.SubnetGroup(
        name,
        description=f"Data subnets of {place.region.name}",
        subnet_ids=data_subnet_ids,
        tags=place.tags(),
        region=place.location,
        opts=place.account.inside(parent),
    )


def parameter_group(
    place: Place,
    name: str,
    version: str,
    description: str,
    parameters: Mapping[str, str],
    *,
    parent: pulumi.Resource,
) -> aws.rds.ClusterParameterGroup:
    """Makes the parameters of clusters of a major version."""
    return aws.rds.ClusterParameterGroup(
        name,
        family=f"{ENGINE}{version}",
        description=description,
        parameters=[
            aws.rds.ClusterParameterGroupParameterArgs(
                name=key, value=value, apply_method="pending-reboot"
            )
            for key, value in parameters.items()
        ],
        tags=place.tags(),
        region=place.location,
        opts=place.account.inside(parent),
    )


def instance(
    place: Place,
    name: str,
    made: aws.rds.Cluster,
    number: int,
    *,
    key: aws.kms.Key,
    tags: Mapping[str, str],
    parent: pulumi.Resource,
) -> aws.rds.ClusterInstance:
    """Makes a cluster's instance, private and of the capacity that the cluster says."""
    return aws.rds.ClusterInstance(
        name,
        cluster_identifier=made.id,
        engine=aws.rds.EngineType.AURORA_POSTGRESQL,
        instance_class="db.serverless",
        # Tiers 0 and 1 keep the capacity of the writer, and so can take over at once.
        promotion_tier=min(number, 1),
        publicly_accessible=False,
        ca_cert_identifier="rds-ca-rsa2048-g1",
        auto_minor_version_upgrade=True,
        performance_insights_enabled=True,
        performance_insights_kms_key_id=key.arn,
        performance_insights_retention_period=7,
        copy_tags_to_snapshot=True,
        tags=tags,
        region=place.location,
        opts=place.account.inside(parent),
    )


def database_security_group(
    place: Place,
    name: str,
    vpc_id: pulumi.Input[str],
    nodes: pulumi.Input[str],
    *,
    follows: bool,
    parent: pulumi.Resource,
) -> aws.ec2.SecurityGroup:
    """Lets the region's nodes and pods (the group ``nodes``), and other regions, to databases.

    Args:
        place: where.
        name: unique within the stack.
        vpc_id: of the databases.
        nodes: group of the cluster's nodes and pods.
        follows: whether the database may call others, as one that follows another cloud's leader.
        parent: parent of what is made.
    """
    return security_group(
        place,
        name,
        vpc_id,
        "PostgreSQL from the platform's clusters",
        [
            aws.ec2.SecurityGroupIngressArgs(
                description="PostgreSQL from the region's own cluster",
                protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                security_groups=[nodes],
            ),
            aws.ec2.SecurityGroupIngressArgs(
                description="PostgreSQL from other regions, which write to the leader",
                protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                cidr_blocks=[str(EVERY_REGION)],
            ),
        ],
        egress=[
            aws.ec2.SecurityGroupEgressArgs(
                description="PostgreSQL of other clouds, whose leader this one may follow",
                protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                cidr_blocks=[str(EVERY_REGION)],
            )
        ]
        if follows
        else (),
        parent=parent,
    )
