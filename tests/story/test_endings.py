"""Every exchange ends on every side: answered, refused, cancelled, timed out or unknown, within its deadlines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.intermediate import desk
from nakadachi.kit.postgres import PostgresServer
from nakadachi.telegrams.closing import Close
from nakadachi.telegrams.inquiry import Completion, Ending, InquireAt, InquiryCompleted, Noted
from nakadachi.telegrams.permit import RequestPermit
from nakadachi.telegrams.provision import Provide, ProvisionCompleted
from nakadachi.terms import NodeName, Role, Serial
from tests.invented import AOBA, TSUBAKI
from tests.story.people import EVERYBODY, HANA, TARO, settle
from tests.world import Land, Told, a_country

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAFF = {"staff": "clerk-kikyou", "department": "TAX-DESK"}
PERMIT_IS_OVER, ANSWER_BY = timedelta(seconds=75), timedelta(days=10)


@pytest_asyncio.fixture(loop_scope="module")
async def land(postgres: PostgresServer, open_directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Land]:
    """A country whose clock each story may move on by itself; nobody waits long for an immediate answer."""
    monkeypatch.setattr(desk, "IMMEDIATE_SECONDS", 2.0)
    async with a_country(postgres, open_directory, EVERYBODY) as land:
        await settle(land)
        yield land


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """What `holds` says once it says anything true."""
    for _ in range(400):
        if found := await holds():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it never came true")


async def ends(land: Land, serial: Serial | None) -> Told:
    """What the existing system is told in the end."""
    assert serial is not None

    async def ended() -> Told | None:
        told = await land.read(serial)
        return None if told.status == "pending" else told

    return await until(ended)


async def endings(land: Land, serial: Serial | None) -> dict[str, str | None]:
    """How the exchange ended, as its two ends and the core each have it."""
    assert serial is not None
    inquirer, provider = (land.name(Role.INTERMEDIATE, one) for one in (TSUBAKI, AOBA))
    found: dict[str, str | None] = {}
    for name, query in (
        (inquirer, "SELECT state AS ending FROM inquiry WHERE serial = $1"),
        (land.name(Role.CORE), "SELECT ending FROM exchange WHERE serial = $1"),
        (provider, "SELECT ending FROM asked WHERE serial = $1"),
    ):
        rows = await land.rows(name, query, serial.value)
        found[name.role.value if name != provider else "provider"] = rows[0]["ending"] if rows else None
    return found


async def agree(land: Land, serial: Serial | None, inquirer: str, core: str, provider: str | None) -> None:
    """Wait until the three sides say so."""
    wanted = {"intermediate": inquirer, "core": core, "provider": provider}

    async def same() -> bool:
        return await endings(land, serial) == wanted

    try:
        await until(same)
    except AssertionError:
        assert await endings(land, serial) == wanted


async def held(land: Land) -> list[str]:
    status, text = await land.desk(AOBA, "GET", "held")
    assert status == 200
    return [one["serial"] for one in json.loads(text)]


async def asked_of_staff(land: Land) -> Told:
    """An inquiry about Taro, which waits for Aoba's staff."""
    told = await land.ask(TARO.at(TSUBAKI))
    assert (told.status, told.items) == ("pending", {})

    async def waits() -> bool:
        return told.serial is not None and told.serial.value in await held(land)

    await until(waits)
    return told


def flights(land: Land, to: NodeName) -> int:
    return sum(1 for flight in land.tap.flights if flight.to == to and not flight.path)


async def test_a_cancelled_inquiry_ends_cancelled_on_every_side_and_staff_are_not_asked_any_more(land: Land) -> None:
    told = await asked_of_staff(land)
    assert told.serial is not None
    status, text = await land.desk(TSUBAKI, "POST", f"inquiries/{told.serial.value}/cancel", **STAFF)
    assert status == 200, text
    await agree(land, told.serial, "cancelled", "cancelled", "cancelled")
    assert (await land.read(told.serial)).status == "cancelled"
    assert await held(land) == []
    status, text = await land.desk(AOBA, "POST", f"held/{told.serial.value}/answer", **STAFF)
    assert (status, json.loads(text)["type"]) == (400, "CANCELLED")
    again, text = await land.desk(TSUBAKI, "POST", f"inquiries/{told.serial.value}/cancel", **STAFF)
    assert (again, json.loads(text)["type"]) == (400, "OUT_OF_TURN")
    rows = await land.rows(
        land.name(Role.INTERMEDIATE, TSUBAKI),
        "SELECT event, reason, staff FROM record WHERE serial = $1 ORDER BY at",
        told.serial.value,
    )
    assert [(row["event"], row["reason"], row["staff"]) for row in rows] == [
        ("requested", None, "clerk-yamabuki"),
        ("closed", "CANCELLED", "clerk-kikyou"),
    ]
    await land.quiet()


