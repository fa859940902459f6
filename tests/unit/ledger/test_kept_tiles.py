"""Tiles and bundles out of the database, byte by byte as C2SP tlog-tiles says, and what older schemas held."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.database import Database
from nakadachi.kit.migrations import Migrations, migrate, read_migrations
from nakadachi.ledger import log_store
from nakadachi.ledger.proofs import with_nodes
from nakadachi.ledger.tiles import TilePath, load, read_file, read_tile_path
from nakadachi.ledger.tree import (
    Frontier,
    append,
    check_inclusion,
    entries_path,
    inclusion_proof,
    leaf_hash,
    tile_path,
    tree_root,
)
from nakadachi.ledger.walk import walk_log
from nakadachi.refusal import Reason, Refusal
from tests.unit.ledger.copies import KEYS, ORIGIN, copy_of, entries_of, leaf, note_of, root_over
from tests.unit.ledger.log_pieces import add, entries_in, proven, settled

ENTRIES = entries_of(1100)
MANY = entries_of(256 * 256 + 300)


async def grow(database, one, *sizes):
    for size in sizes:
        await add(database, one, *ENTRIES[one.size : size])


async def file_at(database, path):
    """The file at a path below the log's address; None where nothing is."""
    named = read_tile_path(path.removeprefix("tile/"))
    async with database.acquire() as connection:
        return None if named is None else await read_file(connection, ORIGIN, named)


@pytest.mark.parametrize("sizes", [(1,), (255, 256), (256, 257), (100, 300, 513, 1024), (1100,), (7, 1100)])
async def test_every_file_of_the_log_is_there_byte_by_byte(begin, log_database, sizes):
    await grow(log_database, await begin(), *sizes)
    files = copy_of(ENTRIES[: sizes[-1]])
    del files["checkpoint"]
    assert {path: await file_at(log_database, path) for path in files} == files


async def test_a_bundle_is_entries_after_their_lengths_and_a_tile_their_hashes(begin, log_database):
    await grow(log_database, await begin(), 2)
    first, second = ENTRIES[:2]
    assert await file_at(log_database, "tile/entries/000.p/2") == b"\x00\x20" + first + b"\x00\x20" + second
    assert await file_at(log_database, "tile/0/000.p/2") == leaf(first) + leaf(second)
    assert await file_at(log_database, "tile/0/000.p/1") == leaf(first)


@pytest.mark.parametrize(
    "path",
    ["tile/0/000.p/45", "tile/0/001", "tile/0/002.p/1", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1",
     "tile/entries/001", "tile/entries/001.p/45", "tile/63/x999/x999/x999/x999/999", "tile/9/000.p/1"],
)  # fmt: skip
async def test_beyond_the_tree_there_is_nothing(begin, log_database, path):
    await grow(log_database, await begin(), 300)
    assert (await file_at(log_database, path) is None) is (path != "tile/0/000.p/45")


async def test_an_older_width_is_still_served_once_a_tile_is_full(begin, log_database):
    await grow(log_database, await begin(), 30, 600)
    assert await file_at(log_database, "tile/0/000.p/30") == b"".join(map(leaf, ENTRIES[:30]))
    assert await file_at(log_database, "tile/1/000.p/1") == root_over([leaf(entry) for entry in ENTRIES[:256]])


@pytest.mark.parametrize(
    "text",
    ["", "0", "0/0", "0/00", "0/0000", "00/000", "-1/000", "64/000", "99/000", "0/000.p/0", "0/000.p/256", "0/000.p/01",
     "0/x000/001", "0/x001/x000", "0/000/001", "0/x1/000", "entries/", "entries/000.p/", "Entries/000", "0/٠٠٠",
     "0/000.p/1/", "0/000\n", "0/x001/x001/x001/x001/x001/000"],
)  # fmt: skip
def test_another_spelling_names_nothing(text):
    assert read_tile_path(text) is None


@given(st.integers(0, 63), st.integers(0, 10**9), st.integers(1, 256))
def test_every_path_names_what_it_was_made_of(level, index, width):
    assert read_tile_path(tile_path(level, index, width).removeprefix("tile/")) == TilePath(level, index, width)
    assert read_tile_path(entries_path(index, width).removeprefix("tile/")) == TilePath(None, index, width)


@given(st.text(alphabet="0123456789x/.pentris", max_size=40))
def test_any_text_names_a_file_in_its_one_spelling_or_nothing(text):
    named = read_tile_path(text)
    if named is not None:
        path = (
            entries_path(named.index, named.width)
            if named.level is None
            else tile_path(named.level, named.index, named.width)
        )
        assert path == f"tile/{text}"


async def test_a_log_that_fills_a_tile_of_the_second_level_goes_on_after_a_restart(begin, log_database):
    one = await begin()
    for at in range(0, len(MANY) - 60, 9000):
        await add(log_database, one, *MANY[at : min(at + 9000, len(MANY) - 60)])
    await one.stop()
    two = await begin("two")
    places = await add(log_database, two, *MANY[-60:])
    proven(MANY[-1], places[-1])
    assert two._frontier == append(Frontier(), list(map(leaf_hash, MANY))).frontier

    async def read(path):
        return note_of(MANY) if path == "checkpoint" else await file_at(log_database, path)

    walked = await walk_log(read, KEYS)
    assert (walked.problems, walked.size, walked.tiles) == ((), len(MANY), 257 + 1 + 1 + 1 + 1)


