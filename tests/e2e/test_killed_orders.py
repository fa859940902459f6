"""A population is linked although every system on its way is killed, one after the other: nobody is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.terms import Role
from tests.e2e.points import SEED
from tests.e2e.realm import AWAY, Realm, a_realm, lines_at
from tests.invented import PENSION, invent

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PEOPLE = [invent("見本 多", "ミホン タ", f"見本県見本市欅町{number}番", "1990-01-02") for number in range(1, 9_001)]
VICTIMS = (Role.INTERMEDIATE, Role.REGISTRY, Role.CORE, Role.INTERFACE, Role.INTERMEDIATE)
PATIENCE_SECONDS = 180.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def realm(open_directory: Path) -> AsyncIterator[Realm]:
    directory = Path(tempfile.mkdtemp(dir=open_directory))
    directory.chmod(0o711)
    async with a_realm(directory, PEOPLE) as one:
        yield one


async def ordered(realm: Realm, method: str, body: bytes = b"") -> dict[str, Any]:
    """The order as its server knows it; asked again while that is away."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                status, text = await realm.land.desk(PENSION, method, "orders/population", body)
            except AWAY:
                status, text = 0, ""
            if status == 200:
                return dict(json.loads(text))
            await asyncio.sleep(0.2)


async def ended(realm: Realm) -> dict[str, Any]:
    """The order, once it has ended."""
    for _ in range(int(PATIENCE_SECONDS / 0.2)):
        if (totals := await ordered(realm, "GET"))["ended"]:
            return totals
        await asyncio.sleep(0.2)
    raise AssertionError(f"the order does not end: {totals}")


async def test_whoever_is_killed_an_order_ends_with_everybody_linked_once(realm: Realm) -> None:
    chance = random.Random(SEED)
    file = lines_at(PENSION, PEOPLE)
    await ordered(realm, "POST", file)
    for role in VICTIMS:
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        name = realm.land.plan.of(role, PENSION if role in {Role.INTERMEDIATE, Role.INTERFACE} else None).name
        os.kill(realm.processes.running[name.value].pid, signal.SIGKILL)
        await ordered(realm, "POST", file)  # whoever ordered it orders it again, as the command does
    totals = await ended(realm)
    assert (totals["people"], totals["done"]) == (len(PEOPLE), len(PEOPLE))
    assert (totals["refused"], totals["unanswered"], totals["rejected"]) == (0, 0, 0)
    await realm.quiet()
    server, core = realm.land.name(Role.INTERMEDIATE, PENSION), realm.land.name(Role.CORE)
    (held,) = await realm.rows(server, "SELECT count(*) AS people, count(DISTINCT link_code) AS codes FROM person")
    (kept,) = await realm.rows(core, "SELECT count(*) AS links, min(generation) AS g FROM link")
    assert (held["people"], held["codes"], kept["links"], kept["g"]) == (len(PEOPLE), len(PEOPLE), len(PEOPLE), 1)
    assert await realm.rows(server, "SELECT * FROM issuance") == []
    (purged,) = await realm.rows(server, "SELECT sum(count)::integer AS numbers FROM purge WHERE ending = 'set'")
    assert purged["numbers"] == len(PEOPLE)
