"""SQL on link codes that are replaced by those of another key (C6). Terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.terms import LinkCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Replacement:
    """One person's code and the one that takes its place."""

    addressee: AddresseeNumber
    former: LinkCode = field(repr=False)
    fresh: LinkCode = field(repr=False)


async def holders(
    connection: Connection, codes: Sequence[LinkCode]
) -> dict[LinkCode, tuple[AddresseeNumber, LinkCode]]:
    """Of whom each of these codes is or was the code, and which is theirs now; they are locked until the commit."""
    values = [code.value for code in codes]
    await connection.execute(
        "SELECT FROM person WHERE link_code = ANY($1::text[]) OR addressee IN"
        " (SELECT addressee FROM former_code WHERE link_code = ANY($1::text[])) ORDER BY addressee FOR UPDATE",
        values,
    )
    rows = await connection.fetch(
        "SELECT link_code AS asked, addressee, link_code FROM person WHERE link_code = ANY($1::text[])"
        " UNION ALL SELECT former_code.link_code, addressee, person.link_code FROM former_code"
        " JOIN person USING (addressee) WHERE former_code.link_code = ANY($1::text[])"
        " AND person.link_code IS NOT NULL",
        values,
    )
    return {LinkCode(row["asked"]): (AddresseeNumber(row["addressee"]), LinkCode(row["link_code"])) for row in rows}


async def replace_codes(connection: Connection, replaced: Sequence[Replacement], now: datetime) -> None:
    """From now on these people are asked about by the new code; by the one they had they are found a while longer."""
    await connection.execute(
        "INSERT INTO former_code (link_code, addressee, replaced_at)"
        " SELECT link_code, addressee, $3 FROM unnest($1::text[], $2::text[]) AS given (addressee, link_code)"
        " ON CONFLICT (link_code) DO NOTHING",
        [one.addressee.value for one in replaced],
        [one.former.value for one in replaced],
        now,
    )
    await connection.execute(
        "UPDATE person SET link_code = given.link_code FROM unnest($1::text[], $2::text[])"
        " AS given (addressee, link_code) WHERE person.addressee = given.addressee",
        [one.addressee.value for one in replaced],
        [one.fresh.value for one in replaced],
    )


async def forget_former(connection: Connection, before: datetime) -> int:
    """Forget the codes that were replaced before then. Returns how many."""
    count: int = await connection.fetchval(
        "WITH gone AS (DELETE FROM former_code WHERE replaced_at < $1 RETURNING 1) SELECT count(*) FROM gone", before
    )
    return count
