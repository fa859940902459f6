"""SQL on a log's entries: what is pending, and what has its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.database import Connection
    from nakadachi.ledger.tree import Grown


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


async def take_pending(connection: Connection, origin: str, most: int) -> list[tuple[bytes, int | None]]:
    """Pending entries in their order; with its index, one that was given again after it got its place."""
    rows = await connection.fetch(
        "DELETE FROM log_pending WHERE origin = $1 AND entry IN"
        " (SELECT entry FROM log_pending WHERE origin = $1 ORDER BY placed LIMIT $2) RETURNING entry, placed,"
        " (SELECT index FROM log_entry WHERE origin = $1 AND log_entry.entry = log_pending.entry) AS index",
        origin,
        most,
    )
    return [(bytes(row["entry"]), row["index"]) for row in sorted(rows, key=lambda row: row["placed"])]


async def write(connection: Connection, origin: str, entries: Sequence[bytes], grown: Grown) -> None:
    """Entries get their places: the last ones of the grown tree; the whole nodes that they complete are kept too."""
    await connection.execute(
        "INSERT INTO log_entry (origin, entry, index) SELECT $1, entry, $3 + place - 1"
        " FROM unnest($2::bytea[]) WITH ORDINALITY AS given (entry, place)",
        origin,
        list(entries),
        grown.frontier.size - len(entries),
    )
    nodes = [
        (level, first + offset, hash_) for level, first, hashes in grown.nodes for offset, hash_ in enumerate(hashes)
    ]
    await connection.execute(
        "INSERT INTO log_node (origin, level, index, hash)"
        " SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[])",
        origin,
        [level for level, _, _ in nodes],
        [index for _, index, _ in nodes],
        [hash_ for _, _, hash_ in nodes],
    )
    await connection.execute("UPDATE log_tree SET size = $2 WHERE origin = $1", origin, grown.frontier.size)


async def entries(connection: Connection, origin: str) -> list[bytes]:
    """All entries in their order."""
    rows = await connection.fetch("SELECT entry FROM log_entry WHERE origin = $1 ORDER BY index", origin)
    return [bytes(row["entry"]) for row in rows]
