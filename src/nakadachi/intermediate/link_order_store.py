"""SQL on orders to link or to re-check many people: their lines, how far they are, what was rejected (M1, L5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.intermediate.files.reading import Reject
from nakadachi.intermediate.subjects import AddresseeNumber

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.intermediate.files.people import PersonLine
    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Progress:
    """進捗: an order as it stands: how many people, how many of them are done, refused and unanswered so far.

    `open_packets` are on their way, the last of them sent at `last_asked_at`; all were asked at `asked_at`.
    """

    name: str
    checking: bool
    automatic: bool
    people: int
    rejected: int
    done: int
    refused: int
    unanswered: int
    open_packets: int
    last_asked_at: datetime | None
    asked_at: datetime | None
    ended_at: datetime | None
    digest: bytes | None


_PROGRESS = (
    "SELECT name, link_order.checking, automatic, people, rejected, digest, link_order.asked_at, link_order.ended_at,"
    " CASE WHEN link_order.ended_at IS NULL OR link_order.checking THEN before + packets.done"
    " ELSE linked END::integer AS done,"
    " CASE WHEN link_order.ended_at IS NULL OR link_order.checking THEN packets.refused"
    " ELSE link_order.refused END::integer AS refused,"
    " CASE WHEN link_order.ended_at IS NULL OR link_order.checking THEN packets.unanswered"
    " ELSE people - linked - link_order.refused END::integer AS unanswered, open_packets, last_asked_at"
    " FROM link_order, LATERAL (SELECT coalesce(sum(done), 0) AS done, coalesce(sum(refused), 0) AS refused,"
    " coalesce(sum(unanswered), 0) AS unanswered, count(*) FILTER (WHERE ended_at IS NULL) AS open_packets,"
    " max(asked_at) AS last_asked_at FROM issuance_packet WHERE order_name = name) AS packets"
)


async def begin(
    connection: Connection, name: str, now: datetime, *, digest: bytes | None = None, automatic: bool = False
) -> bool:
    """A new order: to link the people of a file of that digest, or without one to re-check everybody who is linked.

    False where there is one of that name.
    """
    row = await connection.fetchrow(
        "INSERT INTO link_order (name, checking, automatic, digest, people, rejected, made_at) SELECT $1,"
        " $2::bytea IS NULL, $3, $2, CASE WHEN $2 IS NULL THEN"
        " (SELECT count(*) FROM person WHERE link_code IS NOT NULL) ELSE 0 END, 0, $4"
        " ON CONFLICT DO NOTHING RETURNING name",
        name,
        digest,
        automatic,
        now,
    )
    return row is not None


async def add_lines(connection: Connection, name: str, lines: Sequence[PersonLine]) -> None:
    """These lines of the order's file are to be linked."""
    await connection.copy_records_to_table(
        "link_line",
        records=[(name, one.line, one.addressee.value) for one in lines],
        columns=("order_name", "line", "addressee"),
    )


async def add_rejects(connection: Connection, name: str, rejects: Sequence[Reject]) -> None:
    """These lines of the order's file were not taken."""
    await connection.copy_records_to_table(
        "link_reject",
        records=[(name, one.line, one.column, one.reason_ja, one.reason_en, one.mend) for one in rejects],
        columns=("order_name", "line", "place", "reason_ja", "reason_en", "mend"),
    )


async def loaded(connection: Connection, name: str, people: int, rejected: int) -> None:
    """The order's file was read to its end."""
    await connection.execute("UPDATE link_order SET people = $2, rejected = $3 WHERE name = $1", name, people, rejected)


async def progress(connection: Connection, name: str) -> Progress | None:
    """How an order stands."""
    row = await connection.fetchrow(f"{_PROGRESS} WHERE name = $1", name)
    return Progress(**row) if row else None


async def to_work_on(connection: Connection) -> Progress | None:
    """The order whose turn it is: what somebody waits for before what goes on by itself, the oldest first."""
    row = await connection.fetchrow(
        f"{_PROGRESS} WHERE link_order.ended_at IS NULL ORDER BY automatic, made_at LIMIT 1"
    )
    return Progress(**row) if row else None


