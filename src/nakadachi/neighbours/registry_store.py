"""SQL of the registry organisation's stand-in: who is found. It takes and returns its own words, never rows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.neighbours.matching import Items, Match, Sought, judge
from nakadachi.neighbours.notation import FORM, address_key, name_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nakadachi.kit.database import Connection
    from nakadachi.terms import Serial

AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One resident as registered: record code, Individual Number, the four items as written, kana where known.

    `sex` a digit; `born` as `notation.date_key` writes it.
    """

    code: str = field(repr=False)
    number: str = field(repr=False)
    name: str = field(repr=False)
    address: str = field(repr=False)
    sex: int = field(repr=False)
    born: str = field(repr=False)
    kana: str = field(default="", repr=False)


async def no_exchanges(_connection: Connection, _serials: Sequence[Serial]) -> Mapping[Serial, None]:
    """The registry organisation knows no exchanges."""
    return {}


async def count(connection: Connection) -> int:
    """How many residents there are."""
    return int(await connection.fetchval("SELECT count(*) FROM resident"))


async def register(connection: Connection, entries: Iterable[Entry]) -> None:
    """Register residents, a few thousand at a time; those whose code or number is known are left as they are."""
    rest = iter(entries)
    while some := list(itertools.islice(rest, AT_ONCE)):
        await connection.execute(
            "WITH given AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[],"
            " $6::text[], $7::text[], $8::text[], $9::text[])"
            " AS given (code, number, name, address, sex, born, kana, name_key, address_key)),"
            " registered AS (INSERT INTO resident"
            " (code, number, name, address, sex, born, kana, name_key, address_key, form)"
            " SELECT code, number, name, address, sex, born, kana, name_key, address_key, $10 FROM given"
            " WHERE NOT EXISTS (SELECT FROM code_given AS former WHERE former.code = given.code)"
            " AND NOT EXISTS (SELECT FROM number_given AS former WHERE former.number = given.number)"
            " ON CONFLICT DO NOTHING RETURNING person, code, number),"
            " coded AS (INSERT INTO code_given (code, person) SELECT code, person FROM registered)"
            " INSERT INTO number_given (number, person) SELECT number, person FROM registered WHERE number <> ''",
            [one.code for one in some],
            [one.number for one in some],
            [one.name for one in some],
            [one.address for one in some],
            [one.sex for one in some],
            [one.born for one in some],
            [one.kana for one in some],
            [name_key(one.name) for one in some],
            [address_key(one.address) for one in some],
            FORM,
        )


async def renew_keys(connection: Connection, most: int = AT_ONCE) -> int:
    """Make the keys of up to `most` residents anew whose keys are of a former notation. Returns how many were."""
    rows = await connection.fetch(
        "SELECT person, name, address FROM resident WHERE form < $1 LIMIT $2 FOR UPDATE SKIP LOCKED", FORM, most
    )
    await connection.execute(
        "UPDATE resident SET name_key = made.name, address_key = made.address, form = $4"
        " FROM unnest($1::bigint[], $2::text[], $3::text[]) AS made (person, name, address)"
        " WHERE resident.person = made.person",
        [row["person"] for row in rows],
        [name_key(row["name"]) for row in rows],
        [address_key(row["address"]) for row in rows],
        FORM,
    )
    return len(rows)


async def match(connection: Connection, sought: Sequence[Sought]) -> list[Match]:
    """突合: for each person sought, in order, whether exactly one resident fits all that was given, and their code.

    Who died is nobody; who left the country is found by what the register last wrote (facts 7.1, L5).
    """
    numbers = await _by_number(connection, [one.number for one in sought if one.number])
    items = await _by_items(connection, [one.items for one in sought if one.items])
    return [judge(one, numbers.get(one.number, ()), items.get(one.items, ()) if one.items else ()) for one in sought]


async def _by_number(connection: Connection, numbers: Sequence[str]) -> dict[str, list[str]]:
    if not numbers:
        return {}
    rows = await connection.fetch(
        "SELECT code, number FROM resident WHERE number = ANY($1::text[]) AND number <> '' AND died IS NULL",
        list(numbers),
    )
    return {row["number"]: [row["code"]] for row in rows}


async def _by_items(connection: Connection, wanted: Sequence[Items]) -> dict[Items, list[str]]:
    if not wanted:
        return {}
    rows = await connection.fetch(
        "SELECT code, name_key, address_key, sex, born FROM resident WHERE died IS NULL AND"
        " (name_key, address_key, sex, born) IN"
        " (SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[]))",
        [one.name for one in wanted],
        [one.address for one in wanted],
        [one.sex for one in wanted],
        [one.born for one in wanted],
    )
    found: dict[Items, list[str]] = {}
    for row in rows:
        items = Items(row["name_key"], row["address_key"], row["sex"], row["born"])
        found.setdefault(items, []).append(row["code"])
    return found
