"""The words of reconciliation: an entry as the Commission has it, sides, verdicts, troubles (A2, X5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.trail import Event
from nakadachi.terms import NodeName, Prefix, Role, Serial, japan_day

OLDEST = timedelta(days=8 * 366)
"""An event further back than this is filed under the month in which it came: records are kept for seven years."""


class Field(StrEnum):
    """相違のある項目: in what entries of an exchange may differ."""

    PREFIX = "prefix"
    ITEMS = "items"
    SERIAL = "serial"
    LEAF = "leaf"
    REASON = "reason"
    ENDING = "ending"
    STAFF = "staff"
    TIME = "time"
    TAG = "tag"


class Side(StrEnum):
    """立場: who an author is to an exchange."""

    CORE = "core"
    INQUIRER = "inquirer"
    PROVIDER = "provider"
    OTHER = "other"


class Verdict(StrEnum):
    """突合結果: the closed list. The first that applies is an exchange's, in this order."""

    EXTRA = "extra"
    DIFFERING = "differing"
    MISSING = "missing"
    UNKNOWN = "unknown"
    UNDER_WAY = "under-way"
    LATE = "late"
    COMPLETE = "complete"


DISAGREE = (Verdict.EXTRA, Verdict.DIFFERING, Verdict.MISSING)
"""What becomes a finding."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry as the Commission has it: whose it is, its number there, when it came first, what it says, and what is
    wrong in it by itself. The deadlines are those of the permit, where it is shown.
    """

    author: NodeName
    number: int
    kept_at: datetime
    serial: Serial
    event: Event
    at: datetime
    prefix: Prefix
    requested_at: datetime | None = None
    provided_at: datetime | None = None
    reason: Reason | None = None
    leaf: bytes | None = None
    ending: Ending | None = None
    staff: str | None = None
    issued_at: datetime | None = None
    answer_by: datetime | None = None
    faults: frozenset[Field] = frozenset()


@dataclass(frozen=True, slots=True, order=True)
class Trouble:
    """One thing that is not as it should be: at which side, and in which field where fields differ."""

    verdict: Verdict
    side: Side = Side.OTHER
    field: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an exchange stands: the verdict, all its troubles, and when it has to be looked at again."""

    verdict: Verdict
    troubles: tuple[Trouble, ...] = ()
    due_at: datetime | None = None


def side_of(one: Seen) -> Side:
    """Who the author of an entry is to its exchange. A serial is its inquirer's."""
    if one.author.role is Role.CORE:
        return Side.CORE
    own = one.author.organisation
    if own == one.serial.issuer:
        return Side.INQUIRER
    return Side.PROVIDER if own == one.prefix.provider else Side.OTHER


def month_of(at: datetime, now: datetime) -> date:
    """The month (Japan's) under which an event is filed: its own, or the present one where it cannot be."""
    day = japan_day(at if now - OLDEST <= at <= now + timedelta(days=1) else now)
    return day.replace(day=1)
