"""Disaster recovery: which region's database takes writes, and which ones follow it.

Changing ``primary_region`` in the environment file and running ``pulumi up`` is the failover: the
new primary is promoted first, then the others follow it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.component import Component
from components.database import Database
from components.target import Cluster, DatabaseServer, DatabaseServerArgs, Target


@dataclass(frozen=True, kw_only=True)
class DisasterRecoveryArgs:
    """The primary region, its standbys, and where each of them runs.

    Attributes:
        clusters: by region; the primary's and every standby's.
        database_version: major version of PostgreSQL.
    """

    primary_region: str
    standby_regions: Sequence[str]
    clusters: Mapping[str, Cluster]
    database_version: str


class DisasterRecovery(Component):
    """One PostgreSQL server a region: a primary, and standbys that stream from it."""

    def __init__(
        self,
        name: str,
        args: DisasterRecoveryArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the servers.

        Raises:
            ValueError: a region has no cluster, or the primary is also a standby.
        """
        regions = [args.primary_region, *args.standby_regions]
        if len(set(regions)) != len(regions):
            raise ValueError(f"a region is named twice among primary and standbys: {regions}")
        for region in regions:
            if region not in args.clusters:
                raise ValueError(f"region {region!r} has no cluster to run its database on")
        super().__init__(name, opts)
        administrator_password = target.password("database-administrator", parent=self)
        replication_password = target.password("database-replication", parent=self)

        def server(region: str, primary: DatabaseServer | None) -> DatabaseServer:
            database_args = DatabaseServerArgs(
                region=region,
                cluster=args.clusters[region],
                version=args.database_version,
                primary_region=args.primary_region,
                standby_regions=args.standby_regions,
                administrator_password=administrator_password,
                replication_password=replication_password,
                primary=primary,
            )
            inside = pulumi.ResourceOptions(parent=self)
            return Database(f"{region}-database", database_args, target=target, opts=inside).server

        self.primary: DatabaseServer = server(args.primary_region, None)
        self.servers: dict[str, DatabaseServer] = {args.primary_region: self.primary} | {
            region: server(region, self.primary) for region in args.standby_regions
        }
        self.register_outputs({"primary_region": args.primary_region})
