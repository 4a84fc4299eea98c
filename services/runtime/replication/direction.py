"""Brings every leader to the declared direction: one takes writes, the others follow it.

What is so is read from the leaders each time: whether services may write (*open*), whether there is
a publication (the primary, or what was it last) and from where there is a subscription. A run that
was killed anywhere is finished by the next.
"""

import logging
from collections.abc import Mapping

from services.runtime.replication.leader import (
    CannotFollowError,
    Leader,
    ReplicationError,
    Subscription,
)
from services.runtime.replication.settings import ReplicationSettings

_log = logging.getLogger(__name__)
_GAP = 1 << 32
"""How far a sequence goes ahead of the last value that is known, where the last one is not."""


class Direction:
    """The leaders of one service's database, and which is to be the primary.

    Args:
        settings: Of this program.
        leaders: Those that answer, by cloud; the primary is one of them.
    """

    def __init__(self, settings: ReplicationSettings, leaders: Mapping[str, Leader]) -> None:
        self._settings = settings
        self._leaders = leaders
        self._primary = leaders[settings.primary]
        self._others = [one for one in leaders.values() if one is not self._primary]

    async def establish(self) -> None:
        """Does what is to do.

        Raises:
            ReplicationError: It would lose writes, or cannot be done; no leader was emptied.
        """
        await self._primary.lock()
        if await self._primary.is_closed():
            await self._take_over()
        followers = [leader for leader in self._others if await self._follows(leader)]
        for leader in self._others:
            if leader not in followers:
                await self._require_replaceable(leader)
        for leader in [*followers, self._primary]:
            await leader.migrate()
        await self._primary.publish()
        for leader in self._others:
            if leader in followers:
                await self._refresh(leader)
                continue
            try:
                await self._copy(leader)
            except CannotFollowError as error:
                # The others are no worse for it; the next run tries again.
                _log.warning("does not follow", extra={"fields": {"error": str(error)}})
        await self._drop_unused_slots()

    async def behind(self) -> dict[str, list[str]]:
        """Returns, by cloud, the tables that are still being copied there."""
        waiting: dict[str, list[str]] = {}
        for leader in self._others:
            found = await leader.subscription(self._name(leader))
            if found is not None and found.copying:
                waiting[leader.cloud] = found.copying
        return waiting

    def _name(self, to: Leader, origin: str | None = None) -> str:
        """Returns the name of a subscription and its slot."""
        return f"{self._settings.database}_{origin or self._primary.cloud}_to_{to.cloud}"

    # --- taking over

    async def _take_over(self) -> None:
        primary = self._primary
        followed = next(iter(await primary.subscriptions()), None)
        if followed is None:
            await self._reopen()
            return
        old = self._leaders.get(followed.origin)
        if followed.active:  # else a run was killed when all of this was done
            if followed.copying and not self._settings.accept_data_loss:
                message = (
                    f"{primary.cloud} has not copied {', '.join(followed.copying)} from "
                    f"{followed.origin} yet and cannot take over; wait, or set "
                    "AIP_ACCEPT_DATA_LOSS=true"
                )
                raise ReplicationError(message)
            if old is None:
                own = await primary.sequences()
                await primary.advance({name: value + _GAP for name, value in own.items()})
            else:
                await self._catch_up(old, followed)
            await primary.publish()
            for leader in self._others:
                if old is not None and await self._has_all(leader, old):
                    await self._hand_over(leader)
        # Where the old primary's last writes may be lost, the subscription stays as the record
        # that lets its data be replaced by ours when it is back.
        lossy = old is None or not await old.is_closed()
        await primary.open(instead_of=followed, keep=lossy)
        fields = {"primary": primary.cloud, "before": followed.origin, "writes_lost": lossy}
        _log.log(logging.WARNING if lossy else logging.INFO, "took over", extra={"fields": fields})

    async def _reopen(self) -> None:
        """Opens what was closed for a switch that was given up before anything followed it."""
        primary = self._primary
        rivals = [one.cloud for one in self._others if not await one.is_closed()]
        if (rivals or not await primary.is_published()) and not self._settings.accept_data_loss:
            message = (
                f"{primary.cloud} neither takes writes nor follows another leader"
                f"{f', and {rivals[0]} takes writes' if rivals else ''}: let it copy one first "
                "(AIP_PRIMARY), or set AIP_ACCEPT_DATA_LOSS=true"
            )
            raise ReplicationError(message)
        await primary.open()

    async def _catch_up(self, old: Leader, followed: Subscription) -> None:
        """Ends writes at the old primary and waits until the new one has them all."""
        seconds = self._settings.catch_up_seconds
        was_open = not await old.is_closed()
        # First while services still write, so that they are stopped for moments only.
        caught_up = await old.has_sent(followed.name, await old.position(), seconds)
        if caught_up:
            await old.close()
            caught_up = await old.has_sent(followed.name, await old.position(), seconds)
        if caught_up:
            await self._primary.advance(await old.sequences())
        elif not self._settings.accept_data_loss:
            if was_open:
                await old.open()
            message = (
                f"{self._primary.cloud} does not catch up with {old.cloud} within {seconds} s and "
                "does not take over; see its server's log, or set AIP_ACCEPT_DATA_LOSS=true"
            )
            raise ReplicationError(message)

    async def _has_all(self, leader: Leader, old: Leader) -> bool:
        """Returns whether a leader has all that the old primary had."""
        if leader is old:
            return True
        found = await leader.subscription(self._name(leader, old.cloud))
        if found is None or not found.active or found.copying:
            return False
        seconds = self._settings.catch_up_seconds
        return await old.has_sent(found.name, await old.position(), seconds)

    async def _hand_over(self, leader: Leader) -> None:
        """Lets a leader that has it all follow the new primary without a copy."""
        if await self._follows(leader):
            return
        name = self._name(leader)
        await self._unsubscribe(leader)
        await self._primary.drop_slot(name)
        await self._primary.create_slot(name)
        await leader.subscribe(name, self._primary.address, copy=False)
        await leader.unpublish()

    # --- following

    async def _follows(self, leader: Leader) -> bool:
        """Returns whether a leader follows the primary, be it from an address of before."""
        name = self._name(leader)
        found = await leader.subscription(name)
        slot = (await self._primary.slots()).get(name)
        return (
            found is not None
            and found.active
            and slot is not None
            and slot["wal_status"] != "lost"
            and await leader.is_closed()
        )

    async def _require_replaceable(self, leader: Leader) -> None:
        """Refuses to replace data that nobody has said may be replaced."""
        if await leader.is_closed() or not await leader.tables():
            return
        lost = await self._primary.subscription(self._name(self._primary, leader.cloud))
        if lost is None and not self._settings.accept_data_loss:
            message = (
                f"{leader.cloud} takes writes and has never followed {self._primary.cloud}: its "
                "rows would be replaced. Make it the primary (AIP_PRIMARY), or set "
                "AIP_ACCEPT_DATA_LOSS=true"
            )
            raise ReplicationError(message)

    async def _copy(self, leader: Leader) -> None:
        """Replaces a leader's data by the primary's, and lets it follow from there."""
        name = self._name(leader)
        await leader.close()
        await self._unsubscribe(leader)
        await self._primary.drop_slot(name)
        await leader.unpublish()
        await leader.migrate()
        await leader.empty(await leader.tables())
        await leader.subscribe(name, self._primary.address, copy=True)
        await leader.advance(await self._primary.sequences())
        record = await self._primary.subscription(self._name(self._primary, leader.cloud))
        if record is not None:
            await self._primary.unsubscribe(record)
        fields = {"follower": leader.cloud, "primary": self._primary.cloud}
        _log.info("follows, from a copy", extra={"fields": fields})

    async def _refresh(self, leader: Leader) -> None:
        """Takes over what has changed at the primary."""
        found = await leader.subscription(self._name(leader))
        if found is None:
            return
        if not leader.connects_to(found, self._primary.address):
            await leader.reconnect(found.name, self._primary.address)
        tables = frozenset(await self._primary.tables())
        if tables != found.tables:
            await leader.empty(tables - found.tables)  # what a migration has put there
            await leader.refresh(found.name)
        await leader.advance(await self._primary.sequences())

    async def _unsubscribe(self, leader: Leader) -> None:
        """Ends what a leader follows, and drops the slots where they can be reached."""
        for subscription in await leader.subscriptions():
            await leader.unsubscribe(subscription)
            origin = self._leaders.get(subscription.origin)
            if origin is not None:
                await origin.drop_slot(subscription.name)

    async def _drop_unused_slots(self) -> None:
        """Drops slots that nobody is to use: they would keep the server's log for ever.

        Those of leaders that are declared no more, and those of followers, which serve nobody.
        """
        expected = {
            f"{self._settings.database}_{self._primary.cloud}_to_{cloud}"
            for cloud in self._settings.leaders
        }
        for leader in self._leaders.values():
            prefix = f"{self._settings.database}_{leader.cloud}_to_"
            for name in await leader.slots():
                if name.startswith(prefix) and name not in expected:
                    await leader.drop_slot(name)
