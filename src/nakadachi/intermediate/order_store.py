"""SQL on orders (大量照会の依頼): which inquiry each line of a named order led to. Terms, never rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.terms import Serial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.kit.database import Connection


async def claim(connection: Connection, order: str, lines: Mapping[int, Serial]) -> dict[int, Serial]:
    """Lines of an order are asked, in the transaction of their inquiries. Returns the serial of each: a line that was
    asked meanwhile, perhaps through another instance, keeps what it has.
    """
    await connection.execute(
        "INSERT INTO order_line (order_name, line, serial)"
        " SELECT $1, line, serial FROM unnest($2::integer[], $3::text[]) AS given (line, serial) ORDER BY line"
        " ON CONFLICT DO NOTHING",
        order,
        list(lines),
        [serial.value for serial in lines.values()],
    )
    return await asked(connection, order, list(lines))


async def asked(connection: Connection, order: str, lines: Sequence[int]) -> dict[int, Serial]:
    """Those of these lines that were asked before, and under which serial."""
    rows = await connection.fetch(
        "SELECT line, serial FROM order_line WHERE order_name = $1 AND line = ANY($2::integer[])", order, list(lines)
    )
    return {row["line"]: Serial(row["serial"]) for row in rows}
