"""All SQL of the Commission system. It takes and returns terms, never rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.health.reading import HeadsRead
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.tree import EMPTY_ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.permit import PrefixRefused
    from nakadachi.terms import Serial


async def no_exchanges(_connection: Connection, _serials: Sequence[Serial]) -> Mapping[Serial, None]:
    """The Commission keeps no state of exchanges: what reaches it opens nothing."""
    return {}


async def witnessed(connection: Connection, origin: str, now: datetime) -> Checkpoint:
    """The newest checkpoint cosigned, the empty one at first, locked against another request."""
    # A row that is not there cannot be locked: two first requests would both find nothing to fork from.
    await connection.execute(
        "INSERT INTO witnessed (origin, size, root, at) VALUES ($1, 0, $2, $3) ON CONFLICT DO NOTHING",
        origin,
        EMPTY_ROOT,
        now,
    )
    row = await connection.fetchrow("SELECT size, root FROM witnessed WHERE origin = $1 FOR UPDATE", origin)
    return Checkpoint(origin, row["size"], bytes(row["root"]))


async def newest_witnessed(connection: Connection | None) -> HeadsRead:
    """The checkpoint cosigned last, of any origin; nothing where the database cannot be asked."""
    rows = (
        [] if connection is None else await connection.fetch("SELECT size, at FROM witnessed ORDER BY at DESC LIMIT 1")
    )
    return HeadsRead(None, rows[0]["size"], rows[0]["at"]) if rows else HeadsRead()


async def keep_witnessed(connection: Connection, checkpoint: Checkpoint, now: datetime) -> None:
    """A checkpoint is cosigned: a smaller one never will be again."""
    await connection.execute(
        "UPDATE witnessed SET size = $2, root = $3, at = $4 WHERE origin = $1",
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root,
        now,
    )


async def keep_refused(connection: Connection, notices: Sequence[PrefixRefused]) -> None:
    """What interface systems refused."""
    await connection.executemany(
        "INSERT INTO refused_inquiry (serial, inquirer, provider, affair, reason, staff, refused_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        [
            (
                serial.value,
                one.prefix.inquirer.value,
                one.prefix.provider.value,
                one.prefix.affair.value,
                one.reason.value,
                one.staff,
                one.refused_at,
            )
            for one in notices
            for serial in one.serials
        ],
    )
