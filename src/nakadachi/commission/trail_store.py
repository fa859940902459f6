"""SQL on the trails that were handed over. It takes and returns terms, never rows."""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from nakadachi.commission.evidence import Field, Seen, month_of
from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.trail import NOTHING_YET, Event
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    ItemCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Serial,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from nakadachi.commission.examining import Examined
    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.envelope import Envelope
    from nakadachi.telegrams.trail import TrailEntry

COLUMNS = (
    "month", "author", "number", "hash", "kept_at", "serial", "event", "at", "inquirer", "provider", "affair",
    "procedure", "information", "items", "requested_at", "provided_at", "reason", "leaf", "ending", "withheld",
    "staff", "department", "terminal", "purpose", "case_digest", "origin", "index", "tag", "issued_at", "accept_by",
    "answer_by", "faults",
)  # fmt: skip
_SEEN = (
    "SELECT author, number, kept_at, serial, event, at, inquirer, provider, affair, procedure, information, items,"
    " requested_at, provided_at, reason, leaf, ending, staff, issued_at, answer_by, faults FROM trail_entry"
)


@dataclass(frozen=True, slots=True)
class Stands:
    """How far an author's trail is here: the number waited for, and the running digest before it."""

    following: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Numbered:
    """An entry with its number, its hash, and what was found in it."""

    number: int
    hash: bytes
    entry: TrailEntry
    examined: Examined


@dataclass(frozen=True, slots=True)
class Line:
    """One author's trail as people see it; a gap is there where numbers up to `seen` were heard of and are not here."""

    author: NodeName
    following: int
    seen: int
    heard_at: datetime
    contradictions: int

    @property
    def lacking(self) -> int:
        """How many entries are known of that did not come."""
        return max(0, self.seen + 1 - self.following)


def folded(envelope: Envelope) -> bytes:
    """A signed header for keeping: its payload compressed as what it is, not as base64."""
    protected, payload, signature = envelope.jws.split(b".")
    raw = urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
    return msgspec.msgpack.encode((protected, zlib.compress(raw, 6), signature))


def unfolded(kept: bytes) -> bytes:
    """The signed header (JWS compact) as it came."""
    protected, payload, signature = msgspec.msgpack.decode(kept, type=tuple[bytes, bytes, bytes])
    return b".".join((protected, urlsafe_b64encode(zlib.decompress(payload)).rstrip(b"="), signature))


async def lock(connection: Connection, author: NodeName, now: datetime, last: int) -> Stands:
    """An author's trail, held until the commit; `last` is the greatest number that it speaks of now."""
    row = await connection.fetchrow(
        "INSERT INTO trail_author (author, next, digest, seen, heard_at) VALUES ($1, 1, $2, $3, $4)"
        " ON CONFLICT (author) DO UPDATE SET seen = greatest(trail_author.seen, excluded.seen),"
        " heard_at = excluded.heard_at RETURNING next, digest",
        author.value,
        NOTHING_YET,
        last,
        now,
    )
    return Stands(row["next"], bytes(row["digest"]))


async def hashes(connection: Connection, author: NodeName, first: int, last: int) -> dict[int, bytes]:
    """What was handed over under these numbers, by the entries' hashes."""
    rows = await connection.fetch(
        "SELECT number, hash FROM trail_entry WHERE author = $1 AND number BETWEEN $2 AND $3",
        author.value,
        first,
        last,
    )
    return {row["number"]: bytes(row["hash"]) for row in rows}


async def keep(
    connection: Connection, author: NodeName, entries: Sequence[Numbered], digest: bytes, now: datetime
) -> None:
    """Entries that follow those here; their exchanges are to be reconciled."""
    months = {one.number: month_of(one.entry.at, now) for one in entries}
    await make_months(connection, set(months.values()))
    rows = [_row(author, one, months[one.number], now) for one in entries]
    await connection.copy_records_to_table("trail_entry", records=rows, columns=COLUMNS)
    await connection.execute(
        "UPDATE trail_author SET next = $2, digest = $3 WHERE author = $1",
        author.value,
        entries[-1].number + 1,
        digest,
    )
    touched = {one.entry.serial: months[one.number] for one in entries}
    await connection.execute(
        "INSERT INTO reconciliation (serial, month, touched, first_at)"
        " SELECT serial, month, true, $3 FROM unnest($1::text[], $2::date[]) AS given (serial, month)"
        " ON CONFLICT (serial) DO UPDATE SET touched = true",
        [serial.value for serial in sorted(touched)],
        [touched[serial] for serial in sorted(touched)],
        now,
    )


async def keep_telegram(connection: Connection, author: NodeName, numbers: range, signed: bytes, now: datetime) -> None:
    """The telegram that brought entries of these numbers, as its author signed it."""
    await connection.execute(
        "INSERT INTO trail_telegram (author, first, last, signed, kept_at) VALUES ($1, $2, $3, $4, $5)",
        author.value,
        numbers[0],
        numbers[-1],
        signed,
        now,
    )


