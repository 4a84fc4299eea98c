"""PostgreSQL: a Flexible Server per region, one of which takes writes.

The first leader is made empty, the others as its replicas. After that a server's declaration says
nothing of its role: which one leads is the business of a script in Azure, next to each server,
whose only input is whether its server shall lead (``lead.sh``). So a changed leader is one script
run again, nothing is replaced, and it works when the old leader's region is gone.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pulumi
from pulumi_azure_native import dbforpostgresql, managedidentity, privatedns, resources

from components.clouds import replication
from components.clouds.azure.keys import KeyInUse
from components.clouds.azure.logs import send_logs
from components.clouds.azure.network import AzureNetwork, Site
from components.clouds.azure.private_link import PrivateLink
from components.clouds.azure.protection import lock
from components.clouds.azure.roles import Role, grant
from components.clouds.azure.sizes import SIZES
from components.clouds.azure.subscription import HOME, foreign
from components.clouds.cloud import CloudDatabaseArgs
from components.target import DatabaseServer, Endpoint

PORT = 5432
ADMINISTRATOR = "platform_administrator"

MOST_FOLLOWERS = 5
"""Replicas that Azure lets a server have."""

SETTINGS = {
    "require_secure_transport": "on",
    "wal_level": "logical",
    **replication.SETTINGS,
}
"""Parameters of every server, leader or not: they must agree when roles change."""

_STATIC = sorted(SETTINGS.keys() - {"require_secure_transport"})
"""Those of them that a server takes up when it starts."""

SCRIPT = Path(__file__).with_name("lead.sh")
CLI_VERSION = "2.75.0"

DECIDED_ONCE = [
    "administratorLogin",
    "administratorLoginPassword",
    "backup.geoRedundantBackup",
    "createMode",
    "highAvailability",
    "sourceServerResourceId",
]
"""What is said when a server is made, or changed by the script when it is made leader: followers
have neither an administrator nor a second instance of their own."""


@dataclass(frozen=True, kw_only=True)
class AzureDatabaseServer(DatabaseServer):
    """A region's server; ``resource`` is there once it has its role and can be reached."""

    server: dbforpostgresql.Server


class Databases:
    """The servers of an environment on Azure."""

    def __init__(self, link: PrivateLink) -> None:
        """Remembers how servers are reached; makes nothing."""
        self._link = link
        self._subscription = link.subscription

    @cached_property
    def _script_identity(self) -> managedidentity.UserAssignedIdentity:
        """Who switches leaders: it may change these servers and nothing else."""
        return managedidentity.UserAssignedIdentity(
            "azure-database-leader",
            resource_group_name=self._subscription.group.name,
            location=HOME,
            tags=self._subscription.environment.tags(),
            opts=self._subscription.child(self._subscription.root),
        )

    def server(
        self,
        name: str,
        args: CloudDatabaseArgs,
        within: AzureNetwork,
        *,
        parent: pulumi.Resource,
    ) -> AzureDatabaseServer:
        """Makes a region's server, or changes its role in place.

        Raises:
            ValueError: there are more followers than Azure lets a leader have.
        """
        if len(args.followers) > MOST_FOLLOWERS:
            raise ValueError(
                f"{len(args.followers) + 1} regions on Azure, but PostgreSQL there has at most "
                f"{MOST_FOLLOWERS} replicas: {', '.join([args.leader, *args.followers])}"
            )
        zone, looked_up = self._link.database_zone(name, within, parent=parent)
        made = dbforpostgresql.Server(
            name,
            self._arguments(args, within, zone),
            opts=self._subscription.child(
                parent,
                within.data_key.access,
                looked_up,
                # A follower reads its leader's log through both their networks.
                *([args.connection] if args.connection and args.leader_server else []),
                *([args.leader_server.resource] if args.leader_server else []),
                ignore_changes=DECIDED_ONCE,
                holds_data=True,
            ),
        )
        lock(self._subscription, name, made, parent=parent)
        before: pulumi.Resource = made
        # One after another: a server refuses a change while it is at another.
        for setting in SETTINGS:
            before = parameter(within, name, made, setting, before, parent=parent)
        send_logs(within, name, made.id, categories=["PostgreSQLLogs"], parent=parent)
        script = self._lead(name, args, within, made, zone, after=before, parent=parent)
        return AzureDatabaseServer(
            region=args.region,
            role=args.role,
            endpoint=Endpoint(
                host=made.fully_qualified_domain_name, port=pulumi.Output.from_input(PORT)
            ),
            administrator=ADMINISTRATOR,
            administrator_password=args.administrator_password,
            resource=script,
            tls=True,
            private_address=script.outputs.apply(_address),
            server=made,
        )

    def _arguments(
        self, args: CloudDatabaseArgs, within: AzureNetwork, zone: privatedns.PrivateZone
    ) -> dbforpostgresql.ServerArgs:
        sizing = SIZES[self._subscription.environment.size]
        leader = args.leader_server
        if leader is not None and not isinstance(leader, AzureDatabaseServer):
            raise foreign(leader)
        found = server_args(
            within,
            within.data_key.in_use,
            version=args.version,
            sku=dbforpostgresql.SkuArgs(name=sizing.database_size, tier="GeneralPurpose"),
            storage=dbforpostgresql.StorageArgs(
                storage_size_gb=sizing.database_storage, auto_grow="Enabled"
            ),
        )
        # In the network, not behind a private endpoint: as one cloud's leader it calls another's.
        found.network = dbforpostgresql.NetworkArgs(
            delegated_subnet_resource_id=within.database_subnet,
            private_dns_zone_arm_resource_id=zone.id,
            public_network_access="Disabled",
        )
        if leader:
            found.create_mode = "Replica"
            found.source_server_resource_id = leader.server.id
        else:
            lead(within, found, args.administrator_password)
        return found

    def _lead(
        self,
        name: str,
        args: CloudDatabaseArgs,
        within: AzureNetwork,
        server: dbforpostgresql.Server,
        zone: privatedns.PrivateZone,
        *,
        after: pulumi.Resource,
        parent: pulumi.Resource,
    ) -> resources.AzureCliScript:
        """Runs the script that makes a server the leader, where it shall be that."""
        subscription = self._subscription
        access = [
            grant(
                subscription,
                f"{name}-{what}-access",
                role,
                principal=self._script_identity.principal_id,
                scope=scope,
                parent=parent,
            )
            for what, role, scope in (
                ("leader", Role.CONTRIBUTOR, server.id),
                ("address", Role.READER, zone.id),
            )
        ]
        intent = "lead" if args.region == args.leader else "follow"
        return resources.AzureCliScript(
            f"{name}-leader",
            kind="AzureCLI",
            az_cli_version=CLI_VERSION,
            resource_group_name=within.group.name,
            location=within.location,
            identity=resources.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[self._script_identity.id]
            ),
            script_content=SCRIPT.read_text(),
            environment_variables=[
                resources.EnvironmentVariableArgs(name="SERVER", value=server.id),
                resources.EnvironmentVariableArgs(name="ZONE", value=zone.id),
                resources.EnvironmentVariableArgs(name="INTENT", value=intent),
                resources.EnvironmentVariableArgs(name="STATIC", value=" ".join(_STATIC)),
                resources.EnvironmentVariableArgs(
                    name="HIGH_AVAILABILITY", value=high_availability(within)
                ),
            ],
            # Azure runs a script again only when this changes.
            force_update_tag=" ".join([intent, *(f"{one}={SETTINGS[one]}" for one in _STATIC)]),
            timeout="PT2H",
            cleanup_preference="OnSuccess",
            retention_interval="P1D",
            tags=within.tags(),
            opts=subscription.child(parent, after, *access),
        )


