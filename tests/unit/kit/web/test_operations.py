"""The operation log: what is missing or changed in it shows."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from nakadachi.kit.web import operation_store, operations
from nakadachi.kit.web.operations import Action, Operation
from tests.unit.kit.web.asked import NOON, asked


@pytest.fixture
async def desk(tenant_dsn, tmp_path):
    async with asked(tenant_dsn, tmp_path) as one:
        yield one


def one(about):
    return Operation(NOON, "hara", "reader", "00aa", Action.VIEW, "letters", about)


async def fill(desk, count):
    for place in range(count):
        async with desk.people.database.transaction() as connection:
            await operations.keep(connection, one(f"letter {place}"))


async def checked(desk):
    async with desk.people.database.transaction() as connection:
        return await operations.check(connection, batch=2)


async def test_a_whole_log_is_whole(desk):
    assert await checked(desk) == (0, None)
    await fill(desk, 5)
    assert await checked(desk) == (5, None)


@pytest.mark.parametrize(
    ("hurt", "number"),
    [
        ("UPDATE page_operation SET about = 'nothing' WHERE number = 3", 3),
        ("UPDATE page_operation SET name = 'mori' WHERE number = 1", 1),
        ("DELETE FROM page_operation WHERE number = 2", 2),
        ("DELETE FROM page_operation WHERE number = 5", 5),
    ],
)
async def test_a_row_that_was_changed_or_taken_out_shows(desk, hurt, number):
    await fill(desk, 5)
    async with desk.people.database.acquire() as connection:
        await connection.execute(hurt)
    assert await checked(desk) == (5, number)


async def test_two_at_a_time_come_one_after_the_other(desk):
    async def keep(place):
        async with desk.people.database.transaction() as connection:
            return await operations.keep(connection, one(f"letter {place}"))

    assert sorted(await asyncio.gather(*map(keep, range(8)))) == list(range(1, 9))
    assert await checked(desk) == (8, None)


async def test_a_row_holds_no_more_than_a_page_needs(desk):
    async with desk.people.database.transaction() as connection:
        await operations.keep(connection, replace(one(""), about="x" * 5000))
        rows = await operation_store.after(connection, 0, most=1)
    assert len(rows[0].operation.about) == operations.LONGEST_ABOUT


async def test_the_page_of_the_log_pages_filters_and_checks(desk):
    await fill(desk, 120)
    await desk.come_in("mori", "keeper")
    first = (await desk.get("/operations?name=hara")).body
    assert "letter 119" in first
    assert "before=71" in first
    second = (await desk.get("/operations?name=hara&before=71")).body
    assert "letter 69" in second
    assert "letter 70" not in second
    assert "121" in (await desk.get("/operations/check")).body or "123" in (await desk.get("/operations/check")).body
    lines = (await desk.get("/operations.csv?name=hara")).body.splitlines()
    assert len(lines) == 121
