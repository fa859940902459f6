"""証跡提供: a node hands over its records to the Commission, numbered without a gap (C15, A1; decision 0037).

Whoever gives numbers holds the trail's one row until the commit. One telegram is under way at a time: what happens
meanwhile goes in the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from nakadachi.kit.log import logger
from nakadachi.ledger import trail_book
from nakadachi.ledger.trail_book import Batch
from nakadachi.ledger.trail_book import keep as keep
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Lane
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.trail import HandOverTrail, TrailEntry, TrailKept
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nakadachi.kit.author import Author
    from nakadachi.kit.unit import Asked, Heard, Reply, Unit
    from nakadachi.ledger.edition import Edition
    from nakadachi.ledger.records import Record
    from nakadachi.ledger.trail_book import Book
    from nakadachi.telegrams.trail import AskTrail

MOST_BYTES = 2 * 1024 * 1024
"""Of the entries of one telegram, as JSON: half of what a header may have."""
REST = timedelta(minutes=1)
"""How long nothing is handed over after a telegram that the Commission refused."""


class Telling(Protocol):
    """The parts of a node that hands over its trail."""

    @property
    def author(self) -> Author:
        """The node's hand."""

    @property
    def edition(self) -> Edition:
        """Law book and directory in use."""


Describe = Callable[[Any, Any, Any], Awaitable[list[TrailEntry | None]]]
"""What records say to the Commission, one for each; None for one that cannot be told yet."""


def entry_of(record: Record, **own: Any) -> TrailEntry:
    """A record as the Commission is told it; `own` is what only its author's kind of system adds or says otherwise."""
    return TrailEntry(
        serial=record.serial,
        event=record.event,
        at=record.at,
        prefix=record.prefix,
        requested_at=record.requested_at,
        provided_at=record.provided_at,
        reason=record.reason,
        leaf=record.leaf,
        ending=record.ending,
        withheld=record.by.withheld,
        **own,
    )


def hash_of(entry: TrailEntry) -> bytes:
    """The SHA-256 of an entry's JSON."""
    return hashlib.sha256(encode_json(entry)).digest()


def running(before: bytes, hashes: Iterable[bytes]) -> bytes:
    """連鎖ダイジェスト: the running digest behind entries of these hashes, `before` the one in front of them."""
    for one in hashes:
        before = hashlib.sha256(before + one).digest()
    return before


async def hand_over(parts: Telling, unit: Unit, describe: Describe) -> int:
    """証跡提供: send what the Commission lacks, else give numbers to what has none yet. Returns how many entries go."""
    book = await trail_book.lock(unit.connection, wait=False)
    if book is None or book.under_way is not None or (book.rests_until or unit.now) > unit.now:
        return 0
    batch = None
    if book.sent < book.last:
        batch = await trail_book.batch_with(unit.connection, book.sent + 1)
    batch = batch or await _numbered(parts, unit, book, describe)
    if batch is None:
        return 0
    peers, own = parts.edition.peers, parts.author.name
    commission = peers.the(Role.COMMISSION)
    way = NodeName.of(Role.INTERFACE, own.organisation) if own.role is Role.INTERMEDIATE else commission
    telegram = parts.author.write(
        HandOverTrail,
        to=commission,
        lane=Lane.BULK,
        first=batch.first,
        entries=batch.entries,
        before=batch.before,
        after=batch.after,
    )
    unit.send(telegram, to=way, url=peers.url(way))
    await trail_book.under_way(unit.connection, telegram.header.id)
    return len(batch.entries)


async def _numbered(parts: Telling, unit: Unit, book: Book, describe: Describe) -> Batch | None:
    records = await trail_book.pending(unit.connection, most=ITEMS_LIMIT)
    entries: list[TrailEntry] = []
    hashes, size = [], 0
    async for entry in unit.each(await describe(parts, unit, records) if records else ()):
        if entry is None:
            continue
        written = encode_json(entry)
        size += len(written)
        if size > MOST_BYTES and entries:
            break
        entries.append(entry)
        hashes.append(hashlib.sha256(written).digest())
    if not entries:
        return None
    batch = Batch(book.last + 1, book.digest, running(book.digest, hashes), tuple(entries))
    await trail_book.number(unit.connection, batch)
    return batch


async def hear_kept(parts: Telling, unit: Unit, heard: Sequence[Heard[HandOverTrail]]) -> None:
    """証跡受領: go on from the number that the Commission waits for.

    Where it has more than we ever gave, or other entries under our numbers, we were restored from a backup: what it
    has stands, and we go on behind it.
    """
    for one in heard:
        sent, answer = one.sent[0].header, one.answers[0].header
        book = await trail_book.lock(unit.connection, wait=True)
        if book is None or book.under_way != sent.id.value:
            continue
        if not isinstance(answer, TrailKept):
            logger().warning("trail.refused", node=parts.author.name.value, detail=type(answer).__name__)
            await trail_book.go_on(unit.connection, book.sent, rests_until=unit.now + REST)
            continue
        known = answer.following - 1
        if answer.contradicts is not None or known > book.last:
            logger().error("trail.contradicted", node=parts.author.name.value, count=sent.last - sent.first + 1)
            await trail_book.begin_again(
                unit.connection,
                contradicted=answer.contradicts or book.last + 1,
                last=known,
                digest=answer.digest,
            )
            continue
        await trail_book.go_on(unit.connection, known)


async def tell_again(parts: Telling, unit: Unit, asked: Sequence[Asked[AskTrail]]) -> list[Reply]:
    """証跡要求: the Commission wants the entries from a number on; they go with the next turns."""
    for one in asked:
        book = await trail_book.lock(unit.connection, wait=True)
        if book is not None:
            await trail_book.go_on(unit.connection, min(book.sent, one.header.first - 1))
    return [parts.author.answer(Noted, one.telegram) for one in asked]
