"""What a dedicated tenant has of its own on AWS: key, bucket, database and name.

All of it is in regions that another stack made (``attach.py``). Accounts have far fewer roles,
parameter groups and health checks than tenants may be many, so what holds no data is shared: one
role a cell, which may do nothing of itself and is let in by each tenant's key and bucket for that
tenant's namespace alone; the groups a region's databases are in; the environment's health checks.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pulumi
import pulumi_aws as aws

from components.clouds.aws import database, dns
from components.clouds.aws.account import Account, Place
from components.clouds.aws.attach import AttachedCluster, attached, attached_zone
from components.clouds.aws.keys import tenant_key
from components.clouds.aws.object_store import OBJECT_ACTIONS, closed_bucket
from components.clouds.aws.policies import Statement, trust_document
from components.clouds.cloud import DirectorArgs, Size
from components.clouds.tenancy import TenantDatabaseArgs, TenantStore, TenantStoreArgs
from components.target import DatabaseServer, Endpoint, ObjectStore

_SERVICE_ACCOUNT = "workload"
_DIGEST_LENGTH = 12
_CAPACITY: dict[Size, tuple[float, float]] = {
    "small": (0, 4),
    "medium": (0.5, 8),
    "large": (0.5, 32),
}
"""Least and most Aurora capacity units of an instance; with a least of 0 it pauses when idle."""


@dataclass(frozen=True, kw_only=True)
class _Databases:
    """What the tenants' databases of a region are put into."""

    subnets: aws.rds.SubnetGroup
    firewall: aws.ec2.SecurityGroup


