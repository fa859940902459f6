"""What existing systems and staff can have done here: each a few steps of the families, waited for (M2, M3, M7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from nakadachi.intermediate import closing, exchange_store, inquiry, order_store, provision
from nakadachi.intermediate.files.results import ItemResult, Result, Status
from nakadachi.intermediate.rules import State
from nakadachi.kit.client import Unreachable
from nakadachi.kit.database import DatabaseAway
from nakadachi.ledger.records import Circumstance
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.provision import ProvidedItem
from nakadachi.terms import Prefix, Serial

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from nakadachi.intermediate.exchange_store import Inquiry
    from nakadachi.intermediate.files.inquiries import InquiryLine
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.serials import Serials
    from nakadachi.kit.server import System
    from nakadachi.kit.unit import Unit

IMMEDIATE_SECONDS = 10.0
"""How long an existing system waits for an immediate answer (design, fixed values)."""
BULK_SECONDS = 120.0
"""How long a line of a file waits for its answer before its result is "pending"."""
SERIAL_TRIES, SERIAL_PAUSE_SECONDS = 10, 2.0


async def ask(
    system: System[Intermediate],
    serials: Serials,
    line: InquiryLine,
    *,
    by: Circumstance,
    lane: Lane,
    request: tuple[str, str] | None = None,
) -> Result:
    """照会: from one line of an inquiry file to its result; pending where the answer takes longer than an immediate
    one, unknown where the database went away: what became of it is read later, by its serial.

    `request` names the existing system and its request: one that comes again begins nothing anew (N3).
    """
    prefix = prefix_of(line)
    deadline = _now() + IMMEDIATE_SECONDS
    try:
        serial = await _taken(serials, deadline)
    except Unreachable as wrong:
        # Where it said that it took nothing in, it is known that nothing was asked.
        status = Status.UNKNOWN if wrong.retry_after is None else Status.REFUSED
        return Result.without_answer(line.line, status, Reason.TIMED_OUT)
    except Refusal as refusal:
        return Result.without_answer(line.line, Status.REFUSED, refusal.reason)
    system.parts.settled.expect(serial)
    wish = inquiry.Wish(serial, line.addressee, prefix, by, lane, place_of(line, request))
    try:
        begun = await system.together(inquiry.begin, wish)
        if isinstance(begun, Refusal):
            return Result.without_answer(line.line, Status.REFUSED, begun.reason)
        if begun == serial:
            found = await system.parts.settled.wait(serial, max(0.0, deadline - _now()))
        else:
            found = await _former(system, begun, deadline)
        return result_of(line.line, begun, found or await system.together(read_inquiries, begun))
    except DatabaseAway:
        return Result.without_answer(line.line, Status.UNKNOWN, Reason.TIMED_OUT, serial)
    finally:
        system.parts.settled.forget(serial)


async def _former(system: System[Intermediate], serial: Serial, deadline: float) -> Inquiry | None:
    """An inquiry that was begun before, once it is settled; None where it is not by `deadline`."""
    system.parts.settled.expect(serial)
    try:
        found = await system.together(read_inquiries, serial)
        if found is not None and found.state is not State.ASKED:
            return found
        return await system.parts.settled.wait(serial, max(0.0, deadline - _now()))
    finally:
        system.parts.settled.forget(serial)


async def ask_many(
    system: System[Intermediate],
    serials: Serials,
    asked: Sequence[tuple[InquiryLine, Circumstance]],
    *,
    order: str,
    request: tuple[str, str] | None = None,
) -> list[Result]:
    """大量照会: lines of one prefix and member of staff, in one telegram; their results in order.

    Pending where an answer takes longer than `BULK_SECONDS`. A line that the named `order` has asked before is not
    asked again ("" names none); without an order, `request` says by which request a line is known again, see `ask`.
    """
    async with system.database.acquire() as connection:
        before = await order_store.asked(connection, order, [line.line for line, _ in asked]) if order else {}
    new = [(line, by) for line, by in asked if line.line not in before]
    try:
        issued = await _serials(serials, len(new)) if new else ()
    except Unreachable:
        return [Result.without_answer(line.line, Status.UNKNOWN, Reason.TIMED_OUT) for line, _ in asked]
    except Refusal as refusal:
        return [Result.without_answer(line.line, Status.REFUSED, refusal.reason) for line, _ in asked]
    known = None if order else request
    wishes = {
        line.line: inquiry.Wish(serial, line.addressee, prefix_of(line), by, Lane.BULK, place_of(line, known))
        for serial, (line, by) in zip(issued, new, strict=True)
    }
    for serial in issued:
        system.parts.settled.expect(serial)
    try:
        under = before | await _begun(system, order, wishes)
        ours = tuple(one for one in under.values() if isinstance(one, Serial))
        found = await _awaited(system, frozenset(issued), ours, _now() + BULK_SECONDS)
    finally:
        for serial in issued:
            system.parts.settled.forget(serial)
    return [_same(line, under[line.line], found) for line, _ in asked]


async def _begun(
    system: System[Intermediate], order: str, wishes: Mapping[int, inquiry.Wish]
) -> dict[int, Serial | Refusal]:
    """Begin these inquiries: the serial of each line, which is its former one where it was asked before."""

    async def begin(
        intermediate: Intermediate, unit: Unit, ours: Sequence[tuple[int, inquiry.Wish]]
    ) -> list[tuple[int, Serial | Refusal]]:
        kept: dict[int, Serial] = {}
        if order:
            kept = await order_store.claim(unit.connection, order, {line: wish.serial for line, wish in ours})
        new = [(line, wish) for line, wish in ours if kept.get(line, wish.serial) == wish.serial]
        begun = await inquiry.begin(intermediate, unit, [wish for _, wish in new])
        under = kept | dict(zip((line for line, _ in new), begun, strict=True))
        return [(line, under[line]) for line, _ in ours]

    return dict(await system.in_bulk(begin, list(wishes.items()))) if wishes else {}


async def _awaited(
    system: System[Intermediate], new: Collection[Serial], under: Sequence[Serial], deadline: float
) -> dict[Serial, Inquiry | None]:
    """What became of these inquiries by `deadline`. Those that are not `new` may have been settled before."""
    settled = system.parts.settled
    earlier = [serial for serial in under if serial not in new]
    for serial in earlier:
        settled.expect(serial)
    try:
        found = dict(zip(earlier, await system.in_bulk(read_inquiries, earlier), strict=True)) if earlier else {}
        for serial in under:
            one = found.get(serial)
            if one is None or one.state is State.ASKED:
                found[serial] = await settled.wait(serial, max(0.0, deadline - _now())) or one
    finally:
        for serial in earlier:
            settled.forget(serial)
    still = [serial for serial in under if found[serial] is None]
    if still:
        found.update(zip(still, await system.in_bulk(read_inquiries, still), strict=True))
    return found


def _same(line: InquiryLine, serial: Serial | Refusal, every: Mapping[Serial, Inquiry | None]) -> Result:
    """The result of a line; refused where the order's line of this number was another: no answer may go astray (L7)."""
    if isinstance(serial, Refusal):
        return Result.without_answer(line.line, Status.REFUSED, serial.reason)
    found = every[serial]
    if found is not None and (found.addressee, replace(found.prefix, items=())) != (line.addressee, prefix_of(line)):
        return Result.without_answer(line.line, Status.REFUSED, Reason.ALREADY_USED)
    return result_of(line.line, serial, found)