async def test_what_staff_do_not_decide_in_time_ends_timed_out_on_every_side(land: Land) -> None:
    told = await asked_of_staff(land)
    land.clock.ahead += ANSWER_BY + timedelta(seconds=5)
    assert (await ends(land, told.serial)).status == "timed-out"
    await agree(land, told.serial, "timed-out", "timed-out", "timed-out")
    assert await held(land) == []
    await land.quiet()


async def test_without_the_core_an_inquiry_ends_timed_out_and_the_core_is_left_in_peace(land: Land) -> None:
    core = land.name(Role.CORE)
    land.tap.down = {core}
    told = await land.ask(HANA.at(TSUBAKI))
    assert told.status == "pending"
    interface = land.service(land.name(Role.INTERFACE, TSUBAKI)).system.sender

    async def parked() -> bool:
        return core in interface.parked

    await until(parked)
    before = flights(land, core)
    await asyncio.sleep(3)
    assert flights(land, core) - before <= 4
    land.clock.ahead += PERMIT_IS_OVER
    ended = await ends(land, told.serial)
    assert (ended.status, ended.reason) == ("timed-out", "TIMED_OUT")
    land.tap.down = set()
    land.clock.ahead += timedelta(seconds=31)  # the next probe
    await land.quiet()
    assert core not in interface.parked
    assert land.tap.legs(RequestPermit, told.serial) == []
    assert (await ends(land, (await land.ask(HANA.at(TSUBAKI))).serial)).status == "answered"


async def test_a_provider_that_does_not_accept_in_time_is_told_to_the_clerk_as_stopped(land: Land) -> None:
    interface = land.name(Role.INTERFACE, AOBA)
    land.tap.down = {interface}
    told = await land.ask(HANA.at(TSUBAKI))
    assert told.status == "pending"
    land.clock.ahead += PERMIT_IS_OVER
    ended = await ends(land, told.serial)
    assert (ended.status, ended.reason, ended.items) == ("refused", "PROVIDER_STOPPED", {})
    land.tap.down = set()
    land.clock.ahead += timedelta(seconds=31)
    await land.quiet()
    await agree(land, told.serial, "refused", "refused", None)
    assert (await ends(land, (await land.ask(HANA.at(TSUBAKI))).serial)).status == "answered"


async def test_a_destination_that_comes_back_gets_all_that_waited_for_it_at_once(land: Land) -> None:
    server = land.name(Role.INTERMEDIATE, AOBA)
    land.tap.down = {server}
    asked = [await land.ask(HANA.at(TSUBAKI)) for _ in range(5)]
    assert {told.status for told in asked} == {"pending"}
    land.tap.down = set()
    await land.country.stop_one(server)
    await (await land.country.start_one(land.plan.place(server), land.world)).announce()
    for told in asked:
        assert (await ends(land, told.serial)).status == "answered"
        assert told.serial is not None
        assert [one for one in land.tap.legs(InquireAt, told.serial) if one[0].to == server]
        rows = await land.rows(server, "SELECT event FROM record WHERE serial = $1", told.serial.value)
        assert [row["event"] for row in rows] == ["provided"]
    await land.quiet()


async def test_a_neighbour_that_says_it_stops_is_left_in_peace_until_it_is_back(land: Land) -> None:
    interface = land.name(Role.INTERFACE, TSUBAKI)
    server = land.service(land.name(Role.INTERMEDIATE, TSUBAKI)).system.sender
    await land.country.stop_one(interface)
    assert interface in server.parked
    before = flights(land, interface)
    await asyncio.sleep(2)
    assert flights(land, interface) == before
    await (await land.country.start_one(land.plan.place(interface), land.world)).announce()

    async def back() -> bool:
        return interface not in server.parked

    await until(back)
    assert (await ends(land, (await land.ask(HANA.at(TSUBAKI))).serial)).status == "answered"
    await land.quiet()


