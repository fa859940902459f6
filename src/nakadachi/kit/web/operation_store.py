"""All SQL of the operation log. It adds and reads; there is no statement here that changes or deletes a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nakadachi.kit.web import operations as terms

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection

_COLUMNS = "number, at, name, role, session, action, page, about, digest"


async def tip(connection: Connection) -> tuple[int, bytes]:
    """Number and digest of the newest row, held until the transaction ends: rows come one after the other."""
    await connection.execute(
        "INSERT INTO page_operation_tip (id, number, digest) VALUES (1, 0, $1) ON CONFLICT DO NOTHING", terms.FIRST
    )
    row = await connection.fetchrow("SELECT number, digest FROM page_operation_tip WHERE id = 1 FOR UPDATE")
    return row["number"], bytes(row["digest"])


async def add(connection: Connection, row: terms.Kept) -> None:
    """The next row."""
    one = row.operation
    await connection.execute(
        f"INSERT INTO page_operation ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",  # noqa: S608  ours
        row.number,
        one.at,
        one.name,
        one.role,
        one.session,
        one.action.value,
        one.page,
        one.about,
        row.digest,
    )
    await connection.execute(
        "UPDATE page_operation_tip SET number = $1, digest = $2 WHERE id = 1", row.number, row.digest
    )


async def after(connection: Connection, number: int, *, most: int) -> list[terms.Kept]:
    """Rows after that number, in order."""
    query = f"SELECT {_COLUMNS} FROM page_operation WHERE number > $1 ORDER BY number LIMIT $2"  # noqa: S608  ours
    return [_kept(row) for row in await connection.fetch(query, number, most)]


async def newest(connection: Connection, *, before: int | None, name: str, most: int) -> list[terms.Kept]:
    """Rows before that number, the newest first; of one user where a name is given."""
    query = (
        f"SELECT {_COLUMNS} FROM page_operation"  # noqa: S608  columns of ours
        " WHERE ($1::bigint IS NULL OR number < $1) AND ($2 = '' OR name = $2) ORDER BY number DESC LIMIT $3"
    )
    return [_kept(row) for row in await connection.fetch(query, before, name, most)]


def _kept(row: Any) -> terms.Kept:
    action = terms.Action(row["action"])
    one = terms.Operation(
        row["at"], row["name"], row["role"], row["session"], action, row["page"], row["about"]
    )  # fmt: skip
    return terms.Kept(row["number"], one, bytes(row["digest"]))
