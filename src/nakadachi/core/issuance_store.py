"""SQL on issuances as the core remembers them: which requests were served, when their matching numbers went (L1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.terms import OrganisationCode, Serial, TelegramId


@dataclass(frozen=True, slots=True)
class Served:
    """One request that is served: its telegram and serial, whose it is, for how many people, and whether it only asks
    for the codes that stand.
    """

    request: TelegramId
    serial: Serial | None
    organisation: OrganisationCode
    people: int
    checking: bool


async def was_served(connection: Connection, one: Served) -> bool:
    """Whether this request, or another one under its serial, was served before."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM issuance WHERE organisation = $3 AND request_id = $1"
        " UNION ALL SELECT 1 FROM issuance WHERE serial = $2)",
        one.request.value,
        one.serial.value if one.serial else None,
        one.organisation.value,
    )
    return found


async def serve(connection: Connection, one: Served, issued: TelegramId, now: datetime) -> None:
    """Keep that a request is served by the telegram `issued`; one served meanwhile fails on the key."""
    await connection.execute(
        "INSERT INTO issuance (request_id, issued_id, serial, organisation, people, checking, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        one.request.value,
        issued.value,
        one.serial.value if one.serial else None,
        one.organisation.value,
        one.people,
        one.checking,
        now,
    )


async def purged(connection: Connection, issued: Sequence[TelegramId], ending: str, now: datetime) -> None:
    """The matching numbers of these telegrams are gone here: the evidence of it."""
    await connection.execute(
        "UPDATE issuance SET purged_at = $2, ending = $3 WHERE issued_id = ANY($1::text[]) AND purged_at IS NULL",
        [one.value for one in issued],
        now,
        ending,
    )