async def test_a_provision_whose_receipt_is_lost_is_answered_once_and_ends_on_both_sides(land: Land) -> None:
    land.tap.lost = {Provide}
    told = await land.ask(HANA.at(TSUBAKI))
    assert (await ends(land, told.serial)).status == "answered"
    assert (await endings(land, told.serial))["provider"] is None
    land.tap.lost = set()
    await agree(land, told.serial, "answered", "answered", "answered")
    await land.quiet()


async def test_a_provider_that_gives_up_after_the_inquirer_told_is_told_what_the_inquirer_said(land: Land) -> None:
    told = await land.ask(HANA.at(TSUBAKI))
    await agree(land, told.serial, "answered", "answered", "answered")
    await land.quiet()
    assert told.serial is not None
    # As if no receipt had come, and the question had been answered before the inquirer told the core.
    server, core = land.name(Role.INTERMEDIATE, AOBA), land.name(Role.CORE)
    await land.rows(server, "UPDATE asked SET ending = 'unknown' WHERE serial = $1", told.serial.value)
    await land.rows(core, "UPDATE exchange SET provider_ending = NULL WHERE serial = $1", told.serial.value)
    unknown = Completion(serial=told.serial, ending=Ending.UNKNOWN, ended_at=land.clock.now())
    close = land.author(server).write(Close, to=core, closings=(unknown,))
    await land.hand(land.name(Role.INTERFACE, AOBA), core, close.envelope)
    await agree(land, told.serial, "answered", "answered", "answered")
    await land.quiet()


async def test_an_inquirer_that_vanishes_leaves_the_exchange_unknown_until_it_is_back(land: Land) -> None:
    interface = land.name(Role.INTERFACE, TSUBAKI)
    told = await asked_of_staff(land)
    assert told.serial is not None
    land.tap.down = {interface}
    status, text = await land.desk(AOBA, "POST", f"held/{told.serial.value}/answer", **STAFF)
    assert status == 200, text

    async def on_its_way() -> bool:
        return any(flight.to == interface and flight.sender.role is Role.INTERFACE for flight in land.tap.flights)

    await until(on_its_way)
    land.clock.ahead += ANSWER_BY + timedelta(minutes=13)
    await agree(land, told.serial, "timed-out", "unknown", "unknown")
    assert (await land.read(told.serial)).items == {}
    land.tap.down = set()
    land.clock.ahead += timedelta(seconds=31)
    await agree(land, told.serial, "timed-out", "timed-out", "timed-out")
    await land.quiet()


async def test_the_core_asks_an_end_that_never_told_and_what_nobody_tells_is_unknown(land: Land) -> None:
    told = await asked_of_staff(land)
    assert told.serial is not None
    land.tap.down = {land.name(Role.INTERFACE, one) for one in (TSUBAKI, AOBA)}
    # Neither end can tell, and neither can be asked.
    land.tap.down |= {land.name(Role.CORE)}
    land.clock.ahead += ANSWER_BY + timedelta(days=1, minutes=1)
    core = land.name(Role.CORE)

    async def questioned() -> bool:
        rows = await land.rows(core, "SELECT questioned_at FROM exchange WHERE serial = $1", told.serial.value)
        return rows[0]["questioned_at"] is not None

    await until(questioned)
    land.clock.ahead += timedelta(days=1, minutes=1)
    await agree(land, told.serial, "timed-out", "unknown", "timed-out")
    land.tap.down = set()
    land.clock.ahead += timedelta(seconds=31)
    await agree(land, told.serial, "timed-out", "timed-out", "timed-out")
    await land.quiet()


async def test_an_ends_own_word_is_noted_also_after_it_was_asked_for_it(land: Land) -> None:
    told, core = await asked_of_staff(land), land.name(Role.CORE)
    assert told.serial is not None
    land.tap.down = {core}
    assert (await land.desk(AOBA, "POST", f"held/{told.serial.value}/answer", **STAFF))[0] == 200
    assert (await ends(land, told.serial)).status == "answered"
    await land.rows(core, "UPDATE exchange SET due_at = now() WHERE serial = $1", told.serial.value)
    await agree(land, told.serial, "answered", "answered", "answered")
    land.tap.down = set()
    land.clock.ahead += timedelta(seconds=31)
    await land.quiet()
    legs = [*land.tap.legs(InquiryCompleted, told.serial), *land.tap.legs(ProvisionCompleted, told.serial)]
    assert {type(answer.header) for flight, _, answer in legs if flight.to == core} == {Noted}
