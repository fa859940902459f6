"""SQL on exchanges: what we asked of others, and what others asked of us. Terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nakadachi.intermediate.rules import State
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.ledger.records import Circumstance
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import NodeName, OrganisationCode, Prefix, Serial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One inquiry of ours. `seed` is wrapped under the month's key, `answer` the items received, as JSON;
    `provided_at` is the provider's word as it comes, not kept here.
    """

    serial: Serial
    last: str
    state: State
    addressee: AddresseeNumber
    prefix: Prefix
    by: Circumstance
    reason: Reason | None = None
    leaf_hash: bytes | None = None
    suite: str = ""
    month: str = ""
    seed: bytes | None = field(default=None, repr=False)
    answer: bytes | None = field(default=None, repr=False)
    asked_at: datetime | None = None
    provided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """What an inquiry's permit brought: the prefix with its items, the leaf hash, the suite, the wrapped seed, and when
    we close it if nothing came.
    """

    serial: Serial
    prefix: Prefix
    leaf_hash: bytes
    suite: str
    month: str
    seed: bytes = field(repr=False)
    due_at: datetime


@dataclass(frozen=True, slots=True)
class AskedOfUs:
    """One inquiry of another organisation, and what we need to answer it later."""

    serial: Serial
    last: str
    origin: str
    index: int
    addressee: AddresseeNumber | None
    prefix: Prefix
    leaf_hash: bytes
    body_key: bytes
    suite: str
    inquirer: NodeName
    state: State
    reason: Reason | None
    asked_at: datetime
    answer_by: datetime
    ending: Ending | None = None


_INQUIRY = (
    "SELECT serial, last, state, reason, addressee, prefix, by, leaf_hash, suite, month, seed, answer, asked_at"
    " FROM inquiry"
)
_ASKED = (
    "SELECT serial, last, origin, index, addressee, prefix, leaf_hash, body_key, suite, inquirer, state, reason,"
    " asked_at, answer_by, ending FROM asked"
)


async def exchanges(
    connection: Connection, serials: Sequence[Serial], own: OrganisationCode
) -> Mapping[Serial, Inquiry | AskedOfUs]:
    """What is known of these exchanges: serials of our `own` organisation are our inquiries, others were asked of
    us.
    """
    ours = [serial for serial in serials if serial.issuer == own]
    others = [serial.value for serial in serials if serial.issuer != own]
    found: dict[Serial, Inquiry | AskedOfUs] = dict(await inquiries(connection, ours)) if ours else {}
    if others:
        asked = await connection.fetch(f"{_ASKED} WHERE serial = ANY($1::text[])", others)
        found.update({one.serial: one for one in map(_asked_row, asked)})
    return found


async def begin(connection: Connection, inquiries: Sequence[Inquiry], now: datetime) -> None:
    """Inquiries of ours begin; one that was refused before it left ends at once."""
    await connection.executemany(
        "INSERT INTO inquiry (serial, last, state, reason, addressee, prefix, by, asked_at, ended_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            (
                one.serial.value,
                one.last,
                one.state.value,
                one.reason.value if one.reason else None,
                one.addressee.value,
                encode_json(one.prefix),
                encode_json(one.by),
                now,
                now if one.reason else None,
            )
            for one in inquiries
        ],
    )


async def inquiries(connection: Connection, serials: Sequence[Serial]) -> dict[Serial, Inquiry]:
    """Our inquiries of these serials."""
    rows = await connection.fetch(f"{_INQUIRY} WHERE serial = ANY($1::text[])", [serial.value for serial in serials])
    return {one.serial: one for one in map(_inquiry_row, rows)}


async def note_permits(connection: Connection, stated: Sequence[Stated]) -> None:
    """Permits came, and our statements go out; an inquiry that ended meanwhile gets no seed again."""
    await connection.executemany(
        "UPDATE inquiry SET last = 'Inquire', prefix = $2, leaf_hash = $3, suite = $4, month = $5, seed = $6,"
        " due_at = $7 WHERE serial = $1 AND state = 'asked'",
        [
            (
                one.serial.value,
                encode_json(one.prefix),
                one.leaf_hash,
                one.suite,
                one.month,
                one.seed,
                one.due_at,
            )
            for one in stated
        ],
    )


async def note_held(connection: Connection, serials: Sequence[Serial]) -> None:
    """The provider holds these back for its staff."""
    await connection.execute(
        "UPDATE inquiry SET state = 'held' WHERE serial = ANY($1::text[]) AND state = 'asked'",
        [serial.value for serial in serials],
    )


