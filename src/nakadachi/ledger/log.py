"""The append-only log of one origin: decide, integrate, answer (design 2.3, 2.4).

A handler's transaction leaves an entry pending. One sequencer per origin, under a fenced lease, gives the entries their
places, commits, then signs the checkpoint, and only then do the waiting answers go out. A restart integrates what is
pending.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from nakadachi.crypto.notes import NoteSigner, sign_note
from nakadachi.kit.log import logger
from nakadachi.kit.waiters import Waiters
from nakadachi.ledger import epochs, log_store
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.proofs import require_whole, with_nodes
from nakadachi.ledger.tiles import fill, load
from nakadachi.ledger.tree import Frontier, append, consistency_proof, inclusion_proof, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nakadachi.kit.clock import Clock
    from nakadachi.kit.database import Connection, Database
    from nakadachi.ledger.tiles import Edge
    from nakadachi.ledger.tree import Fetch

T = TypeVar("T")

LEASE = timedelta(seconds=6)
SHORT_LEASE = timedelta(seconds=3)
"""Where another instance stands ready: losing a lease costs little then, and waiting for one costs answers."""
RENEW_SECONDS = 1.5
TRY_SECONDS = 0.25
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
    """One origin's log. `holder` names this process, and no other, for the lease."""

    def __init__(
        self,
        *,
        origin: str,
        signer: NoteSigner,
        database: Database,
        clock: Clock,
        holder: str,
        lease: timedelta = LEASE,
    ) -> None:
        self.origin = origin
        self._signer = signer
        self._database = database
        self._clock = clock
        self._holder = holder
        self._lease = lease
        self._fence = 0
        self._frontier = Frontier()
        self._edge: Edge = ()
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
        """The newest signed checkpoint, a note."""
        return self._checkpoint

    async def append(self, connection: Connection, entries: Sequence[bytes]) -> None:
        """Leave entries (32 bytes each) pending, in the transaction of the decisions they stand for."""
        await log_store.leave(connection, self.origin, entries)

    def expect(self, entries: Sequence[bytes]) -> None:
        """After that transaction's commit: have them integrated, and their places kept for `place`."""
        for entry in entries:
            self._waiters.expect(entry)
        self._wake.set()

    async def place(self, entry: bytes, seconds: float) -> Place | None:
        """The place of an entry, once it is integrated and the checkpoint signed; None where that takes too long."""
        place = await self._waiters.wait(entry, seconds)
        return place if place is not None else await self.look_up(entry)

    def forget(self, entries: Sequence[bytes]) -> None:
        """Nobody waits for these any more."""
        for entry in entries:
            self._waiters.forget(entry)

    @property
    def holds(self) -> bool:
        """Whether this process holds the log's lease, as far as it knows."""
        return bool(self._fence)

    async def start(self, *, patience: timedelta = timedelta()) -> None:
        """Take the lease, read the tree, integrate what is pending, and go on.

        `patience`: how long to wait for a killed holder's lease to lapse. Raises LeaseTaken if it is held after that,
        OriginClosed where the origin was closed, LogTorn where the tree is not what was cosigned of it.
        """
        await self._begin(tries=int(patience.total_seconds() / TRY_SECONDS) + 1)
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._renew())]

    async def _begin(self, tries: int) -> None:
        while (size := await self._take_lease()) is None:
            tries -= 1
            if tries <= 0:
                raise LeaseTaken(self.origin)
            await asyncio.sleep(TRY_SECONDS)
        async with self._database.acquire() as connection:
            await self._read(connection, size)
            await require_whole(connection, self.origin, size)
        logger().info("log.lease_gained", detail=self.origin, size=size)
        self._wake.set()

    async def stop(self) -> None:
        """Integrate nothing more and give the lease back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._give_back()

    async def _give_back(self) -> None:
        async with self._database.transaction() as connection:
            await log_store.give_back(connection, self.origin, self._fence, self._clock.now())
        self._fence = 0

    # Another instance's log: read, and stood in for while its holder is gone; never started here (decision 0016).

    async def follow(self) -> bool:
        """Take the tree as the database has it now. Returns whether its holder is gone."""
        async with self._database.acquire() as connection:
            row = await log_store.tree(connection, self.origin, self._clock.now())
            if row is None:
                return False
            if row.size != self.size or not self._checkpoint:
                await self._read(connection, row.size)
        return row.lapsed

    async def stand_in(self) -> None:
        """Give places to what a holder that is gone left pending, and give the lease back at once."""
        async with self._database.acquire() as connection:
            if not await log_store.left_behind(connection, self.origin, self._clock.now()):
                return
        if (size := await self._take_lease()) is None:
            return
        try:
            async with self._database.acquire() as connection:
                await self._read(connection, size)
            while await self._turn():
                pass
        finally:
            await self._give_back()

    async def consistency(self, old: int, size: int) -> tuple[bytes, ...]:
        """The proof that the tree of `size` leaves only adds to the tree of `old` leaves."""
        async with self._database.acquire() as connection:
            return await self._with_nodes(connection, lambda fetch: consistency_proof(old, size, fetch))

    async def entries(self) -> list[bytes]:
        """All entries in their order: what an outsider needs to compute the root anew."""
        async with self._database.acquire() as connection:
            return await log_store.entries(connection, self.origin, 0, self.size)

    async def look_up(self, entry: bytes) -> Place | None:
        """The place of an entry that is integrated already; None where it is not."""
        async with self._database.acquire() as connection:
            index = (await log_store.places_in(connection, self.origin, [entry])).get(entry)
            size, checkpoint = self.size, self._checkpoint
            closed = await epochs.closed_entry(connection, entry) if index is None else None
        if closed is not None:  # of an origin that was closed: as it was proven then
            return await self.place_in(closed.index, closed.size, closed.note, closed.origin)
        return await self.place_in(index, size, checkpoint) if index is not None and index < size else None

    async def place_in(self, index: int, size: int, checkpoint: str, origin: str | None = None) -> Place:
        """The place of an entry in the tree of the first `size` entries, whose note is `checkpoint`."""
        async with self._database.acquire() as connection:
            path = await self._with_nodes(connection, lambda fetch: inclusion_proof(index, size, fetch), origin=origin)
        return Place(index, path, checkpoint)

    async def _read(self, connection: Connection, size: int) -> None:
        """Take the tree as the database has it."""
        self._frontier, self._edge = await load(connection, self.origin, size)
        self._sign()

    async def _with_nodes(self, connection: Connection, work: Callable[[Fetch], T], *, origin: str | None = None) -> T:
        return await with_nodes(connection, origin or self.origin, work)

    async def _take_lease(self) -> int | None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            taken = await log_store.take_lease(connection, self.origin, self._holder, now, now + self._lease)
            if taken is None and await epochs.is_closed(connection, self.origin):
                raise epochs.OriginClosed(self.origin)
        if taken is None:
            return None
        size, self._fence = taken
        return size

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS * (self._lease / LEASE))
            self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                if not self._fence:
                    await self._begin(tries=sys.maxsize)
                while await self._turn():
                    pass
            except LeaseTaken:
                # Somebody else took over, perhaps while the database was away: nothing of ours is lost, it is pending.
                logger().error("log.lease_lost", detail=self.origin)
                self._fence = 0
                self._wake.set()
            except Exception:  # noqa: BLE001  what is pending stays so, and is tried again
                logger().exception("log.waits", detail=self.origin)
                await asyncio.sleep(RENEW_SECONDS)
                self._wake.set()

    async def _turn(self) -> bool:
        """Take up what is pending, a checkpoint's worth of it. Returns whether more waits."""
        try:
            return await self._integrate()
        except log_store.GivenAgain:
            return await self._integrate(given_again=True)

    async def _integrate(self, *, given_again: bool = False) -> bool:
        """Give pending entries their places, commit, sign, then tell whoever waits. Returns whether more waits.

        `given_again`: some may have their places already; that is rare, and looked up only then.
        """
        async with self._database.transaction() as connection:
            await self._hold(connection)
            taken = await log_store.take_pending(connection, self.origin, MOST)
            known = await log_store.places_in(connection, self.origin, taken.entries) if given_again else {}
            entries = [entry for entry in dict.fromkeys(taken.entries) if entry not in known]
            first = self._frontier.size
            grown = append(self._frontier, [leaf_hash(entry) for entry in entries])
            edge, full = fill(self._edge, grown)
            if entries:
                write = log_store.write_with_care if given_again else log_store.write
                await write(connection, self.origin, first, entries, full)
        if entries:
            self._frontier, self._edge = grown.frontier, edge
            self._sign()
        for offset, entry in enumerate(entries):
            if entry in self._waiters:
                self._waiters.tell(entry, Place(first + offset, grown.paths[offset], self._checkpoint))
        for entry in known:
            if (place := await self.look_up(entry)) is not None:
                self._waiters.tell(entry, place)
        return taken.more

    async def _hold(self, connection: Connection) -> None:
        """Keep the lease, and the tree's row locked until the commit. Raises LeaseTaken where another took it over."""
        size = await connection.fetchval(
            "UPDATE log_tree SET until = $3 WHERE origin = $1 AND fence = $2 RETURNING size",
            self.origin,
            self._fence,
            self._clock.now() + self._lease,
        )
        if size is None:
            raise LeaseTaken(self.origin)
        if size != self._frontier.size:
            # The answer to our last commit got lost: it took effect.
            await self._read(connection, size)

    def _sign(self) -> None:
        checkpoint = Checkpoint(self.origin, self._frontier.size, self._frontier.root)
        self._checkpoint = sign_note(checkpoint.text(), self._signer).decode()
