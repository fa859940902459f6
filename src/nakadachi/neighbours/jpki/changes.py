"""異動の通知: what the register and the card issuer say of a holder ends, suspends or resumes certificates (R3, R4).

They tell that something changed, never what: an event has a holder's opaque reference, a kind of change and a time.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from nakadachi.neighbours import events
from nakadachi.neighbours.jpki import jpki_store as store
from nakadachi.neighbours.jpki.counter import IN_USE
from nakadachi.neighbours.jpki.jpki_store import Kept
from nakadachi.neighbours.jpki.rules import Change, Holder, ResidentChange, ends
from nakadachi.neighbours.jpki.states import Revocation, State

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection
    from nakadachi.neighbours.jpki.parts import Jpki


class ChangeListener(Protocol):
    """Who hears of residents' changes: the service itself, or a client of it. Safe to tell twice."""

    async def resident_changed(self, changes: Sequence[ResidentChange]) -> int:
        """Hear of changes; how many certificates ended, were suspended or resumed by those not heard before."""
        ...


def holder_of(secret: bytes, person: str) -> Holder:
    """利用者の参照: how the register names a resident to this service: a keyed digest under a key that only it has.

    So what this service holds cannot be tied to a resident record code without the register. `person`: by what the
    register knows them; its own number outlives a change of the resident record code. `secret`: at least 16 bytes.
    Raises ValueError.
    """
    if len(secret) < 16:
        raise ValueError("the register's key for this is at least 16 bytes")
    return Holder(hmac.digest(secret, b"nakadachi jpki holder\0" + person.encode(), sha256).hex()[:32])


_TOLD = {
    events.Kind.NAME: Change.NAME,
    events.Kind.MOVE: Change.ADDRESS,
    events.Kind.MOVE_IN: Change.ADDRESS,
    events.Kind.MOVE_OUT: Change.ADDRESS,
    events.Kind.NUMBER: Change.CARD_GONE,
    events.Kind.DEATH: Change.DEATH,
    events.Kind.DEATH_UNDONE: Change.DEATH_UNDONE,
}
_CORRECTED = {"name": Change.NAME, "address": Change.ADDRESS, "sex": Change.SEX, "born": Change.BORN}


def of_event(event: events.Event) -> tuple[Change, ...]:
    """What this service is told of an event of the register: nothing, one change, or one for each item corrected.

    A birth and a change of resident record code touch no certificate. A card carries the Individual Number, so a
    changed one ends the card, and both certificates with it.
    """
    if event.kind is events.Kind.CORRECTION:
        return tuple(change for item, change in _CORRECTED.items() if item in event.says)
    return (_TOLD[event.kind],) if event.kind in _TOLD else ()


def resident_change(secret: bytes, event: str, change: Change, holder: Holder, at: datetime) -> ResidentChange:
    """異動の通知 of one change. The event is numbered by a keyed digest of the register's own number for it, which
    anybody may have written and which might say whom it is about; the same event has the same one. `secret`: as that
    of `holder_of`.
    """
    number = hmac.digest(secret, f"nakadachi jpki event\0{event}\0{change.value}".encode(), sha256).hex()[:32]
    return ResidentChange(number, holder, change, at)


async def resident_changed(jpki: Jpki, changes: Sequence[ResidentChange]) -> int:
    """異動の反映: all in one transaction; an event that was heard before does nothing.

    Returns how many certificates ended, were suspended or resumed.
    """

    async def work(connection: Connection) -> int:
        now, changed = jpki.second(), 0
        for one in changes:
            await store.hold(connection, one.holder)
            if await store.hear(connection, one):
                changed += await _apply(connection, one, now)
        return changed

    return await jpki.database.retrying(work)


async def _apply(connection: Connection, change: ResidentChange, now: datetime) -> int:
    changed = 0
    for kept in await store.of_holder(connection, change.holder):
        if kept.state not in IN_USE or kept.until < now:
            continue
        to = _next(kept, change)
        if to is not None and to[0].value != kept.state:
            await store.mark(connection, kept, to[0].value, now, to[1])
            changed += 1
    return changed


def _next(kept: Kept, change: ResidentChange) -> tuple[State, Revocation | None] | None:
    if change.change is Change.CARD_FOUND:
        return (State.GOOD, None) if kept.state == State.HELD.value else None
    reason = ends(change.change).get(kept.kind)
    if reason is None:
        return None
    return (State.HELD if reason is Revocation.HELD else State.REVOKED, reason)
