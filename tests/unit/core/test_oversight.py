"""What systems say of their operation, each instance for itself (C18, N3)."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from nakadachi.core import oversight, store
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.telegrams.oversight import Condition, Operation
from nakadachi.terms import NodeName, Role

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
NODE = NodeName("interface:9901000000000001")
WELL = Condition(next_seconds=300, certificate_days=90)


@pytest.fixture
async def connection(tenant_dsn):
    database = await Database.open(tenant_dsn, max_size=1)
    await migrate(database, read_migrations("nakadachi.core", part="core", folder="migrations"))
    async with database.acquire() as connection:
        yield connection
    await database.close()


async def say(connection, operation, instance="", at=NOW, *, heard=None, **other):
    software = other.get("software", "0.2.0")
    report = SimpleNamespace(
        operation=operation, at=at, software=software, lawbook=1, directory=1, condition=WELL, instance=instance
    )
    await store.note_operation(connection, NODE, report, heard or at)


async def states(connection, now=NOW):
    listed = SimpleNamespace(of_role=lambda role: [SimpleNamespace(name=NODE)] if role is Role.INTERFACE else [])
    author = SimpleNamespace(name=NodeName("core:9910000000000001"), clock=FixedClock(now))
    core = SimpleNamespace(author=author, edition=SimpleNamespace(directory=listed))
    return [(row.get("instance"), row["state"]) for row in await oversight.collected(core, connection)]


async def test_each_instance_of_a_system_has_its_own_state(connection):
    assert await states(connection) == [(None, "unknown")]
    await say(connection, Operation.STARTED, "1")
    await say(connection, Operation.STOPPED, "2")
    assert await states(connection) == [("1", "running"), ("2", "stopped")]
    assert await store.stopped(connection) == frozenset()
    assert await states(connection, NOW + timedelta(hours=1)) == [("1", "silent"), ("2", "stopped")]
    await say(connection, Operation.STOPPED, "1")
    assert await store.stopped(connection) == {NODE}


async def test_what_a_system_said_as_one_no_longer_counts_once_it_speaks_as_several(connection):
    await say(connection, Operation.STOPPED)
    await say(connection, Operation.STARTED, "1", NOW + timedelta(seconds=1))
    assert await states(connection, NOW + timedelta(seconds=1)) == [("1", "running")]
    await say(connection, Operation.STARTED, at=NOW + timedelta(seconds=2))
    assert await states(connection, NOW + timedelta(seconds=2)) == [(None, "running")]


@pytest.mark.parametrize("ahead", [timedelta(seconds=-30), timedelta(0), timedelta(seconds=90), timedelta(days=1)])
async def test_a_word_that_was_overtaken_changes_nothing_however_wrong_the_systems_clock_is(connection, ahead):
    stopped, started = NOW, NOW + timedelta(seconds=1)
    await say(connection, Operation.STARTED, at=started + ahead, heard=NOW + timedelta(seconds=2))
    await say(connection, Operation.STOPPED, at=stopped + ahead, heard=NOW + timedelta(seconds=20))
    assert await store.stopped(connection) == frozenset()
    await say(connection, Operation.STOPPED, at=NOW + timedelta(seconds=30) + ahead, heard=NOW + timedelta(seconds=31))
    assert await store.stopped(connection) == {NODE}


async def test_a_system_of_the_former_version_whose_clock_was_set_right_is_heard(connection):
    ahead, later = NOW + timedelta(days=1), NOW + timedelta(seconds=40)
    await say(connection, Operation.STOPPED, at=ahead, heard=NOW, software="0.1.0")
    await say(connection, Operation.STARTED, at=later, heard=later, software="0.1.0")
    assert await store.stopped(connection) == frozenset()
