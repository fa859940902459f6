"""Load is shed and nothing is lost; a clerk's inquiry passes whatever a bulk file does (design 2.9, N3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from nakadachi.intermediate.serials import AHEAD
from nakadachi.kit.lanes import Lanes, Limits
from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.inquiry import Inquire, InquireAt
from nakadachi.telegrams.permit import IssueSerial, RequestPermit
from nakadachi.telegrams.provision import Provide
from nakadachi.terms import NodeName, Role
from tests.invented import AOBA, TSUBAKI
from tests.story.people import HANA, NOBODY, SUMI
from tests.story.play import good
from tests.world import Land, inquiry_line

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUERY = {"terminal": "T-07", "purpose": "yearly review", "case_number": "CASE-1"}
SHORT = Limits(interactive=1, bulk=1, files=1, retry_after=timedelta(seconds=1))


@contextmanager
def limited(lanes: Lanes, limits: Limits = SHORT) -> Iterator[None]:
    """A node with other limits for the time of the block."""
    before, lanes.limits = lanes.limits, limits
    try:
        yield
    finally:
        lanes.limits = before


def lanes_of(land: Land, name: NodeName) -> Lanes:
    """A running node's places."""
    return land.service(name).system.lanes


def file_of(days: int, person: str, *others: str) -> str:
    """An inquiry file: as many lines about one person, each for another day, and others."""
    line = inquiry_line(person, AOBA)
    each = [line.replace("20250401,20260331", f"202504{day:02},202504{day:02}") for day in range(1, days + 1)]
    return "".join((*each, *others))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


async def count(land: Land, query: str) -> int:
    """What a count of Tsubaki's intermediate server says."""
    (row,) = await land.rows(land.name(Role.INTERMEDIATE, TSUBAKI), query)
    return int(row["count"])


INQUIRIES = "SELECT count(*) FROM inquiry"


async def in_bulk(land: Land, file: str, **more: str) -> list[dict[str, object]]:
    """The results of a bulk file."""
    status, text = await land.desk(TSUBAKI, "POST", "inquiries", file.encode(), **QUERY, **more)
    assert status == 200, text
    return [json.loads(line) for line in text.splitlines()]


async def test_an_inquiry_that_a_full_provider_turns_away_is_answered_when_there_is_room(land: Land) -> None:
    provider = land.name(Role.INTERFACE, AOBA)
    lanes = lanes_of(land, provider)
    with limited(lanes):
        with lanes.handling(Lane.INTERACTIVE, (InquireAt, True)):
            asking = asyncio.create_task(land.ask(HANA.at(TSUBAKI)))
            await until(lambda: lanes.words()["turned_away"] > 0)
            assert (await land.status(provider))["degraded"]
        good(await asking)
    await land.quiet()


async def test_a_clerks_inquiry_passes_a_node_whose_bulk_places_are_full(land: Land) -> None:
    with ExitStack() as full:
        for role, organisation, kind in (
            (Role.INTERFACE, TSUBAKI, RequestPermit), (Role.INTERFACE, TSUBAKI, Inquire),
            (Role.INTERFACE, AOBA, InquireAt), (Role.INTERFACE, AOBA, Provide), (Role.INTERMEDIATE, AOBA, InquireAt),
        ):  # fmt: skip
            lanes = lanes_of(land, land.name(role, organisation))
            for direct in (True, False):
                full.enter_context(limited(lanes))
                full.enter_context(lanes.handling(Lane.BULK, (kind, direct)))
        bulk = asyncio.create_task(in_bulk(land, file_of(3, HANA.at(TSUBAKI))))
        refusing = lanes_of(land, land.name(Role.INTERFACE, TSUBAKI))
        await until(lambda: refusing.words()["turned_away"] > 0)
        good(await land.ask(HANA.at(TSUBAKI)))
        assert not bulk.done()
        assert lanes_of(land, land.name(Role.INTERMEDIATE, TSUBAKI))._inside["files"] == 1, "as long as it is read"
    assert [one["status"] for one in await bulk] == ["answered"] * 3
    await land.quiet()


