"""疑い at the door: what is refused before any handler sees it, and answers that are none, become findings.

A peer that goes on and on is told of once an hour for each kind of act, so that it cannot fill anybody's tables.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.kit.log import logger
from nakadachi.telegrams.oversight import Finding
from nakadachi.telegrams.suspicion import kind_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from nakadachi.kit.clock import Clock
    from nakadachi.refusal import Refusal
    from nakadachi.terms import NodeName, Serial

AGAIN = timedelta(hours=1)
MOST_REMEMBERED = 1000


class Suspicions:
    """One node's door: `keep` records a finding and sees to its report."""

    def __init__(self, clock: Clock, keep: Callable[[Finding], Awaitable[None]]) -> None:
        self._clock = clock
        self._keep = keep
        self._told: OrderedDict[object, datetime] = OrderedDict()

    async def tell(self, about: NodeName, refusal: Refusal, serial: Serial | None = None) -> None:
        """What `about` did was refused: a finding where honest nodes do not do so. Never raises."""
        kind, now = kind_of(refusal), self._clock.now()
        if kind is None or self._recent((kind, about, serial), now):
            return
        try:
            await self._keep(Finding(kind=kind, at=now, serial=serial, about=about, reason=refusal.reason))
        except Exception:  # noqa: BLE001  the refusal stands, whether or not it can be told of
            logger().exception("finding.lost", peer=about.value, detail=kind.value)

    def _recent(self, key: object, now: datetime) -> bool:
        before = self._told.get(key)
        if before is not None and abs(now - before) < AGAIN:
            return True
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
        return False
