"""All SQL of the Commission system. It takes and returns terms, never rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.ledger.checkpoint import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.permit import PrefixRefused
    from nakadachi.terms import Serial


async def no_exchanges(_connection: Connection, _serials: Sequence[Serial]) -> Mapping[Serial, None]:
    """The Commission keeps no state of exchanges: what reaches it opens nothing."""
    return {}


async def witnessed(connection: Connection, origin: str) -> Checkpoint | None:
    """The newest checkpoint cosigned, locked against another request."""
    rows = await connection.fetch("SELECT size, root FROM witnessed WHERE origin = $1 FOR UPDATE", origin)
    return Checkpoint(origin, rows[0]["size"], bytes(rows[0]["root"])) if rows else None


async def keep_witnessed(connection: Connection, checkpoint: Checkpoint, now: datetime) -> None:
    """A checkpoint is cosigned: a smaller one never will be again."""
    await connection.execute(
        "INSERT INTO witnessed (origin, size, root, at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, at = excluded.at",
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
