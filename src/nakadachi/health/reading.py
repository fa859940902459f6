"""One look at a node: what was read, and how a check of it ended. It holds counts and times, nothing of a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from nakadachi.kit.kernel_clock import KernelClock
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.oversight import Check


class Grade(IntEnum):
    """How a check ended."""

    OK = 0
    WARNING = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Checked:
    """One check: how it ended, and what there is to know and to do, in both languages."""

    check: Check
    grade: Grade
    japanese: str
    english: str

    def words(self) -> dict[str, str]:
        """As JSON."""
        return {"check": self.check.value, "grade": self.grade.name.lower(), "ja": self.japanese, "en": self.english}


@dataclass(frozen=True, slots=True)
class HeadsRead:
    """The own log's size (core only), and the newest cosigned head known here: its size and time."""

    size: int | None = None
    cosigned: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """The documents in use, and whether both are in force today."""

    lawbook: int
    directory: int
    in_force: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at everything. `waiting` holds per lane how many requests wait and the oldest's age in seconds, None
    where the database does not answer; `records` is None where it was not asked for or took too long.
    """

    now: datetime
    waiting: Mapping[Lane, tuple[int, float]] | None
    records: int | None
    certificate_until: datetime
    kernel: KernelClock | None
    heads: HeadsRead
    effective: Effective

    @property
    def certificate_days(self) -> float:
        """Until the certificate ends; negative once it has."""
        return (self.certificate_until - self.now) / timedelta(days=1)

    @property
    def backlog(self) -> int | None:
        """How many requests wait."""
        return None if self.waiting is None else sum(count for count, _ in self.waiting.values())

    @property
    def oldest_seconds(self) -> float | None:
        """The age of the oldest of them; 0 where none waits."""
        return None if self.waiting is None else max((age for _, age in self.waiting.values()), default=0.0)


Judge = Callable[[Reading], Checked]
"""A check: pure, and total."""
