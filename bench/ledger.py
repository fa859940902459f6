"""What an entry of the log costs: its hashes and MACs beside bare ones, and its way to the disk beside a bare row's.

The first: four commitments under salts that are drawn anew, the digest of the content, the leaf, its place in the tree
with its inclusion path, the tiles; beside them the same HMACs and SHA-256 alone (four HMACs, three hashes an entry).

The second: entries left pending by decisions of so many (a transaction each, four at a time), given their places, kept,
and in a signed checkpoint; beside it the same number of bare rows of 32 bytes, without any index, a transaction each.
"""

from __future__ import annotations

import asyncio
import hmac
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

from bench import report
from nakadachi.crypto.commitment import SALT_BYTES, commit
from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.postgres import embedded
from nakadachi.ledger.log import Log
from nakadachi.ledger.permits import INQUIRER_CODE, OVERSIGHT_TAG, PERSON_TAG, PROVIDER_CODE, entry_of
from nakadachi.ledger.tiles import fill
from nakadachi.ledger.tree import Frontier, append, leaf_hash

ORIGIN = "core.bench/1"
BATCHES = (1, 10, 100, 1000)
BATCH = 1000
ROUNDS = 5
SECONDS = 2.0
GOAL_RATIO, GOAL_DURABLE = 0.6, 100_000
HANDS = 4
"""Decisions that are under way at the same time."""
CONTENT = b"c" * 1100
"""About as large as a permit's content."""
VALUES = tuple((label, b"v" * 34) for label in (INQUIRER_CODE, PROVIDER_CODE, PERSON_TAG, OVERSIGHT_TAG))


def appends(seconds: float, batch: int = BATCH, *, draw: bool = True) -> float:
    """Entries per second with all that belongs to them; without `draw` the salts are there already."""
    entropy, frontier, edge, done = SystemEntropy(), Frontier(), (), 0
    fixed = bytes(SALT_BYTES)
    begun = time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds:
        leaves = []
        for number in range(batch):
            for label, value in VALUES:
                commit(label, value, entropy.bytes(SALT_BYTES) if draw else fixed)
            leaves.append(leaf_hash(entry_of(CONTENT + number.to_bytes(8, "big"))))
        grown = append(frontier, leaves)
        frontier, (edge, _) = grown.frontier, fill(edge, grown)
        done += batch
    return done / elapsed


def bare(seconds: float) -> float:
    """Entries per second where an entry is four HMACs and three hashes of the same lengths, and nothing else."""
    salt, node, done = bytes(SALT_BYTES), b"\1" + bytes(64), 0
    messages = [label.encode() + b"\0" + value for label, value in VALUES]
    begun = time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds:
        for number in range(BATCH):
            for message in messages:
                hmac.digest(salt, message, "sha256")
            entry = sha256(CONTENT + number.to_bytes(8, "big")).digest()
            sha256(b"\0" + entry).digest()
            sha256(node).digest()
        done += BATCH
    return done / elapsed


class Durable:
    """Batches to the disk, as the core's log takes them and as bare rows."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database, self._log = database, log
        self._entropy = SystemEntropy()
        self.longest = 0.0
        """The longest time from one signed head to the next while there was load, in seconds."""

    def _entries(self, batch: int) -> list[bytes]:
        drawn = self._entropy.bytes(32 * batch)
        return [drawn[at : at + 32] for at in range(0, len(drawn), 32)]

    async def logged(self, entries: list[bytes]) -> None:
        async with self._database.transaction() as connection:
            await self._log.append(connection, entries)
        self._log.expect(entries[-1:])
        if await self._log.place(entries[-1], 30) is None:
            raise RuntimeError("an entry got no place")
        self._log.forget(entries[-1:])

    async def rows(self, entries: list[bytes]) -> None:
        async with self._database.transaction() as connection:
            await connection.execute("INSERT INTO bare (entry) SELECT * FROM unnest($1::bytea[])", entries)

    async def rate(self, work: Callable[[list[bytes]], Awaitable[None]], batch: int, hands: int) -> float:
        """Entries per second of `hands` that work at once."""
        done = 0
        begun = time.perf_counter()

        async def hand() -> None:
            nonlocal done
            while time.perf_counter() - begun < SECONDS:
                await work(self._entries(batch))
                done += batch

        await asyncio.gather(*(hand() for _ in range(hands)))
        return done / (time.perf_counter() - begun)

    async def watch(self) -> None:
        """See how long a signed head stays the newest."""
        size, since = self._log.size, time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            self.longest = max(self.longest, now - since)
            if self._log.size != size:
                size, since = self._log.size, now


async def durable() -> dict[str, Any]:
    """Rates by batch, those of bare rows beside them, and the longest a head stood."""
    state = Path(tempfile.mkdtemp(prefix="nakadachi-bench-"))
    state.chmod(0o711)
    try:
        async with embedded(state) as server:
            database = await Database.open(await server.create_tenant("bench_ledger"), max_size=6)
            await migrate(database, read_migrations("nakadachi.ledger", part="log", folder="log_sql"))
            async with database.acquire() as connection:
                await connection.execute("CREATE TABLE bare (entry bytea NOT NULL)")
            signer = NoteSigner.from_seed(ORIGIN, bytes(32))
            log = Log(origin=ORIGIN, signer=signer, database=database, clock=SystemClock(), holder="bench")
            await log.start()
            try:
                return await _curve(Durable(database, log), log)
            finally:
                await log.stop()
                await database.close()
    finally:
        rmtree(state)


async def _curve(both: Durable, log: Log) -> dict[str, Any]:
    curve, longest = [], 0.0
    for batch in BATCHES:
        pairs = []
        for _ in range(ROUNDS if batch == BATCH else 2):
            both.longest = 0.0
            watching = asyncio.create_task(both.watch())
            mine = await both.rate(both.logged, batch, HANDS)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            longest = max(longest, both.longest)
            pairs.append((mine, await both.rate(both.rows, batch, 1)))
        mine, rows = (statistics.median(column) for column in zip(*pairs, strict=True))
        curve.append({"batch": batch, "entries_per_second": round(mine), "bare_rows_per_second": round(rows)})
        print(f"batch {batch}: {mine:,.0f} entries, {rows:,.0f} bare rows a second", file=sys.stderr, flush=True)
    return {"durable": curve, "entries": log.size, "longest_between_heads_seconds": round(longest, 3)}


def main() -> None:
    """Measure and write `results/ledger.json`."""
    rounds = [(appends(SECONDS), appends(SECONDS, draw=False), bare(SECONDS)) for _ in range(ROUNDS)]
    value, salted, bound = (statistics.median(column) for column in zip(*rounds, strict=True))
    found = asyncio.run(durable())
    at_once = found["durable"][-1]
    path = report.write(
        "ledger",
        value=value,
        unit="entries a second in one process: commitments, digest, leaf, tree, path and tiles; bound: their HMACs and"
        " SHA-256 bare",
        bound=bound,
        goal_ratio=GOAL_RATIO,
        salts_given=round(salted),
        durable_goal=GOAL_DURABLE,
        durable_ratio=round(at_once["entries_per_second"] / at_once["bare_rows_per_second"], 4),
        **found,
    )
    print(
        f"{path}: {value / bound:.2f} of the bare hashes and MACs (goal {GOAL_RATIO});"
        f" durable {at_once['entries_per_second']:,} a second at batch {BATCH} (goal {GOAL_DURABLE:,})"
    )


if __name__ == "__main__":
    main()