async def last_automatic(connection: Connection) -> datetime | None:
    """When the last re-check that goes by itself was begun."""
    at: datetime | None = await connection.fetchval("SELECT max(made_at) FROM link_order WHERE automatic")
    return at


async def next_people(connection: Connection, name: str, most: int) -> tuple[list[AddresseeNumber], int, str] | None:
    """The next people of an order, and how far that is; its row is locked. None where another instance works on it.

    Nobody: all were asked.
    """
    order = await connection.fetchrow(
        "SELECT checking, last_line, last_addressee FROM link_order WHERE name = $1 AND asked_at IS NULL"
        " FOR UPDATE SKIP LOCKED",
        name,
    )
    if order is None:
        return None
    if order["checking"]:
        rows = await connection.fetch(
            "SELECT 0 AS line, addressee FROM person WHERE link_code IS NOT NULL AND addressee > $1"
            " ORDER BY addressee LIMIT $2",
            order["last_addressee"],
            most,
        )
    else:
        rows = await connection.fetch(
            "SELECT line, addressee FROM link_line WHERE order_name = $1 AND line > $2 ORDER BY line LIMIT $3",
            name,
            order["last_line"],
            most,
        )
    if not rows:
        return [], order["last_line"], order["last_addressee"]
    return [AddresseeNumber(row["addressee"]) for row in rows], rows[-1]["line"], rows[-1]["addressee"]


async def advance(connection: Connection, name: str, line: int, addressee: str, before: int) -> None:
    """Requests were made up to here; `before` people of them needed none."""
    await connection.execute(
        "UPDATE link_order SET last_line = $2, last_addressee = $3, before = before + $4 WHERE name = $1",
        name,
        line,
        addressee,
        before,
    )


async def all_asked(connection: Connection, name: str, now: datetime) -> None:
    """Nobody of the order is left to be asked for."""
    await connection.execute("UPDATE link_order SET asked_at = $2 WHERE name = $1", name, now)


async def end(connection: Connection, name: str, now: datetime) -> None:
    """Nothing of the order is on its way any more: its totals, by what is known of each of its people."""
    await connection.execute(
        "UPDATE link_order SET ended_at = $2, (linked, refused) = (SELECT"
        " count(*) FILTER (WHERE link_code IS NOT NULL),"
        " count(*) FILTER (WHERE link_code IS NULL AND issuance_refused.addressee IS NOT NULL)"
        " FROM link_line JOIN person USING (addressee) LEFT JOIN issuance_refused USING (addressee)"
        " WHERE order_name = $1) WHERE name = $1 AND ended_at IS NULL",
        name,
        now,
    )


@dataclass(frozen=True, slots=True)
class Unlinked:
    """差戻し: one line of an order's file that led to no code: not read (`reject`), or refused for a reason."""

    line: int
    reject: Reject | None
    reason: str
    hit: str


async def unlinked(connection: Connection, name: str, after: int, most: int) -> list[Unlinked]:
    """The lines that led to no code, from the one after `after` on."""
    rows = await connection.fetch(
        "SELECT * FROM (SELECT line, place, reason_ja, reason_en, mend, '' AS reason, '' AS hit FROM link_reject"
        " WHERE order_name = $1 AND line > $2"
        " UNION ALL SELECT line, NULL, NULL, NULL, NULL, coalesce(reason, ''), coalesce(hit, '') FROM link_line"
        " LEFT JOIN person USING (addressee) LEFT JOIN issuance_refused USING (addressee)"
        " WHERE order_name = $1 AND line > $2 AND link_code IS NULL) AS found ORDER BY line LIMIT $3",
        name,
        after,
        most,
    )
    return [
        Unlinked(
            row["line"],
            Reject(row["line"], row["place"], row["reason_ja"], row["reason_en"], row["mend"])
            if row["place"] is not None
            else None,
            row["reason"],
            row["hit"],
        )
        for row in rows
    ]
