"""All SQL of the interface system. It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.kit.unit import Forward
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.terms import NodeName, Prefix, Serial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange as it is known here: the telegram seen last, the held prefix, and on the provider's side the
    permit's leaf hash, deadline and route; why it was closed, where it ended without an answer.
    """

    serial: Serial
    last: str
    prefix: Prefix | None = None
    leaf_hash: bytes | None = None
    answer_by: datetime | None = None
    route: Forward | None = None
    closed: Reason | None = None


async def exchanges(connection: Connection, serials: Sequence[Serial]) -> Mapping[Serial, Exchange]:
    """What is known of these exchanges."""
    if not serials:
        return {}
    rows = await connection.fetch(
        "SELECT serial, last, prefix, leaf_hash, answer_by, route_to, route_url, closed FROM exchange"
        " WHERE serial = ANY($1::text[])",
        [serial.value for serial in serials],
    )
    found = {}
    for row in rows:
        serial = Serial(row["serial"])
        found[serial] = Exchange(
            serial,
            row["last"],
            decode_json(row["prefix"], Prefix) if row["prefix"] else None,
            bytes(row["leaf_hash"]) if row["leaf_hash"] else None,
            row["answer_by"],
            Forward(NodeName(row["route_to"]), row["route_url"]) if row["route_to"] else None,
            Reason(row["closed"]) if row["closed"] else None,
        )
    return found


async def keep_issued(connection: Connection, serials: Sequence[Serial], now: datetime) -> None:
    """Serials were issued; one issued before fails on the key (I1)."""
    await connection.executemany(
        "INSERT INTO exchange (serial, last, changed_at) VALUES ($1, 'IssueSerial', $2)",
        [(serial.value, now) for serial in serials],
    )


async def hold_prefix(
    connection: Connection, pairs: Sequence[tuple[Serial, Prefix]], now: datetime, until: datetime
) -> None:
    """Hold the pairs of serial and prefix (I2); a pair that nothing comes of is erased after `until`."""
    await connection.executemany(
        "UPDATE exchange SET last = 'CheckPrefix', prefix = $2, changed_at = $3, answer_by = $4"
        " WHERE serial = $1 AND NOT ended",
        [(serial.value, encode_json(prefix), now, until) for serial, prefix in pairs],
    )


async def move_on(connection: Connection, last: str, serials: Sequence[Serial], now: datetime) -> None:
    """A telegram was relayed."""
    await connection.execute(
        "UPDATE exchange SET last = $1, changed_at = $3 WHERE serial = ANY($2::text[]) AND NOT ended",
        last,
        [serial.value for serial in serials],
        now,
    )


async def note_permit(connection: Connection, noted: Sequence[tuple[Serial, bytes, datetime]], now: datetime) -> None:
    """The inquirer sent its statement: from now on the answer's deadline is known here."""
    await connection.executemany(
        "UPDATE exchange SET last = 'Inquire', leaf_hash = $2, answer_by = $3, changed_at = $4"
        " WHERE serial = $1 AND NOT ended",
        [(serial.value, leaf, answer_by, now) for serial, leaf, answer_by in noted],
    )


async def keep_asked(connection: Connection, asked: Sequence[Exchange], now: datetime) -> None:
    """An inquiry reached the provider's side."""
    await connection.executemany(
        "INSERT INTO exchange (serial, last, prefix, leaf_hash, answer_by, route_to, route_url, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            (
                one.serial.value,
                one.last,
                encode_json(one.prefix),
                one.leaf_hash,
                one.answer_by,
                one.route.to.value if one.route else None,
                one.route.url if one.route else None,
                now,
            )
            for one in asked
        ],
    )


async def permits_used(connection: Connection, places: Sequence[tuple[str, int]]) -> frozenset[tuple[str, int]]:
    """Those of these permits (origin, index) that were used before."""
    rows = await connection.fetch(
        "SELECT origin, index FROM permit_used"
        " WHERE (origin, index) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))",
        [origin for origin, _ in places],
        [index for _, index in places],
    )
    return frozenset((row["origin"], row["index"]) for row in rows)


async def use_permits(connection: Connection, used: Sequence[tuple[str, int, Serial, datetime]]) -> None:
    """Permits are used, once (design 2.3)."""
    await connection.executemany(
        "INSERT INTO permit_used (origin, index, serial, answer_by) VALUES ($1, $2, $3, $4)",
        [(origin, index, serial.value, answer_by) for origin, index, serial, answer_by in used],
    )


async def end(connection: Connection, last: str, serials: Sequence[Serial], now: datetime) -> None:
    """Exchanges ended: the held pair is erased (source 003 6.4 ②(b))."""
    await connection.execute(
        "UPDATE exchange SET last = $1, prefix = NULL, route_to = NULL, route_url = NULL, ended = true, changed_at = $3"
        " WHERE serial = ANY($2::text[])",
        last,
        [serial.value for serial in serials],
        now,
    )


async def close(connection: Connection, closed: Sequence[tuple[Serial, Reason]], now: datetime) -> None:
    """Exchanges ended without an answer: the held pair is erased, the reason stays."""
    await connection.executemany(
        "UPDATE exchange SET last = 'Close', closed = coalesce(closed, $2), prefix = NULL, route_to = NULL,"
        " route_url = NULL, ended = true, changed_at = $3 WHERE serial = $1 AND NOT ended",
        [(serial.value, reason.value, now) for serial, reason in closed],
    )


async def overdue(connection: Connection, before: datetime, *, most: int) -> list[Serial]:
    """Exchanges that should have ended before, locked for whoever closes them."""
    rows = await connection.fetch(
        "SELECT serial FROM exchange WHERE NOT ended AND answer_by <= $1 ORDER BY answer_by LIMIT $2"
        " FOR UPDATE SKIP LOCKED",
        before,
        most,
    )
    return [Serial(row["serial"]) for row in rows]