async def test_a_clerk_is_told_where_the_own_interface_system_is_full(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nakadachi.intermediate.desk.IMMEDIATE_SECONDS", 0.5)
    lanes = lanes_of(land, land.name(Role.INTERFACE, TSUBAKI))
    before = await count(land, INQUIRIES)
    with limited(lanes), lanes.handling(Lane.INTERACTIVE, (IssueSerial, True)):
        said = [await land.ask(HANA.at(TSUBAKI)) for _ in range(AHEAD)]
    turned_away = [one for one in said if (one.status, one.reason) == ("refused", Reason.TIMED_OUT.value)]
    assert turned_away
    assert await count(land, INQUIRIES) == before + AHEAD - len(turned_away), "what was turned away was not asked"
    await land.quiet()


async def test_a_file_that_finds_no_place_is_refused_in_both_languages_and_asks_nothing(land: Land) -> None:
    server = land.name(Role.INTERMEDIATE, TSUBAKI)
    lanes = lanes_of(land, server)
    before = await count(land, INQUIRIES)
    with limited(lanes):
        with lanes.place("files", 1):
            status, text = await land.desk(TSUBAKI, "POST", "inquiries", file_of(2, HANA.at(TSUBAKI)).encode(), **QUERY)
            good(await land.ask(HANA.at(TSUBAKI)))
        assert status == 503
        assert "混み合っているため受け付けていません" in json.loads(text)["title_ja"]
        assert "nothing was taken in" in json.loads(text)["title"]
        assert await count(land, INQUIRIES) == before + 1, "the clerk's"
        assert len(await in_bulk(land, file_of(2, HANA.at(TSUBAKI)))) == 2
    assert not lanes._inside, "every place was given back"


async def test_lines_of_one_prefix_share_telegrams_and_the_results_keep_the_files_order(land: Land) -> None:
    land.tap.flights.clear()
    others = (inquiry_line(NOBODY.at(TSUBAKI), AOBA), "no line at all\n", inquiry_line(SUMI.at(TSUBAKI), AOBA))
    results = await in_bulk(land, file_of(20, HANA.at(TSUBAKI), *others))
    assert [one["line"] for one in results] == list(range(1, 24))
    assert [one["status"] for one in results[:20]] == ["answered"] * 20
    assert [one["reason"] for one in results[20:22]] == [Reason.UNKNOWN_ADDRESSEE.value, Reason.BAD_FORMAT.value]
    for kind in (RequestPermit, Inquire, InquireAt, Provide):
        sent = {asked.header.id: len(asked.header.exchanges) for _, asked, _ in land.tap.legs(kind)}
        assert len(sent) == 1, kind
        assert sum(sent.values()) >= 20
    assert all(asked.header.lane is Lane.BULK for _, asked, _ in land.tap.legs(RequestPermit))
    await land.quiet()


async def test_an_order_sent_again_asks_only_what_was_not_asked(land: Land) -> None:
    first = await in_bulk(land, file_of(3, HANA.at(TSUBAKI)), order="order-1")
    asked = await count(land, INQUIRIES)
    again = await in_bulk(land, file_of(5, HANA.at(TSUBAKI)), order="order-1")
    assert again[:3] == first
    assert [one["status"] for one in again] == ["answered"] * 5
    assert await count(land, INQUIRIES) == asked + 2
    await land.quiet()


async def test_a_line_that_stands_for_another_person_gets_no_answer_of_the_order(land: Land) -> None:
    await in_bulk(land, file_of(1, HANA.at(TSUBAKI)), order="order-2")
    (other,) = await in_bulk(land, inquiry_line(SUMI.at(TSUBAKI), AOBA), order="order-2")
    assert (other["status"], other["reason"], other["items"]) == ("refused", Reason.ALREADY_USED.value, {})


async def test_what_a_broken_connection_left_is_told_when_the_order_comes_again(land: Land) -> None:
    server = land.name(Role.INTERMEDIATE, TSUBAKI)
    before = await count(land, INQUIRIES)
    reading = asyncio.create_task(in_bulk(land, file_of(4, HANA.at(TSUBAKI)), order="order-3"))
    for _ in range(2000):
        if await count(land, "SELECT count(*) FROM order_line WHERE order_name = 'order-3'") == 4:
            break
        await asyncio.sleep(0.001)
    reading.cancel()
    results = await in_bulk(land, file_of(4, HANA.at(TSUBAKI)), order="order-3")
    assert [one["status"] for one in results] == ["answered"] * 4
    assert await count(land, INQUIRIES) == before + 4
    lanes = lanes_of(land, server)
    await until(lambda: not lanes._inside)
    assert not land.service(server).system.parts.settled._futures, "nobody waits for what nobody reads"
    await land.quiet()


async def test_a_provider_that_stays_full_is_told_to_the_clerk_as_stopped(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nakadachi.intermediate.desk.IMMEDIATE_SECONDS", 0.5)
    lanes = lanes_of(land, land.name(Role.INTERFACE, AOBA))
    with limited(lanes), lanes.handling(Lane.INTERACTIVE, (InquireAt, True)):
        asked = await land.ask(HANA.at(TSUBAKI))
        assert (asked.status, asked.serial is not None) == ("pending", True)
        land.clock.ahead += timedelta(seconds=75)  # accept-by, and what the core allows beyond it
        for _ in range(400):
            told = await land.read(asked.serial) if asked.serial else asked
            if told.status != "pending":
                break
            await asyncio.sleep(0.05)
    assert (told.status, told.reason, told.items) == ("refused", Reason.PROVIDER_STOPPED.value, {})
