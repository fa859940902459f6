"""SQL on a log's entries: what is pending, and what has its place."""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from nakadachi.ledger.tree import HASH_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.database import Connection
    from nakadachi.ledger.tiles import Tile

ENTRY_BYTES = HASH_BYTES
_WORDS = ENTRY_BYTES // 8
"""An entry's place is kept under the first word of it, of 64 bits; where that is taken, under the next."""


class GivenAgain(Exception):  # noqa: N818  a state of the world
    """Among the entries is one that has its place already."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Pending entries that were taken up, in their order, and whether others wait behind them."""

    entries: list[bytes]
    more: bool


@dataclass(frozen=True, slots=True)
class Tree:
    """A log's tree as the database has it: how many entries, and whether its holder's lease has lapsed."""

    size: int
    lapsed: bool


async def tree(connection: Connection, origin: str, now: datetime) -> Tree | None:
    """The tree of an origin; None where nobody has begun it. The lease of a closed one never lapses."""
    row = await connection.fetchrow("SELECT size, until <= $2 AS lapsed FROM log_tree WHERE origin = $1", origin, now)
    return None if row is None else Tree(row["size"], row["lapsed"])


async def take_lease(
    connection: Connection, origin: str, holder: str, now: datetime, until: datetime
) -> tuple[int, int] | None:
    """Take the lease of an origin, begun where nobody has: its size and the new fence; None where another holds it."""
    await connection.execute(
        "INSERT INTO log_tree (origin, size, holder, fence, until) VALUES ($1, 0, $2, 0, $3) ON CONFLICT DO NOTHING",
        origin,
        holder,
        now,
    )
    row = await connection.fetchrow(
        "UPDATE log_tree SET holder = $2, fence = fence + 1, until = $4 WHERE origin = $1 AND until <= $3"
        " RETURNING size, fence",
        origin,
        holder,
        now,
        until,
    )
    return None if row is None else (row["size"], row["fence"])


async def give_back(connection: Connection, origin: str, fence: int, now: datetime) -> None:
    """End a lease, if it is still that of this fence."""
    await connection.execute("UPDATE log_tree SET until = $3 WHERE origin = $1 AND fence = $2", origin, fence, now)


