"""Whoever subscribed is told that something changed for people of theirs: never what, never twice, none left out (C17)."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.core import changes as core_changes
from nakadachi.intermediate import changes as own_changes
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.link import (
    ChangesSubscribed,
    NotifyChanges,
    ResidentChange,
    Scope,
    SubscribeChanges,
)
from nakadachi.terms import OrganisationCode, Role, japan_day
from tests.invented import AOBA, PENSION, TSUBAKI, Person
from tests.lines import csv_of
from tests.story.people import HANA, KENJI, SUMI, TARO
from tests.story.play import Play, refused
from tests.story.registrar import changed, report
from tests.world import Land, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOVE = ResidentChange.ITEMS


async def subscribe(land: Land, organisation: OrganisationCode, scope: str, *people: Person) -> dict[str, Any]:
    body = csv_of([(one.at(organisation),) for one in people])
    status, text = await land.desk(organisation, "POST", "changes/subscription", body, scope=scope)
    assert status == 200, text
    said: dict[str, Any] = json.loads(text)
    return said


async def read(land: Land, organisation: OrganisationCode, after: int = 0, wait: int = 0) -> list[dict[str, Any]]:
    """What the existing system reads after a number."""
    status, text = await land.desk(organisation, "GET", "changes", after=str(after), wait=str(wait))
    assert status == 200, text
    found: list[dict[str, Any]] = json.loads(text)["changes"]
    return found


async def position(land: Land, organisation: OrganisationCode = TSUBAKI) -> int:
    _, text = await land.desk(organisation, "GET", "changes/subscription")
    return int(json.loads(text)["last"])


def told_of(found: list[dict[str, Any]]) -> list[str | None]:
    """Whom the events are about, without leading zeros; None where events are lost."""
    return [one["addressee"].lstrip("0") if one["addressee"] else None for one in found]


def packets(land: Land) -> list[NotifyChanges]:
    """What the core sent to interface systems."""
    return [
        asked.header
        for flight, asked, _ in land.tap.legs(NotifyChanges)
        if flight.sender.role is Role.CORE and isinstance(asked.header, NotifyChanges)
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(land: Land) -> Land:
    """Tsubaki wants the changes of all its people."""
    assert await subscribe(land, TSUBAKI, "all") == {"scope": "all", "listed": 0, "outcome": "done"}
    return land


async def test_a_reader_that_waits_is_told_within_moments_and_only_of_whom(told: Land) -> None:
    after = await position(told)
    reading = asyncio.create_task(read(told, TSUBAKI, after, wait=20))
    await asyncio.sleep(0.3)
    await changed(told, MOVE, HANA.code)
    found = await asyncio.wait_for(reading, 5)
    assert told_of(found) == [HANA.at(TSUBAKI)]
    assert found[0].keys() == {"number", "addressee", "changed_at", "received_at"}


async def test_an_event_says_nothing_of_what_changed(told: Land) -> None:
    await told.quiet()
    begun, after = len(packets(told)), await position(told)
    kinds = (
        (ResidentChange.DEATH, ""),
        (ResidentChange.DEATH_UNDONE, ""),
        (MOVE, ""),
        (ResidentChange.CODE, "83000000009"),
    )
    for kind, now in kinds:
        await changed(told, kind, HANA.code, now)
        await told.quiet()
    sent = packets(told)[begun:]
    assert [one.first for one in sent] == [after + place for place in range(1, 5)]
    assert {tuple(json.loads(encode_json(one))) for one in sent} == {
        ("telegram", "id", "author", "to", "made_at", "lane", "parts", "first", "at")
    }
    assert told_of(await read(told, TSUBAKI, after)) == [HANA.at(TSUBAKI)] * 4
    for role in (Role.INTERMEDIATE, Role.INTERFACE):
        kept = json.dumps(list((await told.state(told.name(role, TSUBAKI))).values()))
        assert not [kind for kind in ResidentChange if kind.value in kept], role


async def test_only_who_subscribed_is_told_and_only_of_people_linked_there(told: Land) -> None:
    await told.quiet()
    begun, after = len(packets(told)), await position(told)
    for one in (KENJI, HANA):
        await changed(told, MOVE, one.code)
    await told.quiet()
    assert {one.to.organisation for one in packets(told)[begun:]} == {TSUBAKI}
    assert told_of(await read(told, TSUBAKI, after)) == [KENJI.at(TSUBAKI), HANA.at(TSUBAKI)]
    today = japan_day(told.clock.now()).isoformat()
    body = csv_of([(KENJI.at(TSUBAKI),)])
    await told.desk(TSUBAKI, "POST", "links/change", body, change="unlink", on=today)
    await changed(told, MOVE, KENJI.code)
    await changed(told, MOVE, HANA.code)
    await told.quiet()
    assert told_of(await read(told, TSUBAKI, after)) == [KENJI.at(TSUBAKI), *[HANA.at(TSUBAKI)] * 2]


async def test_of_listed_people_alone_where_that_is_wanted_and_of_nobody_after_the_end(told: Land) -> None:
    assert await subscribe(told, AOBA, "listed", HANA) == {"scope": "listed", "listed": 1, "outcome": "done"}
    after = await position(told, AOBA)
    for one in (TARO, HANA, TARO):
        await changed(told, MOVE, one.code)
    await told.quiet()
    assert told_of(await read(told, AOBA, after)) == [HANA.at(AOBA)]
    await subscribe(told, AOBA, "listed", TARO)
    await changed(told, MOVE, TARO.code)
    await changed(told, MOVE, HANA.code)
    await told.quiet()
    assert told_of(await read(told, AOBA, after)) == [HANA.at(AOBA), TARO.at(AOBA), HANA.at(AOBA)]
    await subscribe(told, AOBA, "none")
    await changed(told, MOVE, HANA.code)
    await told.quiet()
    assert len(await read(told, AOBA, after)) == 3
    await subscribe(told, AOBA, "listed", TARO)
    await changed(told, MOVE, HANA.code)
    await told.quiet()
    assert len(await read(told, AOBA, after)) == 3
    await subscribe(told, AOBA, "none")


async def test_what_happens_while_a_server_is_away_comes_in_one_packet_and_in_order(told: Land) -> None:
    await told.quiet()
    after, interface = await position(told), told.name(Role.INTERFACE, TSUBAKI)
    told.tap.down.add(interface)
    await changed(told, MOVE, HANA.code)
    await asyncio.sleep(0.8)
    for one in (SUMI, TARO, HANA):
        await changed(told, MOVE, one.code)
    told.tap.down.clear()
    await told.quiet()
    sent = [(one.first, len(one.at)) for one in packets(told) if one.first > after]
    assert sent[-1] == (after + 2, 3)
    assert told_of(await read(told, TSUBAKI, after)) == [one.at(TSUBAKI) for one in (HANA, SUMI, TARO, HANA)]


async def test_a_report_of_many_residents_is_one_packet(told: Land) -> None:
    await told.quiet()
    after = await position(told)
    people = [HANA, TARO, SUMI] * 300
    await report(told, [MOVE] * len(people), [one.code for one in people], [""] * len(people))
    await told.quiet()
    assert [(one.first, len(one.at)) for one in packets(told) if one.first > after] == [(after + 1, 900)]
    assert told_of(await read(told, TSUBAKI, after)) == [one.at(TSUBAKI) for one in people]


async def test_a_gap_is_seen_by_its_number_and_what_is_missing_comes_once(told: Land) -> None:
    await told.quiet()
    after, core, interface = await position(told), told.name(Role.CORE), told.name(Role.INTERFACE, TSUBAKI)
    told.tap.down.add(interface)
    await changed(told, MOVE, HANA.code)
    await asyncio.sleep(0.8)
    async with told.service(core).node.database.transaction() as connection:
        # As if a packet had been noted that never arrived.
        await connection.execute("UPDATE subscription SET under_way = NULL")
        gone = await connection.fetch("DELETE FROM outbox WHERE destination = $1 RETURNING id", interface.value)
    assert len(gone) == 1
    told.tap.down.clear()
    await changed(told, MOVE, SUMI.code)
    await told.quiet()
    assert told_of(await read(told, TSUBAKI, after)) == [HANA.at(TSUBAKI), SUMI.at(TSUBAKI)]


async def test_a_restored_server_catches_up_when_it_starts(told: Land) -> None:
    server = told.name(Role.INTERMEDIATE, TSUBAKI)
    await changed(told, MOVE, HANA.code)
    await told.quiet()
    before = await read(told, TSUBAKI)
    async with told.service(server).node.database.transaction() as connection:
        await connection.execute("DELETE FROM change WHERE number > 3")
        await connection.execute("UPDATE change_subscription SET last = 3")
    await told.country.stop_one(server)
    await (await told.country.start_one(told.plan.place(server), told.world)).announce()
    await told.quiet()
    after = await read(told, TSUBAKI)
    assert [(one["number"], one["addressee"], one["changed_at"]) for one in after] == [
        (one["number"], one["addressee"], one["changed_at"]) for one in before
    ]


async def test_after_a_core_had_to_be_restored_readers_are_told_that_events_may_be_lost(told: Land) -> None:
    await told.quiet()
    core, after = told.name(Role.CORE), await position(told)
    async with told.service(core).node.database.transaction() as connection:
        # A backup of before the last event, and a log that was opened since (decision 0020).
        await connection.execute("DELETE FROM change_event WHERE number = $1", after)
        await connection.execute("UPDATE subscription SET last = $1, sent = $1 WHERE last = $2", after - 1, after)
        await connection.execute("UPDATE numbering SET origin = 'core.example/before'")
    await told.country.stop_one(core)
    await (await told.country.start_one(told.plan.place(core), told.world)).announce()
    await changed(told, MOVE, SUMI.code)
    await told.quiet()
    found = await read(told, TSUBAKI, after)
    assert told_of(found) == [None, SUMI.at(TSUBAKI)]
    assert [one["number"] for one in found] == [2**32, 2**32 + 1]
    assert b"changes.renumbered" in told.log.getvalue()


async def test_a_day_is_one_file_of_what_came_on_it(told: Land) -> None:
    today = japan_day(told.clock.now())
    status, text = await told.desk(TSUBAKI, "GET", "changes", day=today.isoformat())
    assert status == 200
    header, *lines = text.split("\r\n")[:-1]
    assert header == "number,addressee_number,changed_at,received_at"
    assert [line.split(",")[0] for line in lines] == [str(one["number"]) for one in await _all(told)]
    status, text = await told.desk(TSUBAKI, "GET", "changes", day=(today - timedelta(days=1)).isoformat())
    assert text == header + "\r\n"
    status, text = await told.desk(TSUBAKI, "GET", "changes", day=(today + timedelta(days=1)).isoformat())
    assert (status, json.loads(text)["type"]) == (400, "BAD_FORMAT")


async def _all(land: Land) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while more := await read(land, TSUBAKI, found[-1]["number"] if found else 0):
        found += more
    return found


async def test_events_are_deleted_after_their_period_and_a_reader_that_comes_too_late_is_told(told: Land) -> None:
    core, server = told.name(Role.CORE), told.name(Role.INTERMEDIATE, TSUBAKI)
    last = await position(told)
    told.clock.ahead = timedelta(days=61)
    try:
        for name, step in ((core, core_changes.forget_old), (server, own_changes.forget_old)):
            await told.service(name).system.in_bulk(step, [None])
    finally:
        told.clock.ahead = timedelta(0)
    assert await told.rows(core, "SELECT * FROM change_event") == []
    assert await told.rows(server, "SELECT * FROM change") == []
    assert await read(told, TSUBAKI, last - 1) == [{"number": last, "addressee": None}]
    assert await read(told, TSUBAKI, last) == []
    await changed(told, MOVE, HANA.code)
    await told.quiet()
    assert [one["number"] for one in await read(told, TSUBAKI, last)] == [last + 1]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("changes/subscription", {"scope": "some"}),
        ("changes/subscription", {}),
    ],
    ids=["unknown-scope", "no-scope"],
)
async def test_a_wish_that_is_none_is_refused(told: Land, path: str, query: dict[str, str]) -> None:
    status, text = await told.desk(TSUBAKI, "POST", path, b"", **query)
    assert (status, json.loads(text)["type"]) == (400, "BAD_FORMAT")


@pytest.mark.parametrize("query", [{"after": "-1"}, {"after": "x"}, {"wait": "1.5"}, {"day": "today"}], ids=str)
async def test_a_reader_says_numbers_and_days(told: Land, query: dict[str, str]) -> None:
    status, text = await told.desk(TSUBAKI, "GET", "changes", **query)
    assert (status, json.loads(text)["type"]) == (400, "BAD_FORMAT")


async def test_a_subscription_names_own_people_only_and_only_where_people_are_listed(told: Land) -> None:
    play = Play(told)
    codes = [(await play.code(one)).value for one in (PENSION, TSUBAKI)]
    part = Enclosure("link codes", encode_json([*codes, "no code"]), personal=True)

    def wish(scope: Scope, **more: Any) -> Any:
        return play.write(play.server, SubscribeChanges, play.core, parts=[part], scope=scope, **more)

    assert await refused(play, play.server, play.interface, wish(Scope.ALL).envelope) is Reason.BAD_FORMAT
    (answer,) = await told.hand(play.server, play.interface, wish(Scope.LISTED).envelope)
    assert isinstance(answer.header, ChangesSubscribed)
    assert answer.header.outcomes == (Reason.CODE_NOT_ISSUED, None, Reason.CODE_NOT_ISSUED)
    none = play.write(play.server, SubscribeChanges, play.core, scope=Scope.ALL, after=2**53 - 1)
    assert await refused(play, play.server, play.interface, none.envelope) is Reason.OUT_OF_TURN


async def test_the_core_alone_notifies_and_its_lists_must_fit(told: Land) -> None:
    play = Play(told)
    part = Enclosure("link codes", encode_json([]), personal=True)
    fields = {"parts": [part], "first": 1, "at": (told.clock.now(),)}
    unfit = play.write(play.core, NotifyChanges, play.server, **fields)
    assert await refused(play, play.core, play.interface, unfit.envelope) is Reason.BAD_FORMAT
    foreign = play.write(play.registry, NotifyChanges, play.server, **fields)
    (answer,) = await told.hand(play.registry, play.interface, foreign.envelope)
    assert reason_of(answer) is Reason.ROLE_NOT_ALLOWED


async def test_nothing_went_wrong_on_the_way(told: Land) -> None:
    await told.quiet()
    assert "telegram.failed" not in told.log.getvalue().decode()
    assert "turn.failed" not in told.log.getvalue().decode()
