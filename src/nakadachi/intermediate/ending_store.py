"""SQL on how exchanges end: endings known and to be told, and what staff should look at. Terms, never rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Completion, Ending
from nakadachi.terms import Serial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.oversight import Finding


async def end_asked(connection: Connection, ended: Sequence[tuple[Serial, Ending]]) -> None:
    """Inquiries of others ended; what was settled stays, what was unknown may become known."""
    await connection.executemany(
        "UPDATE asked SET ending = $2 WHERE serial = $1 AND (ending IS NULL OR ending = 'unknown')",
        [(serial.value, ending.value) for serial, ending in ended],
    )


async def queue_completions(connection: Connection, telegram: str, completions: Sequence[Completion]) -> None:
    """Endings that the core is to be told of."""
    await connection.executemany(
        "INSERT INTO completion (serial, telegram, ending, reason, ended_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (serial) DO NOTHING",
        [
            (one.serial.value, telegram, one.ending.value, one.reason.value if one.reason else None, one.ended_at)
            for one in completions
        ],
    )


async def take_completions(connection: Connection, telegram: str, most: int) -> list[Completion]:
    """Take up to `most` endings to be told in one telegram."""
    rows = await connection.fetch(
        "DELETE FROM completion WHERE serial IN (SELECT serial FROM completion WHERE telegram = $1 LIMIT $2"
        " FOR UPDATE SKIP LOCKED) RETURNING serial, ending, reason, ended_at",
        telegram,
        most,
    )
    return [
        Completion(
            serial=Serial(row["serial"]),
            ending=Ending(row["ending"]),
            ended_at=row["ended_at"],
            reason=Reason(row["reason"]) if row["reason"] else None,
        )
        for row in rows
    ]


async def keep_findings(connection: Connection, findings: Sequence[Finding]) -> None:
    """What staff should look at: the findings about an exchange, each kind once."""
    await connection.executemany(
        "INSERT INTO finding (serial, kind, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        [(one.serial.value, one.kind.value, one.at) for one in findings if one.serial is not None],
    )


async def findings(connection: Connection, *, most: int) -> list[tuple[Serial, str, datetime]]:
    """What staff should look at, the newest first."""
    rows = await connection.fetch("SELECT serial, kind, at FROM finding ORDER BY at DESC LIMIT $1", most)
    return [(Serial(row["serial"]), row["kind"], row["at"]) for row in rows]


async def wrapped_by_month(connection: Connection) -> dict[str, int]:
    """How many of our inquiries lie wrapped under each month's key; reads them all."""
    rows = await connection.fetch(
        "SELECT month, count(*) AS count FROM inquiry WHERE month IS NOT NULL AND seed IS NOT NULL GROUP BY month"
    )
    return {row["month"]: row["count"] for row in rows}
