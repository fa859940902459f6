"""カードの一生: its states, what leads from one to the next, how long it is valid. Pure (R4)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum

import msgspec

from nakadachi.neighbours.card.texts import CardError, Trouble

ADULT = 18
CARD_BIRTHDAYS, CHILD_BIRTHDAYS, CERTIFICATE_BIRTHDAYS = 10, 5, 5
RENEWABLE_MONTHS = 3
SIGNATURE_AGE = 15
"""署名用電子証明書 is for people of this age and above (facts 5.2)."""


class CardLife(Enum):
    """カードの状態, in the issuer's register: a card that is lost cannot say that it is."""

    PREPARED = "prepared"
    ACTIVE = "active"
    STOPPED = "stopped"
    REVOKED = "revoked"
    RETURNED = "returned"

    @property
    def words(self) -> str:
        """In both languages."""
        return _WORDS[self]


_WORDS = {
    CardLife.PREPARED: "交付前 / prepared, not handed over",
    CardLife.ACTIVE: "運用中 / active",
    CardLife.STOPPED: "一時停止中 / stopped for the time being",
    CardLife.REVOKED: "廃止 / revoked",
    CardLife.RETURNED: "返納済 / returned",
}


class Event(Enum):
    """カードに起きること: the words are for the history that people read."""

    HAND_OVER = "交付 / handed over"
    UNLOCK = "暗証番号の再設定 / a secret set anew"
    STOP = "一時停止（紛失の届出） / stopped, reported lost"
    LIFT = "一時停止の解除 / found again"
    CHANGE = "券面事項の変更 / entries changed"
    RENEW_CERTIFICATES = "電子証明書の更新 / certificates renewed"
    LOSE = "紛失による廃止 / revoked as lost"
    DAMAGE = "破損による廃止 / revoked as damaged"
    REPLACE = "更新による廃止 / replaced by a new card"
    RETURN = "返納 / returned"


_NEXT: dict[tuple[CardLife, Event], CardLife] = {
    (CardLife.PREPARED, Event.HAND_OVER): CardLife.ACTIVE,
    (CardLife.PREPARED, Event.DAMAGE): CardLife.REVOKED,
    (CardLife.PREPARED, Event.RETURN): CardLife.RETURNED,
    (CardLife.ACTIVE, Event.UNLOCK): CardLife.ACTIVE,
    (CardLife.ACTIVE, Event.CHANGE): CardLife.ACTIVE,
    (CardLife.ACTIVE, Event.RENEW_CERTIFICATES): CardLife.ACTIVE,
    (CardLife.ACTIVE, Event.STOP): CardLife.STOPPED,
    (CardLife.ACTIVE, Event.LOSE): CardLife.REVOKED,
    (CardLife.ACTIVE, Event.DAMAGE): CardLife.REVOKED,
    (CardLife.ACTIVE, Event.REPLACE): CardLife.REVOKED,
    (CardLife.ACTIVE, Event.RETURN): CardLife.RETURNED,
    (CardLife.STOPPED, Event.LIFT): CardLife.ACTIVE,
    (CardLife.STOPPED, Event.LOSE): CardLife.REVOKED,
    (CardLife.STOPPED, Event.RETURN): CardLife.RETURNED,
}


class Happening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """一件の経過: what happened when, and which clerk did it (a staff pseudonym)."""

    at: datetime
    event: Event
    staff: str


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """カード管理簿の一件: one card; nobody's name, address or number. Certificates by their serial numbers, as hex."""

    serial: str
    state: CardLife
    issued: date
    until: date
    certificates_until: date
    authentication: str = ""
    signature: str = ""
    history: tuple[Happening, ...] = ()


def allowed(state: CardLife, event: Event) -> bool:
    """Whether this may happen to a card in that state."""
    return (state, event) in _NEXT


def advance(entry: Entry, event: Event, at: datetime, staff: str) -> Entry:
    """The entry after the event. Raises CardError where it cannot happen to a card in this state."""
    state = _NEXT.get((entry.state, event))
    if state is None:
        raise CardError(Trouble.OUT_OF_LIFE, f"{entry.state.words}: {event.value}")
    history = (*entry.history, Happening(at, event, staff))
    return msgspec.structs.replace(entry, state=state, history=history)


def birthday(born: date, year: int) -> date:
    """The birthday in a year; of those born on 29 February, in other years the day before 1 March."""
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def nth_birthday(born: date, after: date, count: int) -> date:
    """The `count`th birthday after a day; one on that very day is not counted."""
    first = after.year if birthday(born, after.year) > after else after.year + 1
    return birthday(born, first + count - 1)


def age(born: date, on: date) -> int:
    """Years of life on a day."""
    return on.year - born.year - (birthday(born, on.year) > on)


def card_until(born: date, issued: date) -> date:
    """有効期間: to the 10th birthday after issue, of those under 18 to the 5th."""
    count = CARD_BIRTHDAYS if age(born, issued) >= ADULT else CHILD_BIRTHDAYS
    return nth_birthday(born, issued, count)


def certificates_until(born: date, issued: date, card: date) -> date:
    """電子証明書の有効期間: to the 5th birthday after issue, and no longer than the card."""
    return min(nth_birthday(born, issued, CERTIFICATE_BIRTHDAYS), card)


def renewable(until: date, today: date) -> bool:
    """Whether it can be renewed: from three months before its last day, and after it."""
    month = (until.month - RENEWABLE_MONTHS - 1) % 12 + 1
    year = until.year - (until.month <= RENEWABLE_MONTHS)
    last = (date(year + (month == 12), month % 12 + 1, 1) - timedelta(days=1)).day
    return today >= date(year, month, min(until.day, last))
