"""How an inquiry of ours ends, whatever ended it: state, record, the word to the core, and the wake-up for who
waits.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nakadachi.intermediate import ending_store, exchange_store
from nakadachi.intermediate.exchange_store import Inquiry
from nakadachi.intermediate.rules import State
from nakadachi.ledger import trails
from nakadachi.ledger.records import Event, Record
from nakadachi.refusal import Reason
from nakadachi.telegrams.closing import Close
from nakadachi.telegrams.inquiry import Completion, Ending, InquiryCompleted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.intermediate.exchange_store import AskedOfUs
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Unit
    from nakadachi.ledger.records import Circumstance


Ended = tuple[Inquiry, State, Reason | None, bytes | None]
"""An inquiry that ends: how, why where it was not answered, and the items received (JSON) where it was."""

_EVENTS = {State.ANSWERED: Event.RECEIVED, State.REFUSED: Event.REFUSED}


def record_of(
    asked: AskedOfUs, event: Event, at: datetime, by: Circumstance, *, ending: Ending | None, reason: Reason | None
) -> Record:
    """The record of an event of an exchange that was asked of us."""
    return Record(
        asked.serial,
        event,
        at,
        asked.prefix,
        by,
        reason=reason,
        leaf=asked.leaf_hash,
        requested_at=asked.asked_at,
        provided_at=at if event is Event.PROVIDED else None,
        ending=ending,
    )


def decided(asked: AskedOfUs, at: datetime, by: Circumstance) -> Record:
    """The record of what was decided on an exchange that was asked of us: provided, refused, or held for now."""
    event = {State.ANSWERED: Event.PROVIDED, State.REFUSED: Event.REFUSED}.get(asked.state, Event.REQUESTED)
    ending = None if event is Event.REQUESTED else Ending(asked.state.value)
    return record_of(asked, event, at, by, ending=ending, reason=asked.reason)


async def end(
    intermediate: Intermediate,
    unit: Unit,
    ended: Sequence[Ended],
    *,
    core_knows: bool = True,
) -> None:
    """照会の終了: state, record, the word to the core where it knows of the exchange, the wake-up for whoever waits.

    One that ended before stays as it is.
    """
    ending = [one for one in ended if one[0].state.is_open]
    if not ending:
        return
    rows = [(inquiry.serial, state, reason, answer) for inquiry, state, reason, answer in ending]
    await exchange_store.end_inquiries(unit.connection, rows, unit.now)
    kept: list[Record] = []
    told: list[Completion] = []
    closed: list[Completion] = []
    for inquiry, state, reason, answer in ending:
        event = _EVENTS.get(state, Event.CLOSED)
        kept.append(
            Record(
                inquiry.serial, event, unit.now, inquiry.prefix, inquiry.by, reason=reason, leaf=inquiry.leaf_hash,
                requested_at=inquiry.asked_at, provided_at=inquiry.provided_at, ending=Ending(state.value),
            )
        )  # fmt: skip
        completion = Completion(serial=inquiry.serial, ending=Ending(state.value), ended_at=unit.now, reason=reason)
        (closed if state.is_closed else told).append(completion)
        done = replace(inquiry, state=state, reason=reason, answer=answer)
        unit.then(partial(intermediate.settled.tell, inquiry.serial, done))
    await trails.keep(unit.connection, kept)
    if core_knows:
        await ending_store.queue_completions(unit.connection, InquiryCompleted.__name__, told)
        await ending_store.queue_completions(unit.connection, Close.__name__, closed)
        unit.then(intermediate.ended.set)
