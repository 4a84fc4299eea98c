"""``python -m services.runtime.replication``: run at every ``pulumi up``, once a service.

It runs before the service's migrations and brings the schema of every leader along.
"""

import asyncio
import logging
import sys
from contextlib import AsyncExitStack

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import uvloop

from services.runtime.replication.direction import Direction
from services.runtime.replication.leader import Leader, ReplicationError
from services.runtime.replication.opening import UnreachableError, open_leader
from services.runtime.replication.settings import ReplicationSettings
from services.runtime.settings import SettingsError
from services.runtime.telemetry import configure_logging

_ATTEMPTS = 3
_PAUSE_SECONDS = 2.0
_POLL_SECONDS = 0.5
_log = logging.getLogger(__name__)


async def replicate(settings: ReplicationSettings) -> None:
    """Brings every leader that answers to the declared direction, and waits for first copies.

    Raises:
        ReplicationError: The primary does not answer, or it would lose writes.
        UnreachableError: The primary does not answer.
    """
    async with AsyncExitStack() as stack:
        leaders: dict[str, Leader] = {}
        for cloud in settings.leaders:
            try:
                leaders[cloud] = await _opened(settings, cloud, stack)
            except UnreachableError as error:
                if cloud == settings.primary:
                    raise
                fields = {"leader": cloud, "error": str(error)}
                _log.warning("left out: does not answer", extra={"fields": fields})
        direction = Direction(settings, leaders)
        await direction.establish()
        try:
            async with asyncio.timeout(settings.copy_seconds):
                while await direction.behind():  # noqa: ASYNC110  (another server's)
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            message = (
                f"still copying after {settings.copy_seconds} s: {await direction.behind()}; the "
                "copies go on, and the next run waits for them again"
            )
            raise ReplicationError(message) from None


async def _opened(settings: ReplicationSettings, cloud: str, stack: AsyncExitStack) -> Leader:
    for _ in range(_ATTEMPTS - 1):
        try:
            return await stack.enter_async_context(open_leader(settings, cloud))
        except UnreachableError:
            await asyncio.sleep(_PAUSE_SECONDS)
    return await stack.enter_async_context(open_leader(settings, cloud))


def main() -> None:
    """Runs the program and exits with its status."""
    try:
        settings = ReplicationSettings.load()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logging(settings.service, "global", settings.log_level)
    try:
        uvloop.run(replicate(settings))
    except (ReplicationError, UnreachableError) as error:
        raise SystemExit(str(error)) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        message = f"database {settings.database}: {error}; the next run goes on from here"
        raise SystemExit(message) from None


if __name__ == "__main__":
    if sys.argv[1:]:
        raise SystemExit("usage: python -m services.runtime.replication")
    main()