def place_of(line: InquiryLine, request: tuple[str, str] | None) -> tuple[str, str, int] | None:
    """A line's place in a request that may come again."""
    return (*request, line.line) if request else None


def prefix_of(line: InquiryLine) -> Prefix:
    """Who asks whom for what; items are not named: the permit names all that the law allows."""
    return Prefix(line.inquirer, line.affair, line.procedure, line.provider, line.information)


async def _taken(serials: Serials, deadline: float) -> Serial:
    """One serial, waited for where the own interface system is full."""
    while True:
        try:
            return await serials.take()
        except Unreachable as wrong:
            if wrong.retry_after is None or _now() + wrong.retry_after >= deadline:
                raise
            await asyncio.sleep(wrong.retry_after)


async def _serials(serials: Serials, count: int) -> tuple[Serial, ...]:
    """Serials for a packet, asked for again where the own interface system is busy or away for a moment."""
    for _ in range(SERIAL_TRIES - 1):
        try:
            return await serials.take_many(count)
        except Unreachable as wrong:
            await asyncio.sleep(wrong.retry_after or SERIAL_PAUSE_SECONDS)
    return await serials.take_many(count)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def read_inquiries(_intermediate: Intermediate, unit: Unit, serials: Sequence[Serial]) -> list[Inquiry | None]:
    """What became of inquiries of ours, by serial and never by "the latest" (L7)."""
    found = await exchange_store.inquiries(unit.connection, serials)
    return [found.get(serial) for serial in serials]


def result_of(line: int, serial: Serial, found: Inquiry | None) -> Result:
    """An inquiry as the existing system is told of it (L11)."""
    if found is None:
        return Result.without_answer(line, Status.UNKNOWN, Reason.INTERNAL, serial)
    if found.state is State.ANSWERED and found.answer is not None:
        items = decode_json(found.answer, tuple[ProvidedItem, ...])
        return Result.answered(
            line, serial, tuple(ItemResult(one.item, one.value, one.reason_of_null) for one in items)
        )
    if not found.state.is_open:
        return Result.without_answer(line, Status(found.state.value), found.reason or Reason.INTERNAL, serial)
    return Result.pending(line, serial)


async def cancel(system: System[Intermediate], serial: Serial, by: Circumstance) -> Refusal | None:
    """照会の取消: the answer is no longer wanted. Returns why it cannot be done, or None."""
    return await system.together(closing.cancel, (serial, by))


async def settle(
    system: System[Intermediate], serial: Serial, refuse: Reason | None, by: Circumstance
) -> Refusal | None:
    """職員の判断: provide or refuse what was held back. Returns why it cannot be done, or None."""
    return await system.together(provision.settle_held, provision.Staff(serial, refuse, by))
