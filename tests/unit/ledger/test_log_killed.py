"""A core killed between any two steps leaves no gap, loses nothing that was decided, and signs no second tree."""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.clock import FixedClock
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.log import LEASE, Log
from nakadachi.ledger.proofs import LogTorn
from nakadachi.ledger.tiles import read_file, read_tile_path
from nakadachi.ledger.verify import Keys
from nakadachi.ledger.walk import walk_log
from nakadachi.refusal import Refusal
from tests.unit.ledger.copies import LOG, ORIGIN, entries_of, leaf, root_over
from tests.unit.ledger.dying import BEFORE, ENTRIES, MORE, STEPS
from tests.unit.ledger.log_pieces import NOW, add, entries_in, pending_in, proven, settled

ROOT = Path(__file__).parents[3]


async def killed(dsn, step):
    """A process that died at a step: what it had signed before."""
    program = (sys.executable, "-m", "tests.unit.ledger.dying", dsn, step)
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL
    return said[said.index(f"{ORIGIN}\n".encode()) :].decode()


async def begin_after(database):
    signer = NoteSigner.from_seed(ORIGIN, bytes(32))
    one = Log(origin=ORIGIN, signer=signer, database=database, clock=FixedClock(NOW + LEASE), holder="next")
    await one.start(patience=timedelta(seconds=1))
    return one


def reader(database, note):
    async def read(path):
        if path == "checkpoint":
            return note.encode()
        async with database.acquire() as connection:
            return await read_file(connection, ORIGIN, read_tile_path(path.removeprefix("tile/")))

    return read


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
async def test_whoever_comes_after_a_kill_goes_on_without_a_gap(tenant_dsn, log_database, step):
    before = await killed(tenant_dsn, step)
    decided = BEFORE + (0 if step == "left" else MORE)
    one = await begin_after(log_database)
    await settled(lambda: one.size == decided)
    assert await pending_in(log_database) == 0
    for entry in ENTRIES[BEFORE:decided]:
        proven(entry, await one.place(entry, 1))
    more = entries_of(300, begin=9000)
    await add(log_database, one, *more)
    assert await entries_in(log_database) == ENTRIES[:decided] + more
    keys = Keys((LOG.verifier.vkey,))
    walked = await walk_log(reader(log_database, one.checkpoint), keys, remembered=before)
    assert (walked.problems, walked.size) == ((), decided + 300)
    await one.stop()


# What a disk, or somebody at it, made of the log


async def cosign(database, size, root):
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root), LOG).decode()
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO log_cosigned VALUES ($1, $2, $3, $4)", ORIGIN, size, note, NOW)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE log_tree SET size = 260",
        "DELETE FROM log_tile WHERE index = 0",
        "DELETE FROM log_chunk WHERE first = 200",
        "UPDATE log_chunk SET entries = overlay(entries placing '\\x00'::bytea from 2000) WHERE first = 200",
        "UPDATE log_tile SET root = hashes",
    ],
)
async def test_a_log_that_is_not_what_was_cosigned_of_it_signs_nothing_more(begin, log_database, log_of, damage):
    one = await begin()
    many = entries_of(300)
    for at in range(0, 300, 100):
        await add(log_database, one, *many[at : at + 100])
    await one.stop()
    await cosign(log_database, 300, root_over(list(map(leaf, many))))
    again = log_of(log_database, "two")
    await again.start()
    await again.stop()
    async with log_database.transaction() as connection:
        await connection.execute(damage)
    with pytest.raises((LogTorn, Refusal)):
        await log_of(log_database, "three").start()
