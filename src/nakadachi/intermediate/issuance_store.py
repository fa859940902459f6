"""SQL on issuances: matching numbers on their way, the packets they travel in, their purge, findings (L1, L5).

Each question is one statement for all the people of a packet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.intermediate.link_rules import LinkFinding, OwnRow
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import Hit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.terms import Serial


@dataclass(frozen=True, slots=True)
class Packet:
    """One request to come: its serial, whom it is for, whether it only checks, and the order it belongs to."""

    serial: Serial
    people: tuple[AddresseeNumber, ...]
    checking: bool = False
    order: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """A matching number that was purged: which one of those given, and what it stood for."""

    place: int
    addressee: str = field(repr=False)
    serial: str | None
    order: str
    checking: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Something found wrong with a link."""

    addressee: str = field(repr=False)
    kind: LinkFinding
    at: datetime
    serial: str | None = None
    order: str = ""


async def begin(
    connection: Connection, packet: Packet, numbers: Sequence[str], people: Sequence[AddresseeNumber], now: datetime
) -> None:
    """A packet is on its way with these matching numbers, one per person; older ones of the same people are dropped."""
    addressees = [one.value for one in people]
    rows = await connection.fetch(
        "WITH refused AS (DELETE FROM issuance_refused WHERE addressee = ANY($1::text[]))"
        " DELETE FROM issuance WHERE addressee = ANY($1::text[]) RETURNING serial",
        addressees,
    )
    await purge(connection, Counter(row["serial"] for row in rows), "superseded", now)
    await connection.execute(
        "INSERT INTO issuance_packet (serial, order_name, checking, asked, asked_at, ended_at)"
        " VALUES ($1, $2, $3, $4, $5::timestamptz, CASE WHEN $4 = 0 THEN $5::timestamptz END)",
        packet.serial.value,
        packet.order,
        packet.checking,
        len(people),
        now,
    )
    await connection.execute(
        "INSERT INTO issuance (matching_number, addressee, requested_at, serial, checking)"
        " SELECT number, addressee, $3, $4, $5 FROM unnest($1::text[], $2::text[]) AS given (number, addressee)",
        numbers,
        addressees,
        now,
        packet.serial.value,
        packet.checking,
    )


async def under_way(
    connection: Connection, addressees: Sequence[AddresseeNumber], since: datetime
) -> set[AddresseeNumber]:
    """Those of these people whose matching number was sent since then."""
    rows = await connection.fetch(
        "SELECT addressee FROM issuance WHERE addressee = ANY($1::text[]) AND requested_at > $2",
        [one.value for one in addressees],
        since,
    )
    return {AddresseeNumber(row["addressee"]) for row in rows}


async def take(connection: Connection, numbers: Sequence[str]) -> list[Gone]:
    """Purge these matching numbers; those that are not known here are left out (L1)."""
    rows = await connection.fetch(
        "WITH gone AS (DELETE FROM issuance USING unnest($1::text[]) WITH ORDINALITY AS given (number, place)"
        " WHERE matching_number = number RETURNING place, addressee, serial, checking)"
        " SELECT place, addressee, gone.serial, gone.checking, coalesce(order_name, '') AS order_name FROM gone"
        " LEFT JOIN issuance_packet ON issuance_packet.serial = gone.serial ORDER BY place",
        numbers,
    )
    return [Gone(row["place"] - 1, row["addressee"], row["serial"], row["order_name"], row["checking"]) for row in rows]


async def purge(connection: Connection, counts: Mapping[str | None, int], ending: str, now: datetime) -> None:
    """The evidence of a purge: how many matching numbers went, under which serial, why and when; packets that have
    nothing open any more end.

    `ending`: set, checked, refused, unanswered or superseded.
    """
    if not counts:
        return
    column = {"set": "done", "checked": "done", "refused": "refused"}.get(ending, "unanswered")
    given = list(counts), list(counts.values())
    await connection.execute(
        "INSERT INTO purge (at, count, serial, ending)"
        " SELECT $3, count, serial, $4 FROM unnest($1::text[], $2::integer[]) AS given (serial, count)",
        *given,
        now,
        ending,
    )
    await connection.execute(
        "UPDATE issuance_packet SET done = done + CASE $4::text WHEN 'done' THEN count ELSE 0 END,"
        " refused = refused + CASE $4::text WHEN 'refused' THEN count ELSE 0 END,"
        " unanswered = unanswered + CASE $4::text WHEN 'unanswered' THEN count ELSE 0 END,"
        " ended_at = CASE WHEN done + refused + unanswered + count >= asked THEN $3::timestamptz END"
        " FROM unnest($1::text[], $2::integer[]) AS given (number, count) WHERE serial = number",
        *given,
        now,
        column,
    )


