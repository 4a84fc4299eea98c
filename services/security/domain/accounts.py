"""Users: creating them, logging them in, their one-time passwords."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.runtime.caller import User
from services.runtime.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unauthenticated,
)
from services.security.domain import totp
from services.security.domain.passwords import Passwords
from services.security.domain.sealing import Sealer


@dataclass(frozen=True)
class Totp:
    """A user's one-time passwords.

    Attributes:
        sealed_secret: Encrypted, bound to the user's id.
        confirmed: Whether login asks for a code.
        last_step: Newest time step whose code was accepted.
    """

    sealed_secret: bytes
    confirmed: bool
    last_step: int | None


@dataclass(frozen=True)
class Account:
    """A user as stored."""

    id: uuid.UUID
    tenant: str
    username: str
    password_hash: str
    roles: tuple[str, ...]
    create_time: datetime
    totp: Totp | None = None


@dataclass(frozen=True)
class Login:
    """What a successful login changes.

    Attributes:
        amr: How the user proved who they are (RFC 8176).
        totp_step: Time step of the code that was used up.
        password_hash: The password's hash with the parameters in force, where they have changed.
    """

    amr: tuple[str, ...]
    totp_step: int | None = None
    password_hash: str | None = None


class Users(Protocol):
    """Where users are kept."""

    async def find_by_username(self, username: str) -> Account | None:
        """Returns the user of that name, of whatever tenant; upper and lower case are the same."""
        ...

    async def get(self, tenant: str, user_id: uuid.UUID) -> Account | None:
        """Returns a user of a tenant."""
        ...

    async def add(
        self, tenant: str, username: str, password_hash: str, roles: Sequence[str]
    ) -> Account | None:
        """Stores a new user and emits ``user.created``; None when the name is taken."""
        ...

    async def record_login(self, account: Account, login: Login) -> bool:
        """Stores a login and emits ``user.logged_in``.

        Returns:
            False, and stores nothing, when the TOTP step was used up meanwhile.
        """
        ...

    async def start_totp(self, account: Account, sealed_secret: bytes) -> bool:
        """Stores a secret that awaits confirmation; False when one is confirmed."""
        ...

    async def confirm_totp(self, account: Account, step: int) -> bool:
        """Makes login ask for a code; False when the secret changed meanwhile."""
        ...


class Accounts:
    """What can be done with users.

    Args:
        users: Where they are kept.
        passwords: Hashes.
        sealer: Encrypts TOTP secrets.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        users: Users,
        passwords: Passwords,
        sealer: Sealer,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._sealer = sealer
        self._now = now

    async def log_in(self, username: str, password: str, code: str) -> tuple[Account, Login]:
        """Checks a user's credentials.

        Args:
            username: Name.
            password: In clear.
            code: TOTP code; empty when the user gave none.

        Raises:
            Unauthenticated: reason INVALID_CREDENTIALS, the same for an unknown user, a wrong
                password and a wrong code; or MFA_REQUIRED.
            ResourceExhausted: too many logins at once.
        """
        account = await self._users.find_by_username(username)
        known_hash = account.password_hash if account else None
        if not await self._passwords.verify(known_hash, password) or account is None:
            raise _invalid_credentials()
        step: int | None = None
        if account.totp is not None and account.totp.confirmed:
            if not code:
                raise Unauthenticated("MFA_REQUIRED", "This user logs in with a TOTP code too.")
            step = self._matching_step(account, account.totp, code)
            if step is None:
                raise _invalid_credentials()
        outdated = self._passwords.outdated(account.password_hash)
        login = Login(
            amr=("pwd",) if step is None else ("pwd", "otp"),
            totp_step=step,
            password_hash=await self._passwords.hash(password) if outdated else None,
        )
        if not await self._users.record_login(account, login):
            raise _invalid_credentials()
        return account, login

    async def create(
        self, tenant: str, username: str, password: str, roles: Sequence[str]
    ) -> Account:
        """Adds a user to a tenant.

        Raises:
            AlreadyExists: reason USERNAME_TAKEN.
            ResourceExhausted: too many hashes at once.
        """
        password_hash = await self._passwords.hash(password)
        account = await self._users.add(tenant, username, password_hash, roles)
        if account is None:
            raise AlreadyExists("USERNAME_TAKEN", f"There is a user {username} already.")
        return account

    async def enroll_totp(self, user: User) -> str:
        """Begins the enrolment of one-time passwords.

        Returns:
            The otpauth:// URI with the secret; it is not shown again.

        Raises:
            AlreadyExists: reason TOTP_ENROLLED.
        """
        account = await self._account(user)
        secret = totp.new_secret()
        sealed = self._sealer.seal(secret.encode(), str(account.id))
        if not await self._users.start_totp(account, sealed):
            raise _enrolled()
        return totp.otpauth_uri(secret, account.username)

    async def confirm_totp(self, user: User, code: str) -> None:
        """Completes the enrolment with one valid code, which is thereby used up.

        Raises:
            FailedPrecondition: reason TOTP_NOT_STARTED.
            AlreadyExists: reason TOTP_ENROLLED.
            InvalidArgument: reason INVALID_CODE.
        """
        account = await self._account(user)
        if account.totp is None:
            raise FailedPrecondition("TOTP_NOT_STARTED", "Call EnrollTotp first.")
        if account.totp.confirmed:
            raise _enrolled()
        step = self._matching_step(account, account.totp, code)
        if step is None or not await self._users.confirm_totp(account, step):
            raise InvalidArgument("INVALID_CODE", "The code is not of this moment and this secret.")

    async def _account(self, user: User) -> Account:
        account = await self._users.get(user.tenant, uuid.UUID(user.id))
        if account is None:
            raise NotFound("USER_NOT_FOUND", "The user of this token does not exist any more.")
        return account

    def _matching_step(self, account: Account, enrolled: Totp, code: str) -> int | None:
        secret = self._sealer.open(enrolled.sealed_secret, str(account.id)).decode()
        return totp.matching_step(secret, code, self._now(), enrolled.last_step)


def _invalid_credentials() -> Unauthenticated:
    return Unauthenticated("INVALID_CREDENTIALS", "The username, password or code is wrong.")


def _enrolled() -> AlreadyExists:
    return AlreadyExists("TOTP_ENROLLED", "One-time passwords are enrolled for this user already.")
