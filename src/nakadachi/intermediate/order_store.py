"""SQL on orders (大量照会の依頼): which inquiry each line of a named order led to. Terms, never rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.terms import Serial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.kit.database import Connection


async def keep(connection: Connection, order: str, lines: Mapping[int, Serial]) -> None:
    """Lines of an order are asked, in the transaction of their inquiries; a line asked before fails on its key."""
    await connection.executemany(
        "INSERT INTO order_line (order_name, line, serial) VALUES ($1, $2, $3)",
        [(order, line, serial.value) for line, serial in lines.items()],
    )


async def asked(connection: Connection, order: str, lines: Sequence[int]) -> dict[int, Serial]:
    """Those of these lines that were asked before, and under which serial."""
    rows = await connection.fetch(
        "SELECT line, serial FROM order_line WHERE order_name = $1 AND line = ANY($2::integer[])", order, list(lines)
    )
    return {row["line"]: Serial(row["serial"]) for row in rows}
