"""Instances of one system: who is gone is found out once, whether it said goodbye or not."""

import asyncio

import pytest

from nakadachi.kit import instances as module
from nakadachi.kit.database import Database
from nakadachi.kit.instances import Instances
from nakadachi.kit.migrations import migrate, read_migrations


@pytest.fixture
async def database(tenant_dsn, monkeypatch):
    monkeypatch.setattr(module, "TURN_SECONDS", 0.02)
    monkeypatch.setattr(module, "GONE_SECONDS", 600)
    opened = await Database.open(tenant_dsn, max_size=6)
    await migrate(opened, read_migrations("nakadachi.kit", part="messages", folder="sql"))
    yield opened
    await opened.close()


@pytest.fixture
async def begin(database):
    begun = []

    async def begin_one(name):
        one = Instances(database, name=name, holder=f"holder of {name}")
        one.found = []

        async def gone(connection):
            one.found.append(await connection.fetchval("SELECT 1"))

        one.when_gone(gone)
        await one.start()
        begun.append(one)
        return one

    yield begin_one
    for one in begun:
        await one.stop()


async def kill(database, one):
    """It says nothing any more, and its time has run out."""
    one._task.cancel()
    await asyncio.gather(one._task, return_exceptions=True)
    one._task = None
    async with database.acquire() as connection:
        await connection.execute(
            "UPDATE instance SET until = clock_timestamp() - interval '1 second' WHERE holder = $1", one._holder
        )


async def settled(condition):
    for _ in range(300):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come to pass")


async def test_who_went_without_a_word_is_found_out_by_one_of_the_others_once(begin, database):
    one, two, three = [await begin(name) for name in ("1", "2", "3")]
    await asyncio.sleep(0.2)
    assert (one.found, two.found, three.found) == ([], [], [])
    await kill(database, one)
    await settled(lambda: two.found or three.found)
    await asyncio.sleep(0.2)
    assert (one.found, [*two.found, *three.found]) == ([], [1])


async def test_who_says_goodbye_is_gone_at_once(begin):
    one, two = await begin("1"), await begin("2")
    await one.stop()
    await settled(lambda: two.found == [1])


async def test_a_step_that_fails_leaves_the_gone_one_to_the_next_turn(begin, database):
    one, two = await begin("1"), await begin("2")
    failures = iter([ConnectionError])

    async def fail_once(_connection):
        for failure in failures:
            raise failure

    two.when_gone(fail_once)
    await kill(database, one)
    await settled(lambda: len(two.found) == 2)


async def test_what_others_may_have_brought_is_looked_for_at_every_turn_also_after_a_failure(begin):
    one, looks = await begin("1"), []

    async def look():
        looks.append(None)
        if len(looks) == 1:
            raise ConnectionError

    one.each_turn(look)
    await settled(lambda: len(looks) > 2)


async def test_a_system_that_runs_alone_keeps_no_row_and_looks_for_nothing(begin, database):
    alone = await begin("")
    assert not alone.several
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM instance") == 0
    assert alone._task is None
