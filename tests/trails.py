"""Turns about trails, taken when a test wants: nodes hand over, the Commission reconciles."""

from __future__ import annotations

from typing import Any

from nakadachi.commission import reconciliation_store, trail
from nakadachi.commission.reconciliation_store import Judged
from nakadachi.core import trail as core_trail
from nakadachi.intermediate import trail as server_trail
from nakadachi.terms import NodeName, Role, Serial
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


async def reconcile(land: Land) -> None:
    """The Commission reconciles what there is to reconcile."""
    system = land.service(land.name(Role.COMMISSION)).system
    while (await system.in_bulk(trail.reconcile_some, [None]))[0]:
        pass


async def judged(land: Land, serial: Serial) -> Judged:
    """How an exchange stands after all have handed over and the Commission has reconciled."""
    await reconcile(land)
    async with land.service(land.name(Role.COMMISSION)).node.database.acquire() as connection:
        (found,) = await reconciliation_store.of_serials(connection, [serial])
    return found


async def troubles(land: Land, serial: Serial) -> tuple[str, list[str]]:
    """The verdict of an exchange, and its troubles in words."""
    one = await judged(land, serial)
    return one.outcome.verdict.value, [reconciliation_store.text_of(each) for each in one.outcome.troubles]
