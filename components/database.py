"""PostgreSQL: a region's server, and a service's own database on the primary."""

from dataclasses import dataclass

import pulumi

from components.component import Component
from components.target import DatabaseServer, DatabaseServerArgs, ServiceDatabase, Target


class Database(Component):
    """A region's PostgreSQL server, primary or streaming standby."""

    def __init__(
        self,
        name: str,
        args: DatabaseServerArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the server; a changed role is an update in place, never a new server."""
        super().__init__(name, opts)
        self.server: DatabaseServer = target.database_server(name, args, parent=self)
        self.register_outputs({"role": args.role})


@dataclass(frozen=True, kw_only=True)
class ServiceDatabaseArgs:
    """Which service, and the primary server its database is made on."""

    service: str
    server: DatabaseServer


class ServiceDatabaseSet(Component):
    """A service's database with its owner, tenant-bound and system roles."""

    def __init__(
        self,
        name: str,
        args: ServiceDatabaseArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the database and its roles."""
        super().__init__(name, opts)
        self.database: ServiceDatabase = target.service_database(
            args.service, args.server, parent=self
        )
        self.register_outputs({})
