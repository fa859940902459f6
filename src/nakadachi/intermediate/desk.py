"""What existing systems and staff can have done here: each a few steps of the families, waited for (M2, M3, M7)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nakadachi.intermediate import code, exchange_store, inquiry, provision, store
from nakadachi.intermediate.files.results import ItemResult, Result, Status
from nakadachi.intermediate.rules import State
from nakadachi.kit.client import Unreachable
from nakadachi.ledger.records import Circumstance
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.provision import ProvidedItem
from nakadachi.terms import Prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.exchange_store import Inquiry
    from nakadachi.intermediate.files.inquiries import InquiryLine
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.serials import Serials
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.server import System
    from nakadachi.kit.unit import Unit
    from nakadachi.terms import Serial

IMMEDIATE_SECONDS = 10.0
"""How long an existing system waits for an immediate answer (design, fixed values)."""
LINK_SECONDS = 30.0
LINK_PAUSE_SECONDS = 0.05


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
    one.

    `request` names the existing system and its request: one that comes again begins nothing anew (N3).
    """
    prefix = Prefix(line.inquirer, line.affair, line.procedure, line.provider, line.information)
    try:
        serial = await serials.take()
    except Unreachable:
        return Result.without_answer(line.line, Status.UNKNOWN, Reason.TIMED_OUT)
    except Refusal as refusal:
        return Result.without_answer(line.line, Status.REFUSED, refusal.reason)
    system.parts.settled.expect(serial)
    place = (*request, line.line) if request else None
    begun = await system.together(inquiry.begin, inquiry.Wish(serial, line.addressee, prefix, by, lane, place))
    settled = None
    if begun != serial:
        system.parts.settled.forget(serial)
        if isinstance(begun, Refusal):
            return Result.without_answer(line.line, Status.REFUSED, begun.reason)
        serial = begun
        system.parts.settled.expect(serial)
        former = await system.together(read_inquiries, serial)
        settled = former if former is not None and former.state is not State.ASKED else None
    settled = settled or await system.parts.settled.wait(serial, IMMEDIATE_SECONDS)
    return result_of(line.line, serial, settled or await system.together(read_inquiries, serial))


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
    if found.state is State.REFUSED and found.reason is not None:
        return Result.without_answer(line, Status.REFUSED, found.reason, serial)
    return Result.pending(line, serial)


async def link(system: System[Intermediate], addressees: Sequence[AddresseeNumber]) -> dict[AddresseeNumber, str]:
    """符号付番: issue link codes for these people and wait; per person `linked`, `pending` or a reason's identifier."""
    async with system.database.acquire() as connection:
        known = await store.known_addressees(connection, addressees)
    outcome = {one: Reason.UNKNOWN_ADDRESSEE.value for one in addressees if one not in known}
    outcome.update({one: "linked" for one, linked in known.items() if linked})
    waiting = [one for one, linked in known.items() if not linked]
    await system.together(code.request_codes, tuple(waiting))
    deadline = asyncio.get_running_loop().time() + LINK_SECONDS
    while waiting and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(LINK_PAUSE_SECONDS)
        async with system.database.acquire() as connection:
            now = await store.known_addressees(connection, waiting)
            refused = await store.issuance_refused(connection, waiting)
        outcome.update({one: "linked" for one in waiting if now.get(one)})
        outcome.update({one: reason.value for one, reason in refused.items()})
        waiting = [one for one in waiting if one not in outcome]
    outcome.update(dict.fromkeys(waiting, "pending"))
    return outcome


async def settle(
    system: System[Intermediate], serial: Serial, refuse: Reason | None, by: Circumstance
) -> Refusal | None:
    """職員の判断: provide or refuse what was held back. Returns why it cannot be done, or None."""
    return await system.together(provision.settle_held, provision.Staff(serial, refuse, by))
