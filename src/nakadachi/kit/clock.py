"""The only source of time: everything else takes a `Clock`, so a test can hold the hands (design 2, rule 13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present moment: aware, in UTC, to the microsecond."""
        ...


class SystemClock:
    """The machine's clock. Whether it is synchronised is the health check's question, not ours."""

    __slots__ = ()

    def now(self) -> datetime:
        """The present moment by this machine, UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is told to move; for tests, stories and demonstrations."""

    __slots__ = ("_now",)

    def __init__(self, now: datetime) -> None:
        """Stand at `now`. Raises ValueError where it has no time zone."""
        self.set(now)

    def now(self) -> datetime:
        """The moment it was set to, UTC."""
        return self._now

    def set(self, now: datetime) -> None:
        """Stand at `now`, earlier or later. Raises ValueError where it has no time zone."""
        if now.tzinfo is None:
            raise ValueError("a moment needs a time zone (use datetime(…, tzinfo=UTC))")
        self._now = now.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        """Move by `step`. Raises ValueError for a step back: use `set`, so that it is seen to be meant."""
        if step < timedelta(0):
            raise ValueError("advance moves forward only; use set to go back")
        self._now += step
