"""PostgreSQL and Valkey on one machine."""

import pulumi

from components.clouds.local import resources
from components.clouds.local.place import Place, child, foreign, own, password
from components.target import (
    CacheServer,
    Cluster,
    DatabaseServer,
    DatabaseServerArgs,
    Endpoint,
    ServiceDatabase,
)

_DATABASE_PROCESS = "postgres"


def database_server(
    place: Place, name: str, args: DatabaseServerArgs, *, parent: pulumi.Resource
) -> DatabaseServer:
    """Makes a PostgreSQL server; its role follows the environment's primary region."""
    cluster = own(args.cluster)
    others = [one for one in (args.primary_region, *args.standby_regions) if one != args.region]
    is_primary = args.role == "primary"
    primary = None
    if args.primary is not None:
        if not isinstance(args.primary.resource, resources.PostgresServer):
            raise foreign(args.primary.resource)
        primary = args.primary.resource.as_primary()
    server = resources.PostgresServer(
        name,
        supervisor=cluster.folder,
        server_name=_DATABASE_PROCESS,
        folder=str(place.home / args.region / "database"),
        port=place.ports(args.region).database,
        role=args.role,
        superuser_password=args.administrator_password,
        replication_password=args.replication_password,
        primary=primary,
        slot=None if is_primary else _slot(args.region),
        standby_slots=[_slot(region) for region in others] if is_primary else (),
        peers=[
            resources.PostgresPeer(
                port=place.ports(region).database,
                supervisor=str(place.home / region),
                process=_DATABASE_PROCESS,
            )
            for region in others
        ],
        version=args.version,
        opts=child(parent, *([args.primary.resource] if args.primary else [])),
    )
    return DatabaseServer(
        region=args.region,
        role=args.role,
        endpoint=Endpoint(host=server.host, port=server.port),
        administrator_password=args.administrator_password,
        resource=server,
    )


def service_database(
    name: str, server: DatabaseServer, *, parent: pulumi.Resource
) -> ServiceDatabase:
    """Makes the database ``<name>`` and its three roles."""
    if not isinstance(server.resource, resources.PostgresServer):
        raise foreign(server.resource)
    roles = {
        role: password(f"{role.replace('_', '-')}-password", parent=parent)
        for role in (f"{name}_owner", name, f"{name}_system")
    }
    made = resources.Database(
        f"{name}-database",
        host=server.endpoint.host,
        port=server.endpoint.port,
        superuser_password=server.administrator_password,
        database_name=name,
        owner=resources.DatabaseRole(name=f"{name}_owner", password=roles[f"{name}_owner"]),
        roles=[
            resources.DatabaseRole(name=role, password=roles[role])
            for role in (name, f"{name}_system")
        ],
        system_identifier=server.resource.system_identifier,
        opts=child(parent, server.resource),
    )
    return ServiceDatabase(
        name=name,
        identity=made.oid,
        owner_password=roles[f"{name}_owner"],
        password=roles[name],
        system_password=roles[f"{name}_system"],
        resource=made,
    )


def cache(place: Place, name: str, cluster: Cluster, *, parent: pulumi.Resource) -> CacheServer:
    """Makes a region's Valkey; the version is the one the wheel brings."""
    placed = own(cluster)
    secret = password(f"{name}-password", parent=parent)
    server = resources.Valkey(
        name,
        supervisor=placed.folder,
        server_name="valkey",
        folder=str(place.home / placed.region / "cache"),
        port=place.ports(placed.region).cache,
        password=secret,
        opts=child(parent),
    )
    return CacheServer(
        endpoint=Endpoint(host=server.host, port=server.port),
        password=secret,
        resource=server,
    )


def _slot(region: str) -> str:
    return region.replace("-", "_")
