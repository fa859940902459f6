"""SQL on how exchanges stand by their trails. It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.commission.evidence import DISAGREE, Outcome, Side, Trouble, Verdict
from nakadachi.terms import Serial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Judged:
    """How an exchange stands, when it was judged last, and when its first entry came."""

    serial: Serial
    outcome: Outcome
    judged_at: datetime | None
    first_at: datetime


async def to_judge(connection: Connection, now: datetime, *, most: int) -> dict[Serial, tuple[Trouble, ...]]:
    """Up to `most` exchanges of which entries came, or whose time has come, with their troubles as judged before; they
    are held until the commit.
    """
    rows = await connection.fetch(
        "SELECT serial, troubles FROM reconciliation WHERE touched OR due_at <= $1 ORDER BY serial LIMIT $2"
        " FOR UPDATE SKIP LOCKED",
        now,
        most,
    )
    return {Serial(row["serial"]): _troubles(row) for row in rows}


async def judge(connection: Connection, outcomes: Mapping[Serial, Outcome], now: datetime) -> None:
    """How exchanges stand from now on."""
    await connection.executemany(
        "UPDATE reconciliation SET verdict = $2, troubles = $3, due_at = $4, judged_at = $5, touched = false"
        " WHERE serial = $1",
        [
            (serial.value, one.verdict.value, [text_of(each) for each in one.troubles], one.due_at, now)
            for serial, one in outcomes.items()
        ],
    )


async def waiting(connection: Connection) -> int:
    """How many exchanges are to be judged, since entries came."""
    touched: int = await connection.fetchval("SELECT count(*) FROM reconciliation WHERE touched")
    return touched


async def counts(connection: Connection) -> dict[str, int]:
    """How many exchanges stand how; "" where they were not judged yet."""
    rows = await connection.fetch(
        "SELECT coalesce(verdict, '') AS verdict, count(*) AS count FROM reconciliation GROUP BY verdict"
    )
    return {row["verdict"]: row["count"] for row in rows}


async def disagreeing(connection: Connection, *, most: int) -> list[Judged]:
    """The exchanges of which the three do not say the same, or that ended unknown: those judged last first."""
    rows = await connection.fetch(
        "SELECT serial, verdict, troubles, due_at, judged_at, first_at FROM reconciliation"
        " WHERE verdict = ANY($1::text[]) ORDER BY judged_at DESC, serial LIMIT $2",
        [one.value for one in (*DISAGREE, Verdict.UNKNOWN)],
        most,
    )
    return [_judged(row) for row in rows]


async def of_serials(connection: Connection, serials: Sequence[Serial]) -> list[Judged]:
    """How these exchanges stand; one that was not judged yet is left out."""
    rows = await connection.fetch(
        "SELECT serial, verdict, troubles, due_at, judged_at, first_at FROM reconciliation"
        " WHERE serial = ANY($1::text[]) AND verdict IS NOT NULL ORDER BY serial",
        [serial.value for serial in serials],
    )
    return [_judged(row) for row in rows]


def text_of(trouble: Trouble) -> str:
    """A trouble in one word of three parts: verdict, side, field."""
    return f"{trouble.verdict.value}/{trouble.side.value}/{trouble.field}"


def _troubles(row: Any) -> tuple[Trouble, ...]:
    parts = [text.split("/") for text in row["troubles"]]
    return tuple(Trouble(Verdict(verdict), Side(side), field) for verdict, side, field in parts)


def _judged(row: Any) -> Judged:
    outcome = Outcome(Verdict(row["verdict"]), _troubles(row), row["due_at"])
    return Judged(Serial(row["serial"]), outcome, row["judged_at"], row["first_at"])
