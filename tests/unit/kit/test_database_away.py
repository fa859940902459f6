"""A database that is restarted under a running system: what was asked meanwhile says so, and the next attempt works."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from nakadachi.kit.database import Database, DatabaseAway
from nakadachi.kit.postgres import EmbeddedPostgres

pytestmark = pytest.mark.slow


@pytest.fixture
async def server(open_directory: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(open_directory / "away")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def database(server: EmbeddedPostgres) -> AsyncIterator[Database]:
    opened = await Database.open(await server.create_tenant("away"), max_size=3)
    async with opened.acquire() as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS code (n integer NOT NULL)")
    yield opened
    await opened.close()


def kill(server: EmbeddedPostgres) -> None:
    """The whole server, as a power cut would."""
    assert server._running is not None
    postmaster = server._running.server
    children = Path(f"/proc/{postmaster.pid}/task/{postmaster.pid}/children").read_text().split()
    for number in (postmaster.pid, *map(int, children)):
        os.kill(number, signal.SIGKILL)
    postmaster.wait()


async def write(database: Database, n: int) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO code VALUES ($1)", n)


async def read(database: Database) -> list[int]:
    async with database.acquire() as connection:
        return [row["n"] for row in await connection.fetch("SELECT n FROM code ORDER BY n")]


async def test_after_a_restart_the_same_pool_works_and_what_was_committed_is_there(server, database):
    await write(database, 1)
    kill(server)
    with pytest.raises(DatabaseAway):
        await write(database, 2)
    with pytest.raises(DatabaseAway):
        await read(database)
    await server.start()
    await write(database, 3)
    assert {1, 3} <= set(await read(database))


async def test_a_transaction_whose_database_goes_in_the_middle_says_so_and_leaves_nothing(server, database):
    async def begin_and_lose() -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO code VALUES (7)")
            kill(server)
            await connection.execute("INSERT INTO code VALUES (8)")

    with pytest.raises(DatabaseAway):
        await begin_and_lose()
    await server.start()
    assert not {7, 8} & set(await read(database))


async def test_a_server_that_shuts_down_is_away_too(server, database):
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT 1") == 1
        await server.stop()
    with pytest.raises(DatabaseAway):
        await read(database)
    await server.start()
    await read(database)


async def test_what_the_statement_itself_does_wrong_is_no_absence(database):
    with pytest.raises(asyncpg.UndefinedTableError):
        async with database.acquire() as connection:
            await connection.execute("SELECT * FROM nothing")
    with pytest.raises(asyncpg.DataError):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO code VALUES ($1)", "one")
    with pytest.raises(OSError, match="a file"):
        async with database.transaction():
            raise OSError("a file that the caller reads")
