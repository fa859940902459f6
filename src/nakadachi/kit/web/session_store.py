"""All SQL about sessions. It takes and returns terms, never rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.web import session as terms

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection


async def keep(connection: Connection, tag: bytes, name: str, stage: str, now: datetime) -> None:
    """A session begins."""
    await connection.execute(
        "INSERT INTO page_session (tag, name, stage, made_at, seen_at) VALUES ($1, $2, $3, $4, $4)",
        tag,
        name,
        stage,
        now,
    )


async def find(connection: Connection, tag: bytes) -> terms.Session | None:
    """The session of that tag, in the role its user has now; None where the user may enter no longer."""
    row = await connection.fetchrow(
        "SELECT s.tag, s.name, u.role, s.stage, s.made_at, s.seen_at, s.challenge FROM page_session s"
        " JOIN page_user u ON u.name = s.name AND u.removed_at IS NULL WHERE s.tag = $1",
        tag,
    )
    if row is None:
        return None
    challenge = bytes(row["challenge"]) if row["challenge"] is not None else None
    stage = terms.Stage(row["stage"])
    return terms.Session(tag, row["name"], row["role"], stage, row["made_at"], row["seen_at"], challenge)


async def seen(connection: Connection, tag: bytes, now: datetime) -> None:
    """A session is in use."""
    await connection.execute("UPDATE page_session SET seen_at = $2 WHERE tag = $1", tag, now)


async def set_challenge(connection: Connection, tag: bytes, challenge: bytes) -> None:
    """What a security key is to sign."""
    await connection.execute("UPDATE page_session SET challenge = $2 WHERE tag = $1", tag, challenge)


async def spend_challenge(connection: Connection, tag: bytes) -> bytes | None:
    """What a security key was to sign; a second request finds none."""
    row = await connection.fetchrow("SELECT challenge FROM page_session WHERE tag = $1 FOR UPDATE", tag)
    await connection.execute("UPDATE page_session SET challenge = NULL WHERE tag = $1", tag)
    return bytes(row["challenge"]) if row is not None and row["challenge"] is not None else None


async def forget(connection: Connection, tag: bytes) -> None:
    """A session ends."""
    await connection.execute("DELETE FROM page_session WHERE tag = $1", tag)


async def forget_all(connection: Connection, name: str) -> None:
    """All sessions of a user end."""
    await connection.execute("DELETE FROM page_session WHERE name = $1", name)


async def tidy(connection: Connection, *, seen: datetime, made: datetime) -> None:
    """Sessions that were not seen since, or were made before, are gone."""
    await connection.execute("DELETE FROM page_session WHERE seen_at < $1 OR made_at < $2", seen, made)


async def forget_unfinished(connection: Connection, name: str) -> None:
    """The sessions of a user that are not in yet end."""
    await connection.execute("DELETE FROM page_session WHERE name = $1 AND stage <> 'in'", name)
