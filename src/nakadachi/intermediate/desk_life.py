"""What the desk asks about links and changes: it begins, waits a bounded time, and tells what came of it (C8, C17)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from nakadachi.intermediate import change_store, changes, life, life_store
from nakadachi.telegrams.standing import LinkState
from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.intermediate.files.changes import Change
    from nakadachi.intermediate.life_store import Linked
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.database import Database
    from nakadachi.kit.server import System

WAIT_SECONDS = 10.0
"""How long the desk waits for the core before it is told `pending`."""
PAUSE_SECONDS = 0.05
FOLLOW_SECONDS = 0.25
"""How often a reader that waits looks for something new."""


async def change_links(system: System[Intermediate], wish: life.Wish) -> dict[AddresseeNumber, str]:
    """符号状態変更: per person `done`, `pending`, or a reason's identifier."""
    (lacking,) = await system.in_bulk(life.change_links, [wish])
    outcome = {one: reason.value for one, reason in lacking.items()}
    waiting = [one for one in wish.addressees if one not in outcome]

    async def answered() -> bool:
        async with system.database.acquire() as connection:
            asked = await life_store.asked(connection, waiting)
        told = {one: each.outcome for one, each in asked.items() if each.outcome is not None}
        outcome.update({one: str(why) or "done" for one, why in told.items()})
        waiting[:] = [one for one in waiting if one not in outcome]
        return not waiting

    await _patiently(answered)
    return outcome | dict.fromkeys(waiting, "pending")


async def subscribe(system: System[Intermediate], wish: changes.Wish) -> dict[str, Any]:
    """変更通知の登録: what is wanted now, and whether the core has said that it knows."""
    (listed,) = await system.in_bulk(changes.subscribe, [wish])

    async def answered() -> bool:
        async with system.database.acquire() as connection:
            return not (await change_store.subscription(connection)).waiting

    known = await _patiently(answered)
    return {"scope": wish.scope.value, "listed": listed, "outcome": "done" if known else "pending"}


async def follow(database: Database, after: int, *, most: int, seconds: float) -> tuple[Sequence[Change], int | None]:
    """変更通知の読取り: what came after a number, waited for where nothing did; and the number up to which events were
    deleted before this reader had them, None where none were.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        async with database.acquire() as connection:
            found = await change_store.changes(connection, after, most=most)
            held = await change_store.subscription(connection)
        deleted = held.deleted_to if 0 < after < held.deleted_to else None
        if found or deleted is not None or loop.time() >= deadline:
            return found, deleted
        await asyncio.sleep(FOLLOW_SECONDS)


def link_words(one: Linked, now: datetime) -> dict[str, str]:
    """How a link stands, and its days in Japan; a day that is not told is the empty text."""
    days, over = one.days, one.days.state(now) is LinkState.UNLINKED
    past = days.unlinked if over else None

    def day(moment: datetime | None) -> str:
        hidden = moment is None or (past is not None and moment > past)
        return "" if moment is None or hidden else japan_day(moment).isoformat()

    return {
        "addressee": one.addressee.value,
        "state": days.state(now).value,
        "linked": day(days.linked) or japan_day(days.linked).isoformat(),
        "suspended": day(days.suspended),
        "resumed": day(days.resumed) if day(days.suspended) else "",
        "unlinked": day(days.unlinked),
    }


async def _patiently(done: Callable[[], Awaitable[bool]]) -> bool:
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    while not await done():
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(PAUSE_SECONDS)
    return True
