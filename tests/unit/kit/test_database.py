"""A pool, transactions that are whole or nothing, and work done again where the database asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from nakadachi.kit.database import Connection, Database, DatabaseError, retrying


@pytest.fixture
async def database(tenant_dsn: str) -> AsyncIterator[Database]:
    opened = await Database.open(tenant_dsn, max_size=4)
    async with opened.acquire() as connection:
        await connection.execute("CREATE TABLE code (id integer PRIMARY KEY, n integer NOT NULL)")
        await connection.executemany("INSERT INTO code VALUES ($1, $2)", [(1, 0), (2, 0)])
    yield opened
    await opened.close()


async def total(database: Database) -> int:
    async with database.acquire() as connection:
        found = await connection.fetchval("SELECT sum(n) FROM code")
    return int(found)


async def test_what_a_transaction_did_is_kept_when_its_block_ends(database):
    async with database.transaction() as connection:
        assert connection.is_in_transaction()
        await connection.execute("UPDATE code SET n = 1")
    assert await total(database) == 2


async def test_what_a_transaction_did_is_undone_when_its_block_raises(database):
    async def change_and_fail() -> None:
        async with database.transaction() as connection:
            await connection.execute("UPDATE code SET n = 1")
            raise KeyError

    with pytest.raises(KeyError):
        await change_and_fail()
    assert await total(database) == 0


async def test_a_transaction_that_only_reads_cannot_write(database):
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.transaction(readonly=True) as connection:
            await connection.execute("UPDATE code SET n = 1")


async def test_rows_are_read_by_the_names_of_their_columns(database):
    async with database.acquire() as connection:
        await connection.copy_records_to_table("code", records=[(3, 7)], columns=["id", "n"])
        row = await connection.fetchrow("SELECT id, n FROM code WHERE id = $1", 3)
        assert (row["id"], row["n"], row[1], dict(row)) == (3, 7, 7, {"id": 3, "n": 7})
        assert [row["id"] for row in await connection.fetch("SELECT id FROM code ORDER BY id")] == [1, 2, 3]


async def test_two_that_read_and_then_write_serializably_both_count_in_the_end(database):
    both_have_read = asyncio.Barrier(2)
    tries = 0

    async def add_one(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        found = await connection.fetchval("SELECT n FROM code WHERE id = 1")
        if tries <= 2:
            await both_have_read.wait()
        await connection.execute("UPDATE code SET n = $1 WHERE id = 1", found + 1)

    await asyncio.gather(*(database.retrying(add_one, isolation="serializable") for _ in range(2)))
    assert await total(database) == 2
    assert tries == 3


async def test_two_that_wait_for_each_other_both_finish(database):
    both_hold_one = asyncio.Barrier(2)
    tries = 0

    async def lock_both(connection: Connection, first: int, second: int) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("UPDATE code SET n = n + 1 WHERE id = $1", first)
        if tries <= 2:
            await both_hold_one.wait()
        await connection.execute("UPDATE code SET n = n + 1 WHERE id = $1", second)

    await asyncio.gather(
        database.retrying(lambda connection: lock_both(connection, 1, 2)),
        database.retrying(lambda connection: lock_both(connection, 2, 1)),
    )
    assert await total(database) == 4
    assert tries == 3


@pytest.mark.parametrize("failure", [asyncpg.SerializationError, asyncpg.DeadlockDetectedError])
async def test_attempts_are_bounded_and_the_last_failure_is_told(failure):
    tries = 0

    async def never() -> None:
        nonlocal tries
        tries += 1
        raise failure("again")

    with pytest.raises(failure):
        await retrying(never, attempts=3)
    assert tries == 3


async def test_a_value_given_twice_is_an_answer_and_not_tried_again(database):
    tries = 0

    async def insert(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("INSERT INTO code VALUES (1, 1)")

    with pytest.raises(asyncpg.UniqueViolationError):
        await database.retrying(insert)
    assert tries == 1


async def test_retrying_hands_on_what_the_work_gives(database):
    assert await database.retrying(lambda connection: connection.fetchval("SELECT 5")) == 5


@pytest.mark.parametrize(
    ("dsn", "told"),
    [
        ("postgresql://boss:secret@localhost:1/x", "x at localhost:1: .*is it running"),
        ("postgresql://boss:secret@/x?host=/nowhere", "x at /nowhere: .*is it running"),
        ("mysql://boss:secret@localhost/x", "x at localhost: its address cannot be read"),
        ("postgresql://boss:secret@[/x", "its address cannot be read"),
    ],
)
async def test_a_database_that_cannot_be_opened_is_told_without_its_password(dsn, told):
    with pytest.raises(DatabaseError, match=told) as caught:
        await Database.open(dsn)
    assert "secret" not in str(caught.value)


async def test_a_wrong_password_is_told_as_one(tenant_dsn):
    head, _, tail = tenant_dsn.partition("@")
    with pytest.raises(DatabaseError, match="user or password is wrong"):
        await Database.open(f"{head}0@{tail}")


async def test_a_database_that_is_not_there_is_told_as_that(tenant_dsn):
    with pytest.raises(DatabaseError, match=r"absent at .*no database of that name"):
        await Database.open(tenant_dsn.replace("/nakadachi?", "/absent?"))
