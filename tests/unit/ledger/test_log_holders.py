"""Who holds the log: one at a time, under a lease; a takeover loses nothing, and neither does a failure."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from nakadachi.ledger import log as log_module
from nakadachi.ledger import log_store
from nakadachi.ledger.log import LEASE, LeaseTaken
from nakadachi.ledger.tree import check_consistency
from tests.unit.ledger.log_pieces import (
    ENTRIES,
    ORIGIN,
    add,
    checkpoint_of,
    entries_in,
    leave,
    pending_in,
    proven,
    settled,
    stall,
)


async def test_a_second_holder_is_refused_while_the_lease_lasts(begin, clock):
    await stall(await begin("one"))
    clock.advance(LEASE - timedelta(milliseconds=1))
    with pytest.raises(LeaseTaken, match=ORIGIN):
        await begin("two")


async def test_work_keeps_the_lease(begin, log_database, clock):
    one = await begin("one")
    for entry in ENTRIES[:3]:
        clock.advance(LEASE * 0.9)
        await add(log_database, one, entry)
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


async def test_a_name_alone_is_no_right_to_the_lease(begin, log_database):
    await add(log_database, await begin("one"), ENTRIES[0])
    with pytest.raises(LeaseTaken):
        await begin("one")


async def test_after_the_lease_another_takes_over_and_the_first_loses_nothing(begin, log_database, clock):
    one = await begin("one")
    await add(log_database, one, *ENTRIES[:3])
    await stall(one)
    clock.advance(LEASE)
    two = await begin("two")
    # The first still believes that it holds the log; what it is given must come to its place through the second.
    await leave(log_database, one, ENTRIES[3])
    one.expect([ENTRIES[3]])
    with pytest.raises(LeaseTaken):
        await one._integrate()
    two._wake.set()
    await settled(lambda: two.size == 4)
    assert (one.size, await entries_in(log_database), await pending_in(log_database)) == (3, ENTRIES[:4], 0)
    # It gives no lease back that is not its own, and what it signed is still true.
    await one.stop()
    clock.advance(LEASE * 0.9)
    with pytest.raises(LeaseTaken):
        await begin("three")
    old, new = checkpoint_of(one.checkpoint), checkpoint_of(two.checkpoint)
    check_consistency(old.size, old.root, new.size, new.root, await two.consistency(old.size, new.size))
    proven(ENTRIES[3], await two.place(ENTRIES[3], 0))


async def test_two_who_take_over_at_once_are_not_both_the_holder(begin, clock):
    await stall(await begin("one"))
    clock.advance(LEASE)
    results = await asyncio.gather(*(begin(name) for name in ("two", "three", "four")), return_exceptions=True)
    assert sorted(isinstance(result, LeaseTaken) for result in results) == [False, True, True]


async def test_a_commit_whose_answer_got_lost_took_effect(begin, log_database):
    one = await begin()
    await add(log_database, one, *ENTRIES[:3])
    before = one._frontier, one._edge
    await add(log_database, one, *ENTRIES[3:5])
    one._frontier, one._edge = before
    (place,) = await add(log_database, one, ENTRIES[5])
    assert (place.index, one.size) == (5, 6)
    proven(ENTRIES[5], place)
    assert await entries_in(log_database) == ENTRIES[:6]


async def test_after_a_failure_the_work_goes_on(begin, log_database, monkeypatch):
    monkeypatch.setattr(log_module, "RENEW_SECONDS", 0.02)
    one = await begin()
    take, failures = log_store.take_pending, []

    async def fail_once(connection, *asked):
        if not failures and await connection.fetchval("SELECT count(*) FROM log_pending"):
            failures.append(await connection.execute("DELETE FROM log_pending"))
            raise asyncpg.SerializationError("try again")
        return await take(connection, *asked)

    monkeypatch.setattr(log_store, "take_pending", fail_once)
    (place,) = await add(log_database, one, ENTRIES[0])
    proven(ENTRIES[0], place)
    assert failures == ["DELETE 1"]


async def test_a_start_may_wait_for_the_lease_of_one_that_was_killed(begin, clock, monkeypatch):
    monkeypatch.setattr(log_module, "TRY_SECONDS", 0.01)
    one = await begin("one")
    await stall(one)
    with pytest.raises(LeaseTaken):
        await begin("two", patience=timedelta(seconds=0.05))
    starting = asyncio.ensure_future(begin("three", patience=timedelta(seconds=5)))
    await asyncio.sleep(0.03)
    assert not starting.done()
    clock.advance(LEASE)
    assert (await starting).size == one.size


@pytest.mark.parametrize("away", [0, 2])
async def test_a_lost_lease_is_taken_up_again_once_it_is_free(begin, log_database, clock, monkeypatch, away):
    monkeypatch.setattr(log_module, "TRY_SECONDS", 0.01)
    monkeypatch.setattr(log_module, "RENEW_SECONDS", 0.02)
    one = await begin("one")
    await add(log_database, one, *ENTRIES[:3])
    await stall(one)
    clock.advance(LEASE)
    two = await begin("two")
    await add(log_database, two, *ENTRIES[3:5])
    # The first comes back to life, with a database that is away for a while as well.
    take, failures = one._take_lease, iter(range(away))

    async def take_lease():
        if next(failures, None) is not None:
            raise ConnectionRefusedError
        return await take()

    monkeypatch.setattr(one, "_take_lease", take_lease)
    one._tasks[0] = asyncio.create_task(one._work())
    await leave(log_database, one, ENTRIES[5])
    one.expect([ENTRIES[5]])
    await asyncio.sleep(0.1)
    await two.stop()
    await settled(lambda: one.size == 6)
    assert await entries_in(log_database) == ENTRIES[:6]
    proven(ENTRIES[5], await one.place(ENTRIES[5], 0))
    assert await one.entries() == ENTRIES[:6]
