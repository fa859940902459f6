"""What is to be sent, kept until a final answer is in: send at once, else again with a growing pause (I7, I8).

Rows are claimed with SKIP LOCKED, so several processes may work on one outbox.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.kit.unit import Entry
from nakadachi.telegrams.envelope import Lane
from nakadachi.terms import NodeName, TelegramId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection

FIRST_PAUSE = timedelta(seconds=20)
"""How long a row is left to whoever committed it before the outbox takes it up itself."""
SHORT_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)


async def keep(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """Keep entries in the transaction of their effect."""
    await connection.executemany(
        "INSERT INTO outbox (id, destination, url, frame, lane, attempts, due_at)"
        " VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (id) DO NOTHING",
        [
            (entry.id.value, entry.to.value, entry.url, entry.frame, entry.lane.value, now + FIRST_PAUSE)
            for entry in entries
        ],
    )


async def drop(connection: Connection, ids: Sequence[TelegramId]) -> frozenset[TelegramId]:
    """Forget entries that got their final answer. Returns those that were still there."""
    rows = await connection.fetch(
        "DELETE FROM outbox WHERE id = ANY($1::text[]) RETURNING id", [one.value for one in ids]
    )
    return frozenset(TelegramId(row["id"]) for row in rows)


async def hurry(connection: Connection, now: datetime) -> None:
    """Make everything that waits due now: after a restart nobody else will send it."""
    await connection.execute("UPDATE outbox SET due_at = $1 WHERE due_at > $1", now)


async def retry_soon(connection: Connection, one: TelegramId, now: datetime) -> None:
    """An entry was not answered: it is due again after a short pause, not only after the first, long one."""
    await connection.execute("UPDATE outbox SET due_at = least(due_at, $2) WHERE id = $1", one.value, now + SHORT_PAUSE)


async def claim(connection: Connection, now: datetime, most: int = 50) -> list[Entry]:
    """Take up to `most` due entries; each is due again after a pause that doubles, so a lost claim is not lost."""
    rows = await connection.fetch(
        "UPDATE outbox SET attempts = attempts + 1,"
        " due_at = $1 + least($2::interval, interval '1 second' * power(2, least(attempts, 10)))"
        " WHERE id IN (SELECT id FROM outbox WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)"
        " RETURNING id, destination, url, frame, lane",
        now,
        LONGEST_PAUSE,
        most,
    )
    return [
        Entry(TelegramId(row["id"]), NodeName(row["destination"]), row["url"], row["frame"], Lane(row["lane"]))
        for row in rows
    ]


async def backlog(connection: Connection) -> int:
    """How many requests wait."""
    return int(await connection.fetchval("SELECT count(*) FROM outbox"))
