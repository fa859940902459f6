"""What the log's tests share: entries, what a handler does with a log, and how a place is proven."""

import asyncio
import hashlib
from datetime import UTC, datetime

import pytest

from nakadachi.crypto.notes import NoteSigner
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.ledger.tree import check_inclusion, leaf_hash

ORIGIN = "core.example/1"
SIGNER = NoteSigner.from_seed(ORIGIN, bytes(32))
NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
CONTENTS = [f"content {number}".encode() for number in range(40)]
ENTRIES = [hashlib.sha256(content).digest() for content in CONTENTS]


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
