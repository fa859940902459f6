"""SQL on how exchanges end, as their ends tell it. It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import Serial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Told:
    """What one end told of one exchange; `last` is the telegram."""

    serial: Serial
    last: str
    ending: Ending
    at: datetime
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Stands:
    """How an exchange stands once an end told: both ends considered, what the other end said, and the reason given."""

    ending: Ending
    other: Ending | None
    reason: Reason | None


async def note(connection: Connection, told: Sequence[Told], *, inquirer: bool) -> dict[Serial, Stands]:
    """One end said that exchanges ended. Returns how each stands now, the other end's word as it is at this moment.

    What is unknown to one end is as the other says; answered at one end only is unknown; where neither was answered
    and their words crossed, the inquirer's counts. Decided in the statement, so that both may tell at the same time.
    """
    own, other = ("inquirer", "provider") if inquirer else ("provider", "inquirer")
    words = "told.ending" if inquirer else "inquirer_ending"
    over = f"{other}_ending IS NOT NULL" + (" OR inquired_at IS NULL" if inquirer else "")
    rows = await connection.fetch(
        f"UPDATE exchange SET last = told.last, {own}_ending = told.ending, {own}_ended_at = told.at,"  # noqa: S608  names of two columns
        f" ending_reason = coalesce(told.reason, ending_reason),"
        f" ending = CASE WHEN coalesce({other}_ending, 'unknown') = 'unknown' THEN told.ending"
        f" WHEN told.ending = 'unknown' THEN {other}_ending"
        f" WHEN ({other}_ending = 'answered') <> (told.ending = 'answered') THEN 'unknown' ELSE {words} END,"
        f" due_at = CASE WHEN {over} THEN NULL ELSE due_at END"
        " FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])"
        " AS told (serial, last, ending, at, reason) WHERE exchange.serial = told.serial"
        f" RETURNING exchange.serial, exchange.ending, exchange.{other}_ending AS other, exchange.ending_reason",
        [one.serial.value for one in told],
        [one.last for one in told],
        [one.ending.value for one in told],
        [one.at for one in told],
        [one.reason.value if one.reason else None for one in told],
    )
    return {
        Serial(row["serial"]): Stands(
            Ending(row["ending"]),
            Ending(row["other"]) if row["other"] else None,
            Reason(row["ending_reason"]) if row["ending_reason"] else None,
        )
        for row in rows
    }


async def overdue(connection: Connection, now: datetime, again: datetime, *, most: int) -> list[Serial]:
    """Exchanges that should have ended; each is due once more at `again`, and questioned from now on."""
    rows = await connection.fetch(
        "UPDATE exchange SET due_at = $2, questioned_at = $1 WHERE serial IN (SELECT serial FROM exchange"
        " WHERE due_at <= $1 AND questioned_at IS NULL ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)"
        " RETURNING serial",
        now,
        again,
        most,
    )
    return [Serial(row["serial"]) for row in rows]


async def unsettled(connection: Connection, now: datetime, *, most: int) -> list[Serial]:
    """Exchanges that were questioned in vain: from now on they are unknown, unless an end still tells."""
    rows = await connection.fetch(
        "UPDATE exchange SET due_at = NULL, ending = coalesce(ending, 'unknown') WHERE serial IN (SELECT serial"
        " FROM exchange WHERE due_at <= $1 AND questioned_at IS NOT NULL ORDER BY due_at LIMIT $2"
        " FOR UPDATE SKIP LOCKED) RETURNING serial",
        now,
        most,
    )
    return [Serial(row["serial"]) for row in rows]


async def wrapped_by_month(connection: Connection) -> dict[str, int]:
    """How many of our exchanges lie wrapped under each month's key; reads them all."""
    rows = await connection.fetch(
        "SELECT month, count(*) AS count FROM exchange WHERE month IS NOT NULL GROUP BY month"
    )
    return {row["month"]: row["count"] for row in rows}
