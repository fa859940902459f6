"""A country of its own for each module of stories."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from nakadachi.kit.postgres import PostgresServer
from tests.story.people import EVERYBODY, settle
from tests.world import Land, a_country


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def new_land(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Land]:
    """A country that just came up: nobody is registered anywhere but at the registry organisation."""
    async with a_country(postgres, open_directory, EVERYBODY) as land:
        yield land


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def land(new_land: Land) -> Land:
    """A country in which the people of the stories are registered and linked."""
    await settle(new_land)
    return new_land
