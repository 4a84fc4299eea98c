"""Users in PostgreSQL. All but the look-up by name is bound to the user's tenant."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.runtime.database import Database
from services.runtime.outbox import emit
from services.security.domain.accounts import Account, Login, Totp, Users

_COLUMNS = (
    "id, tenant_id, username, password_hash, roles, totp_secret, totp_confirmed, totp_last_step, "
    "create_time"
)
_BY_NAME = text(f"SELECT {_COLUMNS} FROM user_account WHERE lower(username) = lower(:username)")  # noqa: S608
_BY_ID = text(f"SELECT {_COLUMNS} FROM user_account WHERE id = :id")  # noqa: S608
_INSERT = text(
    "INSERT INTO user_account (tenant_id, username, password_hash, roles) "  # noqa: S608
    "VALUES (:tenant, :username, :password_hash, :roles) "
    f"ON CONFLICT (lower(username)) DO NOTHING RETURNING {_COLUMNS}"
)
_USE_STEP = text(
    "UPDATE user_account SET totp_last_step = :step WHERE id = :id AND totp_confirmed "
    "AND (totp_last_step IS NULL OR totp_last_step < :step) RETURNING id"
)
_REHASH = text(
    "UPDATE user_account SET password_hash = :new WHERE id = :id AND password_hash = :old"
)
_START_TOTP = text(
    "UPDATE user_account SET totp_secret = :secret, totp_last_step = NULL "
    "WHERE id = :id AND NOT totp_confirmed RETURNING id"
)
_CONFIRM_TOTP = text(
    "UPDATE user_account SET totp_confirmed = true, totp_last_step = :step "
    "WHERE id = :id AND NOT totp_confirmed AND totp_secret = :secret RETURNING id"
)


class StoredUsers(Users):
    """Users in the service's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_by_username(self, username: str) -> Account | None:
        """Returns the user of that name, of whatever tenant."""
        async with self._database.as_system() as session:
            return await _one(session, _BY_NAME, {"username": username})

    async def get(self, tenant: str, user_id: uuid.UUID) -> Account | None:
        """Returns a user of a tenant."""
        async with self._database.for_tenant(tenant) as session:
            return await _one(session, _BY_ID, {"id": user_id})

    async def add(
        self, tenant: str, username: str, password_hash: str, roles: Sequence[str]
    ) -> Account | None:
        """Stores a new user; None when the name is taken."""
        values = {
            "tenant": tenant,
            "username": username,
            "password_hash": password_hash,
            "roles": list(roles),
        }
        async with self._database.for_tenant(tenant) as session:
            account = await _one(session, _INSERT, values)
            if account is not None:
                facts = {"user_id": str(account.id), "username": username, "roles": list(roles)}
                await emit(session, "user.created", str(account.id), facts)
            return account

    async def record_login(self, account: Account, login: Login) -> bool:
        """Stores a login; False when its TOTP step was used up meanwhile."""
        async with self._database.for_tenant(account.tenant) as session:
            if login.totp_step is not None:
                used = {"id": account.id, "step": login.totp_step}
                if (await session.execute(_USE_STEP, used)).first() is None:
                    return False
            if login.password_hash is not None:
                hashes = {"old": account.password_hash, "new": login.password_hash}
                await session.execute(_REHASH, {"id": account.id, **hashes})
            facts = {"user_id": str(account.id), "amr": list(login.amr)}
            await emit(session, "user.logged_in", str(account.id), facts)
            return True

    async def start_totp(self, account: Account, sealed_secret: bytes) -> bool:
        """Stores a secret that awaits confirmation; False when one is confirmed."""
        values = {"id": account.id, "secret": sealed_secret}
        async with self._database.for_tenant(account.tenant) as session:
            return (await session.execute(_START_TOTP, values)).first() is not None

    async def confirm_totp(self, account: Account, step: int) -> bool:
        """Makes login ask for a code; False when the secret changed meanwhile."""
        secret = account.totp.sealed_secret if account.totp else None
        values = {"id": account.id, "secret": secret, "step": step}
        async with self._database.for_tenant(account.tenant) as session:
            return (await session.execute(_CONFIRM_TOTP, values)).first() is not None


async def _one(session: AsyncSession, query: Any, values: dict[str, Any]) -> Account | None:
    row = (await session.execute(query, values)).first()
    return None if row is None else _account(row)


def _account(row: Row[Any]) -> Account:
    secret = row.totp_secret
    totp = None if secret is None else Totp(secret, row.totp_confirmed, row.totp_last_step)
    return Account(
        id=row.id,
        tenant=row.tenant_id,
        username=row.username,
        password_hash=row.password_hash,
        roles=tuple(row.roles),
        create_time=row.create_time,
        totp=totp,
    )
