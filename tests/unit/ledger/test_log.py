"""The log with a real database: every entry one place, every place proven, nothing lost between two holders."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.ledger import log as log_module
from nakadachi.ledger import verify
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.ledger.log import LEASE, LeaseTaken, Log
from nakadachi.ledger.tree import EMPTY_ROOT, check_consistency, check_inclusion, leaf_hash
from nakadachi.ledger.verify import Keys, LoggedContent, verify_log

ORIGIN = "core.example/1"
SIGNER = NoteSigner.from_seed(ORIGIN, bytes(32))
NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
CONTENTS = [f"content {number}".encode() for number in range(40)]
ENTRIES = [hashlib.sha256(content).digest() for content in CONTENTS]


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=6)
    await migrate(opened, read_migrations("nakadachi.ledger", part="log", folder="log_sql"))
    yield opened
    await opened.close()


@pytest.fixture
def clock():
    return FixedClock(NOW)


@pytest.fixture
async def begin(database, clock):
    """Starts a holder of the log; all are stopped after the test."""
    begun = []

    async def start(holder="one", origin=ORIGIN):
        signer = NoteSigner.from_seed(origin, bytes(32))
        one = Log(origin=origin, signer=signer, database=database, clock=clock, holder=holder)
        await one.start()
        begun.append(one)
        return one

    yield start
    for one in begun:
        await one.stop()


async def leave(database, one, *entries):
    """What a handler does: leave entries pending in its transaction."""
    async with database.transaction() as connection:
        await one.append(connection, entries)


async def add(database, one, *entries):
    """Leave entries, have them integrated, and give their places."""
    await leave(database, one, *entries)
    one.expect(entries)
    return [await one.place(entry, 5) for entry in entries]


async def stall(one):
    """Its worker stands still, as in a process that is paused or cut off."""
    one._tasks[0].cancel()
    await asyncio.gather(one._tasks[0], return_exceptions=True)


async def settled(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come to pass")


def checkpoint_of(note):
    return open_checkpoint(note.encode(), (SIGNER.verifier,), ORIGIN).checkpoint


def proven(entry, place):
    checkpoint = checkpoint_of(place.checkpoint)
    check_inclusion(leaf_hash(entry), place.index, checkpoint.size, place.path, checkpoint.root)


async def entries_in(database):
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT entry, index FROM log_entry WHERE origin = $1 ORDER BY index", ORIGIN)
    assert [row["index"] for row in rows] == list(range(len(rows)))
    return [row["entry"] for row in rows]


async def pending_in(database):
    async with database.acquire() as connection:
        return await connection.fetchval("SELECT count(*) FROM log_pending")


async def test_an_empty_log_signs_the_empty_tree(begin):
    one = await begin()
    checkpoint = checkpoint_of(one.checkpoint)
    assert (checkpoint.size, checkpoint.root, one.size) == (0, EMPTY_ROOT, 0)


async def test_entries_get_their_places_in_order_and_each_place_proves_itself(begin, database):
    one = await begin()
    places = [*await add(database, one, *ENTRIES[:7]), *await add(database, one, *ENTRIES[7:20])]
    assert [place.index for place in places] == list(range(20))
    for entry, place in zip(ENTRIES, places, strict=False):
        proven(entry, place)
    assert checkpoint_of(one.checkpoint).size == one.size == 20
    assert await entries_in(database) == ENTRIES[:20]
    assert await pending_in(database) == 0


async def test_an_outsider_finds_every_place_in_order(begin, database):
    one = await begin()
    places = [place for at in range(0, 20, 5) for place in await add(database, one, *ENTRIES[at : at + 5])]
    logged = [
        LoggedContent(content, place.index, place.path, place.checkpoint)
        for content, place in zip(CONTENTS, places, strict=False)
    ]
    verdict = verify_log(await entries_in(database), one.checkpoint, Keys((SIGNER.verifier.vkey,)), logged)
    assert (verdict.ok, verdict.problems, verdict.size) == (True, (), 20)
    swapped = [ENTRIES[1], ENTRIES[0], *ENTRIES[2:20]]
    assert not verify_log(swapped, one.checkpoint, Keys((SIGNER.verifier.vkey,)), logged).ok


async def test_the_database_holds_the_whole_nodes_of_the_definition(begin, database):
    one = await begin()
    for count in (1, 2, 5, 8, 5):
        await add(database, one, *ENTRIES[one.size : one.size + count])
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT level, index, hash FROM log_node WHERE origin = $1", ORIGIN)
    tree = verify._Tree([leaf_hash(entry) for entry in ENTRIES[:21]])
    expected = {
        (level, index): tree._root(index << level, 1 << level) for level in range(5) for index in range(21 >> level)
    }
    assert {(row["level"], row["index"]): row["hash"] for row in rows} == expected


async def test_between_any_two_sizes_there_is_a_proof(begin, database):
    one = await begin()
    roots = [checkpoint_of(one.checkpoint)]
    for entry in ENTRIES[:13]:
        await add(database, one, entry)
        roots.append(checkpoint_of(one.checkpoint))
        for old in roots:
            proof = await one.consistency(old.size)
            check_consistency(old.size, old.root, one.size, roots[-1].root, proof)
    with pytest.raises(ValueError, match="cannot add"):
        await one.consistency(14)


async def test_many_at_once_are_placed_each_once(begin, database):
    one = await begin()
    places = await asyncio.gather(*(add(database, one, entry) for entry in ENTRIES))
    assert sorted(place.index for (place,) in places) == list(range(40))
    for entry, (place,) in zip(ENTRIES, places, strict=True):
        proven(entry, place)


async def test_an_entry_given_twice_has_one_place(begin, database):
    one = await begin()
    first, twin = await add(database, one, ENTRIES[0], ENTRIES[0])
    assert (first.index, twin.index, one.size) == (0, 0, 1)
    (again, other) = await add(database, one, ENTRIES[0], ENTRIES[1])
    assert (again.index, other.index, one.size) == (0, 1, 2)
    proven(ENTRIES[0], again)
    assert await pending_in(database) == 0


async def test_who_asks_later_gets_the_place_with_the_newest_checkpoint(begin, database):
    one = await begin()
    await add(database, one, *ENTRIES[:5])
    place = await one.place(ENTRIES[2], 0)
    assert place.index == 2
    assert checkpoint_of(place.checkpoint).size == 5
    proven(ENTRIES[2], place)


async def test_what_is_not_in_the_log_has_no_place(begin):
    one = await begin()
    assert await one.place(ENTRIES[0], 0) is None
    one.expect([ENTRIES[0]])
    assert await one.place(ENTRIES[0], 0.01) is None


async def test_an_entry_whose_decision_was_rolled_back_is_nowhere(begin, database):
    one = await begin()
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await one.append(connection, ENTRIES[:1])
        await transaction.rollback()
    await add(database, one, ENTRIES[1])
    assert await entries_in(database) == [ENTRIES[1]]


async def test_a_checkpoint_has_a_bound_and_the_rest_follows(begin, database, monkeypatch):
    monkeypatch.setattr(log_module, "MOST", 6)
    one = await begin()
    places = await add(database, one, *ENTRIES[:20])
    assert [place.index for place in places] == list(range(20))
    assert {checkpoint_of(place.checkpoint).size for place in places} == {6, 12, 18, 20}


async def test_a_restart_integrates_what_is_pending(begin, database):
    one = await begin()
    await add(database, one, *ENTRIES[:3])
    await one.stop()
    await leave(database, one, *ENTRIES[3:6])
    two = await begin("two")
    await settled(lambda: two.size == 6)
    assert await entries_in(database) == ENTRIES[:6]
    for entry in ENTRIES[:6]:
        proven(entry, await two.place(entry, 0))


async def test_origins_do_not_meet(begin, database):
    one, other = await begin(), await begin("two", "core.example/2")
    (first,) = await add(database, one, ENTRIES[0])
    (second,) = await add(database, other, ENTRIES[0])
    assert (first.index, second.index, one.size, other.size) == (0, 0, 1, 1)
    assert first.checkpoint.startswith(f"{ORIGIN}\n1\n")
    assert second.checkpoint.startswith("core.example/2\n1\n")


async def test_a_second_holder_is_refused_while_the_lease_lasts(begin, clock):
    await stall(await begin("one"))
    clock.advance(LEASE - timedelta(milliseconds=1))
    with pytest.raises(LeaseTaken, match=ORIGIN):
        await begin("two")


async def test_work_keeps_the_lease(begin, database, clock):
    one = await begin("one")
    for entry in ENTRIES[:3]:
        clock.advance(LEASE * 0.9)
        await add(database, one, entry)
    with pytest.raises(LeaseTaken):
        await begin("two")


async def test_time_alone_keeps_the_lease_of_who_is_there(begin, clock, monkeypatch):
    monkeypatch.setattr(log_module, "RENEW_SECONDS", 0.02)
    one = await begin("one")
    clock.advance(LEASE * 0.9)
    await asyncio.sleep(0.2)
    clock.advance(LEASE * 0.5)
    with pytest.raises(LeaseTaken):
        await begin("two")
    assert one.size == 0


async def test_a_lease_given_back_is_free_at_once(begin):
    one = await begin("one")
    await one.stop()
    await begin("two")


async def test_a_name_alone_is_no_right_to_the_lease(begin, database):
    await add(database, await begin("one"), ENTRIES[0])
    with pytest.raises(LeaseTaken):
        await begin("one")


async def test_after_the_lease_another_takes_over_and_the_first_loses_nothing(begin, database, clock):
    one = await begin("one")
    await add(database, one, *ENTRIES[:3])
    await stall(one)
    clock.advance(LEASE)
    two = await begin("two")
    # The first still believes that it holds the log; what it is given must come to its place through the second.
    await leave(database, one, ENTRIES[3])
    one.expect([ENTRIES[3]])
    with pytest.raises(LeaseTaken):
        await one._integrate()
    two._wake.set()
    await settled(lambda: two.size == 4)
    assert (one.size, await entries_in(database), await pending_in(database)) == (3, ENTRIES[:4], 0)
    # It gives no lease back that is not its own, and what it signed is still true.
    await one.stop()
    clock.advance(LEASE * 0.9)
    with pytest.raises(LeaseTaken):
        await begin("three")
    old, new = checkpoint_of(one.checkpoint), checkpoint_of(two.checkpoint)
    check_consistency(old.size, old.root, new.size, new.root, await two.consistency(old.size))
    proven(ENTRIES[3], await two.place(ENTRIES[3], 0))


async def test_two_who_take_over_at_once_are_not_both_the_holder(begin, clock):
    await stall(await begin("one"))
    clock.advance(LEASE)
    results = await asyncio.gather(*(begin(name) for name in ("two", "three", "four")), return_exceptions=True)
    assert sorted(isinstance(result, LeaseTaken) for result in results) == [False, True, True]


async def test_a_commit_whose_answer_got_lost_took_effect(begin, database):
    one = await begin()
    await add(database, one, *ENTRIES[:3])
    before = one._frontier
    await add(database, one, *ENTRIES[3:5])
    one._frontier = before
    (place,) = await add(database, one, ENTRIES[5])
    assert (place.index, one.size) == (5, 6)
    proven(ENTRIES[5], place)
    assert await entries_in(database) == ENTRIES[:6]


async def test_after_a_failure_the_work_goes_on(begin, database, monkeypatch):
    monkeypatch.setattr(log_module, "RENEW_SECONDS", 0.02)
    one = await begin()
    take, failures = one._take_pending, []

    async def fail_once(connection):
        if not failures and await connection.fetchval("SELECT count(*) FROM log_pending"):
            failures.append(await connection.execute("DELETE FROM log_pending"))
            raise asyncpg.SerializationError("try again")
        return await take(connection)

    monkeypatch.setattr(one, "_take_pending", fail_once)
    (place,) = await add(database, one, ENTRIES[0])
    proven(ENTRIES[0], place)
    assert failures == ["DELETE 1"]
