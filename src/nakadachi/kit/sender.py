"""Sends what the outbox holds: at once after the commit, and again until there is a final answer or it is given up.

A destination that cannot be connected to is parked as a whole: nothing but a probe goes there until it gives a sign of
life, and then all that waits for it is due at once (I7, I8).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nakadachi.kit import outbox
from nakadachi.kit.client import Unreachable
from nakadachi.kit.log import logger
from nakadachi.kit.retry import Parking
from nakadachi.kit.unit import Entry, GivenUp, Heard, entry_of
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_frame
from nakadachi.telegrams.envelope import Answer, Lane, Pending, Received, Refused, Verified
from nakadachi.telegrams.proceeding import check_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from nakadachi.kit.author import Author
    from nakadachi.kit.client import Wire
    from nakadachi.kit.database import Connection, Database
    from nakadachi.kit.peers import Peers
    from nakadachi.kit.retry import RetryConfig
    from nakadachi.terms import NodeName, TelegramId

OWN_SECONDS = 9.0
"""How long the author of a telegram waits for its answer; longer than any relay behind it."""
PAUSE_SECONDS = 1.0
MOST_REPEATED = 32
"""Repetitions of one lane under way at the same time, so that a long backlog neither floods a peer that just came up
nor starves the other lane.
"""


class Sender:
    """One node's outgoing side. `hear` takes the effect of an answer to what we authored ourselves, `give_up` that of
    none.
    """

    def __init__(
        self,
        *,
        author: Author,
        peers: Peers,
        database: Database,
        wire: Wire,
        retry: RetryConfig,
        hear: Callable[[Heard[Any]], Awaitable[None]],
        give_up: Callable[[GivenUp[Any]], Awaitable[None]],
        suspect: Callable[..., Awaitable[None]],
    ) -> None:
        self._author = author
        self._peers = peers
        self._database = database
        self._wire = wire
        self._rules = retry
        self._hear = hear
        self._give_up = give_up
        self._parking = Parking(retry.connect)
        self._suspect = suspect
        self._done: list[TelegramId] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._repeated: dict[Lane, set[asyncio.Task[None]]] = {lane: set() for lane in Lane}
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what waits from before, and then whatever falls due."""
        async with self._database.transaction() as connection:
            await outbox.hurry(connection, self._author.clock.now())
        self._loop = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End; what is not answered stays in the outbox."""
        tasks = [*self._tasks, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with self._database.transaction() as connection:
                await self.drop_done(connection)
        finally:
            await self._wire.close()

    @property
    def parked(self) -> list[NodeName]:
        """Destinations that nothing but a probe goes to."""
        return self._parking.parked

    def send_soon(self, entry: Entry) -> None:
        """Send an entry whose row is committed; one to a parked destination waits in the outbox."""
        if not self._parking.is_parked(entry.to):
            self._spawn(self._deliver(entry))

    async def post(self, entry: Entry, seconds: float) -> list[Received]:
        """Send once: one answer per telegram. Raises Unreachable where what comes back is not that, or says that the
        other side failed: that is no answer that would stay.
        """
        try:
            raw = await self._wire.post(entry.to, entry.url, entry.frame, seconds=seconds)
        except Unreachable as wrong:
            if not wrong.connected and self._parking.failed(entry.to, self._author.clock.now()):
                logger().warning("peer.parked", node=self._author.name.value, peer=entry.to.value)
            raise
        self.sign_of_life(entry.to)
        try:
            answers = decode_frame(raw)
        except Refusal as refusal:
            serials = [serial for one in entry.telegrams for serial in one.header.exchanges]
            await self._suspect(entry.to, refusal, next(iter(serials), None))
            raise Unreachable(f"{entry.to}: {refusal}") from None
        if any(not isinstance(answer.header, Answer) for answer in answers):
            raise Unreachable(f"{entry.to} sent telegrams for an answer")
        if any(isinstance(answer.header, Refused) and answer.header.reason is Reason.INTERNAL for answer in answers):
            # It failed there, perhaps only after its commit: what came of it, a repetition will tell.
            raise Unreachable(f"{entry.to} failed")
        return answers

    async def relay(self, entry: Entry, seconds: float) -> list[Received] | None:
        """Pass on an entry whose row is committed; None where it waits in the outbox."""
        if self._parking.is_parked(entry.to):
            return None
        try:
            answers = await self.post(entry, seconds)
        except Unreachable as wrong:
            logger().info("relay.waits", node=self._author.name.value, peer=entry.to.value, detail=str(wrong))
            await self.retry_soon(entry, wrong.retry_after)
            return None
        if not isinstance(answers[0].header, Pending):
            self._done.append(entry.id)
        return answers

    async def ask(self, telegram: Verified[Any], to: NodeName, url: str) -> Verified[Answer]:
        """Send a telegram that leaves nothing behind if it is lost, and wait for its answer. Raises Unreachable,
        Refusal.
        """
        entry = entry_of((telegram,), to, url)
        received = await self.post(entry, OWN_SECONDS)
        try:
            (answer,) = self._verified((telegram,), received)
        except Refusal as refusal:
            # What is no answer to this telegram says nothing about it: it is as if none had come.
            await self._suspect(to, refusal, None)
            raise Unreachable(f"{to}: what came back is no answer to what was asked") from None
        if isinstance(answer.header, Refused):
            raise Refusal(answer.header.reason, f"{to} refused")
        return answer

    def done(self, one: TelegramId) -> None:
        """The entry was answered; its row goes with the next transaction."""
        self._done.append(one)

    def sign_of_life(self, peer: NodeName) -> None:
        """`peer` answered or asked: if it was parked, all that waits for it is due now (再送処理, I8)."""
        if self._parking.heard(peer):
            logger().warning("peer.back", node=self._author.name.value, peer=peer.value)
            self._spawn(self._hurry(peer))

    def stops(self, peer: NodeName) -> None:
        """`peer` said that it stops: what is for it waits until it is back (稼働状況通知, I9)."""
        self._parking.stopped(peer, self._author.clock.now())
        logger().info("peer.parked", node=self._author.name.value, peer=peer.value)

    async def drop_done(self, connection: Connection) -> None:
        """Forget the rows of entries that are done. Losing this only means sending them once more."""
        if self._done:
            done, self._done = self._done, []
            await outbox.drop(connection, done)

    async def retry_soon(self, entry: Entry, after: float | None = None) -> None:
        """The first attempt failed: take it up again soon, or after the seconds that the other side named. Later ones
        have their own, growing pauses.
        """
        pause = timedelta(seconds=after) if after is not None else outbox.SHORT_PAUSE
        try:
            async with self._database.acquire() as connection:
                await outbox.retry_at(connection, entry.id, self._author.clock.now() + pause)
        except Exception:  # noqa: BLE001  then it waits for the first, long pause
            logger().exception("outbox.waits", node=self._author.name.value)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _hurry(self, peer: NodeName) -> None:
        try:
            async with self._database.acquire() as connection:
                await outbox.hurry(connection, self._author.clock.now(), peer)
        except Exception:  # noqa: BLE001  then each waits for its own pause
            logger().exception("outbox.waits", node=self._author.name.value)

    async def _deliver(self, entry: Entry) -> None:
        try:
            sent = _sent(entry)
            received = await self.post(entry, OWN_SECONDS)
            if any(isinstance(answer.header, Pending) for answer in received):
                raise Unreachable(f"{entry.to}: kept there, not answered yet")
            if sent[0].header.author != self._author.name:
                self.done(entry.id)
                return
            await self._hear(Heard(sent, self._verified(sent, received)))
        except Unreachable as wrong:
            logger().info("send.waits", node=self._author.name.value, peer=entry.to.value, detail=str(wrong))
            if entry.telegrams or wrong.retry_after is not None:
                await self.retry_soon(entry, wrong.retry_after)
        except Refusal as refusal:
            await self._suspect(entry.to, refusal, next(iter(sent[-1].header.exchanges), None))
            logger().warning(
                "answer.refused", node=self._author.name.value, peer=entry.to.value, reason=refusal.reason.value,
                detail=refusal.detail,
            )  # fmt: skip
            if entry.telegrams:
                await self.retry_soon(entry)  # what came back is no answer: the true one may still come
        except Exception:  # noqa: BLE001  the row stays, so it is sent again
            logger().exception("send.failed", node=self._author.name.value, peer=entry.to.value)

    def _verified(self, sent: tuple[Verified[Any], ...], received: list[Received]) -> tuple[Verified[Any], ...]:
        """The answers, each by a node that the directory lists and signed by it. Raises Refusal, Unreachable."""
        if len(received) != len(sent):
            raise Unreachable(f"{len(received)} answers to {len(sent)} telegrams")
        for telegram, answer in zip(sent, received, strict=True):
            check_answer(telegram.header, answer.header)
        return tuple(self._peers.verify(one) for one in received)

    async def _work(self) -> None:
        while True:
            busy = [task for tasks in self._repeated.values() if len(tasks) >= MOST_REPEATED for task in tasks]
            if busy:
                await asyncio.wait(busy, timeout=PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self._turn()
            except Exception:  # noqa: BLE001  the database may be away for a while
                logger().exception("outbox.waits", node=self._author.name.value)

    async def _turn(self) -> None:
        """Give up what is over, repeat what is due, probe what is parked."""
        now = self._author.clock.now()
        async with self._database.transaction() as connection:
            await self.drop_done(connection)
            over = await outbox.given_up(connection, now, rules=self._rules)
            claimed: list[Entry] = []
            for lane, tasks in self._repeated.items():
                free = MOST_REPEATED - len(tasks)
                parked = self._parking.parked
                claimed += await outbox.claim(connection, now, rules=self._rules, lane=lane, parked=parked, most=free)
            for peer in self._parking.due(now):
                claimed += await self._probe(connection, now, peer)
        for entry in over:
            self._spawn(self._end(entry))
        for entry in claimed:
            task = self._spawn(self._deliver(entry))
            self._repeated[entry.lane].add(task)
            task.add_done_callback(self._repeated[entry.lane].discard)

    async def _probe(self, connection: Connection, now: datetime, peer: NodeName) -> list[Entry]:
        for lane in Lane:
            if found := await outbox.claim(connection, now, rules=self._rules, lane=lane, only=peer, most=1):
                return found
        # Nothing waits for it, so nothing could show that it is back: the next one sent will.
        self._parking.heard(peer)
        return []

    async def _end(self, entry: Entry) -> None:
        """Nobody waits for an answer any more: the author closes what it was for, a relay forgets it."""
        logger().warning("send.given_up", node=self._author.name.value, peer=entry.to.value)
        try:
            sent = _sent(entry)
            if sent[0].header.author == self._author.name:
                await self._give_up(GivenUp(sent))
            else:
                self.done(entry.id)
        except Exception:  # noqa: BLE001  the row stays, so it is given up again
            logger().exception("send.failed", node=self._author.name.value, peer=entry.to.value)


def _sent(entry: Entry) -> tuple[Verified[Any], ...]:
    """The telegrams of an entry, as we signed or verified them when it was kept."""
    if entry.telegrams:
        return entry.telegrams
    return tuple(Verified(received.header, received.envelope) for received in decode_frame(entry.frame))
