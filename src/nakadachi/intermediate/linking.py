"""付番の注文: people linked while somebody waits, and orders for whole populations that outlive every restart (M1, L5).

An order is a row of the server's database. Its people are asked for in packets of 1,000, a few of them under way at a
time, in the bulk lane; who kills a process loses nobody and doubles nobody, since every step is one transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.intermediate import code, issuance_store, link_order_store, store
from nakadachi.intermediate.issuance_store import Packet
from nakadachi.kit import outbox
from nakadachi.kit.client import Unreachable
from nakadachi.kit.log import logger
from nakadachi.refusal import Reason
from nakadachi.telegrams.permit import SerialUse
from nakadachi.terms import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.link_order_store import Progress
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.serials import Serials
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.server import System
    from nakadachi.kit.unit import Unit
    from nakadachi.telegrams.code import Hit
    from nakadachi.terms import Serial

LINK_SECONDS = 30.0
"""How long a small file waits for its codes."""
LINK_PAUSE_SECONDS = 0.05
UNDER_WAY = 8
"""Packets of one order that are on their way at a time: more would only wait at a full door."""
SERIALS_AHEAD = 100
TURN_SECONDS, IDLE_SECONDS, AWAY_SECONDS = 0.05, 1.0, 2.0
"""How long the work rests: while packets are under way, with nothing to do, and where somebody is away."""
LOOK_SECONDS = 60.0
"""How often it is looked whether a re-check that goes by itself is due."""
PACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RecheckConfig:
    """再確認の設定: links are re-checked by themselves (L5): how often all of them, and how many people a minute."""

    every: timedelta = field(
        default=timedelta(days=30), metadata={"doc": "how often all links are re-checked, in seconds; 0: never"}
    )
    pace: int = field(default=200, metadata={"doc": "people re-checked a minute at the most, 1 to 1000"})

    def __post_init__(self) -> None:
        if not 1 <= self.pace <= code.MOST_PEOPLE or self.every < timedelta(0):
            raise ValueError(f"pace is 1 to {code.MOST_PEOPLE}, every is not negative")


async def link(
    system: System[Intermediate], serials: Serials, addressees: Sequence[AddresseeNumber]
) -> dict[AddresseeNumber, tuple[str, Hit | None]]:
    """符号付番: issue link codes for these people and wait; per person `linked`, `pending` or a reason's identifier,
    and what the registry organisation found where it was not exactly one resident.
    """
    async with system.database.acquire() as connection:
        known = await store.known_addressees(connection, addressees)
    outcome: dict[AddresseeNumber, tuple[str, Hit | None]] = {
        one: (Reason.UNKNOWN_ADDRESSEE.value, None) for one in addressees if one not in known
    }
    outcome |= {one: ("linked", None) for one, linked in known.items() if linked}
    waiting = [one for one, linked in known.items() if not linked]
    deadline = asyncio.get_running_loop().time() + LINK_SECONDS
    if waiting:
        await _request(system, serials, waiting, deadline)
    while waiting and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(LINK_PAUSE_SECONDS)
        async with system.database.acquire() as connection:
            now = await store.known_addressees(connection, waiting)
            refused = await issuance_store.refused(connection, waiting)
        outcome |= {one: ("linked", None) for one in waiting if now.get(one)}
        outcome |= {one: (reason.value, hit) for one, (reason, hit) in refused.items()}
        waiting = [one for one in waiting if one not in outcome]
    return outcome | dict.fromkeys(waiting, ("pending", None))


async def _request(
    system: System[Intermediate], serials: Serials, people: Sequence[AddresseeNumber], deadline: float
) -> None:
    """Ask for these people's codes; nobody is asked for where the own interface system gives no serials in time."""
    most = code.MOST_PEOPLE
    chunks = [tuple(people[start : start + most]) for start in range(0, len(people), most)]
    while True:
        try:
            issued = await serials.take_many(len(chunks), SerialUse.ISSUANCE)
            break
        except Unreachable as wrong:
            pause = wrong.retry_after or AWAY_SECONDS
            if asyncio.get_running_loop().time() + pause >= deadline:
                return
            await asyncio.sleep(pause)
    for serial, chunk in zip(issued, chunks, strict=True):
        await system.in_bulk(code.request_codes, [Packet(serial, chunk)])