async def keep_contradiction(
    connection: Connection, author: NodeName, number: int, signed: bytes, now: datetime
) -> None:
    """Another entry under this number; of several that contradict it the first is kept."""
    await connection.execute(
        "INSERT INTO trail_contradiction (author, number, signed, kept_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        author.value,
        number,
        signed,
        now,
    )


async def telegram_with(connection: Connection, author: NodeName, number: int) -> bytes | None:
    """The signed header (JWS compact) that brought the entry of this number."""
    signed = await connection.fetchval(
        "SELECT signed FROM trail_telegram WHERE author = $1 AND first <= $2 AND last >= $2", author.value, number
    )
    return unfolded(bytes(signed)) if signed else None


async def contradictions(connection: Connection, *, most: int) -> list[tuple[NodeName, int, bytes]]:
    """Whose number has two entries, and the signed header that brought the other one."""
    rows = await connection.fetch(
        "SELECT author, number, signed FROM trail_contradiction ORDER BY kept_at DESC LIMIT $1", most
    )
    return [(NodeName(row["author"]), row["number"], unfolded(bytes(row["signed"]))) for row in rows]


async def make_months(connection: Connection, months: Collection[date]) -> None:
    """The tables of these months, where they are not there yet."""
    there = await connection.fetch("SELECT month FROM trail_month WHERE month = ANY($1::date[])", list(months))
    lacking = set(months) - {row["month"] for row in there}
    if not lacking:
        return
    await connection.execute("SELECT FROM trail_month_lock WHERE id = 1 FOR UPDATE")
    there = await connection.fetch("SELECT month FROM trail_month WHERE month = ANY($1::date[])", list(lacking))
    for month in sorted(lacking - {row["month"] for row in there}):
        table = f"trail_entry_{month:%Y_%m}"
        await connection.execute(f"CREATE TABLE {table} (LIKE trail_entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        await connection.execute(
            f"ALTER TABLE trail_entry ATTACH PARTITION {table} FOR VALUES IN ('{month.isoformat()}')"
        )
        await connection.execute("INSERT INTO trail_month (month) VALUES ($1)", month)


async def trails(connection: Connection) -> list[Line]:
    """証跡の受領状況: every author's trail."""
    rows = await connection.fetch(
        "SELECT author, next, seen, heard_at, (SELECT count(*) FROM trail_contradiction"
        " WHERE trail_contradiction.author = trail_author.author) AS contradictions FROM trail_author ORDER BY author"
    )
    return [
        Line(NodeName(row["author"]), row["next"], row["seen"], row["heard_at"], row["contradictions"]) for row in rows
    ]


async def knows_trails(connection: Connection, author: NodeName) -> bool:
    """Whether this author ever handed over a trail: it knows the telegrams then (decision 0021)."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM trail_author WHERE author = $1)", author.value))


async def entries_of(connection: Connection, serials: Iterable[Serial]) -> dict[Serial, list[Seen]]:
    """All entries of these exchanges."""
    rows = await connection.fetch(
        f"{_SEEN} WHERE serial = ANY($1::text[]) ORDER BY author, number", [serial.value for serial in serials]
    )
    found: dict[Serial, list[Seen]] = {}
    for one in map(_seen, rows):
        found.setdefault(one.serial, []).append(one)
    return found


def _row(author: NodeName, one: Numbered, month: date, now: datetime) -> tuple[Any, ...]:
    entry, examined, prefix, decision = one.entry, one.examined, one.entry.prefix, one.entry.decision
    return (
        month,
        author.value,
        one.number,
        one.hash,
        now,
        entry.serial.value,
        entry.event.value,
        entry.at,
        prefix.inquirer.value,
        prefix.provider.value,
        prefix.affair.value,
        prefix.procedure.value,
        prefix.information.value,
        [item.value for item in prefix.items],
        entry.requested_at,
        entry.provided_at,
        entry.reason.value if entry.reason else None,
        entry.leaf,
        entry.ending.value if entry.ending else None,
        entry.withheld,
        entry.staff,
        entry.department,
        entry.terminal,
        entry.purpose,
        entry.case,
        examined.origin,
        decision.index if decision else None,
        decision.tag if decision else None,
        examined.issued_at,
        examined.accept_by,
        examined.answer_by,
        sorted(field.value for field in examined.faults),
    )


def _seen(row: Any) -> Seen:
    prefix = Prefix(
        OrganisationCode(row["inquirer"]),
        AffairCode(row["affair"]),
        ProcedureCode(row["procedure"]),
        OrganisationCode(row["provider"]),
        InfoNameCode(row["information"]),
        tuple(ItemCode(item) for item in row["items"]),
    )
    return Seen(
        NodeName(row["author"]),
        row["number"],
        row["kept_at"],
        Serial(row["serial"]),
        Event(row["event"]),
        row["at"],
        prefix,
        row["requested_at"],
        row["provided_at"],
        Reason(row["reason"]) if row["reason"] else None,
        bytes(row["leaf"]) if row["leaf"] else None,
        Ending(row["ending"]) if row["ending"] else None,
        row["staff"],
        row["issued_at"],
        row["answer_by"],
        frozenset(map(Field, row["faults"])),
    )
