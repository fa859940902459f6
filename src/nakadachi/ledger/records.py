"""情報提供等記録: what the core, the inquirer and the provider each keep of every exchange (Act art. 23; C13, I10).

Only ever added to: one row per exchange and event. No person is named; a person's codes stay with the exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.trail import Event as Event
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    ItemCode,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Serial,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Circumstance:
    """Who acted for what: staff (a pseudonym at the core), department, terminal, purpose, case number (design 2.10).

    `withheld` is the non-disclosure marking (L4).
    """

    staff: str = ""
    department: str = ""
    terminal: str = ""
    purpose: str = ""
    case_number: str = ""
    withheld: bool = False


AUTOMATIC = Circumstance(staff="automatic")
"""The provider's circumstance where no member of staff took part."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event of one exchange; `leaf` is the permit's leaf hash where there is one, `reason` that of a refusal,
    `requested_at` and `provided_at` the statutory times as far as they are known here, `ending` how the exchange ended
    where this event ends it.
    """

    serial: Serial
    event: Event
    at: datetime
    prefix: Prefix
    by: Circumstance
    reason: Reason | None = None
    leaf: bytes | None = None
    requested_at: datetime | None = None
    provided_at: datetime | None = None
    ending: Ending | None = None


KEEP = (
    "INSERT INTO record (serial, event, at, inquirer, provider, affair, procedure, information, items, reason,"
    " leaf, staff, department, terminal, purpose, case_number, withheld, requested_at, provided_at, ending)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
    " ON CONFLICT (serial, event) DO NOTHING"
)
"""The same event of an exchange is kept once; its values are `values_of` the record."""


async def keep(connection: Connection, records: Sequence[Record]) -> None:
    """Add records in the transaction of their acts. Whoever hands them over keeps them by `trails.keep` instead."""
    await connection.executemany(KEEP, [values_of(one) for one in records])


def values_of(one: Record) -> tuple[Any, ...]:
    """A record as the values of its row."""
    return (
        one.serial.value,
        one.event.value,
        one.at,
        one.prefix.inquirer.value,
        one.prefix.provider.value,
        one.prefix.affair.value,
        one.prefix.procedure.value,
        one.prefix.information.value,
        [item.value for item in one.prefix.items],
        one.reason.value if one.reason else None,
        one.leaf,
        one.by.staff,
        one.by.department,
        one.by.terminal,
        one.by.purpose,
        one.by.case_number,
        one.by.withheld,
        one.requested_at,
        one.provided_at,
        one.ending.value if one.ending else None,
    )


def of_row(row: Any) -> Record:
    """A row as the record it is."""
    prefix = Prefix(
        OrganisationCode(row["inquirer"]),
        AffairCode(row["affair"]),
        ProcedureCode(row["procedure"]),
        OrganisationCode(row["provider"]),
        InfoNameCode(row["information"]),
        tuple(ItemCode(item) for item in row["items"]),
    )
    by = Circumstance(*(row[name] for name in Circumstance.__slots__))
    return Record(
        Serial(row["serial"]),
        Event(row["event"]),
        row["at"],
        prefix,
        by,
        reason=Reason(row["reason"]) if row["reason"] else None,
        leaf=bytes(row["leaf"]) if row["leaf"] else None,
        requested_at=row["requested_at"],
        provided_at=row["provided_at"],
        ending=Ending(row["ending"]) if row["ending"] else None,
    )


async def exchanges(connection: Connection) -> int:
    """How many exchanges have a record here."""
    return int(await connection.fetchval("SELECT count(DISTINCT serial) FROM record"))