class LinkOrders:
    """Works through the orders of this server, one after the other, until it is stopped."""

    def __init__(self, system: System[Intermediate], serials: Serials, recheck: RecheckConfig) -> None:
        self._system, self._serials, self._recheck = system, serials, recheck
        self._ready: list[Serial] = []
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._look_at = 0.0
        self._no_serials = False

    async def start(self) -> None:
        """Take up what was left from before."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End; what was not asked stays in the order."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """There is a new order."""
        self._something.set()

    async def waits_for(self, order: Progress) -> str:
        """待ち: for whom an order waits that cannot go on now: `interface` or `registry`; empty where it goes on."""
        if order.ended_at is not None:
            return ""
        if self._no_serials:
            return Role.INTERFACE.value
        if not order.open_packets:
            return ""
        registry = self._system.parts.edition.peers.the(Role.REGISTRY)
        away = registry in self._system.sender.parked
        if not away:
            async with self._system.database.acquire() as connection:
                away = await outbox.unanswered(connection, registry)
        return Role.REGISTRY.value if away else ""

    async def _work(self) -> None:
        while True:
            try:
                pause = await self._turn()
                self._no_serials = False
            except Unreachable:
                pause, self._no_serials = AWAY_SECONDS, True
            except Exception:  # noqa: BLE001  the database may be away for a while
                logger().exception("orders.wait", node=self._system.name.value)
                pause = AWAY_SECONDS
            if pause < IDLE_SECONDS:
                await asyncio.sleep(pause)
                continue
            self._something.clear()
            try:
                await asyncio.wait_for(self._something.wait(), pause)
            except TimeoutError:
                continue

    async def _turn(self) -> float:
        """One step of the order whose turn it is; returns how long to rest."""
        async with self._system.database.acquire() as connection:
            order = await link_order_store.to_work_on(connection)
        if order is None:
            await self._begin_automatic()
            return IDLE_SECONDS
        if order.asked_at is not None:
            if order.open_packets:
                return IDLE_SECONDS if order.automatic else TURN_SECONDS
            await self._system.in_bulk(_end, [order.name])
            return 0.0
        room = self._room(order)
        if not room:
            return IDLE_SECONDS if order.automatic else TURN_SECONDS
        if len(self._ready) < room:
            self._ready += await self._serials.take_many(SERIALS_AHEAD, SerialUse.ISSUANCE)
        most = self._recheck.pace if order.automatic else code.MOST_PEOPLE
        taken, self._ready = self._ready[:room], self._ready[room:]
        await self._system.in_bulk(_ask, [(order, serial, most) for serial in taken])
        return 0.0

    def _room(self, order: Progress) -> int:
        """How many packets may be sent now."""
        if not order.automatic:
            return max(0, UNDER_WAY - order.open_packets)
        now = self._system.author.clock.now()
        last = order.last_asked_at
        return int(last is None or now >= last + timedelta(seconds=PACE_SECONDS))

    async def _begin_automatic(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._recheck.every or now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        (begun,) = await self._system.in_bulk(_begin_automatic, [self._recheck.every])
        if begun:
            self.wake()


async def _ask(intermediate: Intermediate, unit: Unit, wanted: Sequence[tuple[Progress, Serial, int]]) -> list[None]:
    """The next packets of an order: who is asked for, and how far the order is, in one transaction."""
    for order, serial, most in wanted:
        found = await link_order_store.next_people(unit.connection, order.name, most)
        if found is None:
            break
        people, line, addressee = found
        if not people:
            await link_order_store.all_asked(unit.connection, order.name, unit.now)
            break
        packet = Packet(serial, tuple(people), order.checking, order.name)
        (asked,) = await code.request_codes(intermediate, unit, [packet])
        await link_order_store.advance(unit.connection, order.name, line, addressee, len(people) - asked)
    return [None] * len(wanted)


async def _end(_intermediate: Intermediate, unit: Unit, names: Sequence[str]) -> list[None]:
    for name in names:
        await link_order_store.end(unit.connection, name, unit.now)
    return [None] * len(names)


async def _begin_automatic(_intermediate: Intermediate, unit: Unit, pauses: Sequence[timedelta]) -> list[bool]:
    """A new round of re-checks where the last one is long enough ago; the first one comes a pause after the first link.

    Returns whether there is one now.
    """
    last = await link_order_store.last_automatic(unit.connection) or await issuance_store.first_asked(unit.connection)
    if last is None or unit.now < last + pauses[0]:
        return [False]
    name = f"recheck-{unit.now:%Y%m%dT%H%M%S}"
    return [await link_order_store.begin(unit.connection, name, unit.now, automatic=True)]
