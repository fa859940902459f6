"""The end of a log's origin: a restored core never adds to a log of which others may have seen more (design 2.4).

A closed origin is a row of `log_tree` whose lease nobody can ever take: it runs for ever. So every program that knows
leases leaves it alone, older ones too. What it proved stays proven, and can be proven again from what is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.crypto.notes import NoteSigner, sign_note
from nakadachi.ledger import log_store
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.proofs import with_nodes
from nakadachi.ledger.tree import load_frontier

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection

CLOSING = """
DO $close$
BEGIN
  IF to_regclass('log_tree') IS NOT NULL THEN
    UPDATE log_tree SET holder = 'closed', fence = fence + 1, until = 'infinity' WHERE until <> 'infinity';
  END IF;
END
$close$;
"""
"""SQL that closes every origin that a schema keeps a log of; it does nothing in a schema without logs."""


class OriginClosed(Exception):  # noqa: N818  a state of the world: its log was left behind by a restore
    """The origin (its one argument) was closed; its core goes on under a new one."""

    def __str__(self) -> str:
        """What happened, and what to do."""
        return (
            f"the log {self.args[0]} was closed when its database was restored: others may have seen more of it than"
            " is here; open a new one with `nakadachi core new-origin`"
        )


class OriginBusy(Exception):  # noqa: N818  a state of the world: a core runs
    """A core still writes the log of this origin."""


@dataclass(frozen=True, slots=True)
class ClosedEntry:
    """An entry of a closed origin: its index, and the newest checkpoint kept that covers it, with its size."""

    origin: str
    index: int
    size: int
    note: str


async def facts(connection: Connection) -> dict[str, Any]:
    """What a backup says of the logs in it: the size of every open origin, and the closed ones."""
    if await connection.fetchval("SELECT to_regclass('log_tree')") is None:
        return {}
    rows = await connection.fetch("SELECT origin, size, until = 'infinity' AS closed FROM log_tree ORDER BY origin")
    logs = {row["origin"]: row["size"] for row in rows if not row["closed"]}
    return {"logs": logs, "closed_logs": [row["origin"] for row in rows if row["closed"]]}


async def is_closed(connection: Connection, origin: str) -> bool:
    """Whether an origin was closed."""
    return bool(await connection.fetchval("SELECT true FROM log_tree WHERE origin = $1 AND until = 'infinity'", origin))


async def closed_entry(connection: Connection, entry: bytes) -> ClosedEntry | None:
    """An entry that has its place in a closed origin, under a checkpoint that was kept; None where there is none.

    The kept ones are cosigned, but for the last, which the log signed when it was closed (see `give_way`).
    """
    found = await log_store.places(connection, [entry])
    row = await connection.fetchrow(
        "SELECT origin, index, log_cosigned.size, note FROM unnest($1::text[], $2::bigint[]) AS place (origin, index)"
        " JOIN log_tree USING (origin) JOIN log_cosigned USING (origin)"
        " WHERE log_tree.until = 'infinity' AND log_cosigned.size > index"
        " ORDER BY log_cosigned.size DESC, log_cosigned.at DESC LIMIT 1",
        [origin for origin, _, _ in found],
        [index for _, _, index in found],
    )
    return ClosedEntry(row["origin"], row["index"], row["size"], row["note"]) if row is not None else None


async def give_way(connection: Connection, signer: NoteSigner, new: str, now: datetime) -> int:
    """Close the origin that `signer` signs for good, so that `new` may be opened: how many entries it was left with.

    The log signs once more, the state it is left in: one that it had before, so no fork, even where others saw it grow
    further. With that its entries can still be proven. Raises OriginClosed where `new` itself was used before,
    OriginBusy where a core still writes the old one.
    """
    origin = signer.name
    if await connection.fetchval("SELECT true FROM log_tree WHERE origin = $1", new):
        raise OriginClosed(new)
    row = await connection.fetchrow(
        "SELECT size, until <> 'infinity' AND until > $2 AS busy FROM log_tree WHERE origin = $1 FOR UPDATE",
        origin,
        now,
    )
    if row is None:
        return 0
    if row["busy"]:
        raise OriginBusy(origin)
    await connection.execute(
        "UPDATE log_tree SET holder = 'closed', fence = fence + 1, until = 'infinity' WHERE origin = $1", origin
    )
    size = int(row["size"])
    frontier = await with_nodes(connection, origin, lambda fetch: load_frontier(size, fetch))
    note = sign_note(Checkpoint(origin, size, frontier.root).text(), signer).decode()
    await connection.execute(
        "INSERT INTO log_cosigned (origin, size, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        origin,
        size,
        note,
        now,
    )
    return size
