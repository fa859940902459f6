"""Lines of an order, claimed by whoever asks them: each has one serial, through whichever instance it came."""

import asyncio

import pytest

from nakadachi.intermediate import order_store
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.terms import Serial

ONE, TWO, THREE = (Serial(f"9901000000000001-{number:026}") for number in (1, 2, 3))


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=2)
    await migrate(opened, read_migrations("nakadachi.intermediate", part="orders", folder="orders_sql"))
    yield opened
    await opened.close()


async def test_a_line_that_was_asked_keeps_its_serial(database):
    async with database.acquire() as connection:
        assert await order_store.claim(connection, "july", {1: ONE, 2: TWO}) == {1: ONE, 2: TWO}
        assert await order_store.claim(connection, "july", {2: THREE}) == {2: TWO}
        assert await order_store.claim(connection, "august", {2: THREE}) == {2: THREE}
        assert await order_store.asked(connection, "july", [1, 2, 3]) == {1: ONE, 2: TWO}


async def test_a_line_asked_through_two_instances_at_once_has_one_serial(database):
    async with database.transaction() as first:
        assert await order_store.claim(first, "july", {1: ONE}) == {1: ONE}

        async def other():
            async with database.transaction() as second:
                return await order_store.claim(second, "july", {1: TWO})

        waiting = asyncio.create_task(other())
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert await waiting == {1: ONE}
