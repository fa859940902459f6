"""Reads the line files of existing systems, whatever bytes they bring; it must never quote a value it has read.

One record is one line: a quoted cell may hold commas, not a line break, so that a missing quote spoils one line only.
Memory stays the same for any number of lines. Source: M7 (form check and clear reject list), facts 2.3.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

T = TypeVar("T")

LONGEST_LINE = 64 * 1024
CHUNK = 64 * 1024
BOM = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
PADDING = " \u3000"


class Encoding(StrEnum):
    """文字コード: what a file was found to be written in. `ASCII` where nothing else has been seen yet."""

    ASCII = "ASCII"
    UTF_8 = "UTF-8"
    UTF_8_BOM = "UTF-8 (BOM)"
    CP932 = "CP932"

    @property
    def codec(self) -> str:
        """Python's name of it."""
        return "cp932" if self is Encoding.CP932 else "utf-8"


@dataclass(frozen=True, slots=True)
class Reject:
    """差戻し: why one line was not taken, in words a clerk can act on. Never holds a value of the line.

    `line` from 1, `column` from 1 as it stands in the file, 0 for the whole line; `mend` is "日本語 / English".
    """

    line: int
    column: int
    reason_ja: str
    reason_en: str
    mend: str


@dataclass(frozen=True, slots=True)
class Line:
    """行: one decoded line without its line end, numbered from 1."""

    number: int
    text: str = field(repr=False)


class LineReader:
    """Decodes a byte stream line by line: UTF-8 with or without BOM, or CP932, CRLF or LF; blank lines are passed over.

    `encoding` says what was found so far. It is decided at the first line that is not ASCII, from that line and the
    lines after it (up to 128 KiB): UTF-8 where at least half of them are UTF-8, else CP932. A stream is read once.
    """

    def __init__(self, stream: BinaryIO, *, longest: int = LONGEST_LINE) -> None:
        self.encoding = Encoding.ASCII
        self._stream = stream
        self._longest = longest
        self._lines: deque[bytes] = deque()
        self._tail = b""

    def _fill(self) -> bool:
        chunk = self._stream.read(CHUNK)
        if not chunk:
            rest, self._tail = self._tail, b""
            if rest:
                self._lines.append(rest)
            return bool(rest)
        *whole, tail = (self._tail + chunk).split(b"\n")
        self._lines.extend(whole)
        # Of a line that is too long, keep just enough to know it (a CR may still be cut off).
        self._tail = tail[: self._longest + 2]
        return True

    def _decide(self, first: bytes) -> Encoding:
        self._fill()
        sample = [raw for raw in (first, *self._lines) if not raw.isascii()]
        return Encoding.UTF_8 if 2 * sum(map(_is_utf_8, sample)) >= len(sample) else Encoding.CP932

    def __iter__(self) -> Iterator[Line | Reject]:
        number = 0
        while self._lines or self._fill():
            if not self._lines:
                continue
            raw = self._lines.popleft().removesuffix(b"\r")
            number += 1
            if number == 1 and raw.startswith(UTF_16_MARKS):
                yield Reject(1, 0, "UTF-16のファイルは読めません", "UTF-16 is not read", _SAVE_AS)
                return
            if number == 1 and raw.startswith(BOM):
                raw, self.encoding = raw[len(BOM) :], Encoding.UTF_8_BOM
            got = self._decoded(number, raw)
            if isinstance(got, Reject) or got.text.strip(PADDING + "\x1a"):
                yield got

    def _decoded(self, number: int, raw: bytes) -> Line | Reject:
        if len(raw) > self._longest:
            limit = self._longest
            return _whole(number, f"1行が{limit}バイトを超えています", f"longer than {limit} bytes", _SPLIT)
        if self.encoding is Encoding.ASCII and not raw.isascii():
            self.encoding = self._decide(raw)
        try:
            text = raw.decode(self.encoding.codec)
        except UnicodeDecodeError as wrong:
            byte, name = wrong.start + 1, self.encoding.value
            return _whole(number, f"{byte}バイト目を{name}として読めません", f"byte {byte} is not {name}", _SAVE_AS)
        text = text.rstrip("\x1a")
        control = CONTROL.search(text)
        if control:
            place = control.start() + 1
            return _whole(number, f"{place}文字目が制御文字です", f"character {place} is a control character", _CONTROL)
        return Line(number, text)


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _whole(line: int, ja: str, en: str, mend: str) -> Reject:
    return Reject(line, 0, ja, en, mend)


_SAVE_AS = "「CSV UTF-8」又はShift_JISで保存し直してください / Save again as CSV UTF-8 or Shift_JIS"
_SPLIT = "改行が抜けていないか確認してください / Look for a missing line break"
_CONTROL = "その文字を取り除いてください / Take that character out"


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """取込結果: the lines that may be loaded and the rejects. `lines` is empty where the load is refused as a whole.

    `rejects` holds at most the caller's limit, `count` says how many there were.
    """

    lines: tuple[T, ...] = field(repr=False)
    rejects: tuple[Reject, ...]
    count: int
    loadable: bool


def read_all_or_rejects(
    lines: Iterable[T | Reject], *, limit: int = 1000, accept_good_lines: bool = False
) -> Reading[T]:
    """Nothing half-loaded: all lines, or none and the reject list; with `accept_good_lines` the good ones (M7).

    A file is read to its end either way, so that all its rejects are found in one go.
    """
    good: list[T] = []
    rejects: list[Reject] = []
    count = 0
    for line in lines:
        if not isinstance(line, Reject):
            if accept_good_lines or not count:
                good.append(line)
            continue
        count += 1
        if not accept_good_lines:
            good.clear()
        if count <= limit:
            rejects.append(line)
    return Reading(tuple(good), tuple(rejects), count, loadable=accept_good_lines or not count)
