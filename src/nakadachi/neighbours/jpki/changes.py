"""異動の通知: what the register and the card issuer say of a holder ends, suspends or resumes certificates (R3, R4).

They tell that something changed, never what: an event has a holder's opaque reference, a kind of change and a time.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from nakadachi.neighbours.jpki import jpki_store as store
from nakadachi.neighbours.jpki.counter import IN_USE
from nakadachi.neighbours.jpki.jpki_store import Kept
from nakadachi.neighbours.jpki.rules import Change, Holder, ResidentChange, ends
from nakadachi.neighbours.jpki.states import Revocation, State

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.neighbours.jpki.parts import Jpki


class ChangeListener(Protocol):
    """Who hears of residents' changes: the service itself, or a client of it. Safe to tell twice."""

    async def resident_changed(self, changes: Sequence[ResidentChange]) -> int:
        """Hear of changes; how many certificates ended, were suspended or resumed by those not heard before."""
        ...


def holder_of(secret: bytes, resident_record_code: str) -> Holder:
    """利用者の参照: how the register names a resident to this service: a keyed digest under a key that only it has.

    So this service learns no resident record code, and what it holds cannot be tied to one without the register.
    `secret`: at least 16 bytes. Raises ValueError.
    """
    if len(secret) < 16:
        raise ValueError("the register's key for this is at least 16 bytes")
    return Holder(hmac.digest(secret, b"nakadachi jpki holder\0" + resident_record_code.encode(), sha256).hex()[:32])


async def resident_changed(jpki: Jpki, changes: Sequence[ResidentChange]) -> int:
    """異動の反映: all in one transaction; an event that was heard before does nothing.

    Returns how many certificates ended, were suspended or resumed.
    """

    async def work(connection: Connection) -> int:
        now, changed = jpki.second(), 0
        for one in changes:
            if await store.hear(connection, one):
                changed += await _apply(connection, one, now)
        return changed

    return await jpki.database.retrying(work)


async def _apply(connection: Connection, change: ResidentChange, now: datetime) -> int:
    changed = 0
    for kept in await store.of_holder(connection, change.holder, locked=True):
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
