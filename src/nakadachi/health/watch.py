"""Watches one node: its database, outbox, certificate, clock, documents and heads are read, and judged check by check.

One reading feeds all that asks: `/readyz`, `/status`, `/metrics`, and the word the core is sent (L9, C18). It holds
counts and times only, never anything of a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nakadachi import __version__
from nakadachi.health import checks
from nakadachi.health.reading import Checked, Effective, Grade, HeadsRead, Judge, Reading
from nakadachi.kit import outbox
from nakadachi.kit.log import logger
from nakadachi.law.directory import is_older
from nakadachi.ledger import records
from nakadachi.telegrams.oversight import Check, Condition
from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from nakadachi.health.programs import Programs
    from nakadachi.kit.clock import Clock
    from nakadachi.kit.database import Connection, Database
    from nakadachi.kit.kernel_clock import KernelClock
    from nakadachi.kit.metrics import Metrics
    from nakadachi.ledger.edition import Edition
    from nakadachi.ledger.heads import Heads
    from nakadachi.telegrams.envelope import Lane
    from nakadachi.terms import NodeName

SHARED = frozenset({Check.OUTBOX, Check.EDITION, Check.HEAD})
"""What all instances of a system find alike, since it is in their database: another one would not do better."""
ASK_SECONDS = 2.0
"""How long the database may take for a question of ours before it counts as away."""
PROGRAM_SINCE = "0.2.0"
"""A core before this version refuses a word that names the check of the program (decision 0021)."""


@dataclass(slots=True)
class Health:
    """A node's health. `heads` reads what is known of the log here; `judges` are the checks beyond the common ones.

    `strict_clock`: a clock that nobody keeps right makes the node unready instead of being a warning.
    """

    name: NodeName
    clock: Clock
    database: Database
    edition: Edition
    metrics: Metrics
    certificate_until: datetime
    kernel: Callable[[], KernelClock | None]
    strict_clock: bool = False
    heads: Callable[[Connection | None], Awaitable[HeadsRead]] = field(default=lambda _connection: _no_heads())
    more: Callable[[Connection], Awaitable[dict[str, Any]]] = field(default=lambda _connection: _nothing())
    judges: tuple[Judge, ...] = ()
    programs: Programs | None = None
    _grades: dict[Check, Grade] = field(default_factory=dict)

    def now(self) -> datetime:
        """The time here."""
        return self.clock.now()

    async def read(self, *, count_records: bool = False) -> tuple[Reading, dict[str, Any]]:
        """A reading, and what this kind of system adds to its status."""
        now, waiting, kept = self.clock.now(), None, None
        if self.programs is not None:
            await self.programs.look(now)
        heads, more = await self.heads(None), {}
        with self._tried():
            async with asyncio.timeout(ASK_SECONDS), self.database.acquire() as connection:
                heads, more = await self.heads(connection), await self.more(connection)
                said = await outbox.waiting(connection)
                waiting = {lane: (count, max(0.0, (now - at).total_seconds())) for lane, (count, at) in said.items()}
        if count_records and waiting is not None:
            with self._tried():
                async with asyncio.timeout(ASK_SECONDS), self.database.acquire() as connection:
                    kept = await records.exchanges(connection)
        return Reading(now, waiting, kept, self.certificate_until, self.kernel(), heads, self._effective(now)), more

    @contextmanager
    def _tried(self) -> Iterator[None]:
        """Whatever keeps the database from answering is what the reading tells."""
        try:
            yield
        except Exception as wrong:  # noqa: BLE001  see above
            logger().info("health.unread", node=self.name.value, error=type(wrong).__name__)

    def _effective(self, now: datetime) -> Effective:
        lawbook, directory = self.edition.lawbook, self.edition.directory
        return Effective(
            lawbook.version, directory.version, max(lawbook.effective, directory.effective) <= japan_day(now)
        )

    def judge(self, reading: Reading) -> list[Checked]:
        """Every check; one that ends otherwise than the last time is logged."""
        checked = self._judged(reading)
        for one in checked:
            if self._grades.get(one.check, Grade.OK) is not one.grade:
                tell = logger().info if one.grade is Grade.OK else logger().warning
                tell("check.changed", node=self.name.value, state=one.grade.name.lower(), detail=one.check.value)
            self._grades[one.check] = one.grade
        return checked

    def _judged(self, reading: Reading) -> list[Checked]:
        common = (checks.database, checks.backlog, checks.certificate, self._clock, checks.in_force)
        found = [judge(reading) for judge in (*common, *self.judges)]
        if (own := self.programs) is not None:
            found.append(checks.program(changed=own.changed, since=own.accepted_at))
        return found

    def _clock(self, reading: Reading) -> Checked:
        return checks.clock(reading, strict=self.strict_clock)

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether this node is fit for work, and every check with what to do."""
        reading, _ = await self.read()
        checked = self.judge(reading)
        return _ready(checked), {
            "node": self.name.value,
            "ready": _ready(checked),
            "checks": [one.words() for one in checked],
        }

    async def stands(self) -> bool:
        """Whether work may come to this process, or had better go to another instance; asked every few seconds, so
        nothing is counted for it. What all instances share does not count: they would all be left alone.
        """
        now = self.clock.now()
        waiting: dict[Lane, tuple[int, float]] | None = None
        with self._tried():
            async with asyncio.timeout(ASK_SECONDS):
                await self.database.touch()
                waiting = {}
        effective = self._effective(now)
        reading = Reading(now, waiting, None, self.certificate_until, self.kernel(), HeadsRead(), effective)
        return _ready([one for one in self._judged(reading) if one.check not in SHARED])

    async def status(self) -> dict[str, Any]:
        """What the node says of itself (L9): versions, backlog, records, heads, certificate, clock, checks."""
        reading, more = await self.read(count_records=True)
        checked, kernel, heads = self.judge(reading), reading.kernel, reading.heads
        return {
            "node": self.name.value,
            "now": reading.now.isoformat(),
            "version": __version__,
            "minimum_version": self.edition.directory.minimum_peer_version,
            "lawbook": reading.effective.lawbook,
            "directory": reading.effective.directory,
            "ready": _ready(checked),
            "backlog": reading.backlog,
            "oldest_seconds": reading.oldest_seconds,
            "records": reading.records,
            "log_size": heads.size,
            "cosigned_size": heads.cosigned,
            "cosigned_at": heads.at.isoformat() if heads.at else None,
            "certificate_days": int(reading.certificate_days // 1),
            "clock_synchronised": kernel.synchronised if kernel else None,
            "clock_error_seconds": kernel.error_seconds if kernel else None,
            "checks": [one.words() for one in checked],
            **more,
        }

    async def exposition(self) -> bytes:
        """The metrics, with everything that is read rather than counted read anew."""
        reading, _ = await self.read()
        own, heads = self.metrics.gauges, reading.heads
        used, idle, most = self.database.connections()
        own.outbox(dict(reading.waiting) if reading.waiting is not None else None)
        own.pool(used=used, idle=idle, most=most)
        own.heads(size=heads.size, cosigned=heads.cosigned, at=heads.at, now=reading.now)
        own.machine(certificate_days=reading.certificate_days, kernel=reading.kernel)
        own.edition(reading.effective.lawbook, reading.effective.directory)
        for one in self.judge(reading):
            own.check(one.check.value, one.grade)
        return self.metrics.exposition()

    async def condition(self, following: timedelta) -> Condition:
        """What the core is told; `following` is when it is told again at the latest."""
        reading, _ = await self.read(count_records=True)
        checked, kernel = self.judge(reading), reading.kernel
        if is_older(self.edition.directory.minimum_peer_version, PROGRAM_SINCE):
            checked = [one for one in checked if one.check is not Check.PROGRAM]
        return Condition(
            next_seconds=int(following.total_seconds()),
            certificate_days=int(reading.certificate_days // 1),
            warnings=tuple(one.check for one in checked if one.grade is Grade.WARNING),
            failures=tuple(one.check for one in checked if one.grade is Grade.FAILED),
            backlog=reading.backlog,
            oldest_seconds=None if reading.oldest_seconds is None else int(reading.oldest_seconds),
            records=reading.records,
            cosigned_size=reading.heads.cosigned,
            cosigned_at=reading.heads.at,
            clock_synchronised=kernel.synchronised if kernel else None,
            clock_error_microseconds=round(kernel.error_seconds * 1_000_000) if kernel else None,
        )


def seen_heads(health: Health, heads: Heads) -> None:
    """Have an organisation's system watch the cosigned heads that reach it with permits."""

    async def read(_connection: Connection | None) -> HeadsRead:
        newest = heads.newest()
        return HeadsRead(None, *newest) if newest else HeadsRead()

    health.heads = read
    health.judges = (lambda reading: checks.seen_head(reading, heads.lag),)


async def _no_heads() -> HeadsRead:
    return HeadsRead()


async def _nothing() -> dict[str, Any]:
    return {}


def _ready(checked: Sequence[Checked]) -> bool:
    return all(one.grade is not Grade.FAILED for one in checked)
