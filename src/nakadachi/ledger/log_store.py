"""SQL on a log's entries: what is pending, and what has its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from nakadachi.ledger.tree import EMPTY_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nakadachi.kit.database import Connection
    from nakadachi.ledger.tree import Fetch, Grown

T = TypeVar("T")


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


async def with_nodes(connection: Connection, origin: str, work: Callable[[Fetch], T]) -> T:
    """Work that fetches whole nodes: once to learn which it wants, then with those read from the database."""
    wanted: list[tuple[int, int]] = []

    def note(level: int, index: int) -> bytes:
        wanted.append((level, index))
        return EMPTY_ROOT

    work(note)
    rows = await connection.fetch(
        "SELECT level, index, hash FROM log_node WHERE origin = $1"
        " AND (level, index) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))",
        origin,
        [level for level, _ in wanted],
        [index for _, index in wanted],
    )
    found = {(row["level"], row["index"]): bytes(row["hash"]) for row in rows}
    return work(lambda level, index: found[level, index])
