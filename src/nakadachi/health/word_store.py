"""SQL on the moments of a system's own words on its operation (I9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection


async def next_moment(connection: Connection, instance: str, now: datetime) -> datetime:
    """The moment of an instance's next word: now, and always after its last one, also where its clock was set back.

    Words may overtake one another on their way; whoever hears them puts them in order by this.
    """
    moment: datetime = await connection.fetchval(
        "INSERT INTO word (instance, at) VALUES ($1, $2)"
        " ON CONFLICT (instance) DO UPDATE SET at = greatest(word.at + interval '1 microsecond', excluded.at)"
        " RETURNING at",
        instance,
        now,
    )
    return moment
