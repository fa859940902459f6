"""SQL on accepted fingerprints, one for each instance of a system (N5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.health.fingerprint import Fingerprint

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection


async def accepted(connection: Connection, instance: str) -> tuple[Fingerprint, datetime] | None:
    """What was accepted last, and when; None before the first start."""
    row = await connection.fetchrow(
        "SELECT version, program, settings, accepted_at FROM fingerprint WHERE instance = $1", instance
    )
    if row is None:
        return None
    return Fingerprint(row["version"], bytes(row["program"]), bytes(row["settings"])), row["accepted_at"]


async def accept(connection: Connection, instance: str, found: Fingerprint, now: datetime) -> None:
    """What is found is what is to be found from now on."""
    await connection.execute(
        "INSERT INTO fingerprint (instance, version, program, settings, accepted_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (instance) DO UPDATE SET version = excluded.version, program = excluded.program,"
        " settings = excluded.settings, accepted_at = excluded.accepted_at",
        instance,
        found.version,
        found.program,
        found.settings,
        now,
    )
