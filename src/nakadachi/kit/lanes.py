"""Who goes first, and how much is taken in: interactive work before bulk, and a bound for every queue (design 2.9; N3,
N4).

Nothing waits at a full place: it is told to come again, and the author's outbox has it. So places cannot wait for one
another in a circle. Inside, bulk work is done in short slices, and lets interactive work pass between them.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nakadachi.telegrams.envelope import Lane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator

SLICE_SECONDS = 0.003
"""How long bulk work keeps the processor before it looks around."""
LINGER_SECONDS = 0.03
"""How long after interactive work bulk work still holds back: the same exchange's next telegram is on its way."""
PATIENCE_SECONDS = 0.1
"""How long a slice of bulk work is held back at the most: beside interactive work it is slow, but goes on."""
SHARED_SECONDS = 2.0
"""How long after interactive work a node's bulk work does less at a time."""
RECENT_SECONDS = 10.0
"""How long after something was turned away a node counts as loaded."""


@dataclass(frozen=True, slots=True)
class Limits:
    """混雑時の上限: how much a node takes in at a time before it says "later"."""

    connections: int = field(default=4096, metadata={"doc": "open connections at the most"})
    requests: int = field(default=1024, metadata={"doc": "requests read or handled at a time"})
    megabytes: int = field(default=128, metadata={"doc": "bytes of these requests, in MiB, at least 25"})
    interactive: int = field(default=512, metadata={"doc": "interactive requests of one kind handled at a time"})
    bulk: int = field(default=16, metadata={"doc": "bulk requests of one kind handled at a time"})
    files: int = field(default=4, metadata={"doc": "files of existing systems worked on at a time"})
    retry_after: timedelta = field(
        default=timedelta(seconds=2), metadata={"doc": "when one turned away should come again, in seconds"}
    )

    def __post_init__(self) -> None:
        if min(self.connections, self.requests, self.interactive, self.bulk, self.files) < 1:
            raise ValueError("every limit is at least 1")
        if self.megabytes < 25:
            raise ValueError("megabytes: one request may have 24 MiB, so at least 25")
        if self.retry_after < timedelta(seconds=1):
            raise ValueError("retry_after: at least one second")


class Busy(Exception):  # noqa: N818  a state of the world, not a fault
    """混雑: a place is full. Nothing of the request took effect; come again after `seconds`, a whole number."""

    def __init__(self, what: str, seconds: int) -> None:
        super().__init__(f"{what} are at their limit")
        self.seconds = seconds


class Lanes:
    """One node's places and the way past them. `connections` are the database's, of which bulk work has half."""

    def __init__(self, limits: Limits | None = None, *, connections: int = 6) -> None:
        self.limits = limits or Limits()
        self._inside: Counter[Hashable] = Counter()
        self._bytes = 0
        self._hands = 0
        self._last_hand = self._last_busy = -math.inf
        self._turned_away = 0
        self._bulk = asyncio.Semaphore(max(1, connections // 2))

    @contextmanager
    def door(self, size: int) -> Iterator[None]:
        """Room for a request of at most `size` bytes, before its lane is known. Raises Busy."""
        if self._bytes + size > self.limits.megabytes * 2**20:
            raise self.busy("bytes")
        with self.place("requests", self.limits.requests):
            self._bytes += size
            try:
                yield
            finally:
                self._bytes -= size

    @contextmanager
    def handling(self, lane: Lane, kind: Hashable) -> Iterator[None]:
        """Room to handle one request of a kind. Raises Busy.

        Every kind has places of its own, so that the ones which wait for others do not take the others' places.
        """
        most = self.limits.bulk if lane is Lane.BULK else self.limits.interactive
        with self.place((lane, kind), most):
            yield

    @contextmanager
    def place(self, what: Hashable, most: int) -> Iterator[None]:
        """One of `most` places of that name. Raises Busy."""
        if self._inside[what] >= most:
            raise self.busy(what if isinstance(what, str) else "requests of this kind")
        self._inside[what] += 1
        try:
            yield
        finally:
            self._inside[what] -= 1
            if not self._inside[what]:
                del self._inside[what]

    def busy(self, what: str) -> Busy:
        """What to raise where there is no room; it counts."""
        self._turned_away += 1
        self._last_busy = _now()
        return Busy(what, math.ceil(self.limits.retry_after.total_seconds()))

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Interactive work is in hand."""
        self._hands += 1
        try:
            yield
        finally:
            self._hands -= 1
            self._last_hand = _now()

    @property
    def shared(self) -> bool:
        """Whether interactive work was in hand a short while ago, so that more of it is to be expected."""
        return bool(self._hands) or _now() - self._last_hand < SHARED_SECONDS

    @asynccontextmanager
    async def behind(self) -> AsyncIterator[None]:
        """Bulk work: one of the few that may hold a database connection, begun when interactive work has passed."""
        async with self._bulk:
            await self.give_way()
            yield

    async def give_way(self) -> None:
        """Let interactive work pass, but do not wait for ever."""
        await asyncio.sleep(0)
        until = _now() + PATIENCE_SECONDS
        while (now := _now()) < until and (self._hands or now < self._last_hand + LINGER_SECONDS):
            rest = LINGER_SECONDS if self._hands else self._last_hand + LINGER_SECONDS - now
            await asyncio.sleep(min(rest, until - now))

    def pace(self) -> Callable[[], Awaitable[None]]:
        """What bulk work calls between its items: nothing within a slice, then `give_way`."""
        since = _now()

        async def pause() -> None:
            nonlocal since
            if _now() - since >= SLICE_SECONDS:
                await self.give_way()
                since = _now()

        return pause

    def words(self) -> dict[str, Any]:
        """How full the node is, for its health: loaded where something was turned away a short while ago."""
        return {
            "degraded": _now() - self._last_busy < RECENT_SECONDS,
            "requests_inside": self._inside["requests"],
            "bytes_inside": self._bytes,
            "turned_away": self._turned_away,
        }


def _now() -> float:
    return asyncio.get_running_loop().time()
