"""What a marking of protection keeps from an automatic answer waits for staff; their word reaches the inquirer."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from nakadachi.telegrams.inquiry import InquireAt, InquiryAccepted
from nakadachi.telegrams.provision import Provide
from nakadachi.terms import Role, Serial
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.people import TARO, VALUES
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAFF = {
    "staff": "clerk-kikyou",
    "department": "TAX-DESK",
    "terminal": "T-31",
    "purpose": "protection",
    "case_number": "P-5",
}


async def held_at_aoba(land: Land) -> Serial:
    """Tsubaki asks about Taro, who is marked at Aoba."""
    told = await land.ask(TARO.at(TSUBAKI))
    assert (told.status, told.items) == ("pending", {})
    assert told.serial is not None
    return told.serial


async def waiting(land: Land) -> list[str]:
    status, text = await land.desk(AOBA, "GET", "held")
    assert status == 200
    return [one["serial"] for one in json.loads(text)]


async def decide(land: Land, serial: Serial, decision: str, **more: str) -> int:
    status, text = await land.desk(AOBA, "POST", f"held/{serial.value}/{decision}", **STAFF, **more)
    assert status in {200, 400}, text
    await land.quiet()
    return status


async def test_a_marked_person_is_held_and_nothing_is_provided(land: Land) -> None:
    serial = await held_at_aoba(land)
    assert serial.value in await waiting(land)
    (_, _, accepted), *_ = land.tap.legs(InquireAt, serial)
    assert isinstance(accepted.header, InquiryAccepted)
    assert [(one.held, one.refused) for one in accepted.header.outcomes] == [(True, None)]
    assert land.tap.legs(Provide, serial) == []
    assert (await land.read(serial)).status == "pending"


async def test_the_list_of_what_is_held_names_the_inquirer_and_the_matter_but_no_person(land: Land) -> None:
    serial = await held_at_aoba(land)
    _, text = await land.desk(AOBA, "GET", "held")
    (one,) = [one for one in json.loads(text) if one["serial"] == serial.value]
    assert (one["inquirer"], one["information"]) == (TSUBAKI.value, "地方税関係情報")
    assert TARO.name not in text
    assert TARO.at(AOBA) not in text


async def test_staff_provide_and_the_inquirer_gets_the_values(land: Land) -> None:
    serial = await held_at_aoba(land)
    assert await decide(land, serial, "answer") == 200
    told = await land.read(serial)
    assert told.status == "answered"
    assert told.items == {item: {"value": value} for item, value in VALUES.items()}
    assert serial.value not in await waiting(land)
    records = await land.rows(
        land.name(Role.INTERMEDIATE, AOBA), "SELECT * FROM record WHERE serial = $1", serial.value
    )
    provided = {row["event"]: row for row in records}["provided"]
    assert {name: provided[name] for name in STAFF} == STAFF


async def test_staff_refuse_and_the_inquirer_is_told_why(land: Land) -> None:
    serial = await held_at_aoba(land)
    assert await decide(land, serial, "refuse") == 200
    told = await land.read(serial)
    assert (told.status, told.reason, told.items) == ("refused", "WITHHELD", {})
    rows = await land.rows(land.name(Role.CORE), "SELECT ending FROM exchange WHERE serial = $1", serial.value)
    assert rows == [{"ending": "refused"}]


async def test_what_staff_decided_cannot_be_decided_again(land: Land) -> None:
    serial = await held_at_aoba(land)
    assert await decide(land, serial, "refuse") == 200
    assert await decide(land, serial, "answer") == 400
    assert (await land.read(serial)).reason == "WITHHELD"


async def test_only_aoba_decides_what_aoba_holds(land: Land) -> None:
    serial = await held_at_aoba(land)
    status, _ = await land.desk(PENSION, "POST", f"held/{serial.value}/answer", **STAFF)
    assert status == 400
    assert serial.value in await waiting(land)


async def test_an_unknown_reason_or_decision_is_refused_and_the_inquiry_stays_held(land: Land) -> None:
    serial = await held_at_aoba(land)
    assert await decide(land, serial, "refuse", reason="BECAUSE") == 400
    assert await decide(land, serial, "postpone") == 400
    assert serial.value in await waiting(land)


async def test_after_the_day_to_answer_by_staff_cannot_provide_any_more(land: Land) -> None:
    serial = await held_at_aoba(land)
    land.clock.ahead = timedelta(days=11)
    try:
        status, text = await land.desk(AOBA, "POST", f"held/{serial.value}/answer", **STAFF)
    finally:
        land.clock.ahead = timedelta(0)
    assert (status, json.loads(text)["type"]) == (400, "TIMED_OUT")
    assert land.tap.legs(Provide, serial) == []
