"""When the next scheduled backup is due; pure. After a restart the schedule goes on from the newest backup there is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from nakadachi.terms import JAPAN

_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
RETRY = timedelta(minutes=5)
"""A backup that failed is tried again after this long at the latest."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A backup every `every`, or, where `at` is given, every day at that time of Japan."""

    every: timedelta
    at: time | None = None

    def due(self, last: datetime | None, now: datetime) -> datetime:
        """When the next one is due, given when the last good one was taken. Without one: now."""
        if last is None:
            return now
        if self.at is None:
            return last + self.every
        local = last.astimezone(JAPAN)
        due = datetime.combine(local.date(), self.at, JAPAN)
        return due if due > local else due + timedelta(days=1)

    def again(self, now: datetime) -> datetime:
        """When to try again after a failure."""
        return now + min(self.every, RETRY)


def span(text: str) -> timedelta:
    """`90s`, `30m`, `24h`, `7d` as a time span. Raises ValueError."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no span of time: write a number and s, m, h or d, such as 24h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def clock_time(text: str) -> time:
    """`03:30` as a time of day. Raises ValueError."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError(f"{text!r} is no time of day: write hours and minutes, such as 03:30")
    return time.fromisoformat(text)
