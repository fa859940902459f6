"""SQL on the subscription and the change events that came (C17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.intermediate.files.changes import Change
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.telegrams.link import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.terms import TelegramId


@dataclass(frozen=True, slots=True)
class Subscription:
    """The organisation's subscription: events up to `last` are here (None: none was told yet), up to `deleted_to`
    deleted by their period; `waiting` where the core has not answered the newest wish.
    """

    scope: Scope
    last: int | None
    deleted_to: int
    waiting: bool


_SUBSCRIPTION = "SELECT scope, last, deleted_to, waiting IS NOT NULL AS waiting FROM change_subscription WHERE id = 1"
_HELD = f"{_SUBSCRIPTION} FOR UPDATE"


async def subscription(connection: Connection, *, hold: bool = False) -> Subscription:
    """The subscription; held until the commit where that is asked."""
    row = await connection.fetchrow(_HELD if hold else _SUBSCRIPTION)
    return Subscription(Scope(row["scope"]), row["last"], row["deleted_to"], row["waiting"])


async def subscribe(connection: Connection, scope: Scope, telegram: TelegramId) -> None:
    """What is wanted from now on, and the telegram that says so."""
    await connection.execute(
        "UPDATE change_subscription SET scope = $1, waiting = $2 WHERE id = 1", scope.value, telegram.value
    )


async def answered(connection: Connection, telegrams: Sequence[TelegramId]) -> None:
    """These wishes were answered."""
    await connection.execute(
        "UPDATE change_subscription SET waiting = NULL WHERE waiting = ANY($1::text[])",
        [one.value for one in telegrams],
    )


async def keep(connection: Connection, changes: Sequence[Change], last: int) -> None:
    """Keep these changes: events up to number `last` are here."""
    await connection.executemany(
        "INSERT INTO change (number, addressee, at, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        [(one.number, one.addressee.value if one.addressee else None, one.at, one.received_at) for one in changes],
    )
    await connection.execute("UPDATE change_subscription SET last = $1 WHERE id = 1", last)


_CHANGE = "SELECT number, addressee, at, received_at FROM change"


async def changes(connection: Connection, after: int, *, most: int) -> list[Change]:
    """Up to `most` changes after a number, in their order."""
    rows = await connection.fetch(f"{_CHANGE} WHERE number > $1 ORDER BY number LIMIT $2", after, most)
    return [_change(row) for row in rows]


async def changes_between(connection: Connection, begin: datetime, end: datetime) -> AsyncIterator[Change]:
    """The changes received from `begin` to before `end`, in their order."""
    after = 0
    while True:
        rows = await connection.fetch(
            f"{_CHANGE} WHERE received_at >= $1 AND received_at < $2 AND number > $3 ORDER BY number LIMIT 1000",
            begin,
            end,
            after,
        )
        for row in rows:
            yield _change(row)
            after = row["number"]
        if not rows:
            return


def _change(row: Any) -> Change:
    addressee = AddresseeNumber(row["addressee"]) if row["addressee"] is not None else None
    return Change(row["number"], addressee, row["at"], row["received_at"])


async def delete_older(connection: Connection, than: datetime, *, most: int) -> int:
    """Delete up to `most` changes received before a moment, the oldest first. Returns how many."""
    rows = await connection.fetch(
        "DELETE FROM change WHERE number IN (SELECT number FROM change WHERE received_at < $1"
        " ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING number",
        than,
        most,
    )
    if rows:
        await connection.execute(
            "UPDATE change_subscription SET deleted_to = greatest(deleted_to, $1) WHERE id = 1",
            max(row["number"] for row in rows),
        )
    return len(rows)