async def left_behind(connection: Connection, origin: str, now: datetime) -> bool:
    """Whether entries of an origin wait while nobody holds it."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM log_tree JOIN log_pending USING (origin) WHERE origin = $1 AND until <= $2)",
            origin,
            now,
        )
    )


async def leave(connection: Connection, origin: str, entries: Sequence[bytes]) -> None:
    """Leave the entries of one decision pending: one row, whatever their number."""
    if not entries:
        return
    await connection.execute("INSERT INTO log_pending (origin, entries) VALUES ($1, $2)", origin, b"".join(entries))


async def take_pending(connection: Connection, origin: str, most: int) -> Taken:
    """Pending entries in their order, `most` at the most, but never only some of those that one decision left."""
    rows = await connection.fetch(
        "WITH next AS ("
        " SELECT placed, length(entries) AS own, sum(length(entries)) OVER (ORDER BY placed) AS total FROM"
        " (SELECT placed, entries FROM log_pending WHERE origin = $1 ORDER BY placed LIMIT $2::bigint + 1) AS first"
        "), taken AS ("
        " DELETE FROM log_pending WHERE origin = $1"
        " AND placed IN (SELECT placed FROM next WHERE total <= $2::bigint * $3::bigint OR total = own)"
        " RETURNING placed, entries"
        ") SELECT entries, (SELECT count(*) FROM next) AS seen FROM taken ORDER BY placed",
        origin,
        most,
        ENTRY_BYTES,
    )
    entries = [entry for row in rows for entry in split(row["entries"])]
    return Taken(entries, more=bool(rows) and rows[0]["seen"] > len(rows))


async def write(
    connection: Connection, origin: str, first: int, entries: Sequence[bytes], tiles: Sequence[Tile]
) -> None:
    """Entries get their places, from index `first` on; the tiles that they fill are kept too.

    Raises GivenAgain where a place is kept under the key of one already, most likely its own: then the transaction is
    lost, and `places` and `write_with_care` take the time to look.
    """
    try:
        await _write(connection, origin, first, entries, tiles, keys=_words(entries, 0))
    except asyncpg.UniqueViolationError as twice:
        raise GivenAgain from twice


async def write_with_care(
    connection: Connection, origin: str, first: int, entries: Sequence[bytes], tiles: Sequence[Tile]
) -> None:
    """The same for entries without places of which one begins as another does: then its next word is tried."""
    await _write(connection, origin, first, entries, tiles, keys=())
    left = dict(enumerate(entries, start=first))
    for word in range(_WORDS):
        rows = await connection.fetch(
            "INSERT INTO log_place (key, index, origin) SELECT *, $1 FROM unnest($2::bigint[], $3::bigint[])"
            " ON CONFLICT DO NOTHING RETURNING index",
            origin,
            _words(list(left.values()), word),
            list(left),
        )
        for row in rows:
            del left[row["index"]]


async def _write(
    connection: Connection,
    origin: str,
    first: int,
    entries: Sequence[bytes],
    tiles: Sequence[Tile],
    *,
    keys: Sequence[int],
) -> None:
    """One statement, one round trip."""
    await connection.execute(
        "WITH grown AS (UPDATE log_tree SET size = $4 WHERE origin = $1), chunk AS ("
        " INSERT INTO log_chunk (origin, first, entries) VALUES ($1, $2, $3)"
        "), filled AS ("
        " INSERT INTO log_tile (origin, level, index, hashes, root)"
        " SELECT $1, * FROM unnest($6::smallint[], $7::bigint[], $8::bytea[], $9::bytea[])"
        ") INSERT INTO log_place (key, index, origin)"
        " SELECT key, $2 + place - 1, $1 FROM unnest($5::bigint[]) WITH ORDINALITY AS given (key, place)",
        origin,
        first,
        b"".join(entries),
        first + len(entries),
        keys,
        [tile.level for tile in tiles],
        [tile.index for tile in tiles],
        [tile.hashes for tile in tiles],
        [tile.root for tile in tiles],
    )


async def places(connection: Connection, entries: Collection[bytes]) -> list[tuple[str, bytes, int]]:
    """Where those of the entries that have places have them, in whatever log: origin, entry, index."""
    rows = await connection.fetch(
        "SELECT origin, index, (SELECT substr(entries, (place.index - first)::int * 32 + 1, 32) FROM log_chunk"
        " WHERE log_chunk.origin = place.origin AND first <= place.index ORDER BY first DESC LIMIT 1) AS entry"
        " FROM log_place AS place WHERE key = ANY($1::bigint[])",
        [key for word in range(_WORDS) for key in _words(entries, word)],
    )
    found = [(row["origin"], bytes(row["entry"]), row["index"]) for row in rows]
    return [one for one in found if one[1] in entries]


async def places_in(connection: Connection, origin: str, entries: Collection[bytes]) -> dict[bytes, int]:
    """The indexes of those of the entries that have places in one log."""
    return {entry: index for where, entry, index in await places(connection, entries) if where == origin}


async def entries(connection: Connection, origin: str, begin: int, end: int) -> list[bytes]:
    """The entries from index `begin` to before `end`, as far as there are some."""
    rows = await connection.fetch(
        "SELECT first, entries FROM log_chunk WHERE origin = $1 AND first < $3 AND first >= coalesce("
        "(SELECT max(first) FROM log_chunk WHERE origin = $1 AND first <= $2), 0) ORDER BY first",
        origin,
        begin,
        end,
    )
    if not rows:
        return []
    found = [entry for row in rows for entry in split(row["entries"])]
    return found[max(begin - rows[0]["first"], 0) : end - rows[0]["first"]]


async def origins(connection: Connection) -> list[str]:
    """The names of all logs here, closed ones too."""
    return [row["origin"] for row in await connection.fetch("SELECT origin FROM log_tree ORDER BY origin")]


def split(joined: bytes) -> list[bytes]:
    """Entries, or hashes, that stand one behind the other."""
    return [joined[at : at + ENTRY_BYTES] for at in range(0, len(joined), ENTRY_BYTES)]


def _words(entries: Collection[bytes], word: int) -> tuple[int, ...]:
    """Entries by one of their words of 64 bits: the first is what their places are kept under."""
    before, behind = word * 8, ENTRY_BYTES - 8 - word * 8
    return struct.unpack(">" + f"{before}xq{behind}x" * len(entries), b"".join(entries))
