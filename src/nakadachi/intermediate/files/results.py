"""Writes what came of an inquiry file (照会結果ファイル), one result per input line; it must never reorder or drop one.

Source: M7, L11 (the clerk is told why there is no answer).
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from nakadachi.refusal import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from nakadachi.intermediate.files.reading import Reject
    from nakadachi.terms import ItemCode, Serial

BOM = b"\xef\xbb\xbf"
FLUSH_EVERY = 100
RESULT_COLUMNS = ("line", "status", "reason", "reason_ja", "reason_en", "serial", "items")


class Status(StrEnum):
    """結果区分: what came of one line. `UNKNOWN` is what could not be settled and goes to the Commission."""

    ANSWERED = "answered"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    PENDING = "pending"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Form(StrEnum):
    """結果ファイルの形式: CSV for spreadsheets (UTF-8 with BOM, CRLF), JSON Lines for programs."""

    CSV = "csv"
    JSON_LINES = "jsonl"


@dataclass(frozen=True, slots=True)
class ItemResult:
    """項目の結果: a value, or the reason why the provider has none: exactly one. Raises ValueError otherwise."""

    item: ItemCode
    value: str | None = field(repr=False)
    reason_of_null: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason_of_null is None):
            msg = "an item has either a value or a reason of null"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Result:
    """照会結果: what came of one input line. `line` as numbered in the input; `reason` is empty where answered."""

    line: int
    status: Status
    reason: str = ""
    reason_ja: str = ""
    reason_en: str = ""
    serial: Serial | None = None
    items: tuple[ItemResult, ...] = field(default=(), repr=False)

    @classmethod
    def answered(cls, line: int, serial: Serial, items: tuple[ItemResult, ...]) -> Result:
        """The provider's answer."""
        return cls(line, Status.ANSWERED, serial=serial, items=items)

    @classmethod
    def without_answer(cls, line: int, status: Status, reason: Reason, serial: Serial | None = None) -> Result:
        """Refused, pending or unknown, with the reason the clerk is told."""
        return cls(line, status, reason.value, reason.japanese, reason.english, serial)

    @classmethod
    def pending(cls, line: int, serial: Serial | None) -> Result:
        """Not settled yet: asked, and the answer will come later."""
        return cls(line, Status.PENDING, "", "回答を待っています", "Waiting for the answer", serial)

    @classmethod
    def rejected(cls, reject: Reject) -> Result:
        """A line that was not taken: the reject's words, and what to do."""
        ja, _, en = reject.mend.partition(" / ")
        reason = Reason.BAD_FORMAT.value
        return cls(reject.line, Status.REJECTED, reason, f"{reject.reason_ja}。{ja}", f"{reject.reason_en}. {en}")


class ResultWriter:
    """Writes results to a binary stream as they come, in the order of the input; flushes every 100 and at `close`.

    `write` raises ValueError where a line is not after the one before. The stream stays the caller's to close.
    """

    def __init__(self, stream: BinaryIO, form: Form) -> None:
        self._stream = stream
        self._form = form
        self._last = 0
        self._written = 0
        if form is Form.CSV:
            stream.write(BOM + _csv_line(RESULT_COLUMNS))

    def write(self, result: Result) -> None:
        """One result, one line."""
        if result.line <= self._last:
            msg = f"the result of line {result.line} comes after that of line {self._last}"
            raise ValueError(msg)
        self._last = result.line
        self._stream.write(_csv_result(result) if self._form is Form.CSV else _json_result(result))
        self._written += 1
        if self._written % FLUSH_EVERY == 0:
            self._stream.flush()

    def close(self) -> None:
        """All results are written: hand them to the stream."""
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _items(result: Result) -> dict[str, dict[str, str | None]]:
    return {
        item.item.value: {"reason_of_null": item.reason_of_null} if item.value is None else {"value": item.value}
        for item in result.items
    }


def _heads(result: Result) -> dict[str, object]:
    serial = result.serial.value if result.serial else None
    words = (result.line, result.status.value, result.reason, result.reason_ja, result.reason_en, serial)
    return dict(zip(RESULT_COLUMNS, words, strict=False))


def _csv_result(result: Result) -> bytes:
    # The items stand in one cell as JSON: it begins with a brace, so no spreadsheet takes a value for a formula.
    items = json.dumps(_items(result), ensure_ascii=False) if result.items else ""
    return _csv_line((*_heads(result).values(), items))


def _json_result(result: Result) -> bytes:
    return json.dumps(_heads(result) | {"items": _items(result)}, ensure_ascii=False).encode() + b"\n"


def _csv_line(cells: Iterable[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()
