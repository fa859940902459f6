"""Exactly once in effect: a telegram that was handled is known again, with its bytes and its answer."""

from datetime import UTC, datetime

import asyncpg
import pytest

from nakadachi.kit import inbox
from nakadachi.kit.database import Database
from nakadachi.kit.inbox import Handled, Seen
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.unit import Forward
from nakadachi.terms import NodeName, TelegramId, crockford

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
A, B = NodeName("intermediate:9901000000000001"), NodeName("intermediate:9901000000000002")
ONE, TWO = (TelegramId(crockford(number, length=26)) for number in (1, 2))
DIGEST = bytes(range(32))
ONWARD = Forward(NodeName("core:9910000000000001"), "https://core.example")


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=4)
    await migrate(opened, read_migrations("nakadachi.kit", part="messages", folder="sql"))
    yield opened
    await opened.close()


async def keep(database, *handled):
    async with database.transaction() as connection:
        await inbox.keep(connection, handled, NOW)


async def seen(database, *keys):
    async with database.acquire() as connection:
        return await inbox.seen(connection, keys)


async def test_what_was_answered_is_seen_with_its_answer(database):
    await keep(database, Handled(A, ONE, DIGEST, b"answer", None))
    assert await seen(database, (A, ONE)) == {(A, ONE): Seen(DIGEST, b"answer", None)}


async def test_what_was_relayed_is_seen_with_its_way(database):
    await keep(database, Handled(A, ONE, DIGEST, None, ONWARD))
    assert await seen(database, (A, ONE)) == {(A, ONE): Seen(DIGEST, None, ONWARD)}


async def test_what_was_never_handled_is_not_seen(database):
    await keep(database, Handled(A, ONE, DIGEST, b"answer", None))
    assert await seen(database, (A, TWO)) == {}
    assert (B, ONE) not in await seen(database, (B, ONE))
    assert await seen(database) == {}


async def test_two_authors_may_use_one_number(database):
    await keep(database, Handled(A, ONE, DIGEST, b"to A", None), Handled(B, ONE, DIGEST, b"to B", None))
    found = await seen(database, (A, ONE), (B, ONE))
    assert (found[A, ONE].answer, found[B, ONE].answer) == (b"to A", b"to B")


async def test_a_second_handling_fails_as_a_whole_and_leaves_the_first(database):
    await keep(database, Handled(A, ONE, DIGEST, b"first", None))
    with pytest.raises(asyncpg.UniqueViolationError):
        await keep(database, Handled(A, TWO, DIGEST, b"new", None), Handled(A, ONE, DIGEST, b"second", None))
    assert await seen(database, (A, ONE), (A, TWO)) == {(A, ONE): Seen(DIGEST, b"first", None)}


async def test_a_final_answer_that_comes_later_is_replayed_from_then_on(database):
    await keep(
        database,
        Handled(A, ONE, DIGEST, None, None),
        Handled(A, TWO, DIGEST, None, ONWARD),
        Handled(B, ONE, DIGEST, None, None),
    )
    async with database.transaction() as connection:
        await inbox.settle(connection, [(A, ONE, b"final"), (A, TWO, b"relayed")])
    found = await seen(database, (A, ONE), (A, TWO), (B, ONE))
    assert found[A, ONE].answer == b"final"
    assert found[A, TWO] == Seen(DIGEST, b"relayed", ONWARD)
    assert found[B, ONE].answer is None
