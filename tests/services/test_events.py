"""Outbox and bus: nothing committed is lost, nothing rolled back leaves, order is kept."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.runtime.database import Database
from services.runtime.events import Event
from services.runtime.outbox import Relay, emit
from services.runtime.postgres_bus import PostgresBus
from services.runtime.settings import ServiceSettings
from tests.certificates import Authority
from tests.postgres import Postgres
from tests.services.running import Process, Surroundings, eventually
from tests.services.security import migrate, security_surroundings

RELAY = ("-m", "tests.services.relay")


@dataclass
class Events:
    """A migrated database, and an in-process member of every part."""

    around: Surroundings
    settings: ServiceSettings
    database: Database
    bus: PostgresBus
    tasks: list["asyncio.Task[None]"] = field(default_factory=list["asyncio.Task[None]"])

    def background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self.tasks.append(task)
        return task

    async def emit(self, key: str, number: int) -> uuid.UUID:
        async with self.database.for_tenant("acme") as session:
            return await emit(session, "counted", key, {"number": number})


@pytest.fixture
async def events(postgres: Postgres, authority: Authority, tmp_path: Path) -> AsyncIterator[Events]:
    around = security_surroundings(postgres, authority, tmp_path)
    await migrate(around)
    settings = around.load(ServiceSettings)
    database = Database(settings)
    made = Events(around, settings, database, PostgresBus(settings, database))
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await database.close()


class Receiver:
    """Keeps what it is handed; fails when told to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failures = 0

    async def __call__(self, event: Event) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the handler broke")
        self.events.append(event)

    def numbers(self, key: str) -> list[int]:
        return [event.payload["number"] for event in self.events if event.key == key]


async def test_an_event_of_a_rolled_back_transaction_never_leaves(events: Events) -> None:
    receiver = Receiver()
    events.background(Relay(events.settings, events.bus).run())
    events.background(events.bus.subscribe("g", receiver))

    async def change_ones_mind() -> None:
        async with events.database.for_tenant("acme") as session:
            await emit(session, "counted", "k", {"number": 1})
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await change_ones_mind()
    identifier = await events.emit("k", 2)
    await eventually(lambda: receiver.events)
    assert [(event.id, event.tenant, event.topic) for event in receiver.events] == [
        (identifier, "acme", "counted")
    ]


async def test_each_group_sees_every_event_and_takes_up_where_it_was(events: Events) -> None:
    first, second, late = Receiver(), Receiver(), Receiver()
    events.background(Relay(events.settings, events.bus).run())
    member = events.background(events.bus.subscribe("one", first))
    events.background(events.bus.subscribe("two", second, topics={"other"}))
    for number in range(5):
        await events.emit("k", number)
    await eventually(lambda: len(first.events) == 5)
    member.cancel()
    await asyncio.gather(member, return_exceptions=True)
    await events.emit("k", 5)
    again = Receiver()
    events.background(events.bus.subscribe("one", again))
    events.background(events.bus.subscribe("late", late))
    await eventually(lambda: late.numbers("k") == [0, 1, 2, 3, 4, 5])
    await eventually(lambda: again.numbers("k"))
    assert again.numbers("k")[-1] == 5
    assert len(again.events) <= 6
    assert second.events == []


async def test_a_failing_handler_gets_the_event_again_in_order(events: Events) -> None:
    receiver = Receiver()
    receiver.failures = 2
    events.background(Relay(events.settings, events.bus).run())
    events.background(events.bus.subscribe("g", receiver))
    for number in range(3):
        await events.emit("k", number)
    await eventually(lambda: receiver.numbers("k") == [0, 1, 2])


async def test_of_two_members_of_a_group_one_is_active_and_the_other_takes_over(
    events: Events,
) -> None:
    members = [Receiver(), Receiver()]
    events.background(Relay(events.settings, events.bus).run())
    tasks = [events.background(events.bus.subscribe("g", member)) for member in members]
    for number in range(20):
        await events.emit("k", number)
    await eventually(lambda: sum(len(member.events) for member in members) == 20)
    active = 0 if members[0].events else 1
    assert members[1 - active].events == []
    tasks[active].cancel()
    await events.emit("k", 20)
    await eventually(lambda: members[1 - active].numbers("k") == [20])


async def test_killing_the_relay_at_any_point_loses_nothing(events: Events) -> None:
    """Relays are killed while writers commit; every committed event arrives, in order a key."""
    keys, each = ("a", "b", "c"), 40
    receiver = Receiver()
    events.background(events.bus.subscribe("g", receiver))

    async def write(key: str) -> None:
        for number in range(each):
            await events.emit(key, number)
            await asyncio.sleep(0.05)

    writers = [events.background(write(key)) for key in keys]
    for point in ("taken", "published", "taken", "published"):
        relay = await Process.start(events.around, *RELAY, point)
        try:
            await relay.wait_for(point)
        finally:
            await relay.close()  # by SIGKILL
    await asyncio.gather(*writers)
    events.background(Relay(events.settings, events.bus).run())
    await eventually(lambda: len(receiver.events) >= len(keys) * each, 30)
    for key in keys:
        assert receiver.numbers(key) == list(range(each))


async def test_old_events_are_deleted(events: Events) -> None:
    events.background(Relay(events.settings, events.bus).run())
    receiver = Receiver()
    events.background(events.bus.subscribe("g", receiver))
    await events.emit("k", 0)
    await eventually(lambda: receiver.events)
    assert events.around.database is not None
    with events.around.database.connect("owner") as connection:
        connection.execute("UPDATE event SET publish_time = now() - interval '8 days'")
        await events.emit("k", 1)
        await eventually(lambda: receiver.numbers("k") == [0, 1])
        left = connection.execute("SELECT payload FROM event").fetchall()
    assert left == [({"number": 1},)]


async def test_a_lost_database_interrupts_relay_and_consumer_only_for_a_while(
    events: Events,
) -> None:
    receiver = Receiver()
    relay = events.background(Relay(events.settings, events.bus).run())
    consumer = events.background(events.bus.subscribe("g", receiver))
    await events.emit("k", 0)
    await eventually(lambda: receiver.numbers("k") == [0])
    assert events.around.database is not None
    with events.around.database.server.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (events.around.database.name,),
        )
    await events.emit("k", 1)
    await eventually(lambda: receiver.numbers("k")[-1] == 1)
    assert not relay.done()
    assert not consumer.done()
