"""What a dedicated tenant has of its own on Google Cloud: key, bucket, database and name.

All of it is in regions that another stack made (``attach.py``). The tenant's keys are in the
region's key ring, under keys of their own; its names are answered by the environment's own health
check, which probes the same gateways, as a project cannot have a check for each of many tenants.
"""

import pulumi
import pulumi_gcp as gcp

from components.clouds.cloud import DirectorArgs
from components.clouds.gcp import database, dns, identity, keys
from components.clouds.gcp import object_store as object_stores
from components.clouds.gcp import project as projects
from components.clouds.gcp.attach import AttachedRegion, AttachedZone, attached
from components.clouds.gcp.project import Project
from components.clouds.tenancy import TenantDatabaseArgs, TenantStore, TenantStoreArgs
from components.target import DatabaseServer, Endpoint, ObjectStore

_SERVICE_ACCOUNT = "workload"


def tenant_store(
    project: Project, name: str, args: TenantStoreArgs, *, parent: pulumi.Resource
) -> TenantStore:
    """Makes a tenant's key and its bucket, which its workload alone may use.

    Google knows a service account by its namespace's name and not by its cluster: the tenant's
    workloads in its other regions may use the bucket too.
    """
    region = attached(args.cluster)
    key = keys.crypto_key(
        project, name, region.key_ring, _labels(project, region, args.tenant), parent=parent
    )
    bucket = object_stores.bucket(
        project,
        name,
        location=region.place.location.name,
        key=keys.grant(project, name, key, region.storage_agent, parent=parent),
        labels=_labels(project, region, args.tenant, data_class="customer"),
        parent=parent,
    )
    gcp.storage.BucketIAMMember(
        f"{name}-workload",
        bucket=bucket.name,
        role="roles/storage.objectUser",
        member=identity.principal(project, region.project_number, args.namespace, _SERVICE_ACCOUNT),
        opts=project.child(parent),
    )
    return TenantStore(
        objects=ObjectStore(url=bucket.url, resource=bucket),
        key=key,
        service_account_annotations={},
    )


def tenant_database(
    project: Project, name: str, args: TenantDatabaseArgs, *, parent: pulumi.Resource
) -> DatabaseServer:
    """Makes a tenant's server, under its key, and the server's endpoint in the region.

    Its disk starts small and grows up to the quota, so that a quota can also be lowered.
    """
    region = attached(args.cluster)
    if not isinstance(args.key, gcp.kms.CryptoKey):
        raise projects.foreign(args.key)
    instance = gcp.sql.DatabaseInstance(
        name,
        database_version=f"POSTGRES_{args.version}",
        region=region.place.location.name,
        root_password=args.administrator_password,
        encryption_key_name=keys.grant(
            project, name, args.key, region.database_agent, parent=parent
        ),
        deletion_protection=project.environment.protect,
        settings={
            **database.settings(
                project,
                edition="ENTERPRISE",
                tier=project.pick(
                    small="db-g1-small", medium="db-custom-1-3840", large="db-custom-2-7680"
                ),
                backups=database.backups(
                    project, "ENTERPRISE", location=region.place.location.name
                ),
                labels=_labels(project, region, args.tenant, data_class="customer"),
            ),
            "disk_autoresize_limit": args.storage_gib,
        },
        opts=project.child(parent),
    )
    ready, address = database.endpoint(
        project,
        name,
        instance,
        place=region.place,
        vpc=region.vpc,
        subnet=region.data_subnet,
        labels=_labels(project, region, args.tenant),
        parent=parent,
    )
    return DatabaseServer(
        region=region.region,
        role="primary",
        endpoint=Endpoint(
            host=database.host(instance), port=pulumi.Output.from_input(database.PORT)
        ),
        administrator_password=args.administrator_password,
        resource=ready,
        tls=True,
        ca_certificate=database.authority(instance),
        private_address=address,
    )


def tenant_director(
    project: Project, name: str, args: DirectorArgs, *, parent: pulumi.Resource
) -> pulumi.Resource:
    """Makes the record of a tenant's own name.

    Raises:
        TypeError: the zone is another target's, or was made in this stack.
    """
    zone = args.zone
    if not isinstance(zone, AttachedZone):
        raise TypeError(
            f"{zone.domain}: tenants' names are put into a zone that another stack exported; "
            "attach_zone() returns it"
        )
    return dns.weighted(project, name, args, zone.name, zone.health_check, parent=parent)


def _labels(
    project: Project, region: AttachedRegion, tenant: str, *, data_class: str = "none"
) -> dict[str, str]:
    found = project.environment.tags(region=region.region, data_class=data_class)
    return {**found, "tenant": tenant}
