"""All SQL that the Commission's pages read with. It changes nothing; it takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.refusal import Reason
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.terms import AffairCode, NodeName, OrganisationCode, Serial

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with who found it and when the Commission kept it; `day` (Japan's) is part of what names it."""

    reporter: NodeName
    finding: Finding
    day: date
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """The newest tree of a log that the Commission cosigned, and when."""

    checkpoint: Checkpoint
    at: datetime


@dataclass(frozen=True, slots=True)
class HeadTold:
    """A tree that a node told of, and what became of it: open, contained, forked or unproven."""

    checkpoint: Checkpoint
    reporter: NodeName
    told_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class RefusedInquiry:
    """照会拒否: an inquiry that an interface system refused; `staff` is a pseudonym."""

    serial: Serial
    inquirer: OrganisationCode
    provider: OrganisationCode
    affair: AffairCode
    reason: Reason
    staff: str
    refused_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings: of a kind, found by or about a node whose name holds a text; "" for any."""

    kind: str = ""
    node: str = ""


_FINDING = "reporter, kind, serial, about, day, at, reason, kept_at"
_REFUSED = "serial, inquirer, provider, affair, reason, staff, refused_at"


async def findings(
    connection: Connection, wanted: Wanted, *, before: tuple[datetime, str] | None, most: int
) -> list[Found]:
    """Findings, the newest first; `before` is the time and the name (`name_of`) of the last one shown."""
    at, name = before or (None, "")
    rows = await connection.fetch(
        f"SELECT {_FINDING} FROM finding"  # noqa: S608  columns of ours
        " WHERE ($1::timestamptz IS NULL OR kept_at < $1"
        " OR (kept_at = $1 AND concat_ws('|', reporter, kind, serial, about, day) COLLATE \"C\" < $2))"
        " AND ($3 = '' OR kind = $3) AND ($4 = '' OR strpos(reporter, $4) > 0 OR strpos(about, $4) > 0)"
        " ORDER BY kept_at DESC, concat_ws('|', reporter, kind, serial, about, day) COLLATE \"C\" DESC LIMIT $5",
        at,
        name,
        wanted.kind,
        wanted.node,
        most,
    )
    return [_found(row) for row in rows]


async def finding(connection: Connection, name: tuple[str, str, str, str, date]) -> Found | None:
    """The finding of this reporter, kind, serial, node and day; None where there is none."""
    row = await connection.fetchrow(
        f"SELECT {_FINDING} FROM finding"  # noqa: S608  columns of ours
        " WHERE reporter = $1 AND kind = $2 AND serial = $3 AND about = $4 AND day = $5",
        *name,
    )
    return _found(row) if row is not None else None


def name_of(one: Found) -> str:
    """What names a finding, in one text."""
    serial = one.finding.serial.value if one.finding.serial else ""
    about = one.finding.about.value if one.finding.about else ""
    return f"{one.reporter.value}|{one.finding.kind.value}|{serial}|{about}|{one.day.isoformat()}"


async def findings_per_hour(connection: Connection, since: datetime) -> dict[datetime, int]:
    """How many findings were kept since then, by the beginning of the hour."""
    rows = await connection.fetch(
        "SELECT date_trunc('hour', kept_at) AS hour, count(*) AS count FROM finding WHERE kept_at >= $1 GROUP BY 1",
        since,
    )
    return {row["hour"]: row["count"] for row in rows}


async def refusals_per_hour(connection: Connection, since: datetime) -> dict[datetime, int]:
    """How many inquiries were refused since then, by the beginning of the hour."""
    rows = await connection.fetch(
        "SELECT date_trunc('hour', refused_at) AS hour, count(*) AS count FROM refused_inquiry WHERE refused_at >= $1"
        " GROUP BY 1",
        since,
    )
    return {row["hour"]: row["count"] for row in rows}


async def refusals(
    connection: Connection, *, reason: str, before: tuple[datetime, str] | None, most: int
) -> list[RefusedInquiry]:
    """Refused inquiries, the newest first; `before` is time and serial of the last one shown."""
    at, serial = before or (None, "")
    rows = await connection.fetch(
        f"SELECT {_REFUSED} FROM refused_inquiry"  # noqa: S608  columns of ours
        " WHERE ($1::timestamptz IS NULL OR (refused_at, serial) < ($1, $2)) AND ($3 = '' OR reason = $3)"
        " ORDER BY refused_at DESC, serial DESC LIMIT $4",
        at,
        serial,
        reason,
        most,
    )
    return [
        RefusedInquiry(
            Serial(row["serial"]),
            OrganisationCode(row["inquirer"]),
            OrganisationCode(row["provider"]),
            AffairCode(row["affair"]),
            Reason(row["reason"]),
            row["staff"],
            row["refused_at"],
        )
        for row in rows
    ]


async def heads(connection: Connection) -> list[Head]:
    """The newest tree cosigned of every log, those first that were cosigned last."""
    rows = await connection.fetch(
        "SELECT origin, size, root, at FROM witnessed WHERE size > 0 ORDER BY at DESC, origin"
    )
    return [Head(Checkpoint(row["origin"], row["size"], bytes(row["root"])), row["at"]) for row in rows]


async def heads_told(connection: Connection, *, most: int) -> list[HeadTold]:
    """Trees that nodes told of: those that are in no cosigned log first, then the newest."""
    rows = await connection.fetch(
        "SELECT origin, size, root, reporter, told_at, state FROM head_told"
        " ORDER BY state IN ('forked', 'unproven') DESC, told_at DESC, origin, size LIMIT $1",
        most,
    )
    return [
        HeadTold(
            Checkpoint(row["origin"], row["size"], bytes(row["root"])),
            NodeName(row["reporter"]),
            row["told_at"],
            row["state"],
        )
        for row in rows
    ]


async def heads_not_in_the_log(connection: Connection) -> int:
    """How many trees were told of that contradict the log, or that nobody has proved to be in it."""
    count: int = await connection.fetchval("SELECT count(*) FROM head_told WHERE state IN ('forked', 'unproven')")
    return count


def _found(row: Any) -> Found:
    one = Finding(
        kind=FindingKind(row["kind"]),
        at=row["at"],
        serial=Serial(row["serial"]) if row["serial"] else None,
        about=NodeName(row["about"]) if row["about"] else None,
        reason=Reason(row["reason"]) if row["reason"] else None,
    )
    return Found(NodeName(row["reporter"]), one, row["day"], row["kept_at"])
