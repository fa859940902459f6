"""Whoever subscribed is told that something changed for people of theirs: not what, not twice, none left out (C17)."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.intermediate.day_files import DayFiles
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
from nakadachi.terms import Role, japan_day
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.lines import csv_of
from tests.story.people import HANA, KENJI, SUMI, TARO
from tests.story.play import Play, refused
from tests.story.readers import packets, position, read, read_all, subscribe, told_of
from tests.story.registrar import changed, report
from tests.world import Land, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOVE = ResidentChange.ITEMS


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
        rows = [row for kept in (await told.state(told.name(role, TSUBAKI))).values() for row in kept]
        assert not [row for row in rows if {kind.value for kind in ResidentChange} & set(row.strip("()").split(","))]


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


async def test_a_report_of_many_residents_is_one_packet(told: Land) -> None:
    await told.quiet()
    after = await position(told)
    people = [HANA, TARO, SUMI] * 300
    await report(told, [MOVE] * len(people), [one.code for one in people], [""] * len(people))
    await told.quiet()
    assert [(one.first, len(one.at)) for one in packets(told) if one.first > after] == [(after + 1, 900)]
    assert told_of(await read(told, TSUBAKI, after)) == [one.at(TSUBAKI) for one in people]


async def test_a_day_is_one_file_of_what_came_on_it(told: Land) -> None:
    today = japan_day(told.clock.now())
    status, text = await told.desk(TSUBAKI, "GET", "changes", day=today.isoformat())
    assert status == 200
    header, *lines = text.split("\r\n")[:-1]
    assert header == "number,addressee_number,changed_at,received_at"
    assert [line.split(",")[0] for line in lines] == [str(one["number"]) for one in await read_all(told)]
    status, text = await told.desk(TSUBAKI, "GET", "changes", day=(today - timedelta(days=1)).isoformat())
    assert text == header + "\r\n"
    status, text = await told.desk(TSUBAKI, "GET", "changes", day=(today + timedelta(days=1)).isoformat())
    assert (status, json.loads(text)["type"]) == (400, "BAD_FORMAT")


async def test_the_server_writes_the_file_of_a_past_day_once(told: Land, tmp_path: Path) -> None:
    files = DayFiles(told.service(told.name(Role.INTERMEDIATE, TSUBAKI)).system, tmp_path)
    today = japan_day(told.clock.now())
    assert today.isoformat() not in {path.stem[-10:] for path in await files.write()}
    assert len(await read_all(told)) > 0
    told.clock.ahead = timedelta(days=1)
    try:
        (written,) = await files.write()
        assert await files.write() == []
    finally:
        told.clock.ahead = timedelta(0)
    _, text = await told.desk(TSUBAKI, "GET", "changes", day=today.isoformat())
    assert written.name == f"changes-{today.isoformat()}.csv"
    assert written.read_bytes().decode() == text


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