def server_args(
    within: Site,
    key: KeyInUse,
    *,
    version: str,
    sku: dbforpostgresql.SkuArgs,
    storage: dbforpostgresql.StorageArgs,
) -> dbforpostgresql.ServerArgs:
    """Describes a server that is encrypted under a key, private, and can be restored."""
    return dbforpostgresql.ServerArgs(
        resource_group_name=within.group.name,
        location=within.location,
        version=version,
        sku=sku,
        storage=storage,
        # Not to Azure's paired location: that may be under another law. Replicas are the
        # copies elsewhere.
        backup=dbforpostgresql.BackupArgs(
            backup_retention_days=35 if within.subscription.environment.protect else 7,
            geo_redundant_backup="Disabled",
        ),
        auth_config=dbforpostgresql.AuthConfigArgs(
            active_directory_auth="Disabled",
            password_auth=dbforpostgresql.PasswordBasedAuth.ENABLED,
        ),
        network=dbforpostgresql.NetworkArgs(public_network_access="Disabled"),
        identity=dbforpostgresql.UserAssignedIdentityArgs(
            type="UserAssigned", user_assigned_identities=key.identity.apply(_one_identity)
        ),
        data_encryption=dbforpostgresql.DataEncryptionArgs(
            type="AzureKeyVault",
            primary_key_uri=key.uri,
            primary_user_assigned_identity_id=key.identity,
        ),
        tags=within.tags(data_class="customer"),
    )


def lead(within: Site, described: dbforpostgresql.ServerArgs, password: pulumi.Input[str]) -> None:
    """Completes the description of a server that takes writes from the beginning."""
    described.create_mode = "Default"
    described.administrator_login = ADMINISTRATOR
    described.administrator_login_password = password
    described.high_availability = dbforpostgresql.HighAvailabilityArgs(
        mode=high_availability(within)
    )


def high_availability(within: Site) -> str:
    """Returns whether a server has a second instance, in another zone."""
    redundant = SIZES[within.subscription.environment.size].redundant
    return "ZoneRedundant" if redundant else "Disabled"


def parameter(
    within: Site,
    name: str,
    server: dbforpostgresql.Server,
    setting: str,
    after: pulumi.Resource,
    *,
    parent: pulumi.Resource,
) -> dbforpostgresql.Configuration:
    """Sets one of ``SETTINGS`` on a server."""
    return dbforpostgresql.Configuration(
        f"{name}-{setting.replace('_', '-')}",
        server_name=server.name,
        resource_group_name=within.group.name,
        configuration_name=setting,
        source="user-override",
        value=SETTINGS[setting],
        opts=within.subscription.child(parent, after),
    )


def _address(printed: Any) -> str:
    """Returns the address that a script has found."""
    return str(printed["address"])


def _one_identity(identity: str) -> dict[str, dbforpostgresql.UserIdentityArgs]:
    return {identity: dbforpostgresql.UserIdentityArgs()}
