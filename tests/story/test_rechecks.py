"""Links that are held against the register and the core again, and what is found (L5)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.terms import LinkCode, Role
from tests.invented import AOBA, TSUBAKI, invent
from tests.story.issuing import (
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
