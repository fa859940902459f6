"""SQL on issuances as the registry organisation remembers them: how many were found, and the purge (L1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.code import RequestLinkCode
    from nakadachi.terms import TelegramId


async def serve(
    connection: Connection, request: RequestLinkCode, found: int, issue: TelegramId | None, now: datetime
) -> None:
    """Keep that a request was answered, by which telegram to the core; where there is none, nothing is to purge."""
    await connection.execute(
        "INSERT INTO issuance (request_id, issue_id, serial, organisation, people, found, checking, at, purged_at,"
        " ending) VALUES ($1, $2::text, $3, $4, $5, $6, $7, $8::timestamptz,"
        " CASE WHEN $2::text IS NULL THEN $8::timestamptz END,"
        " CASE WHEN $2::text IS NULL THEN 'nobody found' END) ON CONFLICT (organisation, request_id) DO NOTHING",
        request.id.value,
        issue.value if issue else None,
        request.serial.value if request.serial else None,
        request.author.organisation.value,
        request.count,
        found,
        request.check,
        now,
    )


async def purged(connection: Connection, issue: TelegramId, ending: str, now: datetime) -> None:
    """The matching numbers of this telegram are gone here: the evidence of it."""
    await connection.execute(
        "UPDATE issuance SET purged_at = $2, ending = $3 WHERE issue_id = $1 AND purged_at IS NULL",
        issue.value,
        now,
        ending,
    )
