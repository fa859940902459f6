"""SQL on what becomes of people: aliases of changed record codes, deaths (C8). It takes and returns terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.core.codes import IdCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


async def aliases(connection: Connection, people: Iterable[IdCode]) -> dict[IdCode, IdCode]:
    """Those of these ID codes that are aliases, and what stands for each; all others stand for themselves."""
    rows = await connection.fetch(
        "SELECT id_code, stands FROM alias WHERE id_code = ANY($1::bytea[])", [person.value for person in people]
    )
    return {IdCode(bytes(row["id_code"])): IdCode(bytes(row["stands"])) for row in rows}


async def standing(connection: Connection, people: Sequence[IdCode]) -> list[IdCode]:
    """正本のIDコード: for each the ID code that stands, in the same order (C8)."""
    found = await aliases(connection, people)
    return [found.get(person, person) for person in people]


async def known(connection: Connection, people: Iterable[IdCode]) -> frozenset[IdCode]:
    """Those of these ID codes that somebody is known by: by a link, as dead, or by an older record code."""
    rows = await connection.fetch(
        "SELECT id_code FROM unnest($1::bytea[]) AS asked (id_code)"
        " WHERE EXISTS (SELECT 1 FROM link WHERE link.id_code = asked.id_code)"
        " OR EXISTS (SELECT 1 FROM death WHERE death.id_code = asked.id_code)"
        " OR EXISTS (SELECT 1 FROM alias WHERE alias.stands = asked.id_code)",
        [person.value for person in people],
    )
    return frozenset(IdCode(bytes(row["id_code"])) for row in rows)


async def add_aliases(connection: Connection, new: Mapping[IdCode, IdCode], now: datetime) -> None:
    """Keep what stands for the ID codes of new record codes."""
    await connection.execute(
        "INSERT INTO alias (id_code, stands, told_at) SELECT id_code, stands, $3"
        " FROM unnest($1::bytea[], $2::bytea[]) AS new (id_code, stands) ON CONFLICT DO NOTHING",
        [person.value for person in new],
        [stands.value for stands in new.values()],
        now,
    )


async def note_deaths(connection: Connection, dead: Mapping[IdCode, bool], now: datetime) -> None:
    """Who died (True), and of whom that is undone (False)."""
    await connection.execute(
        "INSERT INTO death (id_code, told_at) SELECT id_code, $2 FROM unnest($1::bytea[]) AS dead (id_code)"
        " ON CONFLICT DO NOTHING",
        [person.value for person, died in dead.items() if died],
        now,
    )
    await connection.execute(
        "DELETE FROM death WHERE id_code = ANY($1::bytea[])",
        [person.value for person, died in dead.items() if not died],
    )
