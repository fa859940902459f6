"""住民異動通知: tells the core that something changed, a thousand to a telegram, and applies what is due (R2, C17).

The changes leave the queue in the transaction that puts the telegram into the outbox, so none is lost and none told
twice. One telegram is under way at a time, so that the core hears them in order, whichever instance of it answers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nakadachi.kit.author import Enclosure
from nakadachi.kit.every import Every
from nakadachi.neighbours import event_store
from nakadachi.neighbours import register as people
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Lane, Verified
from nakadachi.telegrams.link import ReportResidentChanges
from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from nakadachi.kit.server import System
    from nakadachi.kit.unit import GivenUp, Heard, Unit
    from nakadachi.neighbours.event_store import Untold
    from nakadachi.neighbours.register import Register
    from nakadachi.neighbours.registry import Registry


LOOK_SECONDS, LOOKS = 0.05, 60
"""How often it is looked whether the core has answered, before the rest is left to the next turn."""


class Telling:
    """Looks every few seconds for events that are due and for changes that the core was not told."""

    def __init__(self, system: System[Registry], register: Register, seconds: float) -> None:
        self._system = system
        self._register = register
        self._every = Every(seconds, self.turn, node=system.name)

    async def start(self) -> None:
        """Begin."""
        await self._every.start()

    async def stop(self) -> None:
        """End; what is queued stays queued."""
        await self._every.stop()

    async def turn(self) -> None:
        """Everything that is due and everything that is untold, packet by packet."""
        while await self._system.together(self._apply_due, 1):
            pass
        while await self._system.together(self._tell, 1):
            for _ in range(LOOKS):
                await asyncio.sleep(LOOK_SECONDS)
                if await self._system.together(_may_tell, 1):
                    break

    async def _apply_due(self, _registry: Registry, unit: Unit, turns: Sequence[int]) -> list[int]:
        applied = await people.apply_due(self._register, unit.connection, unit.now, japan_day(unit.now))
        return [applied] * len(turns)

    async def _tell(self, registry: Registry, unit: Unit, turns: Sequence[int]) -> list[int]:
        if not await event_store.hold_telling(unit.connection):
            return [0] * len(turns)
        changes = await registry.residents.take_changes(unit.connection, ITEMS_LIMIT)
        if changes:
            core, telegram = registry.peers.core(), telegram_of(registry, changes)
            unit.send(telegram, to=core, url=registry.peers.url(core))
            await event_store.under_way(unit.connection, telegram.header.id)
        return [len(changes)] * len(turns)


async def _may_tell(_registry: Registry, unit: Unit, turns: Sequence[int]) -> list[bool]:
    return [await event_store.hold_telling(unit.connection)] * len(turns)


async def hear_told(_registry: Registry, unit: Unit, heard: Sequence[Heard[ReportResidentChanges]]) -> None:
    """住民異動通知の到達: the core has it, or will not have it; the next report may go."""
    await event_store.arrived(unit.connection, [one.sent[0].header.id for one in heard])


async def give_up_told(_registry: Registry, unit: Unit, given_up: Sequence[GivenUp[ReportResidentChanges]]) -> None:
    """住民異動通知の断念: it is sent no more; what happened since must not wait for it."""
    await event_store.arrived(unit.connection, [one.sent[0].header.id for one in given_up])


def telegram_of(registry: Registry, changes: Sequence[Untold]) -> Verified[Any]:
    """住民異動通知 of these changes, in order."""
    lists = {
        "resident record codes": [one.code for one in changes],
        "new resident record codes": [one.new_code for one in changes],
    }
    return registry.author.write(
        ReportResidentChanges,
        to=registry.peers.core(),
        parts=[Enclosure(name, json.dumps(texts).encode(), personal=True) for name, texts in lists.items()],
        lane=Lane.BULK if len(changes) > 1 else Lane.INTERACTIVE,
        changes=tuple(one.kind for one in changes),
    )