async def test_frontier_and_edge_are_read_back_at_every_size(begin, log_database):
    one = await begin()
    for size in (1, 2, 255, 256, 257, 511, 700, 1024, 1100):
        await grow(log_database, one, size)
        async with log_database.acquire() as connection:
            assert await load(connection, ORIGIN, size) == (one._frontier, one._edge)
            assert await with_nodes(connection, ORIGIN, lambda fetch, size=size: tree_root(size, fetch)) == root_over(
                [leaf(entry) for entry in ENTRIES[:size]]
            )


async def test_a_tree_of_which_a_part_is_gone_is_not_taken_up(begin, log_database):
    await grow(log_database, await begin(), 600)
    async with log_database.transaction() as connection:
        await connection.execute("DELETE FROM log_tile WHERE index = 1")
        with pytest.raises(Refusal) as wrong:
            await load(connection, ORIGIN, 600)
        assert wrong.value.reason is Reason.BAD_FORMAT
        with pytest.raises(LookupError, match="tile/1/000 is too short"):
            await with_nodes(connection, ORIGIN, lambda fetch: tree_root(600, fetch))


async def test_entries_are_read_from_anywhere_to_anywhere(begin, log_database):
    await grow(log_database, await begin(), 1, 3, 10, 11, 40)
    async with log_database.acquire() as connection:
        for begin_at in range(42):
            for end in range(begin_at, 43):
                assert await log_store.entries(connection, ORIGIN, begin_at, end) == ENTRIES[:40][begin_at:end]
        assert await log_store.entries(connection, "core.example/2", 0, 40) == []


async def test_entries_that_begin_alike_have_each_their_place(begin, log_database):
    one = await begin()
    alike = [ENTRIES[0][:8] + bytes((number,)) * 24 for number in range(3)]
    places = [*await add(log_database, one, *ENTRIES[:3]), *await add(log_database, one, *alike[:2], ENTRIES[1])]
    assert [place.index for place in places] == [0, 1, 2, 3, 4, 1]
    for entry, place in zip([*ENTRIES[:3], *alike[:2], ENTRIES[1]], places, strict=True):
        proven(entry, place)
        proven(entry, await one.place(entry, 0))
    assert await one.place(alike[2], 0) is None
    assert await entries_in(log_database) == [*ENTRIES[:3], *alike[:2]]
    async with log_database.acquire() as connection:
        assert await log_store.places(connection, [alike[1], alike[2]]) == [(ORIGIN, alike[1], 4)]


# A schema of the version before


def parts(count):
    whole = read_migrations("nakadachi.ledger", part="log", folder="log_sql")
    return Migrations(whole.part, whole.steps[:count])


@pytest.fixture
async def older(tenant_dsn):
    """A log of 700 entries in the tables of 0.1.0, and three entries pending."""
    database = await Database.open(tenant_dsn, max_size=4)
    await migrate(database, parts(1))
    grown = append(Frontier(), list(map(leaf_hash, ENTRIES[:700])))
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO log_tree VALUES ($1, 700, 'gone', 3, '2020-01-01+00')", ORIGIN)
        await connection.copy_records_to_table(
            "log_entry", records=[(ORIGIN, entry, index) for index, entry in enumerate(ENTRIES[:700])]
        )
        await connection.copy_records_to_table(
            "log_node",
            records=[(ORIGIN, level, at, one) for level, _, hashes in grown.nodes for at, one in enumerate(hashes)],
        )
        for entry in ENTRIES[700:703]:
            await connection.execute("INSERT INTO log_pending (origin, entry) VALUES ($1, $2)", ORIGIN, entry)
    yield database
    await database.close()


async def test_a_log_of_the_version_before_goes_on_without_a_gap(older, log_of):
    await migrate(older, parts(2))
    one = log_of(older)
    await one.start()
    await settled(lambda: one.size == 703)
    places = [await one.place(entry, 0) for entry in ENTRIES[699:703]]
    await add(older, one, *ENTRIES[703:1100])
    assert [place.index for place in places] == [699, 700, 701, 702]
    for entry, place in zip(ENTRIES[699:703], places, strict=True):
        proven(entry, place)
    files = copy_of(ENTRIES)
    del files["checkpoint"]
    assert {path: await file_at(older, path) for path in files} == files
    assert await entries_in(older) == ENTRIES
    async with older.acquire() as connection:
        for index in (0, 255, 256, 511, 512, 699, 700, 1099):
            path = await with_nodes(connection, ORIGIN, lambda fetch, index=index: inclusion_proof(index, 1100, fetch))
            check_inclusion(leaf(ENTRIES[index]), index, 1100, path, one._frontier.root)
    await one.stop()
