"""The list of addressee numbers (宛名番号一覧): one per line, in the first column; what stands behind is passed over.

So a people file is one too. Source: M7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.intermediate.files.layout import ADDRESSEE, Column, Firsts, Record, parsed, records
from nakadachi.intermediate.files.reading import Line, Reject
from nakadachi.intermediate.subjects import AddresseeNumber

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COLUMNS = (Column("addressee_number", "宛名番号"),)


@dataclass(frozen=True, slots=True)
class AddresseeLine:
    """宛名番号の行: one of the organisation's people."""

    line: int
    addressee: AddresseeNumber


def addressees(lines: Iterable[Line | Reject]) -> Iterator[AddresseeLine | Reject]:
    """宛名番号一覧の読取り: one `AddresseeLine` or one `Reject` for every line, in order; a number twice is rejected.

    A first line whose first column has the column's name is a header.
    """
    firsts = Firsts()

    def parse(record: Record) -> AddresseeLine:
        addressee = record.take("addressee_number", AddresseeNumber, ADDRESSEE)
        firsts.check(record, addressee)
        return AddresseeLine(record.line, addressee)

    return parsed(records(map(_first, lines), COLUMNS), parse)


def _first(line: Line | Reject) -> Line | Reject:
    return line if isinstance(line, Reject) else Line(line.number, line.text.split(",", 1)[0])
