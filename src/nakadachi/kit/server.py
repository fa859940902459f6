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
from nakadachi.kit.answering import Answering
from nakadachi.kit.batch import Batches
from nakadachi.kit.database import DatabaseAway, retrying
from nakadachi.kit.lanes import Busy, Lanes
from nakadachi.kit.log import logger
from nakadachi.kit.metrics import Metrics
from nakadachi.kit.sender import Sender
from nakadachi.kit.suspect import Suspicions
from nakadachi.kit.turn import Placed, in_turn, keep_handled, kept_meanwhile, unseen
from nakadachi.kit.unit import GivenUp, Handler, Heard, Reply, Unit
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.catalogue import received_by
from nakadachi.telegrams.codec import decode_frame
from nakadachi.telegrams.envelope import Envelope, Lane, Received, Telegram
from nakadachi.telegrams.oversight import ReportOperation
from nakadachi.telegrams.proceeding import check_address
from nakadachi.terms import NodeName, Serial

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from nakadachi.kit.author import Author
    from nakadachi.kit.client import Wire
    from nakadachi.kit.database import Connection, Database
    from nakadachi.kit.peers import Peers
    from nakadachi.kit.retry import RetryConfig
    from nakadachi.kit.unit import Hear
    from nakadachi.telegrams.oversight import Finding

P = TypeVar("P")
I = TypeVar("I")  # noqa: E741  an item of a step
R = TypeVar("R")

