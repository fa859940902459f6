"""The append-only log of one origin: decide, integrate, answer (design 2.3, 2.4).

A handler's transaction leaves an entry pending. One sequencer per origin, under a fenced lease, gives the entries their
places, commits, then signs the checkpoint, and only then do the waiting answers go out. A restart integrates what is pending.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from nakadachi.crypto.notes import NoteSigner, sign_note
from nakadachi.kit.log import logger
from nakadachi.kit.waiters import Waiters
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    append_with_proofs,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    load_frontier,
    node_hash,
)

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection
    from collections.abc import Callable, Sequence

    from nakadachi.kit.clock import Clock
    from nakadachi.kit.database import Database
    from nakadachi.ledger.tree import Fetch

T = TypeVar("T")

LEASE = timedelta(seconds=10)
RENEW_SECONDS = 3.0
MOST = 2000
"""Entries of one checkpoint at the most."""


class LeaseTaken(Exception):  # noqa: N818  a state of the world: another process sequences this origin
    """Another process holds this origin's lease."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: its index, its inclusion path, and the signed checkpoint of the tree that holds it."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str


class Log:
    """One origin's log. `holder` names this process for the lease."""

    def __init__(self, *, origin: str, signer: NoteSigner, database: Database, clock: Clock, holder: str) -> None:
        self.origin = origin
        self._signer = signer
        self._database = database
        self._clock = clock
        self._holder = holder
        self._fence = 0
        self._frontier = Frontier()
        self._checkpoint = ""
        self._waiters: Waiters[bytes, Place] = Waiters()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def size(self) -> int:
        """How many entries the log holds."""
        return self._frontier.size

    @property
    def checkpoint(self) -> str:
        """The newest signed checkpoint, a C2SP note."""
        return self._checkpoint

    async def append(self, connection: Connection, entries: Sequence[bytes]) -> None:
        """Leave entries (32 bytes each) pending, in the transaction of the decisions they stand for."""
        await connection.executemany(
            "INSERT INTO log_pending (origin, entry) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [(self.origin, entry) for entry in entries],
        )

    def expect(self, entries: Sequence[bytes]) -> None:
        """After that transaction's commit: have them integrated, and their places kept for `place`."""
        for entry in entries:
            self._waiters.expect(entry)
        self._wake.set()

    async def place(self, entry: bytes, seconds: float) -> Place | None:
        """The place of an entry, once it is integrated and the checkpoint signed; None where that takes too long."""
        place = await self._waiters.wait(entry, seconds)
        return place if place is not None else await self._look_up(entry)

    async def start(self) -> None:
        """Take the lease, read the tree, integrate what is pending, and go on. Raises LeaseTaken."""
        size = await self._take_lease()
        self._frontier = await self._with_nodes(lambda fetch: load_frontier(size, fetch))
        self._sign()
        self._wake.set()
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._renew())]

    async def stop(self) -> None:
        """Integrate nothing more and give the lease back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE log_tree SET until = $3 WHERE origin = $1 AND fence = $2",
                self.origin,
                self._fence,
                self._clock.now(),
            )

    async def consistency(self, old: int) -> tuple[bytes, ...]:
        """The proof that the newest checkpoint's tree only adds to the tree of `old` leaves."""
        size = self.size
        return await self._with_nodes(lambda fetch: consistency_proof(old, size, fetch))

    async def _look_up(self, entry: bytes) -> Place | None:
        async with self._database.transaction() as connection:
            rows = await connection.fetch(
                "SELECT index FROM log_entry WHERE origin = $1 AND entry = $2", self.origin, entry
            )
        size, checkpoint = self.size, self._checkpoint
        if not rows or rows[0]["index"] >= size:
            return None
        index = rows[0]["index"]
        return Place(index, await self._with_nodes(lambda fetch: inclusion_proof(index, size, fetch)), checkpoint)

    async def _with_nodes(self, work: Callable[[Fetch], T]) -> T:
        """Work that fetches whole nodes: once to learn which it wants, then with those read from the database."""
        wanted: list[tuple[int, int]] = []
        work(lambda level, index: wanted.append((level, index)) or EMPTY_ROOT)
        async with self._database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT level, index, hash FROM log_node WHERE origin = $1"
                " AND (level, index) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))",
                self.origin,
                [level for level, _ in wanted],
                [index for _, index in wanted],
            )
        found = {(row["level"], row["index"]): bytes(row["hash"]) for row in rows}
        return work(lambda level, index: found[level, index])

    async def _take_lease(self) -> int:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO log_tree (origin, size, holder, fence, until) VALUES ($1, 0, $2, 0, $3) ON CONFLICT DO NOTHING",
                self.origin,
                self._holder,
                now,
            )
            rows = await connection.fetch(
                "UPDATE log_tree SET holder = $2, fence = fence + 1, until = $4"
                " WHERE origin = $1 AND (until <= $3 OR holder = $2) RETURNING size, fence",
                self.origin,
                self._holder,
                now,
                now + LEASE,
            )
        if not rows:
            raise LeaseTaken(self.origin)
        self._fence = rows[0]["fence"]
        return int(rows[0]["size"])

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while await self._integrate() == MOST:
                    pass
            except LeaseTaken:
                logger().error("log.lease_lost", detail=self.origin)
                return
            except Exception:
                logger().exception("log.waits", detail=self.origin)
                await asyncio.sleep(RENEW_SECONDS)
                self._wake.set()

    async def _integrate(self) -> int:
        """Give pending entries their places, commit, sign, then tell whoever waits. Returns how many there were."""
        async with self._database.transaction() as connection:
            now = self._clock.now()
            held = await connection.fetch(
                "UPDATE log_tree SET until = $3 WHERE origin = $1 AND fence = $2 AND size = $4 RETURNING size",
                self.origin,
                self._fence,
                now + LEASE,
                self._frontier.size,
            )
            if not held:
                raise LeaseTaken(self.origin)
            entries = await self._take_pending(connection)
            leaves = [leaf_hash(entry) for entry in entries]
            if entries:
                await self._write(connection, entries, new_nodes(self._frontier, leaves))
        if not entries:
            return 0
        first = self._frontier.size
        self._frontier, _, paths = append_with_proofs(self._frontier, leaves)
        self._sign()
        for offset, entry in enumerate(entries):
            self._waiters.tell(entry, Place(first + offset, paths[offset], self._checkpoint))
        return len(entries)

    async def _take_pending(self, connection: Connection) -> list[bytes]:
        rows = await connection.fetch(
            "DELETE FROM log_pending WHERE origin = $1 AND entry IN"
            " (SELECT entry FROM log_pending WHERE origin = $1 ORDER BY placed LIMIT $2) RETURNING entry, placed",
            self.origin,
            MOST,
        )
        return [bytes(row["entry"]) for row in sorted(rows, key=lambda row: row["placed"])]

    async def _write(self, connection: Connection, entries: Sequence[bytes], nodes: Sequence[tuple[int, int, bytes]]) -> None:
        first = self._frontier.size
        await connection.executemany(
            "INSERT INTO log_entry (origin, entry, index) VALUES ($1, $2, $3)",
            [(self.origin, entry, first + offset) for offset, entry in enumerate(entries)],
        )
        await connection.executemany(
            "INSERT INTO log_node (origin, level, index, hash) VALUES ($1, $2, $3, $4)",
            [(self.origin, level, index, hash_) for level, index, hash_ in nodes],
        )
        await connection.execute(
            "UPDATE log_tree SET size = $2 WHERE origin = $1", self.origin, first + len(entries)
        )

    def _sign(self) -> None:
        checkpoint = Checkpoint(self.origin, self._frontier.size, self._frontier.root)
        self._checkpoint = sign_note(checkpoint.text(), self._signer).decode()


def new_nodes(before: Frontier, leaves: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
    """The whole nodes (level, index, hash) that appending `leaves` completes, the leaves themselves being level 0."""
    edge = {level: hash_ for level, hash_ in zip(_levels(before.size), before.hashes, strict=True)}
    nodes: list[tuple[int, int, bytes]] = []
    level, first, hashes = 0, before.size, list(leaves)
    while hashes:
        nodes += [(level, first + offset, hash_) for offset, hash_ in enumerate(hashes)]
        if first % 2:
            hashes.insert(0, edge[level])
        pairs = iter(hashes)
        hashes = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=False)]
        level, first = level + 1, first // 2
    return nodes


def _levels(size: int) -> list[int]:
    """The levels of a frontier's hashes: one for each bit set in the size, the largest first."""
    return [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]
