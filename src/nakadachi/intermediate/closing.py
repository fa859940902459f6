"""終了: exchanges that no answer ended: cancelled, timed out, or unknown; and how each stands (design 2.8; I7).

Each side closes by its own clock. Whoever closes tells the core, and the core tells the other end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nakadachi.intermediate import ending_store, endings, exchange_store
from nakadachi.intermediate.exchange_store import AskedOfUs, Inquiry
from nakadachi.intermediate.findings import find
from nakadachi.intermediate.rules import State, after_question, stands_at
from nakadachi.ledger import trails
from nakadachi.ledger.records import AUTOMATIC, Event
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.closing import AskState, Close, StandsAt, StateTold
from nakadachi.telegrams.inquiry import Completion, Ending, Noted
from nakadachi.telegrams.oversight import Finding, FindingKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Asked, GivenUp, Heard, Reply, Unit
    from nakadachi.ledger.records import Circumstance
    from nakadachi.telegrams.inquiry import Inquire
    from nakadachi.telegrams.permit import RequestPermit
    from nakadachi.telegrams.provision import Provide
    from nakadachi.terms import Serial

MOST_AT_ONCE = 200


async def close(intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[Close]]) -> list[Reply]:
    """中止通知: the core says how exchanges ended that are still open here."""
    ours: list[endings.Ended] = []
    others: list[tuple[AskedOfUs, Ending, Reason | None]] = []
    for one in asked:
        for closing in one.header.closings:
            known = one.known.get(closing.serial)
            if isinstance(known, Inquiry) and closing.ending is not Ending.ANSWERED:
                ours.append((known, State(closing.ending.value), closing.reason or Reason.TIMED_OUT, None))
            elif isinstance(known, AskedOfUs):
                others.append((known, closing.ending, closing.reason))
    await endings.end(intermediate, unit, ours, core_knows=False)
    await _end_asked(unit, others)
    return [intermediate.author.answer(Noted, one.telegram) for one in asked]


async def tell_state(intermediate: Intermediate, _unit: Unit, asked: Sequence[Asked[AskState]]) -> list[Reply]:
    """状態確認: how these exchanges stand here."""
    replies: list[Reply] = []
    for one in asked:
        states = tuple(_state(serial, one.known.get(serial)) for serial in one.header.serials)
        replies.append(intermediate.author.answer(StateTold, one.telegram, states=states))
    return replies


async def hear_state(intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[AskState]]) -> None:
    """状態回答: what the core knows of exchanges that we could not end ourselves."""
    told = {
        state.serial: state
        for one in heard
        if isinstance(one.answers[0].header, StateTold)
        for state in one.answers[0].header.states
    }
    known = await exchange_store.exchanges(unit.connection, list(told), intermediate.author.name.organisation)
    ours: list[endings.Ended] = []
    others: list[tuple[AskedOfUs, Ending, Reason | None]] = []
    for serial, exchange in known.items():
        ending = after_question(told[serial], provider=isinstance(exchange, AskedOfUs))
        if ending is None:
            continue
        if isinstance(exchange, AskedOfUs):
            others.append((exchange, ending, told[serial].reason))
        else:
            ours.append((exchange, State(ending.value), told[serial].reason or Reason.TIMED_OUT, None))
    await endings.end(intermediate, unit, ours)
    await _end_asked(unit, others)
    await _tell_core(intermediate, unit, others)


async def no_permit(intermediate: Intermediate, unit: Unit, given_up: Sequence[GivenUp[RequestPermit]]) -> None:
    """許可の時間切れ (source 003 6.5 ①(b)): no permit came in time; nothing was asked of anybody."""
    serials = [serial for one in given_up for serial in one.sent[-1].header.serials]
    known = await exchange_store.inquiries(unit.connection, serials)
    await endings.end(intermediate, unit, [(one, State.TIMED_OUT, Reason.TIMED_OUT, None) for one in known.values()])


async def no_acceptance(intermediate: Intermediate, unit: Unit, given_up: Sequence[GivenUp[Inquire]]) -> None:
    """受付の時間切れ: nobody told us whether the provider accepted; the core is asked."""
    _ask_state(intermediate, unit, [serial for one in given_up for serial in one.sent[0].header.exchanges])


async def no_receipt(intermediate: Intermediate, unit: Unit, given_up: Sequence[GivenUp[Provide]]) -> None:
    """受領の時間切れ: our provision went out and no receipt came back; the core is asked what became of it."""
    _ask_state(intermediate, unit, [serial for one in given_up for serial in one.sent[0].header.exchanges])


async def no_state(intermediate: Intermediate, unit: Unit, given_up: Sequence[GivenUp[AskState]]) -> None:
    """状態不明: not even the core answered; what cannot be settled is unknown (design 2.8)."""
    serials = [serial for one in given_up for serial in one.sent[0].header.serials]
    known = await exchange_store.exchanges(unit.connection, serials, intermediate.author.name.organisation)
    ours = [one for one in known.values() if isinstance(one, Inquiry)]
    others = [(one, Ending.UNKNOWN, None) for one in known.values() if isinstance(one, AskedOfUs)]
    await endings.end(intermediate, unit, [(one, State.UNKNOWN, Reason.TIMED_OUT, None) for one in ours])
    await _end_asked(unit, others)
    await _tell_core(intermediate, unit, others)
    unknown = [Finding(kind=FindingKind.UNKNOWN_ENDING, at=unit.now, serial=serial) for serial in known]
    await find(intermediate, unit, unknown)


async def close_overdue(intermediate: Intermediate, unit: Unit, turns: Sequence[None]) -> list[int]:
    """期限切れの終了: our inquiries without an answer, and what our staff did not decide in time. Returns how many."""
    late = await exchange_store.overdue(unit.connection, unit.now, most=MOST_AT_ONCE)
    await endings.end(intermediate, unit, [(one, State.TIMED_OUT, Reason.TIMED_OUT, None) for one in late])
    held = await exchange_store.held_overdue(unit.connection, unit.now, most=MOST_AT_ONCE)
    undecided = [(one, Ending.TIMED_OUT, Reason.TIMED_OUT) for one in held]
    await _end_asked(unit, undecided)
    await _tell_core(intermediate, unit, undecided)
    return [len(late) + len(held)] * len(turns)


async def cancel(
    intermediate: Intermediate, unit: Unit, wishes: Sequence[tuple[Serial, Circumstance]]
) -> list[Refusal | None]:
    """照会の取消: an existing system no longer wants the answer (M2). Returns why it cannot be done, or None."""
    known = await exchange_store.inquiries(unit.connection, [serial for serial, _ in wishes])
    results: list[Refusal | None] = []
    for serial, by in wishes:
        inquiry = known.get(serial)
        if inquiry is None or not inquiry.state.is_open:
            results.append(Refusal(Reason.OUT_OF_TURN, "no inquiry of this serial waits for an answer"))
            continue
        cancelled = replace(inquiry, by=by)  # the record names who cancelled; the request's names who asked
        await endings.end(intermediate, unit, [(cancelled, State.CANCELLED, Reason.CANCELLED, None)])
        results.append(None)
    return results


def _state(serial: Serial, known: object) -> StandsAt:
    if isinstance(known, Inquiry):
        ending = None if known.state.is_open else Ending(known.state.value)
        return stands_at(serial, known=True, ending=ending, reason=known.reason)
    if isinstance(known, AskedOfUs):
        return stands_at(serial, known=True, ending=known.ending, reason=known.reason)
    return stands_at(serial, known=False, ending=None, reason=None)


def _ask_state(intermediate: Intermediate, unit: Unit, serials: Sequence[Serial]) -> None:
    if not serials:
        return
    question = intermediate.author.write(
        AskState, to=intermediate.edition.peers.core(), serials=tuple(dict.fromkeys(serials))
    )
    own = intermediate.interface
    until = unit.now + intermediate.times.state
    unit.send(question, to=own, url=intermediate.edition.peers.url(own), until=until)


async def _end_asked(unit: Unit, ended: Sequence[tuple[AskedOfUs, Ending, Reason | None]]) -> None:
    """Inquiries of others end without a receipt; what was held is decided by that."""
    await ending_store.end_asked(unit.connection, [(asked.serial, ending) for asked, ending, _ in ended])
    held = [(asked, ending, reason) for asked, ending, reason in ended if asked.state is State.HELD]
    rows = [(asked.serial, State(ending.value), reason) for asked, ending, reason in held]
    await exchange_store.settle_asked(unit.connection, rows)
    kept = [
        endings.record_of(
            asked,
            Event.CLOSED,
            unit.now,
            replace(AUTOMATIC, withheld=asked.state is State.HELD),
            ending=ending,
            reason=reason,
        )
        for asked, ending, reason in ended
        if ending is not Ending.ANSWERED
    ]
    await trails.keep(unit.connection, kept)


async def _tell_core(
    intermediate: Intermediate, unit: Unit, ended: Sequence[tuple[AskedOfUs, Ending, Reason | None]]
) -> None:
    closings = [
        Completion(serial=asked.serial, ending=ending, ended_at=unit.now, reason=reason)
        for asked, ending, reason in ended
    ]
    await ending_store.queue_completions(unit.connection, Close.__name__, closings)
    unit.then(intermediate.ended.set)
