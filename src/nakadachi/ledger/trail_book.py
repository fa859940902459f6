"""SQL on a node's own trail: which records have no number yet, what was handed over, and how far the Commission is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.ledger.records import KEEP, Record, of_row, values_of
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.trail import TrailEntry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.terms import TelegramId

_KEEP = f"WITH kept AS ({KEEP} RETURNING *) INSERT INTO trail_pending (serial, event) SELECT serial, event FROM kept"  # noqa: S608  ours


@dataclass(frozen=True, slots=True)
class Book:
    """How far the trail is: numbers given, the running digest behind them, numbers that the Commission has, the
    telegram under way, and until when nothing is sent.
    """

    last: int
    digest: bytes
    sent: int
    under_way: str | None
    rests_until: datetime | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that were given numbers together, from `first` on, with the running digest before and after them."""

    first: int
    before: bytes
    after: bytes
    entries: tuple[TrailEntry, ...]

    @property
    def last(self) -> int:
        """The number of the last entry."""
        return self.first + len(self.entries) - 1


async def keep(connection: Connection, records: Sequence[Record]) -> None:
    """Add records, each with its place among those that are to get a number; the same event is kept once."""
    await connection.executemany(_KEEP, [values_of(one) for one in records])


async def lock(connection: Connection, *, wait: bool) -> Book | None:
    """The trail, held until the commit: numbers are given by one at a time. None where another holds it."""
    how = "" if wait else " SKIP LOCKED"
    row = await connection.fetchrow(
        f"SELECT last, digest, sent, under_way, rests_until FROM trail WHERE id = 1 FOR UPDATE{how}"  # noqa: S608  ours
    )
    return None if row is None else Book(**(dict(row) | {"digest": bytes(row["digest"])}))


async def pending(connection: Connection, *, most: int) -> list[Record]:
    """Records that have no number yet, in the order in which they were kept."""
    rows = await connection.fetch(
        "SELECT record.* FROM trail_pending JOIN record USING (serial, event) ORDER BY placed LIMIT $1", most
    )
    return [of_row(row) for row in rows]


async def number(connection: Connection, batch: Batch) -> None:
    """Entries get their numbers, for good."""
    await connection.execute(
        "DELETE FROM trail_pending WHERE (serial, event) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        [one.serial.value for one in batch.entries],
        [one.event.value for one in batch.entries],
    )
    await connection.execute(
        "INSERT INTO trail_batch (first, last, before, after, entries) VALUES ($1, $2, $3, $4, $5)",
        batch.first,
        batch.last,
        batch.before,
        batch.after,
        encode_json(batch.entries),
    )
    await connection.execute("UPDATE trail SET last = $1, digest = $2 WHERE id = 1", batch.last, batch.after)


async def batch_with(connection: Connection, wanted: int) -> Batch | None:
    """The entries that got their numbers together with this one, or the next that are still here."""
    row = await connection.fetchrow(
        "SELECT first, before, after, entries FROM trail_batch WHERE last >= $1 ORDER BY last LIMIT 1", wanted
    )
    return None if row is None else _batch(row)


async def left(connection: Connection) -> int:
    """How many entries the Commission does not have yet, as far as is known here."""
    waiting: int = await connection.fetchval(
        "SELECT (SELECT count(*) FROM trail_pending) + (SELECT last - sent FROM trail WHERE id = 1)"
    )
    return waiting


async def under_way(connection: Connection, telegram: TelegramId) -> None:
    """A telegram is on its way to the Commission."""
    await connection.execute("UPDATE trail SET under_way = $1 WHERE id = 1", telegram.value)


async def go_on(connection: Connection, sent: int, *, rests_until: datetime | None = None) -> None:
    """The Commission has the entries up to number `sent`; what follows may go, at once or after a rest."""
    await connection.execute(
        "UPDATE trail SET sent = $1, under_way = NULL, rests_until = $2 WHERE id = 1", sent, rests_until
    )


async def begin_again(connection: Connection, *, contradicted: int, last: int, digest: bytes) -> None:
    """番号の付け直し: entries from number `contradicted` on are to get other numbers, behind what it has."""
    rows = await connection.fetch(
        "DELETE FROM trail_batch WHERE last >= $1 RETURNING first, before, after, entries", contradicted
    )
    for batch in sorted(map(_batch, rows), key=lambda one: one.first):
        kept = [one for place, one in enumerate(batch.entries, batch.first) if place >= contradicted]
        await connection.execute(
            "INSERT INTO trail_pending (serial, event)"
            " SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
            [one.serial.value for one in kept],
            [one.event.value for one in kept],
        )
    await connection.execute(
        "UPDATE trail SET last = $1, digest = $2, sent = $1, under_way = NULL WHERE id = 1", last, digest
    )


async def places(connection: Connection, origin: str, entries: Sequence[bytes]) -> dict[bytes, int]:
    """The places that these entries have in the log of an origin, as far as they have some."""
    rows = await connection.fetch(
        "SELECT entry, index FROM log_entry WHERE origin = $1 AND entry = ANY($2::bytea[])", origin, list(entries)
    )
    return {bytes(row["entry"]): row["index"] for row in rows}


def _batch(row: Any) -> Batch:
    entries = decode_json(bytes(row["entries"]), tuple[TrailEntry, ...])
    return Batch(row["first"], bytes(row["before"]), bytes(row["after"]), entries)
