"""Turns about trails, taken when a test wants: nodes hand over, the Commission reconciles."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from nakadachi.commission import reconciliation_store, store, trail
from nakadachi.commission.reconciliation_store import Judged
from nakadachi.core import trail as core_trail
from nakadachi.intermediate import trail as server_trail
from nakadachi.kit.unit import Unit
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.terms import NodeName, Role, Serial
from tests.invented import TSUBAKI
from tests.story.people import HANA
from tests.world import Land

MOST_ROUNDS = 20


def authors(land: Land) -> list[NodeName]:
    """The nodes that hand over, as far as they run."""
    return [name for name in land.country.services if name.role in {Role.CORE, Role.INTERMEDIATE}]


async def turn(land: Land, author: NodeName) -> int:
    """One turn of a node: how many entries go."""
    step: Any = core_trail.hand_over if author.role is Role.CORE else server_trail.hand_over
    (told,) = await land.service(author).system.in_bulk(step, [None])
    return int(told)


async def came(land: Land, author: NodeName) -> None:
    """What a node has under way comes to the Commission."""
    for _ in range(500):
        if not await land.rows(author, "SELECT 1 FROM trail WHERE under_way IS NOT NULL"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the trail of {author} does not come")


async def hand_over(land: Land, *only: NodeName) -> None:
    """These nodes, or all, hand over until they have nothing more to tell."""
    for author in only or authors(land):
        for _ in range(MOST_ROUNDS):
            told = await turn(land, author)
            await land.quiet()
            if not told:
                break
        else:
            raise AssertionError(f"{author} does not come to an end")


async def reconcile(land: Land, ahead: timedelta = timedelta(0)) -> None:
    """The Commission reconciles what there is to reconcile; with its own clock ahead, where that is wanted."""
    system = land.service(land.name(Role.COMMISSION)).system
    done = 1
    while done:
        async with system.database.transaction() as connection:
            unit = Unit(connection, land.clock.now() + ahead)
            (done,) = await trail.reconcile_some(system.parts, unit, [None])


async def judged(land: Land, serial: Serial, ahead: timedelta = timedelta(0)) -> Judged:
    """How an exchange stands after all have handed over and the Commission has reconciled."""
    await reconcile(land, ahead)
    async with land.service(land.name(Role.COMMISSION)).node.database.acquire() as connection:
        (found,) = await reconciliation_store.of_serials(connection, [serial])
    return found


async def troubles(land: Land, serial: Serial, ahead: timedelta = timedelta(0)) -> tuple[str, list[str]]:
    """The verdict of an exchange, and its troubles in words."""
    one = await judged(land, serial, ahead)
    return one.outcome.verdict.value, [reconciliation_store.text_of(each) for each in one.outcome.troubles]


async def answered(land: Land) -> Serial:
    """An exchange that ended well, of which nobody has told the Commission yet."""
    told = await land.ask(HANA.at(TSUBAKI))
    assert told.status == "answered"
    assert told.serial is not None
    await land.quiet()
    return told.serial


async def found(land: Land, kind: FindingKind) -> set[tuple[str | None, str | None]]:
    """The findings of a kind: about which exchange and node."""
    async with land.service(land.name(Role.COMMISSION)).node.database.acquire() as connection:
        findings = await store.findings(connection, most=1000)
    return {
        (one.serial.value if one.serial else None, one.about.value if one.about else None)
        for _, one in findings
        if one.kind is kind
    }


async def change(land: Land, name: NodeName, query: str, *values: Any) -> None:
    """Whoever runs the node writes its database."""
    assert await land.rows(name, f"{query} RETURNING 1", *values)
