"""Cuts lines into the columns of a layout and says which column is wrong; it must never quote a value it has read.

Every layout takes an optional header line (Japanese or English column names, any order), so that files of different
existing systems fit without being rewritten. Source: M7 (code conversion, clear reject list), facts 2.3.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from nakadachi.intermediate.files.reading import PADDING, Line, Reject
from nakadachi.terms import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

MOST_LINES = 1_000_000
JST = timezone(timedelta(hours=9), "JST")
NO_DAY = {"", "00000000", "99999999"}
FIRST_DAY = "18000101"
LAST_YEAR = "9999"

_QUOTE = "引用符を対にしてください / Close the quotation mark"
_EMPTY = "データ行を1行以上入れてください / Put in one data line or more"
_MANY = f"{MOST_LINES}行以下に分けてください / Split it into files of at most {MOST_LINES} lines"


class Fault(Exception):  # noqa: N818  an outcome of a line, not a fault of the program
    """Raised while one line is parsed; carries the `Reject` that is yielded in the line's place."""

    def __init__(self, reject: Reject) -> None:
        super().__init__(reject.reason_en)
        self.reject = reject


@dataclass(frozen=True, slots=True)
class Column:
    """列: one column of a layout, by the name and the Japanese name that a header line may use."""

    name: str
    japanese: str
    width: int = 0
    required: bool = True


Layout = tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a cell must be, in both languages; ends the sentences "…で書いてください" and "Write …"."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Record:
    """One line cut into the cells of a layout, padding taken off. `places`: each cell's column in the file, from 1."""

    line: int
    layout: Layout
    cells: tuple[str, ...] = field(repr=False)
    places: tuple[int, ...] = ()

    def cell(self, name: str) -> str:
        """The text of a column, empty where the line has none."""
        return self.cells[self._index(name)]

    def take(self, name: str, parse: Callable[[str], T], shape: Shape) -> T:
        """A column through `parse`. Raises Fault where `parse` raises ValueError."""
        try:
            return parse(self.cell(name))
        except ValueError:
            column = self.layout[self._index(name)]
            raise self.fault(
                name,
                f"{column.japanese}が「{shape.ja}」ではありません",
                f"{column.name} is not {shape.en}",
                f"{shape.ja}で書いてください / Write {shape.en}",
            ) from None

    def fault(self, name: str, ja: str, en: str, mend: str) -> Fault:
        """The outcome "this column is wrong"; `name` empty means the whole line."""
        return Fault(Reject(self.line, self.places[self._index(name)] if name else 0, ja, en, mend))

    def repeats(self, first: int) -> Fault:
        """The outcome "this line says again what line `first` said"."""
        mend = "どちらか1行にしてください / Keep one of the two"
        return self.fault("", f"{first}行目と重複しています", f"repeats line {first}", mend)

    def _index(self, name: str) -> int:
        return next(place for place, column in enumerate(self.layout) if column.name == name)


def _cut(line: Line | Reject, layout: Layout) -> tuple[int, list[str]] | Reject:
    """Cut a line at its commas, or by the layout's widths where it has no comma."""
    if isinstance(line, Reject):
        return line
    if "," not in line.text and len(line.text) == sum(column.width for column in layout):
        ends = [sum(column.width for column in layout[: place + 1]) for place in range(len(layout))]
        return line.number, [line.text[end - column.width : end] for column, end in zip(layout, ends, strict=True)]
    if '"' not in line.text:
        return line.number, line.text.split(",")
    try:
        return line.number, next(csv.reader([line.text], strict=True))
    except csv.Error:
        return Reject(line.number, 0, "引用符が対になっていません", "a quotation mark is not closed", _QUOTE)


def _header(line: int, cells: list[str], layout: Layout) -> tuple[int, ...] | Reject | None:
    """The place of each column by a header line (0: absent), None where the line is data, Reject where it is faulty."""
    names = {name.casefold(): at for at, column in enumerate(layout) for name in (column.name, column.japanese)}
    found = [names.get(cell.strip(PADDING).casefold()) for cell in cells]
    if sum(at is not None for at in found) * 2 < len(cells):
        return None
    places = [0] * len(layout)
    for place, at in enumerate(found, start=1):
        if at is None or places[at]:
            mend = f"列名は次のとおりです / The columns are: {', '.join(column.name for column in layout)}"
            return Reject(line, place, "知らない列名か、重複した列名です", "unknown or repeated column name", mend)
        places[at] = place
    for at, column in enumerate(layout):
        if column.required and not places[at]:
            mend = f"「{column.japanese}」の列を加えてください / Add the column {column.name}"
            return Reject(line, 0, f"{column.japanese}の列がありません", f"no column {column.name}", mend)
    return tuple(places)


