"""Every reason an existing system can be told, each reached through its door; and what is kept of it where."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Inquire, InquireAt
from nakadachi.telegrams.permit import PrefixRefused, RequestPermit
from nakadachi.telegrams.provision import Provide
from nakadachi.terms import Role, Serial
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.people import HANA, KENJI, MIYO, RAN, SUMI, VALUES
from tests.world import Land, Told

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSING = {"affair": "JM99000000310000", "procedure": "JT99000000310001"}
ENDED = {"affair": "JM99000000740000", "procedure": "JT99000000740003"}
ELSEWHERE = {"affair": "JM99000009010000", "procedure": "JT99000009010001"}


def serial_of(told: Told, reason: Reason) -> Serial:
    assert (told.status, told.reason, told.items) == ("refused", reason.value, {})
    assert told.serial is not None
    return told.serial


async def records(land: Land, role: Role, serial: Serial) -> list[tuple[str, str]]:
    organisation = TSUBAKI if role in {Role.INTERMEDIATE, Role.INTERFACE} else None
    rows = await land.rows(
        land.name(role, organisation), "SELECT event, reason FROM record WHERE serial = $1", serial.value
    )
    return sorted((row["event"], row["reason"]) for row in rows)


@pytest.mark.parametrize(
    "asked", [ENDED, ELSEWHERE, {"information": "TM99000000000001"}], ids=["ended", "ordinance", "unknown"]
)
async def test_what_the_law_does_not_list_stops_at_the_own_interface(land: Land, asked: dict[str, str]) -> None:
    serial = serial_of(await land.ask(HANA.at(TSUBAKI), **asked), Reason.NOT_IN_TABLE)
    await land.quiet()
    core, commission = land.name(Role.CORE), land.name(Role.COMMISSION)
    assert {flight.to for flight, _, _ in land.tap.legs(PrefixRefused, serial)} == {core, commission}
    assert not [flight for flight, _, _ in land.tap.legs(RequestPermit, serial) if flight.to == core]
    for role in (Role.INTERMEDIATE, Role.INTERFACE, Role.CORE, Role.COMMISSION):
        assert ("refused", "NOT_IN_TABLE") in await records(land, role, serial), role
    kept = await land.rows(
        commission, "SELECT inquirer, provider, reason FROM refused_inquiry WHERE serial = $1", serial.value
    )
    assert kept == [{"inquirer": TSUBAKI.value, "provider": AOBA.value, "reason": "NOT_IN_TABLE"}]


async def test_an_inquiry_in_another_organisations_name_is_refused(land: Land) -> None:
    serial_of(await land.ask(HANA.at(TSUBAKI), inquirer=PENSION.value), Reason.NOT_IN_TABLE)
    await land.quiet()


@pytest.mark.parametrize(
    ("person", "asked", "reason"),
    [(HANA, HOUSING, Reason.NO_ASSESSMENT), (KENJI, {}, Reason.NOT_LINKED_AT_PROVIDER)],
    ids=["no-assessment", "not-linked"],
)
async def test_the_core_refuses_and_the_refusal_is_a_leaf_of_its_log(land: Land, person, asked, reason) -> None:  # type: ignore[no-untyped-def]
    before = (await land.status(land.name(Role.CORE)))["log_size"]
    serial = serial_of(await land.ask(person.at(TSUBAKI), **asked), reason)
    await land.quiet()
    assert (await land.status(land.name(Role.CORE)))["log_size"] == before + 1
    assert land.tap.legs(Inquire, serial) == []
    assert ("refused", reason.value) in await records(land, Role.CORE, serial)
    assert ("refused", reason.value) in await records(land, Role.INTERMEDIATE, serial)


@pytest.mark.parametrize(
    ("addressee", "reason"),
    [("499999999999", Reason.UNKNOWN_ADDRESSEE), (RAN.at(TSUBAKI), Reason.CODE_NOT_ISSUED)],
    ids=["unknown-addressee", "no-code"],
)
async def test_whom_we_cannot_name_to_the_core_we_do_not_ask_about(land: Land, addressee: str, reason: Reason) -> None:
    serial = serial_of(await land.ask(addressee), reason)
    assert land.tap.legs(RequestPermit, serial) == []
    assert await records(land, Role.INTERMEDIATE, serial) == [("refused", reason.value)]


async def test_a_provider_that_holds_nothing_says_so(land: Land) -> None:
    serial = serial_of(await land.ask(SUMI.at(TSUBAKI)), Reason.NOT_REGISTERED)
    assert land.tap.legs(Provide, serial) == []


async def test_another_person_on_the_providers_row_is_found_before_anything_is_provided(land: Land) -> None:
    serial = serial_of(await land.ask(MIYO.at(TSUBAKI)), Reason.SUBJECT_MISMATCH)
    await land.quiet()
    assert land.tap.legs(Provide, serial) == []
    assert ("refused", "SUBJECT_MISMATCH") in await records(land, Role.CORE, serial)
    for organisation in (TSUBAKI, AOBA):
        _, text = await land.desk(organisation, "GET", "findings")
        assert serial.value in [one["serial"] for one in json.loads(text)], organisation


async def test_a_row_that_mismatched_too_often_is_compared_no_more_until_a_day_has_passed(land: Land) -> None:
    for _ in range(5):
        serial_of(await land.ask(MIYO.at(TSUBAKI)), Reason.SUBJECT_MISMATCH)
    await land.register(AOBA, MIYO.line(AOBA))
    serial_of(await land.ask(MIYO.at(TSUBAKI)), Reason.SUBJECT_MISMATCH)
    assert (await land.ask(HANA.at(TSUBAKI))).status == "answered"
    land.clock.ahead = timedelta(hours=25)
    try:
        await land.ask(HANA.at(TSUBAKI))  # a new leaf, so that the Commission cosigns a head of today
        await land.quiet(cosigned=True)
        assert (await land.ask(MIYO.at(TSUBAKI))).status == "answered"
    finally:
        land.clock.ahead = timedelta(0)
        await land.ask(HANA.at(TSUBAKI))  # and one of now again: tomorrow's head is one from the future to everybody
        await land.quiet(cosigned=True)


async def test_a_stopped_provider_is_known_to_the_core_and_once_it_runs_again_it_answers(land: Land) -> None:
    stopped = land.name(Role.INTERMEDIATE, AOBA)
    await land.country.stop_one(stopped)
    await land.quiet()
    serial = serial_of(await land.ask(HANA.at(TSUBAKI)), Reason.PROVIDER_STOPPED)
    assert land.tap.legs(InquireAt, serial) == []
    service = await land.country.start_one(land.plan.place(stopped), land.world)
    await service.announce()
    await land.quiet()
    told = await land.ask(HANA.at(TSUBAKI))
    assert (told.status, told.reason) == ("answered", "")
    assert told.items == {item: {"value": value} for item, value in VALUES.items()}
