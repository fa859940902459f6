"""SQL of what the public certification service is still to be told of residents (R2, R3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.neighbours.jpki.rules import Change

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.neighbours.events import Person


@dataclass(frozen=True, slots=True)
class Waiting:
    """異動の引渡し待ち: one change that the service is to be told: its place in the queue, the event's number, the
    register's own number of the person, what kind of change, and when the register heard of it.
    """

    place: int
    event: str = field(repr=False)
    person: int = field(repr=False)
    change: Change
    at: datetime


async def keep(connection: Connection, changes: Sequence[tuple[str, Person, Change]], now: datetime) -> None:
    """Queue changes (event, person, kind), in order, in the transaction of the events."""
    await connection.executemany(
        "INSERT INTO certificate_untold (person, event, change, at) VALUES ($1, $2, $3, $4)",
        [(person.person, event, change.value, now) for event, person, change in changes],
    )


async def next_ones(connection: Connection, most: int) -> list[Waiting]:
    """The oldest changes that the service is still to be told, in order. They stay in the queue until `told`."""
    rows = await connection.fetch(
        "SELECT place, event, person, change, at FROM certificate_untold ORDER BY place LIMIT $1", most
    )
    return [Waiting(row["place"], row["event"], row["person"], Change(row["change"]), row["at"]) for row in rows]


async def told(connection: Connection, places: Sequence[int]) -> None:
    """The service has heard these."""
    await connection.execute("DELETE FROM certificate_untold WHERE place = ANY($1::bigint[])", list(places))


async def person_of(connection: Connection, code: str) -> int | None:
    """The register's own number of who has, or once had, this resident record code."""
    person: int | None = await connection.fetchval("SELECT person FROM code_given WHERE code = $1", code)
    return person