class Tenants:
    """The dedicated tenants of a cell."""

    def __init__(self, account: Account) -> None:
        """Makes nothing yet."""
        self._account = account
        self._databases: dict[str, _Databases] = {}
        self._parameters: dict[tuple[str, str], aws.rds.ClusterParameterGroup] = {}

    def store(self, name: str, args: TenantStoreArgs, *, parent: pulumi.Resource) -> TenantStore:
        """Makes a tenant's key and its bucket, which its workload alone may use.

        The bucket's objects belong to the bucket's owner, which is what S3 gives a new one.
        """
        cluster = attached(args.cluster)
        place, physical_name = cluster.place, tenant_name(cluster.place, args.tenant)
        role = {"AWS": self._role.arn}
        workload = _workload(cluster, args.namespace)
        key = tenant_key(
            place,
            name,
            Statement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                principal=role,
                conditions={
                    "StringEquals": workload
                    | {"kms:ViaService": f"s3.{place.location}.amazonaws.com"}
                },
            ),
            log_group=_log_group(physical_name),
            tags=_tags(place, args.tenant, "customer"),
            parent=parent,
        )
        arn = f"arn:aws:s3:::{physical_name}"
        bucket = closed_bucket(
            place,
            name,
            Statement(
                actions=["s3:ListBucket"],
                resources=[arn],
                principal=role,
                conditions={"StringEquals": workload},
            ),
            Statement(
                actions=OBJECT_ACTIONS,
                resources=[f"{arn}/*"],
                principal=role,
                conditions={"StringEquals": workload},
            ),
            physical_name=physical_name,
            key=key,
            tags=_tags(place, args.tenant, "customer"),
            parent=parent,
        )
        association = aws.eks.PodIdentityAssociation(
            name,
            cluster_name=cluster.name,
            namespace=args.namespace,
            service_account=_SERVICE_ACCOUNT,
            role_arn=self._role.arn,
            # The policies of key and bucket know the tenant by them.
            disable_session_tags=False,
            tags=_tags(place, args.tenant),
            region=place.location,
            opts=place.account.inside(parent, bucket.policy),
        )
        return TenantStore(
            objects=ObjectStore(
                url=bucket.bucket.bucket.apply(lambda found: f"s3://{found}"), resource=association
            ),
            key=key,
            service_account_annotations={},
        )

    def database(
        self, name: str, args: TenantDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a tenant's own Aurora cluster; its storage grows by itself, so none is asked for.

        Raises:
            TypeError: the key is not one of AWS.
        """
        cluster = attached(args.cluster)
        place, key = cluster.place, args.key
        if not isinstance(key, aws.kms.Key):
            raise TypeError(f"{name}: key is a {type(key).__name__}; store() returns the right one")
        tags = _tags(place, args.tenant, "customer")
        physical_name = tenant_name(place, args.tenant)
        into = self._region(cluster)
        size, protect = place.environment.size, place.environment.protect
        logs = place.log_group(
            f"{name}-postgresql",
            _log_group(physical_name),
            key,
            tags=_tags(place, args.tenant, "operational"),
            parent=parent,
        )
        least, most = _CAPACITY[size]
        made = aws.rds.Cluster(
            name,
            cluster_identifier=physical_name,
            engine=database.ENGINE,
            engine_mode="provisioned",
            engine_version=args.version,
            allow_major_version_upgrade=True,
            master_username=database.ADMINISTRATOR,
            master_password=args.administrator_password,
            db_subnet_group_name=into.subnets.name,
            vpc_security_group_ids=[into.firewall.id],
            db_cluster_parameter_group_name=self._parameter_group(place, args.version).name,
            port=database.PORT,
            serverlessv2_scaling_configuration=aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
                min_capacity=least, max_capacity=most
            ),
            storage_encrypted=True,
            kms_key_id=key.arn,
            backup_retention_period=35 if protect else 7,
            copy_tags_to_snapshot=True,
            deletion_protection=protect,
            skip_final_snapshot=not protect,
            final_snapshot_identifier=f"{physical_name}-final" if protect else None,
            enabled_cloudwatch_logs_exports=["postgresql"],
            iam_database_authentication_enabled=False,
            tags=tags,
            region=place.location,
            opts=place.account.inside(parent, logs),
        )
        instances = [
            database.instance(
                place, f"{name}-{number}", made, number, key=key, tags=tags, parent=parent
            )
            for number in range(database.INSTANCES[size])
        ]
        return DatabaseServer(
            region=cluster.region,
            role="primary",
            endpoint=Endpoint(host=made.endpoint, port=pulumi.Output.from_input(database.PORT)),
            administrator=database.ADMINISTRATOR,
            administrator_password=args.administrator_password,
            resource=instances[-1],
            tls=True,
        )

    def director(
        self, name: str, args: DirectorArgs, *, parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Makes each region's share of a tenant's own name.

        Whether a region is healthy is what the environment's own checks say of the same gateways.
        """
        zone = attached_zone(args.zone)
        records = [
            dns.share(
                self._account,
                f"{name}-{one.region}",
                zone.zone_id,
                args.host,
                one,
                zone.health_checks.apply(lambda found, region=one.region: found[region]),
                parent=parent,
            )
            for one in args.endpoints
        ]
        return records[0]

    @cached_property
    def _role(self) -> aws.iam.Role:
        """What the tenants' workloads act as: it has no rights but those it is given by a tenant.

        Their sessions carry their namespace and cluster as tags, which EKS Pod Identity sets
        (docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
        """
        environment = self._account.environment
        clusters = f"arn:aws:eks:*:{environment.account}:cluster/{environment.name}-*"
        return aws.iam.Role(
            "aws-tenants",
            assume_role_policy=trust_document(
                Statement(
                    actions=["sts:AssumeRole", "sts:TagSession"],
                    principal={"Service": "pods.eks.amazonaws.com"},
                    conditions={
                        "StringEquals": {
                            "aws:SourceAccount": environment.account,
                            "aws:RequestTag/kubernetes-service-account": _SERVICE_ACCOUNT,
                        },
                        "ArnLike": {"aws:SourceArn": clusters},
                    },
                )
            ),
            tags=environment.tags(),
            opts=self._account.inside(self._account.root),
        )

    def _region(self, cluster: AttachedCluster) -> _Databases:
        """Makes what a region's databases are put into, once for all tenants of the cell."""
        place, network = cluster.place, cluster.network
        if cluster.region not in self._databases:
            name, root = f"{cluster.region}-tenants", self._account.root
            self._databases[cluster.region] = _Databases(
                subnets=database.subnet_group(place, name, network.data_subnet_ids, parent=root),
                firewall=database.database_security_group(
                    place,
                    name,
                    network.vpc_id,
                    cluster.security_group,
                    follows=False,
                    parent=root,
                ),
            )
        return self._databases[cluster.region]

    def _parameter_group(self, place: Place, version: str) -> aws.rds.ClusterParameterGroup:
        key = (place.region.name, version)
        if key not in self._parameters:
            self._parameters[key] = database.parameter_group(
                place,
                f"{place.region.name}-tenants-{version}",
                version,
                "TLS only, log of slow statements",
                database.PARAMETERS,
                parent=self._account.root,
            )
        return self._parameters[key]


def tenant_name(place: Place, tenant: str) -> str:
    """Returns the name of a tenant's bucket and database: 58 characters at most.

    Buckets share their names with all of AWS', so it ends in a digest of whose it is.
    """
    environment = place.environment
    owner = hashlib.sha256(f"{environment.account}/{environment.name}".encode()).hexdigest()
    return f"{tenant}-{place.location}-{owner[:_DIGEST_LENGTH]}"


def _log_group(physical_name: str) -> str:
    """Returns where Aurora writes the log of a cluster of that name."""
    return f"/aws/rds/cluster/{physical_name}/postgresql"


def _workload(cluster: AttachedCluster, namespace: str) -> dict[str, Any]:
    """Returns the tags by which a tenant's workload in a cluster is known."""
    return {
        "aws:PrincipalTag/eks-cluster-arn": cluster.place.arn("eks", f"cluster/{cluster.name}"),
        "aws:PrincipalTag/kubernetes-namespace": namespace,
        "aws:PrincipalTag/kubernetes-service-account": _SERVICE_ACCOUNT,
    }


def _tags(place: Place, tenant: str, data_class: str = "none") -> Mapping[str, str]:
    return place.tags(data_class) | {"tenant": tenant}
