"""稼働状況通知: tells the core that this system started, runs and stops, with how it fares (I9, C18, L9; 003 6.5 ①(c)).

Start and stop must arrive: they wait in the outbox like any telegram. That it still runs is said once and forgotten:
the next word says more than a late one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nakadachi import __version__
from nakadachi.health.word_store import next_moment
from nakadachi.kit.client import Unreachable
from nakadachi.kit.database import DatabaseAway
from nakadachi.kit.log import logger
from nakadachi.refusal import Refusal
from nakadachi.telegrams.oversight import Operation, ReportOperation
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.health.watch import Health
    from nakadachi.kit.server import System
    from nakadachi.kit.unit import Unit
    from nakadachi.telegrams.envelope import Verified
    from nakadachi.telegrams.oversight import Condition

JITTER = 0.1
"""Part of the period by which a word comes earlier: thousands of systems that started together do not stay together."""


@dataclass(frozen=True, slots=True)
class _Word:
    operation: Operation
    condition: Condition


class Reporter:
    """One node's word to the core, every `every` at the latest; an intermediate server's goes through its interface
    system, and an interface system tells its intermediate server too when it starts and stops. `instance` names which
    one of a system that runs as several.
    """

    def __init__(self, system: System[Any], health: Health, every: timedelta, instance: str = "") -> None:
        self._system, self._health, self._every, self._instance = system, health, every, instance
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say that we started, and from then on that we run."""
        await self._keep(Operation.STARTED)
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Say that we stop. The word waits in the outbox until it is taken; where it cannot be kept, we stop all the
        same.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._keep(Operation.STOPPED)
        except Exception:  # noqa: BLE001  the database is away: that must not keep us running
            logger().exception("report.failed", node=self._system.name.value)

    async def say(self) -> None:
        """Say once that we run. Raises Unreachable, Refusal."""
        core = self._health.edition.peers.core()
        word = _Word(Operation.RUNNING, await self._health.condition(self._every))
        try:
            at: datetime = await self._system.together(self._moments, None)
        except DatabaseAway:
            at = self._system.author.clock.now()  # that it is away is to be said all the same
        via = self._via(core)
        await self._system.sender.ask(self._write(word, core, at), via, self._health.edition.peers.url(via))

    async def _keep(self, operation: Operation) -> None:
        await self._system.together(self._send, _Word(operation, await self._health.condition(self._every)))

    async def _send(self, parts: Any, unit: Unit, words: Sequence[_Word]) -> list[None]:
        peers = self._health.edition.peers
        for word, at in zip(words, await self._moments(parts, unit, words), strict=True):
            for to in self._told():
                unit.send(self._write(word, to, at), to=self._via(to), url=peers.url(self._via(to)))
        return [None] * len(words)

    async def _moments(self, _parts: Any, unit: Unit, words: Sequence[object]) -> list[datetime]:
        now = self._system.author.clock.now()
        return [await next_moment(unit.connection, self._instance, now) for _ in words]

    def _told(self) -> list[NodeName]:
        """Who is told of start and stop."""
        name, peers = self._system.name, self._health.edition.peers
        own = NodeName.of(Role.INTERMEDIATE, name.organisation)
        neighbours = [own] if name.role is Role.INTERFACE and peers.directory.find(own) is not None else []
        return [peers.core(), *neighbours]

    def _via(self, to: NodeName) -> NodeName:
        """The first stop on the way."""
        name = self._system.name
        return NodeName.of(Role.INTERFACE, name.organisation) if name.role is Role.INTERMEDIATE else to

    def _write(self, word: _Word, to: NodeName, at: datetime) -> Verified[ReportOperation]:
        edition = self._health.edition
        return self._system.author.write(
            ReportOperation,
            to=to,
            operation=word.operation,
            at=at,
            software=__version__,
            lawbook=edition.lawbook.version,
            directory=edition.directory.version,
            condition=word.condition,
            instance=self._instance,
        )

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self._pause())
            try:
                await self.say()
            except (Unreachable, Refusal) as wrong:
                logger().info("report.waits", node=self._system.name.value, detail=str(wrong))
            except Exception:  # noqa: BLE001  the next turn tries again
                logger().exception("report.failed", node=self._system.name.value)

    def _pause(self) -> float:
        chance = int.from_bytes(self._system.author.entropy.bytes(2), "big") / 65536
        return self._every.total_seconds() * (1 - JITTER * chance)