MOST_TOGETHER = 2
"""Telegrams of one request that share a transaction; more are handled one after the other."""


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
        retry: RetryConfig,
        handlers: Mapping[type[Telegram], Handler],
        hears: Mapping[type[Telegram], Hear],
        known: Callable[[Any, Sequence[Serial]], Awaitable[Mapping[Serial, Any]]],
        lanes: Lanes | None = None,
        metrics: Metrics | None = None,
        find: Callable[[P, Unit, Sequence[Finding]], Awaitable[Sequence[None]]] | None = None,
    ) -> None:
        if (given := frozenset(handlers)) != (wanted := received_by(author.name.role)):
            lacking = ", ".join(sorted(kind.__name__ for kind in given ^ wanted))
            raise LookupError(f"{author.name.role}: handlers differ from the catalogue: {lacking}")
        self.parts = parts
        self.author = author
        self.peers = peers
        self.database = database
        self.handlers = handlers
        self.metrics = metrics or Metrics(author.name)
        self._known, self._find, self._hears = known, find, hears
        self.lanes = lanes or Lanes()
        self._batches = Batches(self.lanes, self.metrics.batches)
        self.suspicions = Suspicions(author.clock, self._found)
        self.sender = Sender(
            author=author,
            peers=peers,
            database=database,
            wire=wire,
            retry=retry,
            hear=self._hear,
            give_up=self._give_up,
            suspect=self.suspicions.tell,
        )
        self._answering = Answering(parts, author, self.sender, self.suspicions, handlers)

    @property
    def name(self) -> NodeName:
        """The node it is."""
        return self.author.name

    async def receive(self, raw: bytes, hop: NodeName) -> list[Envelope]:
        """A request's bytes to one answer per telegram, in order. Raises Refusal for bytes that are no telegrams (1),
        Busy where too many of their kind are in handling.

        Two telegrams of one request are handled in one transaction, in their order (hops 2 and 3 travel together).
        Raises DatabaseAway: nothing is answered then, so that whoever sent the request sends it again.
        """
        begun = self.metrics.begin()
        self.sender.sign_of_life(hop)
        telegrams = await self._decode(raw, hop)
        header = telegrams[-1].header
        with self.lanes.handling(header.lane, (type(header), header.author == hop)):
            answers = await self._receive(telegrams, hop)
        if isinstance(header, ReportOperation) and header.author == hop and header.says_that_it_ends:
            self.sender.stops(hop)
        return self.metrics.handled(telegrams, answers, begun)

    async def _receive(self, telegrams: Sequence[Received], hop: NodeName) -> list[Envelope]:
        placed: list[Placed | Envelope] = []
        for received in telegrams:
            try:
                verified = self.peers.verify(received)
                placed.append((verified, *check_address(self.name, verified.header, hop)))
            except Refusal as refusal:
                await self.suspicions.tell(hop, refusal)
                placed.append(self._answering.refuse(received.header, refusal))
        good = tuple(one for one in placed if not isinstance(one, Envelope))
        together = [good] if 0 < len(good) <= MOST_TOGETHER else [(one,) for one in good]
        answers = iter([answer for request in together for answer in await self._handle(request)])
        return [one if isinstance(one, Envelope) else next(answers) for one in placed]

    async def _decode(self, raw: bytes, hop: NodeName) -> list[Received]:
        try:
            return decode_frame(raw)
        except Refusal as refusal:
            await self.suspicions.tell(hop, refusal)
            raise

    async def _found(self, finding: Finding) -> None:
        if self._find is not None:
            await self.together(self._find, finding)

    async def together(self, step: Callable[[P, Unit, Sequence[I]], Awaitable[Sequence[R]]], item: I) -> R:
        """Run one of our own steps for `item` in a transaction, shared with others that wait. Raises what it raises."""
        lane = Lane.INTERACTIVE
        result: R = await self._batches.submit(lane, step, lambda items: self._step(step, items, lane), item, 1)
        return result

    async def in_bulk(
        self, step: Callable[[P, Unit, Sequence[I]], Awaitable[Sequence[R]]], items: Sequence[I]
    ) -> Sequence[R]:
        """Run one of our own steps for many items in a transaction of theirs, behind interactive work."""
        async with self.lanes.behind():
            return await self._step(step, items, Lane.BULK)

    async def _handle(self, request: tuple[Placed, ...]) -> list[Envelope]:
        kinds = tuple(type(verified.header) for verified, _, _ in request)
        try:
            weight = sum(len(verified.header.exchanges) for verified, _, _ in request)
            replies = await self._batches.submit(request[0][0].header.lane, kinds, self._transact, request, weight)
            answers = [await self._answering.finish(one, reply) for one, reply in zip(request, replies, strict=True)]
        except (Busy, DatabaseAway):
            raise  # a refusal would be final, and neither a full place nor a restart of the database ends an exchange
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
            unit = self._unit(connection, requests[0][0][0].header.lane)
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
                replies[place] = self._answering.settle(batch[place][0], result)
            await keep_handled(unit, [(batch[place][0], replies[place]) for place in fresh])
        return replies

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

    async def _step(
        self, step: Callable[[P, Unit, Sequence[I]], Awaitable[Sequence[R]]], items: Sequence[I], lane: Lane
    ) -> Sequence[R]:
        async def once() -> tuple[Unit, Sequence[R]]:
            async with self.database.transaction() as connection:
                unit = self._unit(connection, lane)
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
        await self._settled("heard", heard, hear.keep)

    async def _give_up(self, given_up: GivenUp[Any]) -> None:
        """No answer to what we sent, and no more attempts: its effect and the end of the outbox row together."""
        hear = self._hears.get(type(given_up.sent[-1].header))
        await self._settled("given up", given_up, hear.give_up if hear is not None else None)

    async def _settled(
        self, how: str, one: Heard[Any] | GivenUp[Any], keep: Callable[[P, Unit, Any], Awaitable[None]] | None
    ) -> None:
        async def step(parts: P, unit: Unit, items: Sequence[Any]) -> Sequence[None]:
            # An answer may come twice, here or to another instance: it takes effect for whoever ends the row.
            by_id = {one.sent[0].header.id: one for one in items}
            end = outbox.give_up if isinstance(items[0], GivenUp) else outbox.end
            ended = await end(unit.connection, list(by_id), unit.now)
            ours = [one for id_, one in by_id.items() if id_ in ended]
            if keep is not None and ours:
                await keep(parts, unit, ours)
            return [None] * len(items)

        last = one.sent[-1].header
        run = functools.partial(self._step, step, lane=last.lane)
        await self._batches.submit(last.lane, (how, type(last)), run, one, len(last.exchanges))

    def _unit(self, connection: Connection, lane: Lane) -> Unit:
        pause = self.lanes.pace() if lane is Lane.BULK else None
        return Unit(connection, self.author.clock.now(), pause=pause)

    async def start(self) -> None:
        """Send what waited for us to come up, and keep the outbox going."""
        await self.sender.start()

    async def stop(self) -> None:
        """Let what runs end, then give up the connections; what waits stays in the outbox."""
        await self.sender.stop()
        await asyncio.sleep(0)
