"""The one path of every telegram into a system (design section 5).

(1) size and form, (2) the hop's certificate and the author's signature, (3) addressed to us by a role that may, (4)
in turn,
(5) the handler inside one transaction, (6) commit change, record and outbox, (7) forward or answer.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nakadachi.kit import outbox
from nakadachi.kit.batch import Batcher
from nakadachi.kit.client import Unreachable
from nakadachi.kit.database import retrying
from nakadachi.kit.log import logger
from nakadachi.kit.sender import Sender
from nakadachi.kit.turn import Placed, in_turn, keep_handled, kept_meanwhile, unseen
from nakadachi.kit.unit import Entry, Forward, Handler, Heard, Reply, Unit, entry_of
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.catalogue import received_by
from nakadachi.telegrams.codec import check_signature, decode_frame
from nakadachi.telegrams.envelope import Envelope, Pending, Telegram, Verified
from nakadachi.telegrams.proceeding import check_address, stops_left
from nakadachi.terms import NodeName, Serial

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from nakadachi.kit.author import Author
    from nakadachi.kit.client import Wire
    from nakadachi.kit.database import Database
    from nakadachi.kit.peers import Peers
    from nakadachi.kit.unit import Hear

P = TypeVar("P")
I = TypeVar("I")  # noqa: E741  an item of a step
R = TypeVar("R")

MOST_TOGETHER = 2
"""Telegrams of one request that share a transaction; more are handled one after the other."""
HOP_SECONDS = 5.0
LEG_SECONDS = 1.0
"""A leg waits five seconds, and one more for every leg that is still behind it, so that deadlines nest (design 2.8)."""


class System(Generic[P]):
    """One running system: its handlers and what they share. It begins with `start` and ends with `stop`."""

    def __init__(
        self,
        *,
        parts: P,
        author: Author,
        peers: Peers,
        database: Database,
        wire: Wire,
        handlers: Mapping[type[Telegram], Handler],
        hears: Mapping[type[Telegram], Hear],
        known: Callable[[Any, Sequence[Serial]], Awaitable[Mapping[Serial, Any]]],
    ) -> None:
        if (given := frozenset(handlers)) != (wanted := received_by(author.name.role)):
            lacking = ", ".join(sorted(kind.__name__ for kind in given ^ wanted))
            raise LookupError(f"{author.name.role}: handlers differ from the catalogue: {lacking}")
        self.parts = parts
        self.author = author
        self.peers = peers
        self.database = database
        self.handlers = handlers
        self._known = known
        self._batchers: dict[object, Batcher[Any, Any]] = {}
        self.sender = Sender(author=author, peers=peers, database=database, wire=wire, hear=self._hear)
        self._hears = hears

    @property
    def name(self) -> NodeName:
        """The node it is."""
        return self.author.name

    async def receive(self, raw: bytes, hop: NodeName) -> list[Envelope]:
        """A request's bytes to one answer per telegram, in order. Raises Refusal for bytes that are no telegrams (1).

        Two telegrams of one request are handled in one transaction, in their order (hops 2 and 3 travel together).
        """
        placed: list[Placed | Envelope] = []
        for received in decode_frame(raw):
            try:
                verified = check_signature(received, self.peers.key(received.header.author))
                placed.append((verified, *check_address(self.name, verified.header, hop)))
            except Refusal as refusal:
                placed.append(self._refuse(received.header, refusal))
        good = tuple(one for one in placed if not isinstance(one, Envelope))
        together = [good] if 0 < len(good) <= MOST_TOGETHER else [(one,) for one in good]
        answers = iter([answer for request in together for answer in await self._handle(request)])
        return [one if isinstance(one, Envelope) else next(answers) for one in placed]

    async def together(self, step: Callable[[P, Unit, Sequence[I]], Awaitable[Sequence[R]]], item: I) -> R:
        """Run one of our own steps for `item` in a transaction, shared with others that wait. Raises what it raises."""
        result: R = await self._batcher(step, lambda items: self._step(step, items)).submit(item)
        return result

    async def _handle(self, request: tuple[Placed, ...]) -> list[Envelope]:
        kinds = tuple(type(verified.header) for verified, _, _ in request)
        try:
            batcher = self._batcher((kinds, request[0][0].header.lane), self._transact)
            replies = await batcher.submit(request)
            answers = [await self._finish(one, reply) for one, reply in zip(request, replies, strict=True)]
        except Exception:  # noqa: BLE001  outside it is INTERNAL, inside a traceback
            names = ", ".join(kind.__name__ for kind in kinds)
            logger().exception("telegram.failed", node=self.name.value, telegram=names)
            wrong = Refusal(Reason.INTERNAL, "see the log")
            return [self.author.refuse(verified, wrong).envelope for verified, _, _ in request]
        return answers

    async def _transact(self, requests: Sequence[tuple[Placed, ...]]) -> list[list[Reply]]:
        """Steps (4) to (6) for many requests of the same kinds; those that touch the same thing wait for the next
        round.
        """
        replies: dict[int, list[Reply]] = {}
        waiting = list(range(len(requests)))
        while waiting:
            touched: set[object] = set()
            chosen = []
            for place in waiting:
                keys = {
                    key
                    for verified, _, _ in requests[place]
                    for key in (verified.header.id, *verified.header.exchanges)
                }
                if not keys & touched:
                    chosen.append(place)
                touched |= keys
            work = functools.partial(self._round, [requests[place] for place in chosen])
            results = await retrying(work, look_again=True)
            replies.update(zip(chosen, results, strict=True))
            waiting = [place for place in waiting if place not in replies]
        return [replies[place] for place in range(len(requests))]

    async def _round(self, requests: Sequence[tuple[Placed, ...]]) -> list[list[Reply]]:
        """One transaction: the first telegram of every request, then the second, and so on."""
        columns: list[list[Reply]] = []
        async with self.database.transaction() as connection:
            unit = Unit(connection, self.author.clock.now())
            columns.extend([await self._keep(unit, batch) for batch in zip(*requests, strict=True)])
            await self._flush(unit)
        self._committed(unit)
        return [list(row) for row in zip(*columns, strict=True)]

    async def _keep(self, unit: Unit, batch: Sequence[Placed]) -> list[Reply]:
        """Steps (4) and (5) for telegrams of one kind."""
        replies: list[Reply] = [None] * len(batch)
        handler = self.handlers[type(batch[0][0].header)]
        fresh = await unseen(unit, batch, replies)
        serials = [serial for place in fresh for serial in batch[place][0].header.exchanges]
        known = await self._known(unit.connection, serials) if serials else {}
        looked = fresh
        fresh, asked = in_turn(batch, fresh, known, replies)
        if refused := [place for place in looked if place not in fresh]:
            await kept_meanwhile(unit, batch, refused, replies)
        if asked:
            results = await handler.keep(self.parts, unit, asked)
            for place, result in zip(fresh, results, strict=True):
                replies[place] = self._settle(batch[place][0], result)
            await keep_handled(unit, [(batch[place][0], replies[place]) for place in fresh])
        return replies

    def _settle(self, verified: Verified[Any], reply: Reply) -> Reply:
        """A refusal of the handler is final: it is signed and kept like any answer."""
        if isinstance(reply, Refusal):
            self._log_refusal(verified.header, reply)
            return self.author.refuse(verified, reply)
        return reply

    async def _flush(self, unit: Unit) -> None:
        if unit.outgoing:
            await outbox.keep(unit.connection, unit.outgoing, unit.now)
        await self.sender.drop_done(unit.connection)

    def _committed(self, unit: Unit) -> None:
        """After the commit: wake whoever waits, and send what we authored ourselves; a relay sends in (7)."""
        for tell in unit.after_commit:
            tell()
        for entry in unit.outgoing:
            if entry.telegrams[0].header.author == self.name:
                self.sender.send_soon(entry)

    async def _finish(self, one: Placed, reply: Reply) -> Envelope:
        """(7): forward or answer."""
        verified, line, here = one
        if isinstance(reply, Verified):
            return reply.envelope
        if isinstance(reply, Refusal):
            return self._refuse(verified.header, reply)
        answer: Envelope | None = None
        if isinstance(reply, Forward):
            seconds = HOP_SECONDS + LEG_SECONDS * stops_left(line, here)
            answer = await self._relay(entry_of((verified,), reply.to, reply.url), seconds)
        elif (finish := self.handlers[type(verified.header)].finish) is not None:
            answer = await finish(self.parts, verified)
        return answer or self.author.answer(Pending, verified).envelope

    def _refuse(self, header: Telegram, refusal: Refusal) -> Envelope:
        self._log_refusal(header, refusal)
        return self.author.refuse(header, refusal).envelope

    async def _relay(self, entry: Entry, seconds: float) -> Envelope | None:
        try:
            answers = await self.sender.post(entry, seconds)
        except Unreachable as wrong:
            logger().info("relay.waits", node=self.name.value, peer=entry.to.value, detail=str(wrong))
            await self.sender.retry_soon(entry)
            return None
        if not isinstance(answers[0].header, Pending):
            self.sender.done(entry.id)
        return answers[0].envelope

    async def _step(
        self, step: Callable[[P, Unit, Sequence[I]], Awaitable[Sequence[R]]], items: Sequence[I]
    ) -> Sequence[R]:
        async def once() -> tuple[Unit, Sequence[R]]:
            async with self.database.transaction() as connection:
                unit = Unit(connection, self.author.clock.now())
                results = await step(self.parts, unit, items)
                await self._flush(unit)
            return unit, results

        unit, results = await retrying(once, look_again=True)
        self._committed(unit)
        return results

    async def _hear(self, heard: Heard[Any]) -> None:
        """A final answer to what we sent: its effect and the end of the outbox row in one transaction."""
        kind = type(heard.sent[-1].header)
        hear = self._hears.get(kind)
        if hear is None or (hear.matters is not None and not hear.matters(heard)):
            self.sender.done(heard.sent[0].header.id)
            return

        async def step(parts: P, unit: Unit, items: Sequence[Any]) -> Sequence[None]:
            # An answer may be heard twice, here or by another instance: it takes effect for whoever ends the row.
            by_id = {one.sent[0].header.id: one for one in items}
            ended = await outbox.drop(unit.connection, list(by_id))
            if ours := [one for id_, one in by_id.items() if id_ in ended]:
                await hear.keep(parts, unit, ours)
            return [None] * len(items)

        await self._batcher(("heard", kind), lambda items: self._step(step, items)).submit(heard)

    def _batcher(self, key: object, run: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]) -> Batcher[Any, Any]:
        if key not in self._batchers:
            self._batchers[key] = Batcher(run)
        return self._batchers[key]

    def _log_refusal(self, header: Telegram, refusal: Refusal) -> None:
        logger().info(
            "telegram.refused",
            node=self.name.value,
            telegram=type(header).__name__,
            peer=header.author.value,
            reason=refusal.reason.value,
            detail=refusal.detail,
        )

    async def start(self) -> None:
        """Send what waited for us to come up, and keep the outbox going."""
        await self.sender.start()

    async def stop(self) -> None:
        """Let what runs end, then give up the connections; what waits stays in the outbox."""
        await self.sender.stop()
        await asyncio.sleep(0)
