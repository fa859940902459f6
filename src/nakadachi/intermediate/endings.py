"""How an inquiry of ours ends, whatever ended it: state, record, the word to the core, and the wake-up for who
waits.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nakadachi.intermediate import exchange_store
from nakadachi.intermediate.exchange_store import Inquiry
from nakadachi.intermediate.rules import State
from nakadachi.ledger import records
from nakadachi.ledger.records import Event, Record
from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Completion, Ending, InquiryCompleted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Unit


Ended = tuple[Inquiry, State, Reason | None, bytes | None]
"""An inquiry that ends: how, why where it was refused, and the items received (JSON) where it was answered."""


async def end(
    intermediate: Intermediate,
    unit: Unit,
    ended: Sequence[Ended],
    *,
    core_knows: bool = True,
) -> None:
    """照会の終了: state, record, the word to the core where it knows of the exchange, the wake-up for whoever waits."""
    if not ended:
        return
    rows = [(inquiry.serial, state, reason, answer) for inquiry, state, reason, answer in ended]
    await exchange_store.end_inquiries(unit.connection, rows, unit.now)
    kept, completions = [], []
    for inquiry, state, reason, answer in ended:
        event = Event.RECEIVED if state is State.ANSWERED else Event.REFUSED
        kept.append(
            Record(inquiry.serial, event, unit.now, inquiry.prefix, inquiry.by, reason=reason, leaf=inquiry.leaf_hash)
        )
        ending = Ending.ANSWERED if state is State.ANSWERED else Ending.REFUSED
        completions.append(Completion(serial=inquiry.serial, ending=ending, ended_at=unit.now, reason=reason))
        done = replace(inquiry, state=state, reason=reason, answer=answer)
        unit.then(partial(intermediate.settled.tell, inquiry.serial, done))
    await records.keep(unit.connection, kept)
    if core_knows:
        await exchange_store.queue_completions(unit.connection, InquiryCompleted.__name__, completions)
        unit.then(intermediate.ended.set)
