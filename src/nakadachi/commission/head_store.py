"""All SQL about the trees that nodes told of. It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.terms import NodeName

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Told:
    """A tree that a log signed, with the note, who told of it, and when."""

    checkpoint: Checkpoint
    note: str
    reporter: NodeName
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Tree:
    """The newest tree cosigned of a log, with the note; "" where it was cosigned before notes were kept."""

    checkpoint: Checkpoint
    note: str


async def keep(connection: Connection, told: Sequence[Told]) -> None:
    """Trees that were told of; one known already adds nothing."""
    await connection.executemany(
        "INSERT INTO head_told (origin, size, root, note, reporter, told_at, state)"
        " VALUES ($1, $2, $3, $4, $5, $6, 'open') ON CONFLICT DO NOTHING",
        [
            (one.checkpoint.origin, one.checkpoint.size, one.checkpoint.root, one.note, one.reporter.value, one.told_at)
            for one in sorted(told, key=lambda one: (one.checkpoint.origin, one.checkpoint.size, one.checkpoint.root))
        ],
    )


async def two_of_a_size(connection: Connection, places: Collection[tuple[str, int]]) -> list[tuple[Told, str]]:
    """Of these logs and sizes: trees that another one told or cosigned contradicts, with the other's note."""
    rows = await connection.fetch(
        "SELECT a.origin, a.size, a.root, a.note, a.reporter, a.told_at, b.note AS other FROM head_told a JOIN"
        " (SELECT origin, size, root, note FROM head_told UNION ALL SELECT origin, size, root, note FROM witnessed) b"
        " ON b.origin = a.origin AND b.size = a.size AND b.root <> a.root"
        " WHERE a.state <> 'forked' AND (a.origin, a.size) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))",
        [origin for origin, _ in places],
        [size for _, size in places],
    )
    return [(_told(row), row["other"] or "") for row in rows]


async def open_heads(connection: Connection, *, most: int) -> list[Told]:
    """Trees that were not yet compared with the log cosigned, those first that wait longest."""
    rows = await connection.fetch(
        "SELECT origin, size, root, note, reporter, told_at FROM head_told WHERE state = 'open'"
        " ORDER BY told_at, origin, size LIMIT $1",
        most,
    )
    return [_told(row) for row in rows]


async def witnessed(connection: Connection) -> list[Tree]:
    """The newest tree cosigned of every log."""
    rows = await connection.fetch("SELECT origin, size, root, note FROM witnessed")
    return [Tree(Checkpoint(row["origin"], row["size"], bytes(row["root"])), row["note"] or "") for row in rows]


async def settle(connection: Connection, judged: Sequence[tuple[Checkpoint, str, str | None]]) -> None:
    """What became of trees: `contained`, `forked` with the note that contradicts, or `unproven`."""
    await connection.executemany(
        "UPDATE head_told SET state = $4, against = $5 WHERE origin = $1 AND size = $2 AND root = $3",
        [(one.origin, one.size, one.root, state, against) for one, state, against in judged],
    )


async def forget(connection: Connection, *, before: datetime) -> None:
    """Trees that are in the log and were told of before then: a proof finds them again if need be."""
    await connection.execute("DELETE FROM head_told WHERE state = 'contained' AND told_at < $1", before)


def _told(row: Any) -> Told:
    checkpoint = Checkpoint(row["origin"], row["size"], bytes(row["root"]))
    return Told(checkpoint, row["note"], NodeName(row["reporter"]), row["told_at"])
