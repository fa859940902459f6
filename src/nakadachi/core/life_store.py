"""SQL on what becomes of people and links: aliases, deaths, the days of a link (C3, C8). It takes and returns terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.core.codes import IdCode, Meaning
from nakadachi.telegrams.standing import LinkDays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.terms import OrganisationCode


@dataclass(frozen=True, slots=True)
class Dated:
    """One link at one organisation: the code issued, and its days."""

    key_index: int
    generation: int
    days: LinkDays

    def honours(self, code: Meaning) -> bool:
        """Whether this is a code of the link that stands; under which key its holder has it is for a rotation (C6)."""
        return code.generation == self.generation


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


async def hold_links(
    connection: Connection, organisation: OrganisationCode, people: Iterable[IdCode]
) -> dict[IdCode, Dated]:
    """The links of these people at an organisation, held until the commit."""
    rows = await connection.fetch(
        "SELECT id_code, key_index, generation, linked_at, suspended_at, resumed_at, unlinked_at FROM link"
        " WHERE organisation = $1 AND id_code = ANY($2::bytea[]) ORDER BY id_code FOR UPDATE",
        organisation.value,
        [person.value for person in people],
    )
    return {
        IdCode(bytes(row["id_code"])): Dated(
            row["key_index"],
            row["generation"],
            LinkDays(row["linked_at"], row["suspended_at"], row["resumed_at"], row["unlinked_at"]),
        )
        for row in rows
    }


async def set_days(connection: Connection, organisation: OrganisationCode, changed: Mapping[IdCode, LinkDays]) -> None:
    """Keep the days of these links at an organisation."""
    days = list(changed.values())
    await connection.execute(
        "UPDATE link SET suspended_at = new.suspended_at, resumed_at = new.resumed_at, unlinked_at = new.unlinked_at"
        " FROM unnest($2::bytea[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])"
        " AS new (id_code, suspended_at, resumed_at, unlinked_at)"
        " WHERE link.organisation = $1 AND link.id_code = new.id_code",
        organisation.value,
        [person.value for person in changed],
        [one.suspended for one in days],
        [one.resumed for one in days],
        [one.unlinked for one in days],
    )
