"""SQL on requests of existing systems that may come again: which line of which request has which serial (N3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.terms import Serial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One line of a request, as it is known again: whose request, its number, the line, and what it asks (digest)."""

    system: str
    request: str
    line: int
    digest: bytes


async def claim_lines(
    connection: Connection, lines: Sequence[tuple[RequestLine, Serial]], now: datetime
) -> list[tuple[bytes, Serial]]:
    """Tie lines to serials; one that was tied before, here or by another instance, keeps what it has.

    Returns of each the digest and the serial that it has.
    """
    given = [[one.system for one, _ in lines], [one.request for one, _ in lines], [one.line for one, _ in lines]]
    await connection.execute(
        "INSERT INTO request_line (system, request, line, digest, serial, at)"
        " SELECT *, $6 FROM unnest($1::text[], $2::text[], $3::integer[], $4::bytea[], $5::text[]) ORDER BY 1, 2, 3"
        " ON CONFLICT DO NOTHING",
        *given,
        [one.digest for one, _ in lines],
        [serial.value for _, serial in lines],
        now,
    )
    rows = await connection.fetch(
        "SELECT system, request, line, digest, serial FROM request_line"
        " WHERE (system, request, line) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::integer[]))",
        *given,
    )
    found = {(row["system"], row["request"], row["line"]): (row["digest"], Serial(row["serial"])) for row in rows}
    return [found[one.system, one.request, one.line] for one, _ in lines]
