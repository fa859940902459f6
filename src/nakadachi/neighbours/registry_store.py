"""All SQL of the registry organisation's stand-in. It takes and returns its own words, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.kit.database import Connection
    from nakadachi.terms import Serial


@dataclass(frozen=True, slots=True)
class Entry:
    """One resident as matched: record code, Individual Number, four items (name and address in one notation)."""

    code: str = field(repr=False)
    number: str = field(repr=False)
    name: str = field(repr=False)
    address: str = field(repr=False)
    sex: int = field(repr=False)
    born: date = field(repr=False)


async def no_exchanges(_connection: Connection, _serials: Sequence[Serial]) -> Mapping[Serial, None]:
    """The registry organisation knows no exchanges."""
    return {}


async def count(connection: Connection) -> int:
    """How many residents there are."""
    return int(await connection.fetchval("SELECT count(*) FROM resident"))


async def register(connection: Connection, entries: Sequence[Entry]) -> None:
    """Register residents; known ones are left as they are."""
    await connection.executemany(
        "INSERT INTO resident (code, number, name, address, sex, born) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING",
        [(one.code, one.number, one.name, one.address, one.sex, one.born) for one in entries],
    )


async def by_number(connection: Connection, numbers: Sequence[str]) -> dict[str, list[str]]:
    """Resident record codes by Individual Number."""
    rows = await connection.fetch("SELECT code, number FROM resident WHERE number = ANY($1::text[])", list(numbers))
    found: dict[str, list[str]] = {one: [] for one in numbers}
    for row in rows:
        found[row["number"]].append(row["code"])
    return found


async def by_items(
    connection: Connection, wanted: Sequence[tuple[str, str, int, date]]
) -> dict[tuple[str, str, int, date], list[str]]:
    """Resident record codes by all four items: name, address, sex, date of birth (L5)."""
    rows = await connection.fetch(
        "SELECT code, name, address, sex, born FROM resident WHERE (name, address, sex, born) IN"
        " (SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::date[]))",
        [one[0] for one in wanted],
        [one[1] for one in wanted],
        [one[2] for one in wanted],
        [one[3] for one in wanted],
    )
    found: dict[tuple[str, str, int, date], list[str]] = {one: [] for one in wanted}
    for row in rows:
        found[row["name"], row["address"], row["sex"], row["born"]].append(row["code"])
    return found
