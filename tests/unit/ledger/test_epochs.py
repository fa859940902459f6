"""A closed origin: nobody adds to it any more, and what has its place there can still be proven."""

import pytest

from nakadachi.kit.clock import FixedClock
from nakadachi.ledger import epochs
from nakadachi.ledger.epochs import OriginBusy, OriginClosed
from nakadachi.ledger.log import LEASE, Log
from tests.unit.ledger.log_pieces import ENTRIES, NOW, ORIGIN, SIGNER, add, checkpoint_of, entries_in, leave, proven

NEW = "core.example/2"


async def close(database, new=NEW, now=NOW):
    async with database.transaction() as connection:
        return await epochs.give_way(connection, SIGNER, new, now)


async def test_an_origin_that_a_core_still_writes_does_not_give_way(begin, log_database):
    one = await begin()
    with pytest.raises(OriginBusy, match=ORIGIN):
        await close(log_database)
    await add(log_database, one, *ENTRIES[:2])
    assert one.size == 2


async def test_a_closed_origin_takes_no_entry_whoever_comes_and_however_late(begin, log_database):
    one = await begin()
    await add(log_database, one, *ENTRIES[:3])
    await one.stop()
    assert await close(log_database) == 3
    await leave(log_database, one, ENTRIES[3])
    with pytest.raises(OriginClosed, match=ORIGIN):
        await begin()
    assert await entries_in(log_database) == ENTRIES[:3]
    with pytest.raises(OriginClosed, match=ORIGIN):
        await close(log_database, new=ORIGIN)


async def test_a_running_log_whose_origin_was_closed_by_a_restore_gives_no_place_more(begin, log_database):
    one = await begin()
    await add(log_database, one, *ENTRIES[:3])
    async with log_database.transaction() as connection:
        await connection.execute(epochs.CLOSING)
    await leave(log_database, one, ENTRIES[3])
    one.expect(ENTRIES[3:4])
    assert await one.place(ENTRIES[3], 0.5) is None
    await one.stop()
    async with log_database.acquire() as connection:
        assert await epochs.is_closed(connection, ORIGIN)


async def test_another_instance_stands_in_for_a_log_whose_holder_is_gone_and_never_for_a_closed_one(
    begin, log_database
):
    one = await begin()
    await add(log_database, one, *ENTRIES[:2])
    await one.stop()
    other = Log(origin=ORIGIN, signer=SIGNER, database=log_database, clock=FixedClock(NOW + LEASE), holder="other")
    await leave(log_database, one, ENTRIES[2])
    assert await other.follow()
    await other.stand_in()
    assert await entries_in(log_database) == ENTRIES[:3]
    await close(log_database, now=NOW + LEASE * 2)
    await leave(log_database, one, ENTRIES[3])
    assert not await other.follow()
    await other.stand_in()
    assert await entries_in(log_database) == ENTRIES[:3]
    async with log_database.acquire() as connection:
        assert await epochs.is_closed(connection, ORIGIN)


async def test_entries_of_a_closed_origin_are_proven_by_what_it_signed_last(begin, log_database):
    one = await begin()
    await add(log_database, one, *ENTRIES[:5])
    await one.stop()
    await close(log_database, now=NOW + LEASE)
    other = await begin(origin=NEW)
    for entry in ENTRIES[:5]:
        place = await other.place(entry, 0)
        proven(entry, place)
        assert checkpoint_of(place.checkpoint).size == 5
    assert await other.place(ENTRIES[6], 0) is None


async def test_a_backup_says_how_far_its_logs_are_and_which_are_closed(begin, log_database):
    one = await begin()
    await add(log_database, one, *ENTRIES[:4])
    async with log_database.acquire() as connection:
        assert await epochs.facts(connection) == {"logs": {ORIGIN: 4}, "closed_logs": []}
        await connection.execute(epochs.CLOSING)
        assert await epochs.facts(connection) == {"logs": {}, "closed_logs": [ORIGIN]}


async def test_a_schema_without_logs_has_none_to_tell_of_or_to_close(log_database):
    async with log_database.acquire() as connection:
        await connection.execute("DROP TABLE log_tree")
        assert await epochs.facts(connection) == {}
        await connection.execute(epochs.CLOSING)
