"""情報提供等記録: what the core, the inquirer and the provider each keep of every exchange (Act art. 23; C13, I10).

Only ever added to: one row per exchange and event. No person is named; a person's codes stay with the exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from nakadachi.refusal import Reason
from nakadachi.terms import Prefix, Serial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.database import Connection


class Event(StrEnum):
    """What happened: asked for, permitted, provided or received, refused, closed without either."""

    REQUESTED = "requested"
    PERMITTED = "permitted"
    PROVIDED = "provided"
    RECEIVED = "received"
    REFUSED = "refused"
    CLOSED = "closed"


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
    """One event of one exchange; `leaf` is the permit's leaf hash where there is one, `reason` that of a refusal."""

    serial: Serial
    event: Event
    at: datetime
    prefix: Prefix
    by: Circumstance
    reason: Reason | None = None
    leaf: bytes | None = None


async def keep(connection: Connection, records: Sequence[Record]) -> None:
    """Add records in the transaction of their acts; the same event of an exchange is kept once."""
    await connection.executemany(
        "INSERT INTO record (serial, event, at, inquirer, provider, affair, procedure, information, items, reason,"
        " leaf, staff, department, terminal, purpose, case_number, withheld)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
        " ON CONFLICT (serial, event) DO NOTHING",
        [
            (
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
            )
            for one in records
        ],
    )


async def exchanges(connection: Connection) -> int:
    """How many exchanges have a record here."""
    return int(await connection.fetchval("SELECT count(DISTINCT serial) FROM record"))
