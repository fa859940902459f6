"""SQL on change events: who is told, and the numbered events of each organisation (C17). It takes and returns terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nakadachi.core.codes import IdCode
from nakadachi.core.life_rules import number_after_loss
from nakadachi.telegrams.link import Scope
from nakadachi.terms import OrganisationCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nakadachi.kit.database import Connection
    from nakadachi.terms import TelegramId


@dataclass(frozen=True, slots=True)
class Event:
    """変更: one numbered event of an organisation, and the link code by which it knows the person now."""

    number: int
    at: datetime
    person: IdCode
    key_index: int
    generation: int


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


async def subscribe(connection: Connection, organisation: OrganisationCode, scope: Scope, after: int | None) -> int:
    """変更通知の登録: whose changes an organisation wants, and after which number it is told again; None: from now on.

    Returns the number of the first event that comes after those it has. Where it has more than were ever given here,
    this core was restored: the numbers go on far behind.
    """
    row = await connection.fetchrow(
        "INSERT INTO subscription (organisation, scope) VALUES ($1, $2)"
        " ON CONFLICT (organisation) DO UPDATE SET scope = excluded.scope RETURNING last",
        organisation.value,
        scope.value,
    )
    last: int = row["last"]
    told = last if after is None else after
    if told > last:
        last = number_after_loss(told)
    oldest = await connection.fetchval(
        "SELECT min(number) FROM change_event WHERE organisation = $1 AND number > $2", organisation.value, told
    )
    await connection.execute(
        "UPDATE subscription SET last = $2, sent = $3, under_way = NULL WHERE organisation = $1",
        organisation.value,
        last,
        last if scope is Scope.NONE else min(told, last),
    )
    return int(oldest or last + 1)


async def list_people(connection: Connection, organisation: OrganisationCode, people: Iterable[IdCode]) -> None:
    """Whose changes an organisation wants, beside those it listed before."""
    await connection.execute(
        "INSERT INTO listed (id_code, organisation) SELECT id_code, $2 FROM unnest($1::bytea[]) AS person (id_code)"
        " ON CONFLICT DO NOTHING",
        [person.value for person in people],
        organisation.value,
    )


async def forget_list(connection: Connection, organisation: OrganisationCode) -> None:
    """Nobody is listed at an organisation any more."""
    await connection.execute("DELETE FROM listed WHERE organisation = $1", organisation.value)


async def to_tell(connection: Connection, *, most: int) -> list[OrganisationCode]:
    """Up to `most` organisations that have events to be told and none under way; they are held until the commit."""
    rows = await connection.fetch(
        "SELECT organisation FROM subscription WHERE under_way IS NULL AND sent < last AND scope <> 'none'"
        " ORDER BY organisation LIMIT $1 FOR UPDATE SKIP LOCKED",
        most,
    )
    return [OrganisationCode(row["organisation"]) for row in rows]


async def next_events(connection: Connection, organisation: OrganisationCode, *, most: int) -> list[Event]:
    """The events that an organisation is told next: up to `most`, their numbers without a gap."""
    rows = await connection.fetch(
        "SELECT change_event.number, change_event.at, link.id_code, link.key_index, link.generation"
        " FROM subscription JOIN change_event ON change_event.organisation = subscription.organisation"
        " AND number > sent JOIN link ON link.id_code = change_event.id_code AND link.organisation = $1"
        " WHERE subscription.organisation = $1 ORDER BY number LIMIT $2",
        organisation.value,
        most,
    )
    run = (row for place, row in enumerate(rows) if row["number"] == rows[0]["number"] + place)
    return [
        Event(row["number"], row["at"], IdCode(bytes(row["id_code"])), row["key_index"], row["generation"])
        for row in run
    ]


async def under_way(connection: Connection, organisation: OrganisationCode, sent: int, telegram: TelegramId) -> None:
    """Events up to number `sent` are on their way in a telegram."""
    await connection.execute(
        "UPDATE subscription SET sent = $2, under_way = $3 WHERE organisation = $1",
        organisation.value,
        sent,
        telegram.value,
    )


async def nothing_left(connection: Connection, organisation: OrganisationCode) -> None:
    """All that an organisation was to be told is deleted: what was given is sent."""
    await connection.execute("UPDATE subscription SET sent = last WHERE organisation = $1", organisation.value)


async def arrived(connection: Connection, telegrams: Iterable[TelegramId]) -> None:
    """These telegrams were noted: the next may go. One that a newer subscription overtook changes nothing."""
    await connection.execute(
        "UPDATE subscription SET under_way = NULL WHERE under_way = ANY($1::text[])", [one.value for one in telegrams]
    )


async def delete_older(connection: Connection, than: datetime, *, most: int) -> int:
    """Delete up to `most` events made before a moment. Returns how many."""
    deleted: int = await connection.fetchval(
        "WITH gone AS (DELETE FROM change_event WHERE (organisation, number) IN (SELECT organisation, number"
        " FROM change_event WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING number)"
        " SELECT count(*) FROM gone",
        than,
        most,
    )
    return deleted


async def continue_numbers(connection: Connection, origins: Iterable[str]) -> bool:
    """番号の引継ぎ: whether this core was restored: none of its logs is one of those by which numbers were given.

    Then numbers go on far behind those that the lost time may have given, so that every receiver sees the gap.
    """
    rows = await connection.fetch("SELECT origin FROM numbering FOR UPDATE")
    former, now = {row["origin"] for row in rows}, set(origins)
    restored = bool(former) and not former & now
    if restored:
        for row in await connection.fetch(
            "SELECT organisation, last FROM subscription ORDER BY organisation FOR UPDATE"
        ):
            await connection.execute(
                "UPDATE subscription SET last = $2 WHERE organisation = $1",
                row["organisation"],
                number_after_loss(row["last"]),
            )
        await connection.execute("DELETE FROM numbering")
    await connection.execute(
        "INSERT INTO numbering (origin) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING", sorted(now)
    )
    return restored
