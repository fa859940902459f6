"""The rules of certificates' lives, as functions of everything they weigh: age, validity, renewal, what an event ends.

Source: facts 5.2. What is not confirmed there is said in docs/neighbours/jpki.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from nakadachi.neighbours.jpki.faults import NotDone, Objection
from nakadachi.neighbours.jpki.items import Birth
from nakadachi.neighbours.jpki.profile import Kind
from nakadachi.neighbours.jpki.states import Revocation
from nakadachi.terms import JAPAN

SIGNATURE_AGE = 15
BIRTHDAYS = 5
RENEWABLE_MONTHS = 3


def birthday(born: date, year: int) -> date:
    """The birthday in a year; who was born on 29 February has it on the 28th in common years."""
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def valid_until(born: Birth, issued_on: date, birthdays: int = BIRTHDAYS) -> date:
    """有効期間満了日: the fifth birthday after the day of issue. Where the day of birth is not known, the day of issue
    stands for it.
    """
    base = born.date or issued_on
    first = issued_on.year if birthday(base, issued_on.year) > issued_on else issued_on.year + 1
    return birthday(base, first + birthdays - 1)


def end_of(day: date) -> datetime:
    """The last second of a day in Japan."""
    return datetime.combine(day, time(23, 59, 59), JAPAN)


def renewable_from(until: date) -> date:
    """更新可能日: the day three months before the last."""
    months = until.year * 12 + until.month - 1 - RENEWABLE_MONTHS
    year, month = divmod(months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(until.day, last))


def require_signature_allowed(born: Birth, on: date, *, ward: bool) -> None:
    """署名用の発行要件: 15 years old, no adult ward. Raises NotDone(UNDER_AGE, ADULT_WARD).

    Of whom neither year nor day is known, the register vouches that they are of age.
    """
    if ward:
        raise NotDone(Objection.ADULT_WARD)
    # Where only the year or the month is known, the last day it can have been counts.
    latest = born.date or _latest(born)
    if latest is not None and birthday(latest, latest.year + SIGNATURE_AGE) > on:
        raise NotDone(Objection.UNDER_AGE)


def _latest(born: Birth) -> date | None:
    if not born.year:
        return None
    year, month = (born.year, born.month) if born.month else (born.year, 12)
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


class Change(StrEnum):
    """住民の異動, as far as certificates are concerned: the register says that, never what."""

    NAME = "name"
    ADDRESS = "address"
    SEX = "sex"
    BORN = "born"
    DEATH = "death"
    DEATH_UNDONE = "death_undone"
    CARD_LOST = "card_lost"
    CARD_FOUND = "card_found"
    CARD_GONE = "card_gone"
    CARD_COMPROMISED = "card_compromised"


@dataclass(frozen=True, slots=True)
class Holder:
    """利用者: an opaque reference by which register and card issuer name a person to this service, and to no other."""

    value: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.value) != 32 or self.value.strip("0123456789abcdef"):
            raise ValueError("a holder is 32 hexadecimal digits")


@dataclass(frozen=True, slots=True)
class ResidentChange:
    """異動の通知: that something changed for a holder, and since when; `event` is the register's own number for it."""

    event: str
    holder: Holder
    change: Change
    at: datetime

    def __post_init__(self) -> None:
        if not 0 < len(self.event) <= 64 or not self.event.isascii() or not self.event.isprintable():
            raise ValueError("an event's number is 1 to 64 printable ASCII characters")
        try:
            known = self.at.tzinfo is not None and self.at.astimezone(UTC) is not None
        except OverflowError:
            known = False
        if not known:
            raise ValueError("the moment of a change has a time zone and lies in the calendar")


_SIGNATURE_ONLY = {Change.NAME, Change.ADDRESS, Change.SEX, Change.BORN}
_BOTH = {
    Change.DEATH: Revocation.CEASED,
    Change.CARD_GONE: Revocation.CEASED,
    Change.CARD_COMPROMISED: Revocation.KEY_COMPROMISE,
    Change.CARD_LOST: Revocation.HELD,
}


def ends(change: Change) -> dict[Kind, Revocation]:
    """失効事由: which certificates a change revokes or suspends, and the reason; a card that was found ends nothing.
    A death undone brings no certificate back: new ones may be issued.

    A change of name or address revokes the signature certificate only: the other says nothing of its holder.
    """
    if change in _SIGNATURE_ONLY:
        return {Kind.SIGNATURE: Revocation.ITEMS_CHANGED}
    reason = _BOTH.get(change)
    return dict.fromkeys(Kind, reason) if reason else {}
