"""The file of changes (変更通知ファイル): that something changed for a person, never what (C17).

CSV in UTF-8, CRLF: number, addressee number, when the core was told, when it came here (Japan's time). A line without
an addressee number says that events up to its number are lost: every person has to be looked up anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nakadachi.terms import JAPAN

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.intermediate.subjects import AddresseeNumber

COLUMNS = ("number", "addressee_number", "changed_at", "received_at")
HEADER = (",".join(COLUMNS) + "\r\n").encode()


@dataclass(frozen=True, slots=True)
class Change:
    """変更: something changed for a person, and when that was noted at the core and here; without an addressee the
    events up to this number are lost.
    """

    number: int
    addressee: AddresseeNumber | None = field(repr=False)
    at: datetime
    received_at: datetime


def change_line(one: Change) -> bytes:
    """One line of the file."""
    addressee = one.addressee.value if one.addressee else ""
    return f"{one.number},{addressee},{_moment(one.at)},{_moment(one.received_at)}\r\n".encode()


def change_words(one: Change) -> dict[str, Any]:
    """The same as JSON; `addressee` null where events up to this number are lost."""
    return {
        "number": one.number,
        "addressee": one.addressee.value if one.addressee else None,
        "changed_at": _moment(one.at),
        "received_at": _moment(one.received_at),
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(JAPAN).isoformat(timespec="milliseconds")
