"""符号の期間: the days of one link, and what a change of its state makes of them. Pure; both ends compute alike (C8).

A day is Japan's and begins at its midnight; a change may be dated back, then it counts from now, or ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.link import LinkChange
from nakadachi.terms import JAPAN, japan_day

LAST_GENERATION = 255
"""The generation that no other follows: one byte of a link code (design section 3)."""


class LinkState(StrEnum):
    """符号の状態: how a link stands on a day."""

    LINKED = "linked"
    SUSPENDED = "suspended"
    UNLINKED = "unlinked"


@dataclass(frozen=True, slots=True)
class LinkDays:
    """符号の期間: since when a person is linked, and the beginnings of the days on which that changed or will change.

    Suspended from `suspended` until `resumed`, the latter None where no end is told; unlinked from `unlinked` on.
    """

    linked: datetime
    suspended: datetime | None = None
    resumed: datetime | None = None
    unlinked: datetime | None = None

    def state(self, at: datetime) -> LinkState:
        """How the link stands at a moment."""
        if self.unlinked is not None and self.unlinked <= at:
            return LinkState.UNLINKED
        suspended = self.suspended is not None and self.suspended <= at and not self._is_over(at)
        return LinkState.SUSPENDED if suspended else LinkState.LINKED

    def changed(self, change: LinkChange, *, on: date, now: datetime, generation: int) -> LinkDays:
        """These days after a change from the day `on`; the same where it is so already.

        Raises Refusal: CODE_NOT_ISSUED where the link is over, OUT_OF_TURN for a day before the link, from its planned
        unlinking on, or after the end of a suspension that is planned or runs, ALREADY_USED where the last generation
        would be unlinked, since no other could follow.
        """
        day = day_begins(on)
        if self.state(now) is LinkState.UNLINKED:
            if change is LinkChange.UNLINK:
                return self
            raise Refusal(Reason.CODE_NOT_ISSUED, "the link is over: a new one is a new issuance")
        if on < japan_day(self.linked):
            raise Refusal(Reason.OUT_OF_TURN, "a day before the link")
        if change is LinkChange.UNLINK:
            if generation >= LAST_GENERATION:
                raise Refusal(Reason.ALREADY_USED, f"generation {generation} is the last: suspend it instead")
            return replace(self, unlinked=day)
        if self.unlinked is not None and day >= self.unlinked:
            raise Refusal(Reason.OUT_OF_TURN, "from its planned unlinking on a link is over")
        current = replace(self, suspended=None, resumed=None) if self._is_over(now) else self
        return _suspended(current, day) if change is LinkChange.SUSPEND else _resumed(current, day)

    def _is_over(self, at: datetime) -> bool:
        return self.resumed is not None and self.resumed <= at


def days_of(
    linked: datetime | None, suspended: datetime | None, resumed: datetime | None, unlinked: datetime | None
) -> LinkDays | None:
    """The days of a link as they are kept; None where there never was one."""
    return LinkDays(linked, suspended, resumed, unlinked) if linked is not None else None


def day_begins(day: date) -> datetime:
    """The moment a day begins in Japan."""
    return datetime.combine(day, time(), JAPAN)


def _suspended(days: LinkDays, day: datetime) -> LinkDays:
    if days.suspended is None:
        return replace(days, suspended=day)
    if days.resumed is not None and day > days.resumed:
        raise Refusal(Reason.OUT_OF_TURN, "after the end of a suspension that is planned or runs: resume first")
    return replace(days, suspended=min(days.suspended, day), resumed=None)


def _resumed(days: LinkDays, day: datetime) -> LinkDays:
    if days.suspended is None:
        return days
    if day <= days.suspended:
        return replace(days, suspended=None, resumed=None)
    return replace(days, resumed=day if days.resumed is None else min(day, days.resumed))
