"""What security cannot start without: a signing key, a tenant ``platform``, a user ``admin``."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.migrations import Seed
from services.security.domain.passwords import hasher, matches
from services.security.domain.sealing import Sealer
from services.security.domain.signing import new_key
from services.security.repository.signing_keys import INSERT, row_of
from services.security.settings import SecurityMigrationSettings, key_bytes

TENANT = "platform"
ADMIN = "admin"

_KEYS = text("SELECT count(*) FROM signing_key")
_HASH = text("SELECT password_hash FROM user_account WHERE lower(username) = :username")
_TENANT = text("INSERT INTO tenant (tenant_id) VALUES (:tenant) ON CONFLICT DO NOTHING")
_ADMIN = text(
    "INSERT INTO user_account (tenant_id, username, password_hash, roles) "
    "VALUES (:tenant, :username, :hash, '{admin}') "
    "ON CONFLICT (lower(username)) DO UPDATE SET password_hash = excluded.password_hash"
)


class SecuritySeed(Seed):
    """Makes the rows, and gives admin the password that is configured.

    Args:
        settings: Holds the password and the key that encrypts signing keys.
    """

    def __init__(self, settings: SecurityMigrationSettings) -> None:
        self._password = settings.admin_password.get_secret_value()
        self._sealer = Sealer(key_bytes(settings.key_encryption_key))

    async def apply(self, connection: AsyncConnection) -> None:
        """Brings the rows up to date; changes nothing when they are."""
        if not await self._has_key(connection):
            key = new_key(self._sealer, datetime.now(UTC))
            await connection.execute(INSERT, row_of(key))
        if not await self._has_admin(connection):
            await connection.execute(_TENANT, {"tenant": TENANT})
            password_hash = hasher().hash(self._password)
            values = {"tenant": TENANT, "username": ADMIN, "hash": password_hash}
            await connection.execute(_ADMIN, values)

    async def pending(self, connection: AsyncConnection) -> list[str]:
        """Returns one sentence a row that ``apply`` would change."""
        pending: list[str] = []
        if not await self._has_key(connection):
            pending.append("there is no signing key")
        if not await self._has_admin(connection):
            pending.append(f"the user {ADMIN} is missing or has another password")
        return pending

    async def _has_key(self, connection: AsyncConnection) -> bool:
        return bool((await connection.execute(_KEYS)).scalar_one())

    async def _has_admin(self, connection: AsyncConnection) -> bool:
        found = (await connection.execute(_HASH, {"username": ADMIN})).scalar_one_or_none()
        return found is not None and matches(found, self._password)
