"""files.reading: any bytes become lines or rejects, in constant memory."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.intermediate.files.reading import (
    LONGEST_LINE,
    Encoding,
    Line,
    LineReader,
    Reject,
    read_all_or_rejects,
)

TEXT = "1,架空 光\r\n2,仲立 葵\r\n"


def read(raw: bytes, **more: int) -> tuple[list[Line | Reject], Encoding]:
    reader = LineReader(io.BytesIO(raw), **more)
    return list(reader), reader.encoding


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (TEXT.encode(), Encoding.UTF_8),
        (b"\xef\xbb\xbf" + TEXT.encode(), Encoding.UTF_8_BOM),
        (TEXT.encode("cp932"), Encoding.CP932),
        (TEXT.replace("\r", "").encode("cp932").rstrip(), Encoding.CP932),
    ],
)
def test_a_file_says_what_it_is_written_in(raw, encoding):
    lines, found = read(raw)
    assert found is encoding
    assert lines == [Line(1, "1,架空 光"), Line(2, "2,仲立 葵")]


def test_a_file_of_plain_ascii_fits_either_encoding():
    assert read(b"1,a\n2,b\n") == ([Line(1, "1,a"), Line(2, "2,b")], Encoding.ASCII)


def test_half_width_kana_that_happen_to_be_utf_8_do_not_hide_that_the_file_is_cp932():
    first = "ﾄｱ".encode("cp932")
    assert first.decode("utf-8")  # the trap: valid in both
    lines, encoding = read(b"1\n" + first + b"\n" + "ﾔﾏﾀﾞ\n架空\n".encode("cp932"))
    assert encoding is Encoding.CP932
    assert lines[1] == Line(2, "ﾄｱ")


def test_a_byte_that_cannot_be_read_is_named_by_line_and_byte_and_the_next_line_is_read():
    lines, _ = read("架空\n".encode() + b"ab\xff\n" + "仲立\n".encode())
    assert isinstance(lines[1], Reject)
    assert (lines[1].line, lines[1].reason_ja) == (2, "3バイト目をUTF-8として読めません")
    assert lines[2] == Line(3, "仲立")


def test_utf_16_is_refused_once_for_the_whole_file():
    lines, _ = read("1,架空\n2,仲立\n".encode("utf-16"))
    assert [line.reason_en for line in lines if isinstance(line, Reject)] == ["UTF-16 is not read"]
    assert len(lines) == 1


def test_a_nul_or_other_control_character_rejects_its_line():
    lines, _ = read(b"a\x00b\nc\td\ne\n")
    assert [type(line) for line in lines] == [Reject, Reject, Line]
    assert isinstance(lines[0], Reject)
    assert lines[0].reason_en == "character 2 is a control character"


def test_a_line_may_be_as_long_as_the_limit_and_no_longer():
    longest = b"a" * LONGEST_LINE
    lines, _ = read(longest + b"\r\n" + longest + b"b\n" + b"c\n" + longest * 3)
    assert [type(line) for line in lines] == [Line, Reject, Line, Reject]
    assert lines[2] == Line(3, "c")


def test_blank_lines_and_the_end_mark_of_old_systems_are_passed_over_but_counted():
    lines, _ = read(b"a\r\n\r\n   \r\nb\r\n\x1a")
    assert lines == [Line(1, "a"), Line(4, "b")]


def test_the_text_of_a_line_shows_in_no_repr():
    assert "架空" not in repr(Line(1, "架空"))


@given(st.binary(max_size=400), st.integers(1, 100))
def test_any_bytes_become_lines_or_rejects_in_order(raw, longest):
    lines, _ = read(raw, longest=longest)
    numbers = [line.number if isinstance(line, Line) else line.line for line in lines]
    assert numbers == sorted(set(numbers))
    assert len(lines) <= raw.count(b"\n") + 1


@given(st.lists(st.text("架空仲立ｱｲa1, ", min_size=1, max_size=20), min_size=1, max_size=20), st.sampled_from(Encoding))
def test_what_is_written_in_an_encoding_is_read_as_it_was(rows, encoding):
    mark = b"\xef\xbb\xbf" if encoding is Encoding.UTF_8_BOM else b""
    if encoding is Encoding.CP932:
        rows = [*rows, *["架空の見本"] * 20]
    lines, _ = read(mark + "\n".join(rows).encode(encoding.codec))
    assert [line.text for line in lines if isinstance(line, Line)] == [row for row in rows if row.strip(" ")]


def test_a_load_with_a_reject_loads_nothing_and_lists_the_rejects_up_to_a_bound():
    lines: list[str | Reject] = ["a", *(Reject(number, 1, "否", "no", "m") for number in range(1, 6)), "b"]
    reading = read_all_or_rejects(lines, limit=3)
    assert (reading.lines, reading.count, reading.loadable) == ((), 5, False)
    assert [reject.line for reject in reading.rejects] == [1, 2, 3]


def test_good_lines_are_loaded_beside_rejects_only_where_the_caller_says_so():
    lines: list[str | Reject] = ["a", Reject(2, 1, "否", "no", "m"), "b"]
    reading = read_all_or_rejects(lines, accept_good_lines=True)
    assert (reading.lines, reading.count, reading.loadable) == (("a", "b"), 1, True)
    assert read_all_or_rejects(["a"]).lines == ("a",)


class Endless(io.RawIOBase):
    """A stream of `total` bytes that repeats one line and is never held as a whole."""

    def __init__(self, line: bytes, total: int) -> None:
        self._line, self._left = line, total

    def read(self, size: int = -1) -> bytes:
        size = min(size // len(self._line) * len(self._line) or len(self._line), self._left)
        self._left -= size
        return self._line * (size // len(self._line))


@pytest.mark.slow
@pytest.mark.parametrize("line", ["1,架空 光,2026\r\n".encode(), "架".encode() * 5_000])
def test_a_million_lines_take_no_more_memory_than_a_thousand(line):
    stream = Endless(line, len(line) * (1_000_000 if line.endswith(b"\n") else 20_000))
    tracemalloc.start()
    count = sum(1 for _ in LineReader(stream))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == (1_000_000 if line.endswith(b"\n") else 1)
    assert peak < 4 * 1024 * 1024
