"""Link codes for many: what the register says of each, orders that go on, numbers that are purged."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
import pytest_asyncio

from nakadachi.intermediate import code, issuance_store
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import LinkCodeRequested, RequestLinkCode
from nakadachi.terms import Role
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.lines import csv_of
from tests.story.issuing import (
    WAITS,
    ended,
    first_people,
)
from tests.story.people import AKI, HANA, KENJI, MIYO, NOBODY, OTHER_AKI, SUMI, TARO
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcome(new_land: Land) -> dict[str, tuple[str, str]]:
    return await first_people(new_land)


async def test_all_that_was_given_must_fit_one_resident_and_else_it_is_said_how_many_did(
    outcome: dict[str, tuple[str, str]],
) -> None:
    assert outcome == {
        HANA.at(TSUBAKI): ("linked", ""),
        SUMI.at(TSUBAKI): ("linked", ""),
        AKI.at(TSUBAKI): ("linked", ""),  # two have these items, one of them this number
        OTHER_AKI.at(TSUBAKI): ("NOT_REGISTERED", "several"),
        NOBODY.at(TSUBAKI): ("NOT_REGISTERED", "none"),
        TARO.at(TSUBAKI): ("NOT_REGISTERED", "different"),
    }


async def test_the_answer_says_how_many_fit_and_not_who(new_land: Land, outcome: dict[str, tuple[str, str]]) -> None:
    assert outcome
    _, _, answer = new_land.tap.legs(RequestLinkCode)[0]
    assert isinstance(answer.header, LinkCodeRequested)
    assert sorted(answer.header.hits) == ["different", "none", "one", "one", "one", "several"]
    assert answer.header.parts == ()


async def test_an_order_links_a_file_and_lists_the_lines_that_led_to_no_code(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    bad = ("not a number", "見本 誤", "", "見本県", "1", "19990101", "")
    lines = [HANA.line(AOBA), bad, MIYO.line(AOBA), NOBODY.line(AOBA)]
    status, text = await new_land.desk(AOBA, "POST", "orders/first", csv_of(lines))
    assert status == 200, text
    totals = await ended(new_land, "first", AOBA)
    assert totals == {
        "name": "first", "checking": False, "people": 3, "rejected": 1, "done": 2, "refused": 1, "unanswered": 0,
        "ended": True, "waits": "",
    }  # fmt: skip
    _, text = await new_land.desk(AOBA, "GET", "orders/first/unlinked")
    wrong, nobody = json.loads(text)
    assert (wrong["line"], wrong["column"], nobody["line"]) == (2, 1, 4)
    assert nobody["reason_ja"] == "該当者なし"
    assert nobody["reason_en"] == "no resident fits"
    assert " / " in nobody["mend"]
    assert json.loads((await new_land.desk(AOBA, "GET", "orders/first/unlinked", after="2"))[1]) == [nobody]


async def test_an_order_sent_again_asks_nobody_and_has_the_same_totals(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    body = csv_of([HANA.line(PENSION), SUMI.line(PENSION)])
    for _ in range(2):
        assert (await new_land.desk(PENSION, "POST", "orders/again", body))[0] == 200
        first = await ended(new_land, "again", PENSION)
        assert (first["people"], first["done"]) == (2, 2)
    server = new_land.name(Role.INTERMEDIATE, PENSION)
    assert len([one for one, _, _ in new_land.tap.legs(RequestLinkCode) if one.sender == server]) == 1


async def test_a_name_stands_for_one_file(new_land: Land, outcome: dict[str, tuple[str, str]]) -> None:
    assert outcome
    status, text = await new_land.desk(AOBA, "POST", "orders/one-file", csv_of([HANA.line(AOBA)]))
    assert status == 200, text
    status, text = await new_land.desk(AOBA, "POST", "orders/one-file", csv_of([MIYO.line(AOBA)]))
    assert status >= 400
    assert json.loads(text)["type"] == "ALREADY_USED"


async def test_an_order_goes_on_where_it_was_when_its_server_starts_again(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    server, registry = new_land.name(Role.INTERMEDIATE, AOBA), new_land.name(Role.REGISTRY)
    new_land.tap.down.add(registry)
    status, text = await new_land.desk(AOBA, "POST", "orders/stopped", csv_of([TARO.line(AOBA), KENJI.line(AOBA)]))
    assert status == 200, text
    await new_land.country.stop_one(server)
    new_land.tap.down.discard(registry)
    service = await new_land.country.start_one(new_land.plan.place(server), new_land.world)
    await service.announce()
    totals = await ended(new_land, "stopped", AOBA)
    assert (totals["people"], totals["done"], totals["refused"], totals["unanswered"]) == (2, 2, 0, 0)


async def test_matching_numbers_that_nobody_answers_are_purged_after_a_day_with_evidence(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    server, registry = new_land.name(Role.INTERMEDIATE, PENSION), new_land.name(Role.REGISTRY)
    new_land.tap.down.add(registry)
    body = csv_of([TARO.line(PENSION)])
    assert (await new_land.desk(PENSION, "POST", "orders/unanswered", body))[0] == 200
    for _ in range(WAITS):
        if await new_land.rows(server, "SELECT * FROM issuance"):
            break
        await asyncio.sleep(0.05)
    new_land.clock.ahead += timedelta(days=1, hours=2)
    for _ in range(WAITS):
        await new_land.service(server).system.in_bulk(code.purge_unanswered, [None])
        if not await new_land.rows(server, "SELECT * FROM issuance"):
            break
        await asyncio.sleep(0.1)
    totals = await ended(new_land, "unanswered", PENSION)
    assert (totals["people"], totals["done"]) == (1, 0)
    (row,) = await new_land.rows(server, "SELECT count, serial FROM purge WHERE ending = 'unanswered'")
    assert row["count"] == 1
    assert row["serial"] is not None
    async with new_land.service(server).node.database.acquire() as connection:
        refused = await issuance_store.refused(connection, [AddresseeNumber(TARO.at(PENSION))])
    assert [reason for reason, _ in refused.values()] == [Reason.TIMED_OUT]
    new_land.tap.down.discard(registry)
