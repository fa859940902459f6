"""All SQL about revocation lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nakadachi.neighbours.jpki.profile import Kind, Municipality
from nakadachi.neighbours.jpki.states import Entry, Revocation

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Scope:
    """What a list is about: certificates of one partition that one key issued."""

    partition: int
    kind: Kind
    place: Municipality
    key_id: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptList:
    """The newest list of a scope."""

    name: str
    number: int
    issued_at: datetime
    next_update: datetime
    der: bytes = field(repr=False)


async def due(connection: Connection, by: datetime | None) -> list[Scope]:
    """The scopes that have no list yet, or one whose next update is due by a moment; None: all scopes."""
    rows = await connection.fetch(
        "SELECT p.id, p.kind, p.place, p.prefecture, p.city, s.key_id FROM"
        " (SELECT DISTINCT partition, key_id FROM certificate) s JOIN partition p ON p.id = s.partition"
        " LEFT JOIN list l ON l.partition = s.partition AND l.key_id = s.key_id"
        " WHERE l.name IS NULL OR $1::timestamptz IS NULL OR l.next_update <= $1 ORDER BY p.id, s.key_id",
        by,
    )
    return [
        Scope(
            row["id"],
            Kind(row["kind"]),
            Municipality.of(row["place"], row["prefecture"], row["city"]),
            row["key_id"],
        )
        for row in rows
    ]


async def next_number(connection: Connection, partition: int) -> int:
    """The number of the next list of a partition; who asks holds it until the end of the transaction."""
    return int(
        await connection.fetchval("UPDATE partition SET number = number + 1 WHERE id = $1 RETURNING number", partition)
    )


async def entries(connection: Connection, scope: Scope, now: datetime) -> list[Entry]:
    """What is suspended or revoked, the expired too until one list after their end has shown them (RFC 5280, 3.3).

    A list that was issued by a clock ahead of `now` takes nothing away from the next.
    """
    rows = await connection.fetch(
        "SELECT c.serial, c.since, c.reason FROM certificate c"
        " LEFT JOIN list l ON l.partition = c.partition AND l.key_id = c.key_id"
        " WHERE c.partition = $1 AND c.key_id = $2 AND c.state IN ('held', 'revoked')"
        " AND c.until >= least(coalesce(l.issued_at, c.until), $3) ORDER BY c.since, c.serial",
        scope.partition,
        scope.key_id,
        now,
    )
    return [Entry(int(row["serial"], 16), row["since"], Revocation(row["reason"])) for row in rows]


async def keep(connection: Connection, scope: Scope, new: KeptList) -> None:
    """Keep a list in the place of the one before it."""
    await connection.execute(
        "INSERT INTO list (name, partition, key_id, number, issued_at, next_update, der)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET number = excluded.number,"
        " issued_at = excluded.issued_at, next_update = excluded.next_update, der = excluded.der",
        new.name, scope.partition, scope.key_id, new.number, new.issued_at, new.next_update, new.der,
    )  # fmt: skip


async def find(connection: Connection, name: str) -> KeptList | None:
    """A list by its name."""
    row = await connection.fetchrow("SELECT name, number, issued_at, next_update, der FROM list WHERE name = $1", name)
    return None if row is None else KeptList(*row.values())


async def every(connection: Connection) -> list[tuple[Kind, str, KeptList]]:
    """All lists, with kind and municipality, without their bytes."""
    rows = await connection.fetch(
        "SELECT p.kind, p.place, p.prefecture, p.city, l.name, l.number, l.issued_at, l.next_update"
        " FROM list l JOIN partition p ON p.id = l.partition ORDER BY p.kind, p.place, l.name"
    )
    return [
        (
            Kind(row["kind"]),
            f"{row['place']} {row['prefecture']} {row['city']}",
            KeptList(row["name"], row["number"], row["issued_at"], row["next_update"], b""),
        )
        for row in rows
    ]
