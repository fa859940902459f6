"""Links that are held against the register and the core again, and what is found (L5)."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.intermediate import linking
from nakadachi.terms import LinkCode, NodeName, Role
from tests.invented import AOBA, TSUBAKI, invent
from tests.story.issuing import (
    WAITS,
    first_people,
    linked,
    recheck,
)
from tests.story.people import AKI, HANA, MIYO, RAN, SUMI
from tests.world import Land

TWICE = invent("見本 重", "ミホン ジュウ", "見本県見本市柏町1番", "1960-01-02")
"""No resident; only their addressee numbers are used, for a second row of somebody else."""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcome(new_land: Land) -> dict[str, tuple[str, str]]:
    return await first_people(new_land)


async def links(land: Land) -> list[dict[str, Any]]:
    core = land.name(Role.CORE)
    return await land.rows(core, "SELECT id_code, organisation, generation, linked_at FROM link ORDER BY 1, 2")


async def test_a_recheck_of_right_links_finds_nothing_and_creates_nothing(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    before = await links(new_land)
    # Aki's number went when her code was set, and no four items tell her from the other one.
    totals, found = await recheck(new_land, "right")
    assert (totals["people"], totals["done"], totals["refused"]) == (3, 2, 1)
    assert found == {AKI.at(TSUBAKI): "SEVERAL_FOUND"}
    assert await links(new_land) == before


async def test_a_person_under_two_addressee_numbers_is_a_finding_and_gets_no_second_code(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    second = HANA.line(TSUBAKI)[1:]
    assert await linked(new_land, (TWICE.at(TSUBAKI), *second)) == {TWICE.at(TSUBAKI): ("ALREADY_USED", "")}
    _, text = await new_land.desk(TSUBAKI, "GET", "findings")
    found = [one for one in json.loads(text) if one["kind"] == "TWO_ADDRESSEES"]
    assert [one["addressee"].lstrip("0") for one in found] == [TWICE.at(TSUBAKI)]
    server = new_land.name(Role.INTERMEDIATE, TSUBAKI)
    rows = await new_land.rows(server, "SELECT link_code FROM person WHERE addressee LIKE $1", f"%{TWICE.at(TSUBAKI)}")
    assert rows == [{"link_code": None}]


async def test_a_row_that_was_changed_to_another_person_or_to_nobody_is_found(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    new_land.clock.ahead += timedelta(seconds=5)
    await new_land.register(TSUBAKI, (HANA.at(TSUBAKI), *RAN.line(TSUBAKI, number="")[1:]), link=False)
    await new_land.register(TSUBAKI, SUMI.line(TSUBAKI, address="見本県見本市転居町1番", number=""), link=False)
    _, found = await recheck(new_land, "changed")
    assert found[HANA.at(TSUBAKI)] == "OWN_ROW_DIFFERS"
    assert found[SUMI.at(TSUBAKI)] == "NOBODY_FOUND"
    await new_land.register(TSUBAKI, HANA.line(TSUBAKI, number=""), SUMI.line(TSUBAKI, number=""), link=False)
    _, found = await recheck(new_land, "mended")
    assert HANA.at(TSUBAKI) not in found
    assert SUMI.at(TSUBAKI) not in found


async def test_a_code_that_is_another_one_than_we_hold_is_found(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    assert await linked(new_land, MIYO.line(AOBA), at=AOBA) == {MIYO.at(AOBA): ("linked", "")}
    server = new_land.name(Role.INTERMEDIATE, AOBA)
    other = LinkCode.of_bytes(bytes(19)).value
    async with new_land.service(server).node.database.transaction() as connection:
        await connection.execute("UPDATE person SET link_code = $1 WHERE addressee LIKE $2", other, f"%{MIYO.at(AOBA)}")
    _, found = await recheck(new_land, "other-code", AOBA)
    assert found == {MIYO.at(AOBA): "CODE_CHANGED"}


async def rounds(land: Land, server: NodeName, many: int) -> list[dict[str, Any]]:
    """The re-checks that a server made by itself, once there are so many and all have ended."""
    for _ in range(WAITS):
        query = "SELECT name, people, made_at, ended_at FROM link_order WHERE automatic ORDER BY made_at"
        found = await land.rows(server, query)
        if len(found) >= many and all(one["ended_at"] for one in found):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(found)} re-checks, not {many}: {found}")


async def test_each_holder_compares_the_four_items_of_its_people_in_its_own_period(
    new_land: Land, outcome: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tsubaki says once a day; Aoba says nothing, and does so once a month."""
    assert outcome
    monkeypatch.setattr(linking, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(linking, "PACE_SECONDS", 0.1)
    daily, monthly = (new_land.plan.of(Role.INTERMEDIATE, one) for one in (TSUBAKI, AOBA))
    await linked(new_land, MIYO.line(AOBA), at=AOBA)
    config = new_land.country.folder / daily.folder / daily.instances[0].config
    config.write_text(config.read_text() + "\n[recheck]\nevery = 86400\npace = 1000\n")
    await new_land.register(TSUBAKI, SUMI.line(TSUBAKI, address="見本県見本市転居町1番", number=""), link=False)
    for place in (daily, monthly):
        await new_land.country.stop_one(place.name)
        await (await new_land.country.start_one(place, new_land.world)).announce()
    await asyncio.sleep(1)
    assert await rounds(new_land, daily.name, 0) == []
    new_land.clock.ahead += timedelta(days=1, minutes=1)
    (first,) = await rounds(new_land, daily.name, 1)
    assert first["people"] == 3

    async def found() -> dict[str, str]:
        _, text = await new_land.desk(TSUBAKI, "GET", "findings")
        return {one["addressee"].lstrip("0"): one["kind"] for one in json.loads(text)}

    assert (await found())[SUMI.at(TSUBAKI)] == "NOBODY_FOUND"
    # The row is corrected; the next round, a day later, finds it right by itself.
    await new_land.register(TSUBAKI, SUMI.line(TSUBAKI, number=""), link=False)
    new_land.clock.ahead += timedelta(days=1, minutes=1)
    before, after = await rounds(new_land, daily.name, 2)
    assert timedelta(days=1) <= after["made_at"] - before["made_at"] < timedelta(days=1, hours=1)
    assert SUMI.at(TSUBAKI) not in await found()
    assert await rounds(new_land, monthly.name, 0) == []
    new_land.clock.ahead += timedelta(days=29)
    assert len(await rounds(new_land, monthly.name, 1)) == 1
