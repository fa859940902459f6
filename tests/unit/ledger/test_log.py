"""The log with a real database: every entry one place, every place proven, nothing lost over a restart."""

import asyncio

import pytest

from nakadachi.ledger import log as log_module
from nakadachi.ledger.tree import EMPTY_ROOT, check_consistency
from nakadachi.ledger.verify import Keys, LoggedContent, verify_log
from tests.unit.ledger.log_pieces import (
    CONTENTS,
    ENTRIES,
    ORIGIN,
    SIGNER,
    add,
    checkpoint_of,
    entries_in,
    leave,
    pending_in,
    proven,
    settled,
)


async def test_an_empty_log_signs_the_empty_tree(begin):
    one = await begin()
    checkpoint = checkpoint_of(one.checkpoint)
    assert (checkpoint.size, checkpoint.root, one.size) == (0, EMPTY_ROOT, 0)


async def test_entries_get_their_places_in_order_and_each_place_proves_itself(begin, log_database):
    one = await begin()
    places = [*await add(log_database, one, *ENTRIES[:7]), *await add(log_database, one, *ENTRIES[7:20])]
    assert [place.index for place in places] == list(range(20))
    for entry, place in zip(ENTRIES, places, strict=False):
        proven(entry, place)
    assert checkpoint_of(one.checkpoint).size == one.size == 20
    assert await entries_in(log_database) == ENTRIES[:20]
    assert await pending_in(log_database) == 0


async def test_an_outsider_finds_every_place_in_order(begin, log_database):
    one = await begin()
    places = [place for at in range(0, 20, 5) for place in await add(log_database, one, *ENTRIES[at : at + 5])]
    logged = [
        LoggedContent(content, place.index, place.path, place.checkpoint)
        for content, place in zip(CONTENTS, places, strict=False)
    ]
    verdict = verify_log(await entries_in(log_database), one.checkpoint, Keys((SIGNER.verifier.vkey,)), logged)
    assert (verdict.ok, verdict.problems, verdict.size) == (True, (), 20)
    swapped = [ENTRIES[1], ENTRIES[0], *ENTRIES[2:20]]
    assert not verify_log(swapped, one.checkpoint, Keys((SIGNER.verifier.vkey,)), logged).ok


async def test_between_any_two_sizes_there_is_a_proof(begin, log_database):
    one = await begin()
    roots = [checkpoint_of(one.checkpoint)]
    for entry in ENTRIES[:13]:
        await add(log_database, one, entry)
        roots.append(checkpoint_of(one.checkpoint))
        for old in roots:
            proof = await one.consistency(old.size, one.size)
            check_consistency(old.size, old.root, one.size, roots[-1].root, proof)
    with pytest.raises(ValueError, match="cannot add"):
        await one.consistency(14, one.size)


async def test_many_at_once_are_placed_each_once(begin, log_database):
    one = await begin()
    places = await asyncio.gather(*(add(log_database, one, entry) for entry in ENTRIES))
    assert sorted(place.index for (place,) in places) == list(range(40))
    for entry, (place,) in zip(ENTRIES, places, strict=True):
        proven(entry, place)


async def test_an_entry_given_twice_has_one_place(begin, log_database):
    one = await begin()
    first, twin = await add(log_database, one, ENTRIES[0], ENTRIES[0])
    assert (first.index, twin.index, one.size) == (0, 0, 1)
    (again, other) = await add(log_database, one, ENTRIES[0], ENTRIES[1])
    assert (again.index, other.index, one.size) == (0, 1, 2)
    proven(ENTRIES[0], again)
    assert await pending_in(log_database) == 0


async def test_who_asks_later_gets_the_place_with_the_newest_checkpoint(begin, log_database):
    one = await begin()
    await add(log_database, one, *ENTRIES[:5])
    place = await one.place(ENTRIES[2], 0)
    assert place.index == 2
    assert checkpoint_of(place.checkpoint).size == 5
    proven(ENTRIES[2], place)


async def test_what_is_not_in_the_log_has_no_place(begin):
    one = await begin()
    assert await one.place(ENTRIES[0], 0) is None
    one.expect([ENTRIES[0]])
    assert await one.place(ENTRIES[0], 0.01) is None


async def test_an_entry_whose_decision_was_rolled_back_is_nowhere(begin, log_database):
    one = await begin()
    async with log_database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await one.append(connection, ENTRIES[:1])
        await transaction.rollback()
    await add(log_database, one, ENTRIES[1])
    assert await entries_in(log_database) == [ENTRIES[1]]


async def places_of(one, entries):
    """Begin a log before which so much was left pending, and give the places of that."""
    one.expect(entries)
    await one.start()
    places = [await one.place(entry, 5) for entry in entries]
    await one.stop()
    return places


async def test_a_checkpoint_has_a_bound_and_the_rest_follows(log_of, log_database, monkeypatch):
    monkeypatch.setattr(log_module, "MOST", 6)
    one = log_of(log_database)
    for at in range(0, 20, 2):
        await leave(log_database, one, *ENTRIES[at : at + 2])
    places = await places_of(one, ENTRIES[:20])
    assert [place.index for place in places] == list(range(20))
    assert {checkpoint_of(place.checkpoint).size for place in places} == {6, 12, 18, 20}


async def test_what_one_decision_left_gets_its_places_together(log_of, log_database, monkeypatch):
    monkeypatch.setattr(log_module, "MOST", 6)
    one = log_of(log_database)
    await leave(log_database, one, *ENTRIES[:4])
    await leave(log_database, one, *ENTRIES[4:15])
    await leave(log_database, one)
    places = await places_of(one, ENTRIES[:15])
    assert [checkpoint_of(place.checkpoint).size for place in places] == [4] * 4 + [15] * 11
    assert await pending_in(log_database) == 0


async def test_a_restart_integrates_what_is_pending(begin, log_database):
    one = await begin()
    await add(log_database, one, *ENTRIES[:3])
    await one.stop()
    await leave(log_database, one, *ENTRIES[3:6])
    two = await begin("two")
    await settled(lambda: two.size == 6)
    assert await entries_in(log_database) == ENTRIES[:6]
    for entry in ENTRIES[:6]:
        proven(entry, await two.place(entry, 0))


async def test_origins_do_not_meet(begin, log_database):
    one, other = await begin(), await begin("two", "core.example/2")
    (first,) = await add(log_database, one, ENTRIES[0])
    (second,) = await add(log_database, other, ENTRIES[0])
    assert (first.index, second.index, one.size, other.size) == (0, 0, 1, 1)
    assert first.checkpoint.startswith(f"{ORIGIN}\n1\n")
    assert second.checkpoint.startswith("core.example/2\n1\n")
