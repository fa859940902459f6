"""What the database tests share: one question asked of an address, and one cluster that is started again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from tests.unit.kit.doors import certificates as certificates
from tests.unit.kit.doors import door as door

Ask = Callable[..., Awaitable[object]]


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Ask one query of the database at an address, over a connection of its own: `await ask(dsn, query, *args)`."""

    async def one(dsn: str, query: str, *args: object) -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query, *args)
        finally:
            await connection.close()

    return one


@pytest.fixture(scope="session")
def state(open_directory: Path) -> Path:
    """One cluster for the tests that start it again and again."""
    return open_directory / "a path with spaces, 仲立ち"
