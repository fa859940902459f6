"""A core's log in a process of its own that SIGKILLs itself at the step it is told: `python dying.py DSN STEP`."""

import asyncio
import os
import signal
import sys

from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.waiters import Waiters
from nakadachi.ledger import log_store
from nakadachi.ledger.log import Log
from tests.unit.ledger.copies import ORIGIN, entries_of
from tests.unit.ledger.log_pieces import NOW, add

BEFORE, MORE = 250, 12
"""So that the entries that are on their way fill a tile."""
ENTRIES = entries_of(BEFORE + MORE)


def die(*_ignored):
    os.kill(os.getpid(), signal.SIGKILL)


def after(function):
    async def done(*given):
        await function(*given)
        die()

    return done


def signed_then_die(function):
    def done(*given):
        function(*given)
        die()

    return done


WHERE = {
    "lease held": (Log, "_hold", after),
    "pending taken": (log_store, "take_pending", after),
    "places written": (log_store, "write", after),
    "committed": (Log, "_sign", lambda _sign: die),
    "signed": (Log, "_sign", signed_then_die),
    "told": (Waiters, "tell", lambda _tell: die),
}
STEPS = ("left", "decided", *WHERE)
"""`left`: pending, the decision not committed; `decided`: committed, and nobody was told to integrate it."""


async def main(dsn, step):
    database = await Database.open(dsn, max_size=4)
    signer = NoteSigner.from_seed(ORIGIN, bytes(32))
    one = Log(origin=ORIGIN, signer=signer, database=database, clock=FixedClock(NOW), holder="dying")
    await one.start()
    await add(database, one, *ENTRIES[:BEFORE])
    sys.stdout.write(one.checkpoint)
    sys.stdout.flush()
    if step in WHERE:
        owner, name, change = WHERE[step]
        setattr(owner, name, change(getattr(owner, name)))
    async with database.transaction() as connection:
        await one.append(connection, ENTRIES[BEFORE:])
        if step == "left":
            die()
    if step == "decided":
        die()
    one.expect(ENTRIES[BEFORE:])
    await asyncio.sleep(30)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
