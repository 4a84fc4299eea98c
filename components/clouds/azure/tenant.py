"""What a dedicated tenant has of its own on Azure: key, container, database and name.

All of it is in regions that another stack made (``attach.py``). A subscription has far fewer
storage accounts and Traffic Manager profiles than tenants may be many, so what keeps no tenant from
another is shared by a cell: one account a region, in which each tenant's container is encrypted
under that tenant's key (learn.microsoft.com/azure/storage/blobs/encryption-scope-overview), and one
profile for all tenants that are in the same regions. Services wrap with the region's own identity,
which no workload can take, and which is let in by each tenant's key.
"""

import hashlib
import re
from dataclasses import dataclass, replace

import pulumi
from pulumi_azure_native import dbforpostgresql, dns, keyvault, storage

from components.clouds.azure import database, keys, object_store
from components.clouds.azure.attach import AttachedRegion, AttachedZone, attached, attached_zone
from components.clouds.azure.dns import TTL_SECONDS, spread
from components.clouds.azure.identity import annotations, federated_identity
from components.clouds.azure.keys import KeyInUse
from components.clouds.azure.logs import send_logs
from components.clouds.azure.private_link import endpoint
from components.clouds.azure.protection import lock
from components.clouds.azure.roles import Role, grant
from components.clouds.azure.sizes import SIZES
from components.clouds.azure.storage import account
from components.clouds.azure.subscription import Subscription, foreign
from components.clouds.cloud import DirectorArgs
from components.clouds.tenancy import TenantDatabaseArgs, TenantStore, TenantStoreArgs
from components.target import DatabaseServer, Endpoint, ObjectStore

_SERVICE_ACCOUNT = "workload"
_DIGEST_LETTERS = 16
_STACK_LETTERS = 8
_TENANT_LETTERS = 8

_DISKS_GIB = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
"""Sizes that disks of Flexible Server come in
(learn.microsoft.com/azure/postgresql/flexible-server/concepts-storage)."""


@dataclass(frozen=True, kw_only=True)
class _Account:
    """Where a cell's tenants have their containers in a region.

    Attributes:
        ready: its containers keep versions and can be reached.
    """

    account: storage.StorageAccount
    ready: tuple[pulumi.Resource, ...]


