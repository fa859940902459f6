"""SQL on how a network makes link codes, and on its conversion table (案3). It takes and returns terms, never rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.core.codes import IdCode, Meaning, Scheme
from nakadachi.terms import OrganisationCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.kit.database import Connection


async def founded_with(connection: Connection, scheme: str) -> Scheme:
    """The scheme that this database was founded with: from now on `scheme`, where none is written down yet."""
    await connection.execute("INSERT INTO code_scheme (scheme) VALUES ($1) ON CONFLICT DO NOTHING", scheme)
    return Scheme(await connection.fetchval("SELECT scheme FROM code_scheme"))


async def codes(connection: Connection, wanted: Sequence[Meaning]) -> list[bytes | None]:
    """The code (16 bytes) that each of these has in the conversion table, None where it has none."""
    rows = await connection.fetch(
        "SELECT place, code FROM unnest($1::bytea[], $2::text[], $3::integer[], $4::smallint[]) WITH ORDINALITY"
        " AS wanted (id_code, organisation, key_index, generation, place)"
        " JOIN code_of_person USING (id_code, organisation, key_index, generation)",
        *_columns(wanted),
    )
    found: list[bytes | None] = [None] * len(wanted)
    for row in rows:
        found[row["place"] - 1] = row["code"]
    return found


async def keep_codes(connection: Connection, fresh: Mapping[Meaning, bytes]) -> None:
    """Keep a code for each of these; one that has a code by now keeps that.

    Waits for whoever keeps the same in another transaction just now: all keep in the order of the keys, so that none
    waits for each other.
    """
    ordered = sorted(fresh.items(), key=lambda one: (one[0].id_code.value, one[0].organisation.value, *one[0][2:]))
    rows = await connection.fetch(
        "INSERT INTO code_of_person (id_code, organisation, key_index, generation, code)"
        " SELECT * FROM unnest($1::bytea[], $2::text[], $3::integer[], $4::smallint[], $5::bytea[])"
        " ON CONFLICT (id_code, organisation, key_index, generation) DO NOTHING"
        " RETURNING code, id_code, organisation, key_index, generation",
        *_columns([meaning for meaning, _ in ordered]),
        [code for _, code in ordered],
    )
    await connection.execute(
        "INSERT INTO code_table (id_code, organisation, key_index, generation, code)"
        " SELECT * FROM unnest($1::bytea[], $2::text[], $3::integer[], $4::smallint[], $5::bytea[])",
        *([row[name] for row in rows] for name in ("id_code", "organisation", "key_index", "generation", "code")),
    )


async def meanings(connection: Connection, shown: Sequence[bytes]) -> dict[bytes, Meaning]:
    """What these codes (16 bytes each) stand for in the conversion table; one that is not there is not answered."""
    rows = await connection.fetch(
        "SELECT code, organisation, id_code, key_index, generation FROM code_table WHERE code = ANY($1::bytea[])", shown
    )
    return {
        row["code"]: Meaning(
            OrganisationCode(row["organisation"]), IdCode(row["id_code"]), row["key_index"], row["generation"]
        )
        for row in rows
    }


def _columns(wanted: Sequence[Meaning]) -> tuple[list[object], ...]:
    return (
        [one.id_code.value for one in wanted],
        [one.organisation.value for one in wanted],
        [one.key_index for one in wanted],
        [one.generation for one in wanted],
    )
