"""Whoever was away, or had to be restored, is told of all changes all the same, and told where some are lost (C17)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio

from nakadachi.core import changes as core_changes
from nakadachi.intermediate import changes as own_changes
from nakadachi.telegrams.link import (
    ResidentChange,
)
from nakadachi.terms import Role
from tests.invented import TSUBAKI
from tests.story.people import HANA, SUMI, TARO
from tests.story.readers import packets, position, read, subscribe, told_of
from tests.story.registrar import changed
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOVE = ResidentChange.ITEMS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(land: Land) -> Land:
    """Tsubaki wants the changes of all its people."""
    assert await subscribe(land, TSUBAKI, "all") == {"scope": "all", "listed": 0, "outcome": "done"}
    return land


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


async def test_nothing_went_wrong_on_the_way(told: Land) -> None:
    await told.quiet()
    assert "telegram.failed" not in told.log.getvalue().decode()
    assert "turn.failed" not in told.log.getvalue().decode()