class Tenants:
    """The dedicated tenants of a cell."""

    def __init__(self, subscription: Subscription) -> None:
        """Makes nothing yet."""
        self._subscription = subscription
        self._accounts: dict[str, _Account] = {}
        self._keys: dict[pulumi.Resource, KeyInUse] = {}
        self._profiles: dict[str, tuple[pulumi.Resource, ...]] = {}

    def store(self, name: str, args: TenantStoreArgs, *, parent: pulumi.Resource) -> TenantStore:
        """Makes a tenant's key and its container, which its workload alone may use.

        Its pods must have the label ``azure.workload.identity/use``, as all that sign in to Azure.
        """
        subscription, shared = self._subscription, attached(args.cluster)
        within, into = shared.of(args.tenant), self._account(shared)
        key, used = self._key(name, within, parent=parent)
        scope = _scope(name, args.tenant, within, into, used, parent=parent)
        container = storage.BlobContainer(
            name,
            account_name=into.account.name,
            container_name=_container_name(args.tenant),
            resource_group_name=within.group.name,
            default_encryption_scope=scope.name,
            deny_encryption_scope_override=True,
            public_access=storage.PublicAccess.NONE,
            opts=subscription.child(parent, *into.ready, holds_data=True),
        )
        identity, credential = federated_identity(
            subscription,
            f"{name}-{_SERVICE_ACCOUNT}",
            args.cluster,
            group=within.group,
            location=within.location,
            tags=within.tags(),
            namespace=args.namespace,
            service_account=_SERVICE_ACCOUNT,
            parent=parent,
        )
        grant(
            subscription,
            f"{name}-access",
            Role.STORAGE_BLOB_CONTRIBUTOR,
            principal=identity.principal_id,
            scope=container.id,
            parent=parent,
        )
        return TenantStore(
            objects=ObjectStore(
                url=pulumi.Output.concat(
                    "https://", into.account.name, ".blob.core.windows.net/", container.name
                ),
                resource=credential,
            ),
            key=key,
            service_account_annotations=annotations(subscription, identity),
        )

    def database(
        self, name: str, args: TenantDatabaseArgs, *, parent: pulumi.Resource
    ) -> DatabaseServer:
        """Makes a tenant's own server, which has a disk of its quota.

        Disks cannot shrink: Azure refuses a quota that asks for a smaller one than there is.

        Raises:
            TypeError: the key is not one that ``store`` has made.
            ValueError: no disk is as large as the quota.
        """
        key = self._keys.get(args.key)
        if key is None:
            raise foreign(args.key)
        subscription, within = self._subscription, attached(args.cluster).of(args.tenant)
        small = subscription.environment.size == "small"
        described = database.server_args(
            within,
            key,
            version=args.version,
            # A burstable machine cannot have a second in another zone.
            sku=dbforpostgresql.SkuArgs(name="Standard_B1ms", tier="Burstable")
            if small
            else dbforpostgresql.SkuArgs(name="Standard_D2ds_v5", tier="GeneralPurpose"),
            storage=dbforpostgresql.StorageArgs(
                storage_size_gb=_disk(args.tenant, args.storage_gib), auto_grow="Disabled"
            ),
        )
        database.lead(within, described, args.administrator_password)
        made = dbforpostgresql.Server(
            name, described, opts=subscription.child(parent, *key.access, holds_data=True)
        )
        lock(subscription, name, made, parent=parent)
        reachable = endpoint(
            name, within, "postgresqlServer", made.id, within.database_zone, parent=parent
        )
        send_logs(within, name, made.id, categories=["PostgreSQLLogs"], parent=parent)
        return DatabaseServer(
            region=within.region,
            role="primary",
            endpoint=Endpoint(
                host=made.fully_qualified_domain_name,
                port=pulumi.Output.from_input(database.PORT),
            ),
            administrator=database.ADMINISTRATOR,
            administrator_password=args.administrator_password,
            resource=database.parameter(
                within, name, made, "require_secure_transport", reachable, parent=parent
            ),
            tls=True,
        )

    def director(
        self, name: str, args: DirectorArgs, *, parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Makes a tenant's own name, a CNAME of its regions' profile.

        It is no alias of the profile, as the regions' own is: a profile can have 20 of these
        (learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits).
        """
        zone = attached_zone(args.zone)
        relative_name = self._profile(zone, args)
        return dns.RecordSet(
            name,
            zone_name=zone.domain,
            resource_group_name=zone.group,
            relative_record_set_name=args.host.removesuffix(f".{zone.domain}"),
            record_type="CNAME",
            ttl=TTL_SECONDS,
            cname_record=dns.CnameRecordArgs(cname=f"{relative_name}.trafficmanager.net"),
            opts=self._subscription.child(parent, *self._profiles[relative_name]),
        )

    def _profile(self, zone: AttachedZone, args: DirectorArgs) -> str:
        """Makes the profile of some regions, once for all tenants of the cell; returns its name.

        It is made of what all of Azure must tell it by: the cell, and each region's share.
        """
        shares = sorted(f"{one.region}={one.weight}" for one in args.endpoints)
        digest = _digest(pulumi.get_stack(), self._subscription.id, zone.domain, *shares)
        relative_name = f"aip-tenants-{digest}"
        if relative_name not in self._profiles:
            profile, endpoints = spread(
                self._subscription,
                f"azure-tenants-{digest}",
                args,
                group=zone.group,
                relative_name=relative_name,
                probed=zone.probed,
                parent=self._subscription.root,
            )
            self._profiles[relative_name] = (profile, *endpoints)
        return relative_name

    def _account(self, within: AttachedRegion) -> _Account:
        """Makes the storage account of a region, once for all tenants of the cell."""
        if within.region not in self._accounts:
            subscription = self._subscription
            name, root = f"{within.region}-tenants", subscription.root
            made = account(
                within,
                name,
                account_name=pulumi.Output.concat(
                    "t", _digest(pulumi.get_stack())[:_STACK_LETTERS], within.suffix
                ),
                key=within.data_key,
                sku=object_store.sku(
                    within.location,
                    replicated=SIZES[subscription.environment.size].storage_replicated,
                ),
                data_class="customer",
                parent=root,
            )
            self._accounts[within.region] = _Account(
                account=made,
                ready=(
                    object_store.versions(within, name, made, parent=root),
                    endpoint(name, within, "blob", made.id, within.storage_zone, parent=root),
                ),
            )
        return self._accounts[within.region]

    def _key(
        self, name: str, within: AttachedRegion, *, parent: pulumi.Resource
    ) -> tuple[keyvault.Key, KeyInUse]:
        """Makes a tenant's key and lets the region's services use it."""
        made = keys.rotated_key(
            self._subscription,
            name,
            vault_name=within.vault,
            group=within.group.name,
            tags=within.tags(data_class="customer"),
            parent=parent,
        )
        access = keys.key_access(
            self._subscription, name, made, within.data_principal, parent=parent
        )
        used = replace(within.data_key, name=made.name, uri=made.key_uri, access=(access,))
        self._keys[made] = used
        return made, used


def _scope(
    name: str,
    tenant: str,
    within: AttachedRegion,
    into: _Account,
    key: KeyInUse,
    *,
    parent: pulumi.Resource,
) -> storage.EncryptionScope:
    """Makes what encrypts a tenant's container; Azure keeps it for good, so its name is reused."""
    return storage.EncryptionScope(
        name,
        account_name=into.account.name,
        encryption_scope_name=_container_name(tenant),
        resource_group_name=within.group.name,
        source=storage.EncryptionScopeSource.MICROSOFT_KEY_VAULT,
        key_vault_properties=storage.EncryptionScopeKeyVaultPropertiesArgs(key_uri=key.uri),
        require_infrastructure_encryption=True,
        state=storage.EncryptionScopeState.ENABLED,
        opts=within.subscription.child(parent, *key.access),
    )


def _container_name(tenant: str) -> str:
    """Returns the name of a tenant's container: an id without the double hyphens Azure refuses."""
    return f"{re.sub('-+', '-', tenant)}-{_digest(tenant)[:_TENANT_LETTERS]}"


def _disk(tenant: str, quota: int) -> int:
    """Returns the smallest disk that holds a quota, GiB.

    Raises:
        ValueError: no disk is as large as the quota.
    """
    for size in _DISKS_GIB:
        if size >= quota:
            return size
    raise ValueError(
        f"{tenant}: quotas.storage_gib is {quota}, but PostgreSQL on Azure has at most "
        f"{_DISKS_GIB[-1]}"
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:_DIGEST_LETTERS]
