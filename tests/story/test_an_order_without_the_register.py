"""The registry organisation goes while an order runs: the order waits, says so, and ends once it is back (M1, N3)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from nakadachi.intermediate import code, linking
from nakadachi.telegrams.code import LinkCodeIssued, RequestLinkCode
from nakadachi.terms import Role
from tests.invented import AOBA, TSUBAKI
from tests.lines import csv_of
from tests.story.issuing import WAITS, ended
from tests.story.people import HANA, KENJI, MIYO, NOBODY, RAN, SUMI, TARO
from tests.tap import Flight
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = (HANA, SUMI, NOBODY, TARO, KENJI, MIYO, RAN)


async def stands(land: Land, name: str) -> dict[str, Any]:
    status, text = await land.desk(TSUBAKI, "GET", f"orders/{name}")
    assert status == 200, text
    return dict(json.loads(text))


async def waits(land: Land, name: str, whom: str) -> dict[str, Any]:
    """The order, once it says for whom it waits."""
    for _ in range(WAITS):
        if (found := await stands(land, name))["waits"] == whom:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"the order does not wait for {whom}: {found}")


class Third:
    """Holds the third request up until the register is gone; the answer to the second never arrives."""

    def __init__(self, land: Land) -> None:
        self.seen, self.there, self.gone = Counter[bytes](), asyncio.Event(), asyncio.Event()
        self.land = land

    async def steer(self, flight: Flight, url: str) -> str:
        if any(isinstance(one.header, RequestLinkCode) for one in flight.telegrams):
            self.seen[flight.request] += 1
            if not self.gone.is_set() and len(self.seen) == 2:
                self.land.tap.lost.add(RequestLinkCode)
            if not self.gone.is_set() and len(self.seen) == 3:
                self.there.set()
                await self.gone.wait()
        return url


async def nothing_was_done_twice(new_land: Land) -> None:
    """Nobody was asked for, and no code issued, under two telegrams, however often each was sent."""
    server = new_land.name(Role.INTERMEDIATE, TSUBAKI)
    asked = {
        one.header.id: one.header.serial
        for flight, one, _ in new_land.tap.legs(RequestLinkCode)
        if flight.sender == server and isinstance(one.header, RequestLinkCode)
    }
    assert len(asked) == len(set(asked.values())) == len(PEOPLE)
    links = await new_land.rows(
        new_land.name(Role.CORE), "SELECT generation FROM link WHERE organisation = $1", TSUBAKI.value
    )
    assert len(links) == 6
    assert len({row["generation"] for row in links}) == 1
    codes = await new_land.rows(server, "SELECT count(*) AS set, count(DISTINCT link_code) AS codes FROM person"
                                " WHERE link_code IS NOT NULL")  # fmt: skip
    assert codes == [{"set": 6, "codes": 6}]
    assert await new_land.rows(server, "SELECT * FROM issuance") == []
    assert len({one.header.id for _, one, _ in new_land.tap.legs(LinkCodeIssued)}) == 6


async def test_an_order_waits_for_the_register_says_so_and_ends_with_nothing_done_twice(
    new_land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "MOST_PEOPLE", 1)
    monkeypatch.setattr(linking, "UNDER_WAY", 1)
    registry, third = new_land.name(Role.REGISTRY), Third(new_land)
    new_land.tap.steer = third.steer
    body = csv_of([one.line(TSUBAKI, number="") for one in PEOPLE])
    status, text = await new_land.desk(TSUBAKI, "POST", "orders/through", body)
    assert status == 200, text
    await asyncio.wait_for(third.there.wait(), 20)
    await new_land.country.stop_one(registry)
    third.gone.set()
    new_land.tap.lost.clear()
    found = await waits(new_land, "through", "registry")
    assert (found["ended"], found["people"], found["done"], found["refused"], found["unanswered"]) == (
        False, 7, 2, 0, 0,
    )  # fmt: skip
    # Whoever sends the order again meanwhile gets the same one.
    assert (await new_land.desk(TSUBAKI, "POST", "orders/through", body))[0] == 200
    await (await new_land.country.start_one(new_land.plan.place(registry), new_land.world)).announce()
    totals = await ended(new_land, "through")
    assert (totals["done"], totals["refused"], totals["unanswered"], totals["waits"]) == (6, 1, 0, "")
    await new_land.quiet()
    assert max(third.seen.values()) > 1
    await nothing_was_done_twice(new_land)


async def test_an_order_that_gets_no_serials_says_that_its_own_interface_system_is_away(new_land: Land) -> None:
    interface = new_land.name(Role.INTERFACE, AOBA)
    new_land.tap.steer = None
    new_land.tap.down.add(interface)
    body = csv_of([one.line(AOBA) for one in (HANA, SUMI)])
    assert (await new_land.desk(AOBA, "POST", "orders/no-serials", body))[0] == 200
    for _ in range(WAITS):
        found = json.loads((await new_land.desk(AOBA, "GET", "orders/no-serials"))[1])
        if found["waits"]:
            break
        await asyncio.sleep(0.05)
    assert (found["waits"], found["done"], found["ended"]) == ("interface", 0, False)
    new_land.tap.down.clear()
    totals = await ended(new_land, "no-serials", AOBA)
    assert (totals["done"], totals["waits"]) == (2, "")
