"""Sends what the outbox holds: at once after the commit, and again until there is a final answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nakadachi.kit import outbox
from nakadachi.kit.client import Unreachable
from nakadachi.kit.log import logger
from nakadachi.kit.unit import Entry, Heard, entry_of
from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import check_signature, decode_frame
from nakadachi.telegrams.envelope import Answer, Pending, Received, Refused, Verified
from nakadachi.telegrams.proceeding import check_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nakadachi.kit.author import Author
    from nakadachi.kit.client import Wire
    from nakadachi.kit.database import Connection, Database
    from nakadachi.kit.peers import Peers
    from nakadachi.terms import NodeName, TelegramId

OWN_SECONDS = 9.0
"""How long the author of a telegram waits for its answer; longer than any relay behind it."""
PAUSE_SECONDS = 1.0


class Sender:
    """One node's outgoing side. `hear` takes the effect of an answer to what we authored ourselves."""

    def __init__(
        self,
        *,
        author: Author,
        peers: Peers,
        database: Database,
        wire: Wire,
        hear: Callable[[Heard[Any]], Awaitable[None]],
    ) -> None:
        self._author = author
        self._peers = peers
        self._database = database
        self._wire = wire
        self._hear = hear
        self._done: list[TelegramId] = []
        self._tasks: set[asyncio.Task[None]] = set()
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
        async with self._database.transaction() as connection:
            await self.drop_done(connection)
        await self._wire.close()

    def send_soon(self, entry: Entry) -> None:
        """Send an entry whose row is committed."""
        task = asyncio.create_task(self._deliver(entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def post(self, entry: Entry, seconds: float) -> list[Received]:
        """Send once: one answer per telegram. Raises Unreachable where what comes back is not that."""
        raw = await self._wire.post(entry.to, entry.url, entry.frame, seconds=seconds)
        try:
            answers = decode_frame(raw)
        except Refusal as refusal:
            raise Unreachable(f"{entry.to}: {refusal}") from None
        if any(not isinstance(answer.header, Answer) for answer in answers):
            raise Unreachable(f"{entry.to} sent telegrams for an answer")
        return answers

    async def ask(self, telegram: Verified[Any], to: NodeName, url: str) -> Verified[Answer]:
        """Send a telegram that leaves nothing behind if it is lost, and wait for its answer. Raises Unreachable,
        Refusal.
        """
        entry = entry_of((telegram,), to, url)
        (answer,) = self._verified((telegram,), await self.post(entry, OWN_SECONDS))
        if isinstance(answer.header, Refused):
            raise Refusal(answer.header.reason, f"{to} refused")
        return answer

    def done(self, one: TelegramId) -> None:
        """The entry was relayed and answered; its row goes with the next transaction."""
        self._done.append(one)

    async def drop_done(self, connection: Connection) -> None:
        """Forget the rows of entries that are done. Losing this only means sending them once more."""
        if self._done:
            done, self._done = self._done, []
            await outbox.drop(connection, done)

    async def _deliver(self, entry: Entry) -> None:
        sent = entry.telegrams or tuple(
            Verified(received.header, received.envelope) for received in decode_frame(entry.frame)
        )
        own = sent[0].header.author == self._author.name
        try:
            received = await self.post(entry, OWN_SECONDS)
            if any(isinstance(answer.header, Pending) for answer in received):
                raise Unreachable(f"{entry.to}: kept there, not answered yet")
            if not own:
                self.done(entry.id)
                return
            await self._hear(Heard(sent, self._verified(sent, received)))
        except Unreachable as wrong:
            logger().info("send.waits", node=self._author.name.value, peer=entry.to.value, detail=str(wrong))
            if entry.telegrams:
                await self.retry_soon(entry)
        except Refusal as refusal:
            logger().warning(
                "answer.refused", node=self._author.name.value, peer=entry.to.value, reason=refusal.reason.value,
                detail=refusal.detail,
            )  # fmt: skip
        except Exception:  # noqa: BLE001  the row stays, so it is sent again
            logger().exception("send.failed", node=self._author.name.value, peer=entry.to.value)

    async def retry_soon(self, entry: Entry) -> None:
        """The first attempt failed: take it up again soon. Later ones have their own, growing pauses."""
        try:
            async with self._database.acquire() as connection:
                await outbox.retry_soon(connection, entry.id, self._author.clock.now())
        except Exception:  # noqa: BLE001  then it waits for the first, long pause
            logger().exception("outbox.waits", node=self._author.name.value)

    def _verified(self, sent: tuple[Verified[Any], ...], received: list[Received]) -> tuple[Verified[Any], ...]:
        """The answers, each by a node that the directory lists and signed by it. Raises Refusal, Unreachable."""
        if len(received) != len(sent):
            raise Unreachable(f"{len(received)} answers to {len(sent)} telegrams")
        for telegram, answer in zip(sent, received, strict=True):
            check_answer(telegram.header, answer.header)
        return tuple(check_signature(one, self._peers.key(one.header.author)) for one in received)

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                async with self._database.transaction() as connection:
                    await self.drop_done(connection)
                    entries = await outbox.claim(connection, self._author.clock.now())
            except Exception:  # noqa: BLE001  the database may be away for a while
                logger().exception("outbox.waits", node=self._author.name.value)
                continue
            for entry in entries:
                self.send_soon(entry)
