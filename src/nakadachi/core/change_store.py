"""SQL on change events: who is told, and the numbered events of each organisation (C17). It takes and returns terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.core.codes import IdCode
    from nakadachi.kit.database import Connection


async def add_events(connection: Connection, people: Sequence[IdCode], now: datetime) -> int:
    """変更通知の作成: number an event for each of these changes at every organisation that wants it and where the
    person is linked. Returns how many.

    Whoever gives numbers holds the rows of those organisations until the commit: there is no gap, and no deadlock.
    """
    changed = [person.value for person in people]
    await connection.execute(
        "SELECT organisation FROM subscription WHERE scope <> 'none' AND organisation IN"
        " (SELECT organisation FROM link WHERE id_code = ANY($1::bytea[])) ORDER BY organisation FOR UPDATE",
        changed,
    )
    told: int = await connection.fetchval(
        "WITH told AS (SELECT link.organisation, changed.id_code, row_number() OVER"
        " (PARTITION BY link.organisation ORDER BY changed.place) AS place"
        " FROM unnest($1::bytea[]) WITH ORDINALITY AS changed (id_code, place)"
        " JOIN link ON link.id_code = changed.id_code AND coalesce(link.unlinked_at > $2, true)"
        " JOIN subscription ON subscription.organisation = link.organisation AND (scope = 'all' OR scope = 'listed'"
        " AND EXISTS (SELECT 1 FROM listed WHERE listed.id_code = link.id_code"
        " AND listed.organisation = link.organisation))),"
        " given AS (UPDATE subscription SET last = last + each.count"
        " FROM (SELECT organisation, count(*) AS count FROM told GROUP BY organisation) AS each"
        " WHERE subscription.organisation = each.organisation"
        " RETURNING subscription.organisation, subscription.last - each.count AS before),"
        " kept AS (INSERT INTO change_event (organisation, number, id_code, at)"
        " SELECT organisation, before + place, id_code, $2 FROM told JOIN given USING (organisation)"
        " RETURNING number) SELECT count(*) FROM kept",
        changed,
        now,
    )
    return told
