"""The trees that logs signed, as an interface system saw them, until they are told to the Commission."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.ledger.checkpoint import Checkpoint


async def keep(connection: Connection, trees: Mapping[Checkpoint, str], now: datetime) -> None:
    """Trees with the note that the log signed; one that waits already adds nothing."""
    await connection.executemany(
        "INSERT INTO head_seen (origin, size, root, note, seen_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        [
            (one.origin, one.size, one.root, trees[one], now)
            for one in sorted(trees, key=lambda one: (one.origin, one.size, one.root))
        ],
    )


async def take(connection: Connection, *, most: int) -> list[str]:
    """Take up to `most` notes to be told, the oldest first."""
    rows = await connection.fetch(
        "DELETE FROM head_seen WHERE (origin, size, root) IN"
        " (SELECT origin, size, root FROM head_seen ORDER BY seen_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING note",
        most,
    )
    return [row["note"] for row in rows]