async def end_inquiries(
    connection: Connection, ended: Sequence[tuple[Serial, State, Reason | None, bytes | None]], now: datetime
) -> None:
    """Inquiries of ours end; the body key's seed is erased."""
    await connection.executemany(
        "UPDATE inquiry SET state = $2, reason = $3, answer = $4, ended_at = $5, seed = NULL"
        " WHERE serial = $1 AND state IN ('asked', 'held')",
        [
            (serial.value, state.value, reason.value if reason else None, answer, now)
            for serial, state, reason, answer in ended
        ],
    )


async def keep_asked(connection: Connection, asked: Sequence[AskedOfUs]) -> None:
    """Inquiries of others; a permit used before fails on its place in the log."""
    await connection.executemany(
        "INSERT INTO asked (serial, last, origin, index, addressee, prefix, leaf_hash, body_key, suite, inquirer,"
        " state, reason, asked_at, answer_by, ending)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        [
            (
                one.serial.value,
                one.last,
                one.origin,
                one.index,
                one.addressee.value if one.addressee else None,
                encode_json(one.prefix),
                one.leaf_hash,
                one.body_key,
                one.suite,
                one.inquirer.value,
                one.state.value,
                one.reason.value if one.reason else None,
                one.asked_at,
                one.answer_by,
                one.ending.value if one.ending else None,
            )
            for one in asked
        ],
    )


async def permits_used(connection: Connection, places: Sequence[tuple[str, int]]) -> frozenset[tuple[str, int]]:
    """Those of these permits (origin, index) that were used before."""
    rows = await connection.fetch(
        "SELECT origin, index FROM asked WHERE (origin, index) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))",
        [origin for origin, _ in places],
        [index for _, index in places],
    )
    return frozenset((row["origin"], row["index"]) for row in rows)


async def held(connection: Connection, *, most: int) -> list[AskedOfUs]:
    """Inquiries of others that wait for our staff, the oldest first."""
    rows = await connection.fetch(f"{_ASKED} WHERE state = 'held' ORDER BY asked_at LIMIT $1", most)
    return [_asked_row(row) for row in rows]


async def lock_asked(connection: Connection, serials: Sequence[Serial]) -> None:
    """Until the commit nobody else decides on these: two members of staff may do so at once, at two instances."""
    await connection.execute(
        "SELECT FROM asked WHERE serial = ANY($1::text[]) ORDER BY serial FOR UPDATE",
        [serial.value for serial in serials],
    )


async def overdue(connection: Connection, now: datetime, *, most: int) -> list[Inquiry]:
    """Our inquiries that should have ended by now, locked for whoever closes them."""
    rows = await connection.fetch(
        f"{_INQUIRY} WHERE state IN ('asked', 'held') AND due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        most,
    )
    return [_inquiry_row(row) for row in rows]


async def held_overdue(connection: Connection, now: datetime, *, most: int) -> list[AskedOfUs]:
    """Inquiries of others that staff did not decide in time, locked for whoever closes them."""
    rows = await connection.fetch(
        f"{_ASKED} WHERE state = 'held' AND answer_by <= $1 ORDER BY asked_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        most,
    )
    return [_asked_row(row) for row in rows]


async def settle_asked(connection: Connection, settled: Sequence[tuple[Serial, State, Reason | None]]) -> None:
    """Our answer or refusal to inquiries of others is on its way."""
    await connection.executemany(
        "UPDATE asked SET state = $2, reason = $3 WHERE serial = $1",
        [(serial.value, state.value, reason.value if reason else None) for serial, state, reason in settled],
    )


def _inquiry_row(row: Any) -> Inquiry:
    return Inquiry(
        Serial(row["serial"]),
        row["last"],
        State(row["state"]),
        AddresseeNumber(row["addressee"]),
        decode_json(row["prefix"], Prefix),
        decode_json(row["by"], Circumstance),
        Reason(row["reason"]) if row["reason"] else None,
        bytes(row["leaf_hash"]) if row["leaf_hash"] else None,
        row["suite"] or "",
        row["month"] or "",
        bytes(row["seed"]) if row["seed"] else None,
        bytes(row["answer"]) if row["answer"] else None,
        row["asked_at"],
    )


def _asked_row(row: Any) -> AskedOfUs:
    return AskedOfUs(
        Serial(row["serial"]),
        row["last"],
        row["origin"],
        row["index"],
        AddresseeNumber(row["addressee"]) if row["addressee"] else None,
        decode_json(row["prefix"], Prefix),
        bytes(row["leaf_hash"]),
        bytes(row["body_key"]),
        row["suite"],
        NodeName(row["inquirer"]),
        State(row["state"]),
        Reason(row["reason"]) if row["reason"] else None,
        row["asked_at"],
        row["answer_by"],
        Ending(row["ending"]) if row["ending"] else None,
    )
