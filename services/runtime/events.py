"""Events between services: what they are, and what any bus that carries them does."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Event:
    """Something that has happened.

    Attributes:
        id: Unique; consumers that must act once remember it.
        tenant: Whose event it is.
        topic: What happened, for example ``user.created``.
        key: Events of one key are delivered in the order they were emitted.
        payload: Facts as JSON; never a secret.
    """

    id: uuid.UUID
    tenant: str
    topic: str
    key: str
    payload: dict[str, Any]


EventHandler = Callable[[Event], Awaitable[None]]
"""Handles one event; it is delivered again when this raises or the process dies before the end."""


class EventBus(Protocol):
    """Carries events at least once, in order a key."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Makes events durable; publishing one again by its id is harmless."""
        ...

    async def subscribe(
        self, group: str, handler: EventHandler, *, topics: Collection[str] = ()
    ) -> None:
        """Delivers events to ``handler`` one after the other, for ever: a background task.

        Args:
            group: Each group sees every event; of several members of one, one is active.
            handler: Called for each event.
            topics: Only these; every topic when empty.
        """
        ...
