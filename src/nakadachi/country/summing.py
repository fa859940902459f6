"""The Commission's summary of a demonstration: how many exchanges it has reconciled, and what was found."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nakadachi.commission import reconciliation_store, store
from nakadachi.ledger import trail_book
from nakadachi.terms import Role

if TYPE_CHECKING:
    from nakadachi.country.plan import Plan
    from nakadachi.country.running import Country

LOOKS, LOOK_SECONDS = 120, 0.25
MOST_FINDINGS = 10_000


async def summed_up(country: Country, planned: Plan) -> tuple[dict[str, int], int]:
    """How many exchanges stand how by their trails, and how many findings there are.

    Waits until every node that runs has handed over all, and the Commission has judged it; half a minute at most.
    """
    database = country.services[planned.of(Role.COMMISSION).name].node.database
    for _ in range(LOOKS):
        if not await _left(country):
            async with database.acquire() as connection:
                if not await reconciliation_store.waiting(connection):
                    break
        await asyncio.sleep(LOOK_SECONDS)
    async with database.acquire() as connection:
        counts = await reconciliation_store.counts(connection)
        found = await store.findings(connection, most=MOST_FINDINGS)
    return counts, len(found)


async def _left(country: Country) -> int:
    waiting = 0
    for name, service in country.services.items():
        if name.role in {Role.CORE, Role.INTERMEDIATE}:
            async with service.node.database.acquire() as connection:
                waiting += await trail_book.left(connection)
    return waiting
