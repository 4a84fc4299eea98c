"""Work that one process at a time does on the database, woken by NOTIFY."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from services.runtime.connection import Connection, connect_as_system
from services.runtime.settings import ServiceSettings

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 5.0
_STANDBY_SECONDS = 1.0
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)


Step = Callable[[Connection], Awaitable[bool]]
"""Does some work; True when there may be more at once."""


async def standing_work(settings: ServiceSettings, name: str, channel: str, step: Step) -> None:
    """Runs ``step`` for ever, in whichever process holds the advisory lock called ``name``.

    The lock is the connection's: a process that dies or loses the database loses it, and another
    goes on. An error of a step is logged and the step tried again, after a growing pause.

    Args:
        settings: Where the database is; the work runs as its system role.
        name: Of the lock.
        channel: A NOTIFY on it wakes the work; it also looks by itself every five seconds.
        step: The work.
    """
    failures = 0

    async def counted(connection: Connection) -> bool:
        nonlocal failures
        more = await step(connection)
        failures = 0
        return more

    while True:
        try:
            await _connected(settings, name, channel, counted)
        except Exception as error:  # noqa: BLE001  (whatever it is, the work must go on)
            pause = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
            failures += 1
            fields = {"work": name, "error": repr(error), "retry_in_s": pause}
            _log.warning("standing work interrupted", extra={"fields": fields})
            await asyncio.sleep(pause)


async def _connected(settings: ServiceSettings, name: str, channel: str, step: Step) -> None:
    password = settings.system_database_password.get_secret_value()
    connection = await connect_as_system(settings, password, f"{settings.service} {name}")
    try:
        while not await connection.fetchval(_TRY_LOCK, name):  # noqa: ASYNC110  (another's lock)
            await asyncio.sleep(_STANDBY_SECONDS)
        woken = asyncio.Event()

        def wake(*_: object) -> None:
            woken.set()

        await connection.add_listener(channel, wake)
        connection.add_termination_listener(wake)
        while True:
            woken.clear()
            while await step(connection):
                pass
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _IDLE_SECONDS)
    finally:
        connection.terminate()
