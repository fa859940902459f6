"""What the decision on a person reads of many links at once is what their rows say (C3, C6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.core import store
from nakadachi.core.codes import IdCode
from nakadachi.core.rules import Link
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.postgres import PostgresServer
from nakadachi.terms import OrganisationCode
from tests.unit.core.asked_schemes import A, B

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime(2026, 4, 1, tzinfo=UTC)
INDEXES = st.integers(0, 0xFFFF)
LINKS = st.builds(
    Link,
    INDEXES,
    st.integers(0, 255),
    unlinked=st.booleans(),
    suspended=st.booleans(),
    former_key_index=st.none() | INDEXES,
)
PEOPLE = st.dictionaries(
    st.tuples(st.binary(min_size=10, max_size=10).map(IdCode), st.sampled_from((A, B))), LINKS, max_size=6
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(postgres: PostgresServer) -> AsyncIterator[Database]:
    opened = await Database.open(await postgres.create_tenant("test_link_rows"), max_size=1)
    parts = (("core", "migrations"), ("rotation", "rotation_sql"))
    await migrate(opened, *(read_migrations("nakadachi.core", part=part, folder=folder) for part, folder in parts))
    yield opened
    await opened.close()
    await postgres.drop_tenant("test_link_rows")


@given(PEOPLE)
async def test_each_link_is_read_as_its_row_says_and_nobody_has_anothers(
    database: Database, kept: dict[tuple[IdCode, OrganisationCode], Link]
) -> None:
    async with database.acquire() as connection:
        await connection.execute("DELETE FROM link")
        await connection.executemany(
            "INSERT INTO link (id_code, organisation, key_index, generation, linked_at, unlinked_at, suspended_at,"
            " former_key_index) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                (
                    person,
                    organisation.value,
                    link.key_index,
                    link.generation,
                    NOW,
                    NOW if link.unlinked else None,
                    NOW if link.suspended else None,
                    link.former_key_index,
                )
                for (person, organisation), link in kept.items()
            ],
        )
        people = {person for person, _ in kept}
        found = await store.links(connection, [(person, at) for person in people for at in (A, B)], NOW)
    assert found == {person: {at: kept[person, at] for at in (A, B) if (person, at) in kept} for person in people}
