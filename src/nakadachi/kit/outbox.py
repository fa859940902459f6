"""What is to be sent, kept until a final answer is in or it is given up: at once, else with growing pauses (I7, I8).

Rows are claimed with SKIP LOCKED, so several processes may work on one outbox.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nakadachi.kit.entropy import uuid7_time
from nakadachi.kit.unit import Entry
from nakadachi.telegrams.catalogue import Wait
from nakadachi.telegrams.envelope import Lane
from nakadachi.terms import NodeName, TelegramId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.kit.retry import RetryConfig

FIRST_PAUSE = timedelta(seconds=20)
"""How long a row is left to whoever committed it before the outbox takes it up itself."""
SHORT_PAUSE = timedelta(seconds=1)
LATE = timedelta(days=1)
"""How long an answer to what was given up is still heard."""


async def keep(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """Keep entries in the transaction of their effect."""
    await connection.executemany(
        "INSERT INTO outbox (id, destination, url, frame, lane, wait, until, attempts, due_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) ON CONFLICT (id) DO NOTHING",
        [
            (
                entry.id.value,
                entry.to.value,
                entry.url,
                entry.frame,
                entry.lane.value,
                entry.wait.value,
                entry.until,
                now + FIRST_PAUSE,
            )
            for entry in entries
        ],
    )


async def drop(connection: Connection, ids: Sequence[TelegramId]) -> frozenset[TelegramId]:
    """Forget entries that got their final answer. Returns those that were still there."""
    rows = await connection.fetch(
        "DELETE FROM outbox WHERE id = ANY($1::text[]) RETURNING id", [one.value for one in ids]
    )
    return frozenset(TelegramId(row["id"]) for row in rows)


async def give_up(connection: Connection, ids: Sequence[TelegramId], now: datetime) -> frozenset[TelegramId]:
    """Forget entries that nobody answers any more, but for `end`. Returns those that were still there."""
    gone = await drop(connection, ids)
    await connection.execute("DELETE FROM given_up WHERE at < $1", now - LATE)
    await connection.execute(
        "INSERT INTO given_up (id, at) SELECT id, $2 FROM unnest($1::text[]) AS given (id) ON CONFLICT DO NOTHING",
        [one.value for one in gone],
        now,
    )
    return gone


async def end(connection: Connection, ids: Sequence[TelegramId], _now: datetime) -> frozenset[TelegramId]:
    """Forget entries that got their final answer. Returns those whose answer is news: they were still there, or were
    given up while the answer was on its way.
    """
    ended = await drop(connection, ids)
    if late := [one.value for one in ids if one not in ended]:
        rows = await connection.fetch("DELETE FROM given_up WHERE id = ANY($1::text[]) RETURNING id", late)
        ended |= {TelegramId(row["id"]) for row in rows}
    return ended


async def hurry(connection: Connection, now: datetime, to: NodeName | None = None) -> None:
    """Make everything that waits due now, for one destination or all: after a restart nobody else will send it."""
    await connection.execute(
        "UPDATE outbox SET due_at = $1 WHERE due_at > $1 AND ($2::text IS NULL OR destination = $2)",
        now,
        to.value if to else None,
    )


async def retry_at(connection: Connection, one: TelegramId, moment: datetime) -> None:
    """An entry was not answered: it is due again then, not only after the first, long pause."""
    await connection.execute("UPDATE outbox SET due_at = least(due_at, $2) WHERE id = $1", one.value, moment)


async def claim(
    connection: Connection,
    now: datetime,
    *,
    rules: RetryConfig,
    lane: Lane,
    parked: Sequence[NodeName] = (),
    only: NodeName | None = None,
    most: int = 50,
) -> list[Entry]:
    """Take up to `most` due entries of a lane, none to a parked destination, or those to `only` one.

    Each is due again after a pause that doubles, so a lost claim is not lost; none is taken whose deadline has passed.
    A probe takes what waits there whether it is due or not, and counts as no attempt.
    """
    rows = await connection.fetch(
        "UPDATE outbox SET attempts = attempts + CASE WHEN $7::text IS NULL THEN 1 ELSE 0 END,"
        " due_at = $1 + least(longest, first * power(2, least(attempts, 20)))"
        " FROM unnest($2::text[], $3::interval[], $4::interval[]) AS rule (name, first, longest)"
        " WHERE rule.name = outbox.wait AND id IN (SELECT id FROM outbox WHERE lane = $5"
        " AND (until IS NULL OR until > $1)"
        " AND CASE WHEN $7::text IS NULL THEN due_at <= $1 AND destination <> ALL($6::text[])"
        " ELSE destination = $7 END ORDER BY due_at LIMIT $8 FOR UPDATE SKIP LOCKED)"
        " RETURNING id, destination, url, frame, lane, wait, until",
        now,
        [wait.value for wait in Wait],
        [rules.of(wait).first for wait in Wait],
        [rules.of(wait).longest for wait in Wait],
        lane.value,
        [one.value for one in parked],
        only.value if only else None,
        most,
    )
    return [_entry(row) for row in rows]


async def given_up(connection: Connection, now: datetime, *, rules: RetryConfig, most: int = 200) -> list[Entry]:
    """Take up to `most` entries whose deadline has passed or whose attempts are used up; they are claimed a while."""
    limits = {wait: rules.limit(wait) for wait in Wait if rules.limit(wait)}
    rows = await connection.fetch(
        "UPDATE outbox SET due_at = $1 + $2::interval WHERE id IN (SELECT id FROM outbox"
        " LEFT JOIN unnest($3::text[], $4::integer[]) AS rule (name, most) ON rule.name = wait"
        " WHERE until <= $1 OR (attempts >= rule.most AND due_at <= $1) ORDER BY until LIMIT $5"
        " FOR UPDATE OF outbox SKIP LOCKED) RETURNING id, destination, url, frame, lane, wait, until",
        now,
        FIRST_PAUSE,
        [wait.value for wait in limits],
        list(limits.values()),
        most,
    )
    return [_entry(row) for row in rows]


async def unanswered(connection: Connection, to: NodeName) -> bool:
    """Whether something for a destination was sent more than once and has no answer yet."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM outbox WHERE destination = $1 AND attempts > 0)", to.value
        )
    )


async def backlog(connection: Connection) -> int:
    """How many requests wait."""
    return int(await connection.fetchval("SELECT count(*) FROM outbox"))


async def waiting(connection: Connection) -> dict[Lane, tuple[int, datetime]]:
    """How many requests wait in each lane, and when the oldest of them was written; a lane without any is left out."""
    # Telegram numbers carry their time (UUIDv7) and sort by it: the least one is the oldest.
    rows = await connection.fetch("SELECT lane, count(*) AS waiting, min(id) AS oldest FROM outbox GROUP BY lane")
    return {Lane(row["lane"]): (row["waiting"], uuid7_time(row["oldest"])) for row in rows}


def _entry(row: Any) -> Entry:
    return Entry(
        TelegramId(row["id"]),
        NodeName(row["destination"]),
        row["url"],
        row["frame"],
        Lane(row["lane"]),
        Wait(row["wait"]),
        row["until"],
    )
