"""一覧: a list that is said once, and drawn as a table, as narrow cards on a phone, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from nakadachi.kit.web.text import Language, Text, japan_time


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads on to `to`, a path of this site."""

    text: str | Text
    to: str


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in a cell: `good`, `notice`, `bad` or `plain`; its word says it, the colour only helps."""

    text: Text
    kind: str = "plain"


Cell: TypeAlias = "str | int | datetime | Text | Link | Badge | None"


@dataclass(frozen=True, slots=True)
class Listing:
    """A table: what it is, its columns, its rows (the first cell names the row), what is said where there are none.

    `older` leads to the rows after these, `newest` back to the first ones.
    """

    caption: Text
    columns: Sequence[Text]
    rows: Sequence[Sequence[Cell]]
    empty: Text
    older: str | None = None
    newest: str | None = None
    count: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Every row has a cell for every column. Raises ValueError."""
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of {self.caption.english!r} has another number of cells than there are columns")
        object.__setattr__(self, "count", len(self.rows))


def plain(cell: Cell, language: Language) -> str:
    """A cell as text."""
    if isinstance(cell, Link | Badge):
        cell = cell.text
    if isinstance(cell, Text):
        return cell.of(language)
    if isinstance(cell, datetime):
        return japan_time(cell)
    return "" if cell is None else str(cell)


def to_csv(listing: Listing, language: Language) -> bytes:
    """The list as CSV (RFC 4180) in UTF-8 with a byte order mark, as spreadsheet programs read it.

    A text that such a program would take for a formula gets an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.of(language) for column in listing.columns])
    for row in listing.rows:
        writer.writerow([_harmless(plain(cell, language)) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
