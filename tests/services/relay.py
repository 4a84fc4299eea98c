"""A relay as a process of its own, which stops where a test wants to kill it.

``python -m tests.services.relay taken`` stops when it has taken events and not published them,
``… published`` when it has published them and not committed that it took them.
"""

import asyncio
import sys
from collections.abc import Sequence

from services.runtime.database import Database
from services.runtime.events import Event
from services.runtime.outbox import Relay
from services.runtime.postgres_bus import PostgresBus
from services.runtime.settings import ServiceSettings


def _say(message: str) -> None:
    sys.stdout.write(f'{{"message": "{message}", "grpc_port": 0, "metrics_port": 0}}\n')
    sys.stdout.flush()


class StoppingBus(PostgresBus):
    """Stops before or after publishing, where the second argument says."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Publishes, if it comes to that."""
        await self._stop("taken")
        await super().publish(events)
        await self._stop("published")

    async def _stop(self, here: str) -> None:
        if sys.argv[1] == here:
            _say(here)
            await asyncio.sleep(3600)


async def _run() -> None:
    settings = ServiceSettings.load()
    _say("serving")
    await Relay(settings, StoppingBus(settings, Database(settings))).run()


if __name__ == "__main__":
    asyncio.run(_run())