async def purge_older(connection: Connection, before: datetime, most: int, now: datetime) -> int:
    """Purge matching numbers that got no answer in time, at most so many; the clerk is told so. How many there were."""
    rows = await connection.fetch(
        "WITH gone AS (DELETE FROM issuance WHERE matching_number IN (SELECT matching_number FROM issuance"
        " WHERE requested_at < $1 ORDER BY requested_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
        " RETURNING addressee, serial, checking)"
        " , told AS (INSERT INTO issuance_refused (addressee, reason, serial)"
        " SELECT addressee, 'TIMED_OUT', serial FROM gone WHERE NOT checking"
        " ON CONFLICT (addressee) DO UPDATE SET reason = excluded.reason, hit = NULL, serial = excluded.serial)"
        " SELECT serial FROM gone",
        before,
        most,
    )
    await purge(connection, Counter(row["serial"] for row in rows), "unanswered", now)
    return len(rows)


async def own_rows(connection: Connection, addressees: Collection[str]) -> dict[str, OwnRow]:
    """Our rows of these people, as codes are held against them."""
    rows = await connection.fetch(
        "SELECT addressee, person.link_code, coalesce(changed_at > linked_at, false) AS changed,"
        " array_remove(array_agg(former_code.link_code), NULL) AS former FROM person"
        " LEFT JOIN former_code USING (addressee) WHERE addressee = ANY($1::text[]) GROUP BY addressee",
        list(addressees),
    )
    return {row["addressee"]: OwnRow(row["link_code"] or "", row["changed"], frozenset(row["former"])) for row in rows}


async def holders(connection: Connection, codes: Collection[str]) -> dict[str, str]:
    """Who of ours holds these codes: code to addressee number."""
    rows = await connection.fetch(
        "SELECT link_code, addressee FROM person WHERE link_code = ANY($1::text[])", list(codes)
    )
    return {row["link_code"]: row["addressee"] for row in rows}


async def set_codes(connection: Connection, codes: Sequence[tuple[str, str]], now: datetime) -> None:
    """Tie codes to people (addressee number, code), and erase their Individual Numbers; a new link has new days."""
    await connection.execute(
        "UPDATE person SET link_code = code, linked_at = $3, individual_number = NULL, ended_code = NULL,"
        " unlinked_at = NULL, suspended_at = CASE WHEN link_code = code THEN suspended_at END,"
        " resumed_at = CASE WHEN link_code = code THEN resumed_at END"
        " FROM unnest($1::text[], $2::text[]) AS given (number, code) WHERE addressee = number",
        [addressee for addressee, _ in codes],
        [code for _, code in codes],
        now,
    )


async def refuse(connection: Connection, refused: Sequence[tuple[Gone, Reason, Hit | None]]) -> None:
    """For these people no code was issued: the reason, and what the registry found, stay for the clerk."""
    await connection.execute(
        "INSERT INTO issuance_refused (addressee, reason, hit, serial)"
        " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])"
        " ON CONFLICT (addressee) DO UPDATE SET reason = excluded.reason, hit = excluded.hit, serial = excluded.serial",
        [gone.addressee for gone, _, _ in refused],
        [reason.value for _, reason, _ in refused],
        [hit.value if hit else None for _, _, hit in refused],
        [gone.serial for gone, _, _ in refused],
    )


async def refused(
    connection: Connection, addressees: Sequence[AddresseeNumber]
) -> dict[AddresseeNumber, tuple[Reason, Hit | None]]:
    """Those of these people for whom no code could be issued: the reason, and what the registry found."""
    rows = await connection.fetch(
        "SELECT addressee, reason, hit FROM issuance_refused WHERE addressee = ANY($1::text[])",
        [one.value for one in addressees],
    )
    return {
        AddresseeNumber(row["addressee"]): (Reason(row["reason"]), Hit(row["hit"]) if row["hit"] else None)
        for row in rows
    }


async def keep_findings(connection: Connection, found: Iterable[Found]) -> None:
    """What staff should look at; found again, it counts as found now."""
    once = {(one.addressee, one.kind): one for one in found}
    if once:
        await connection.executemany(
            "INSERT INTO link_finding (addressee, kind, at, serial, order_name) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (addressee, kind) DO UPDATE SET at = excluded.at, serial = excluded.serial,"
            " order_name = excluded.order_name",
            [(one.addressee, one.kind.value, one.at, one.serial, one.order) for one in once.values()],
        )


async def no_findings(connection: Connection, addressees: Sequence[str]) -> None:
    """A re-check found these people's links right: what was found before no longer holds."""
    await connection.execute("DELETE FROM link_finding WHERE addressee = ANY($1::text[])", list(addressees))


async def findings(connection: Connection, *, most: int, order: str | None = None) -> list[Found]:
    """What is wrong with links, the newest first; of one order, or all."""
    rows = await connection.fetch(
        "SELECT addressee, kind, at, serial, order_name FROM link_finding"
        " WHERE $2::text IS NULL OR order_name = $2 ORDER BY at DESC, addressee LIMIT $1",
        most,
        order,
    )
    return [
        Found(row["addressee"], LinkFinding(row["kind"]), row["at"], row["serial"], row["order_name"]) for row in rows
    ]


async def first_asked(connection: Connection) -> datetime | None:
    """When the first packet was sent."""
    at: datetime | None = await connection.fetchval("SELECT min(asked_at) FROM issuance_packet")
    return at