def _record(line: int, cells: list[str], layout: Layout, header: tuple[int, ...] | None) -> Record | Reject:
    least = max(header) if header else max(at for at, column in enumerate(layout, start=1) if column.required)
    most = max(header) if header else len(layout)
    if not least <= len(cells) <= most:
        at = most + 1 if len(cells) > most else len(cells)
        ja, en = f"列が{len(cells)}個あります", f"there are {len(cells)} columns"
        mend = f"{least}～{most}列にしてください / Write {least} to {most} columns"
        return Reject(line, at, ja, en, mend)
    places = header or tuple(range(1, len(layout) + 1))
    stripped = [cell.strip(PADDING) for cell in cells] + [""] * (len(layout) - len(cells))
    return Record(line, layout, tuple(stripped[at - 1] if at else "" for at in places), places)


def records(lines: Iterable[Line | Reject], layout: Layout, *, most: int = MOST_LINES) -> Iterator[Record | Reject]:
    """Lines → records of `layout`. A header line is optional; with one, columns may stand in any order.

    A faulty header, an empty file or more than `most` lines end the reading with one Reject.
    """
    header: tuple[int, ...] | None = None
    count = 0
    for line in lines:
        cut = _cut(line, layout)
        if count == most:
            yield Reject(
                cut.line if isinstance(cut, Reject) else cut[0], 0, "行数が多すぎます", "too many lines", _MANY
            )
            return
        if isinstance(cut, Reject):
            count += 1
            yield cut
            continue
        found = _header(*cut, layout) if count == 0 and header is None else None
        if isinstance(found, Reject):
            yield found
            return
        if found:
            header = found
            continue
        count += 1
        yield _record(*cut, layout, header)
    if not count:
        yield Reject(1, 0, "データ行がありません", "there is no data line", _EMPTY)


def parsed(rows: Iterable[Record | Reject], parse: Callable[[Record], T]) -> Iterator[T | Reject]:
    """Records → lines of a kind. `parse` raises Fault to have its Reject yielded in the line's place."""
    for row in rows:
        try:
            yield row if isinstance(row, Reject) else parse(row)
        except Fault as fault:
            yield fault.reject


def _key_text(part: object) -> str:
    return part.value if isinstance(part, Code) else str(part)


class Firsts:
    """Where a key was first seen in one file. Holds 16-byte digests, never the keys."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}

    def check(self, record: Record, *key: object) -> None:
        """Note the key. Raises Fault where an earlier line of the file had the same one."""
        digest = blake2b("\0".join(map(_key_text, key)).encode(), digest_size=16).digest()
        first = self._lines.setdefault(digest, record.line)
        if first != record.line:
            raise record.repeats(first)


def day(text: str) -> date:
    """A real calendar day: YYYYMMDD or YYYY-MM-DD, from 1800 on. Raises ValueError."""
    digits = text.replace("-", "") if text[4:5] == text[7:8] == "-" else text
    if len(digits) != len(FIRST_DAY) or not (digits.isascii() and digits.isdigit()) or digits < FIRST_DAY:
        raise ValueError("not a day")
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def day_or_none(text: str) -> date | None:
    """A day, or None where the cell is blank, all zeros or all nines (no bound). Raises ValueError."""
    return None if text in NO_DAY else day(text)


def moment(text: str) -> datetime:
    """A time: yyyyMMddHHmmss with or without SSS (Japan time), or ISO 8601, up to the year 9998. Aware.

    Raises ValueError, also for the last year of the calendar: with its offset a time may have no UTC then.
    """
    if text.startswith(LAST_YEAR):
        raise ValueError("not a time that can be kept")
    if text.isascii() and text.isdigit():
        if len(text) not in (14, 17):
            raise ValueError("not a time")
        day(text[:8])
        parts = [int(text[at : at + 2]) for at in range(4, 14, 2)]
        milli = int(text[14:] or 0)
        month, of_month, hour, minute, second = parts
        return datetime(int(text[:4]), month, of_month, hour, minute, second, milli * 1000, JST)
    read = datetime.fromisoformat(text)
    day(text[:10])
    return read if read.tzinfo else read.replace(tzinfo=JST)


def flag(text: str) -> bool:
    """0 or 1. Raises ValueError."""
    if text not in {"0", "1"}:
        raise ValueError("not a flag")
    return text == "1"


DAY = Shape("実在する日付（YYYYMMDD又はYYYY-MM-DD）", "a real day (YYYYMMDD or YYYY-MM-DD)")
MOMENT = Shape(
    "実在する日時（yyyyMMddHHmmss、ミリ秒3桁は任意）", "a real time (yyyyMMddHHmmss, 3 digits of milliseconds optional)"
)
FLAG = Shape("0又は1", "0 or 1")
ADDRESSEE = Shape("1～15桁の数字（すべて0を除く）", "1 to 15 digits, not all 0")
ORGANISATION = Shape("16桁の数字", "16 digits")
AFFAIR = Shape("JMと14桁の数字", "JM and 14 digits")
PROCEDURE = Shape("JTと14桁の数字", "JT and 14 digits")
INFORMATION = Shape("TMと14桁の数字", "TM and 14 digits")
