"""All SQL of the Commission system. It takes and returns terms, never rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.health.reading import HeadsRead
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.tree import EMPTY_ROOT
from nakadachi.refusal import Reason
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.terms import NodeName, Serial, japan_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.permit import PrefixRefused


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


async def keep_witnessed(connection: Connection, checkpoint: Checkpoint, note: str, now: datetime) -> None:
    """A checkpoint is cosigned, with the note of the log: a smaller one never will be again."""
    await connection.execute(
        "UPDATE witnessed SET size = $2, root = $3, at = $4, note = $5 WHERE origin = $1",
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root,
        now,
        note,
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


async def keep_findings(connection: Connection, reporter: NodeName, findings: Sequence[Finding], now: datetime) -> None:
    """What a node found; a repeat within a day (Japan's) adds nothing."""
    await connection.executemany(
        "INSERT INTO finding (reporter, kind, serial, about, day, at, reason, kept_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        [
            (
                reporter.value,
                one.kind.value,
                one.serial.value if one.serial else "",
                one.about.value if one.about else "",
                japan_day(one.at),
                one.at,
                one.reason.value if one.reason else None,
                now,
            )
            for one in findings
        ],
    )


async def findings(connection: Connection, *, most: int) -> list[tuple[NodeName, Finding]]:
    """Who found what, the newest first."""
    rows = await connection.fetch(
        "SELECT reporter, kind, serial, about, at, reason FROM finding ORDER BY kept_at DESC, serial, kind LIMIT $1",
        most,
    )
    return [
        (
            NodeName(row["reporter"]),
            Finding(
                kind=FindingKind(row["kind"]),
                at=row["at"],
                serial=Serial(row["serial"]) if row["serial"] else None,
                about=NodeName(row["about"]) if row["about"] else None,
                reason=Reason(row["reason"]) if row["reason"] else None,
            ),
        )
        for row in rows
    ]
