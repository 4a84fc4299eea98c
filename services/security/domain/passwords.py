"""Password hashes: argon2id with the parameters OWASP names for it (19 MiB, 2 passes, 1 lane)."""

import asyncio
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.runtime.errors import ResourceExhausted

T = TypeVar("T")


def hasher() -> PasswordHasher:
    """Returns a hasher with the parameters in force."""
    return PasswordHasher(
        time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
    )


def matches(password_hash: str, password: str) -> bool:
    """Returns whether a hash, of whatever parameters, is of the password."""
    try:
        return hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


class Passwords:
    """Hashes on a bounded pool: as many at once as there are cores, and few waiting.

    A hash takes tens of milliseconds of a core; without a bound a burst of logins would queue for
    longer than any caller waits, at 19 MiB each.

    Args:
        queue_size: How many may wait.
        workers: How many run at once; the cores this process may use when None.
    """

    def __init__(self, queue_size: int, workers: int | None = None) -> None:
        self._workers = workers or len(os.sched_getaffinity(0))
        self._capacity = self._workers + queue_size
        self._pending = 0
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="argon2")
        self._hasher = hasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Returns a new hash of a password.

        Raises:
            ResourceExhausted: too many wait.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Returns whether the hash is of the password; costs the same where there is no hash.

        Raises:
            ResourceExhausted: too many wait.
        """
        found = await self._run(lambda: matches(password_hash or self._nobody, password))
        return found and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Returns whether a hash was made with other parameters than those in force."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Ends the pool; hashes that wait are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pending >= self._capacity:
            raise ResourceExhausted(
                "LOGIN_QUEUE_FULL", "Too many logins at once; retry soon.", retry_after=1
            )
        loop = asyncio.get_running_loop()
        self._pending += 1
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wrap_future(future)

    def _done(self) -> None:
        self._pending -= 1
