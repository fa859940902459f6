"""What core and ends did reaches the Commission as numbered chains; exchanges of every ending agree (A1, A2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nakadachi.commission import trail_store
from nakadachi.intermediate import closing
from nakadachi.ledger.trails import hash_of, running
from nakadachi.telegrams.trail import NOTHING_YET, HandOverTrail
from nakadachi.terms import Role, Serial
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.people import HANA, KENJI, MIYO, SUMI, TARO
from tests.trails import authors, hand_over, troubles, turn
from tests.world import DEPARTMENT, OPERATOR, Land, Told

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAFF = {"staff": "clerk-kikyou", "department": "TAX-DESK"}


def serial_of(told: Told) -> Serial:
    assert told.serial is not None
    return told.serial


async def agreed(land: Land, told: Told) -> None:
    """All hand over, and the three say the same."""
    await land.quiet()
    await hand_over(land)
    assert await troubles(land, serial_of(told)) == ("complete", [])


async def test_an_answered_exchange_ends_reconciled(land: Land) -> None:
    told = await land.ask(HANA.at(TSUBAKI))
    assert told.status == "answered"
    await agreed(land, told)


@pytest.mark.parametrize("person", [MIYO, KENJI, SUMI], ids=["mismatch", "elsewhere", "nothing held"])
async def test_an_exchange_that_is_refused_for_the_person_ends_reconciled(land: Land, person: object) -> None:
    told = await land.ask(person.at(TSUBAKI))  # type: ignore[attr-defined]
    assert told.status == "refused"
    await agreed(land, told)


async def test_what_the_own_interface_system_refuses_ends_reconciled(land: Land) -> None:
    told = await land.ask(HANA.at(TSUBAKI), information="TM99000000000001")
    assert told.reason == "NOT_IN_TABLE"
    await agreed(land, told)


async def test_an_inquiry_about_nobody_known_here_is_told_by_the_inquirer_alone(land: Land) -> None:
    told = await land.ask("999999999999999")
    assert told.reason == "UNKNOWN_ADDRESSEE"
    await agreed(land, told)


@pytest.mark.parametrize("decision", ["answer", "refuse"])
async def test_what_staff_decided_ends_reconciled_and_carries_the_mark_of_non_disclosure(
    land: Land, decision: str
) -> None:
    told = await land.ask(TARO.at(TSUBAKI))
    status, text = await land.desk(AOBA, "POST", f"held/{serial_of(told).value}/{decision}", **STAFF)
    assert status == 200, text
    await agreed(land, told)
    rows = await land.rows(
        land.name(Role.COMMISSION),
        "SELECT author, withheld FROM trail_entry WHERE serial = $1",
        serial_of(told).value,
    )
    provider = land.name(Role.INTERMEDIATE, AOBA).value
    assert {row["withheld"] for row in rows if row["author"] == provider} == {True}
    assert {row["withheld"] for row in rows if row["author"] != provider} == {False}


async def test_a_cancelled_exchange_ends_reconciled(land: Land) -> None:
    told = await land.ask(TARO.at(TSUBAKI))
    status, text = await land.desk(TSUBAKI, "POST", f"inquiries/{serial_of(told).value}/cancel", **STAFF)
    assert status == 200, text
    await agreed(land, told)


async def test_what_is_held_is_under_way_and_ends_reconciled_once_its_deadline_passed(land: Land) -> None:
    told = await land.ask(TARO.at(TSUBAKI))
    await land.quiet()
    await hand_over(land)
    assert await troubles(land, serial_of(told)) == ("under-way", [])
    land.clock.ahead += timedelta(days=10, minutes=12)
    for organisation in (AOBA, TSUBAKI):
        system = land.service(land.name(Role.INTERMEDIATE, organisation)).system
        await system.in_bulk(closing.close_overdue, [None])
        (left,) = await system.in_bulk(closing.close_overdue, [None])
        assert left == 0
    parts = land.service(land.name(Role.INTERMEDIATE, TSUBAKI)).system.parts
    parts.ended.set()
    land.service(land.name(Role.INTERMEDIATE, AOBA)).system.parts.ended.set()
    await agreed(land, told)
    assert (await land.read(serial_of(told))).status == "timed-out"


async def test_every_record_of_core_and_ends_has_its_number_and_the_chain_has_no_gap(land: Land) -> None:
    await land.quiet()
    await hand_over(land)
    for author in authors(land):
        kept = await land.rows(author, "SELECT serial, event FROM record")
        rows = await land.rows(
            land.name(Role.COMMISSION),
            "SELECT number, serial, event FROM trail_entry WHERE author = $1 ORDER BY number",
            author.value,
        )
        assert [row["number"] for row in rows] == list(range(1, len(kept) + 1)), author
        assert {(row["serial"], row["event"]) for row in rows} == {(row["serial"], row["event"]) for row in kept}


async def test_the_running_digest_goes_from_telegram_to_telegram(land: Land) -> None:
    await hand_over(land)
    digests: dict[object, bytes] = {}
    for flight, asked, _ in land.tap.legs(HandOverTrail):
        header = asked.header
        assert isinstance(header, HandOverTrail)
        if flight.sender != header.author:
            continue
        assert header.before == digests.get(header.author, NOTHING_YET)
        assert header.after == running(header.before, map(hash_of, header.entries))
        digests[header.author] = header.after
    assert digests.keys() == set(authors(land)) - {land.name(Role.INTERMEDIATE, PENSION)}  # it had nothing to do


async def test_the_commission_has_the_words_of_the_end_but_nobodys_name(land: Land) -> None:
    told = await land.ask(HANA.at(TSUBAKI))
    await agreed(land, told)
    (row,) = await land.rows(
        land.name(Role.COMMISSION),
        "SELECT * FROM trail_entry WHERE serial = $1 AND event = 'received' AND author LIKE 'intermediate:%'",
        serial_of(told).value,
    )
    assert (row["department"], row["terminal"], row["purpose"]) == (DEPARTMENT, "T-07", "benefit review")
    assert row["staff"] not in ("", OPERATOR)
    assert len(row["case_digest"]) == 32
    assert row["requested_at"] <= row["provided_at"] <= row["at"]


async def test_one_persons_exchanges_have_one_tag_and_another_persons_another(land: Land) -> None:
    asked = [await land.ask(one.at(TSUBAKI)) for one in (HANA, HANA, SUMI)]
    await land.quiet()
    await hand_over(land)
    rows = await land.rows(
        land.name(Role.COMMISSION), "SELECT serial, tag, origin, index FROM trail_entry WHERE tag IS NOT NULL"
    )
    by_serial = {row["serial"]: row for row in rows}
    first, second, other = (by_serial[serial_of(one).value] for one in asked)
    assert first["tag"] == second["tag"] != other["tag"]
    assert first["index"] < second["index"] < other["index"]


async def test_the_telegrams_are_kept_as_they_were_signed(land: Land) -> None:
    told = await land.ask(HANA.at(TSUBAKI))
    await agreed(land, told)
    author = land.name(Role.INTERMEDIATE, TSUBAKI)
    (row,) = await land.rows(
        land.name(Role.COMMISSION), "SELECT max(number) AS number FROM trail_entry WHERE author = $1", author.value
    )
    async with land.service(land.name(Role.COMMISSION)).node.database.acquire() as connection:
        kept = await trail_store.telegram_with(connection, author, row["number"])
    sent = [asked.envelope.jws for _, asked, _ in land.tap.legs(HandOverTrail) if asked.header.author == author]
    assert kept in sent


async def test_the_core_hands_nothing_over_to_a_commission_that_does_not_know_the_telegram(land: Land) -> None:
    core = land.name(Role.CORE)
    await land.quiet()
    await hand_over(land)
    await land.ask(HANA.at(TSUBAKI))
    await land.quiet()
    change = "UPDATE operation SET software = $1 WHERE node = $2"
    commission = land.name(Role.COMMISSION).value
    await land.rows(core, f"{change} RETURNING node", "0.1.0", commission)
    assert await turn(land, core) == 0
    await land.rows(core, f"{change} RETURNING node", "0.2.0", commission)
    assert await turn(land, core) > 0
