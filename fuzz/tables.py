"""Targets for the files of existing systems, and for what the desk and the registry organisation read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from fuzz import land
from fuzz.target import Form, keepable, memory, require, same, target, tells
from nakadachi.desk.answers import DeskError, Finding, Loaded, Waiting, read_answer, read_links, read_result
from nakadachi.intermediate.files.inquiries import inquiries
from nakadachi.intermediate.files.layout import day, day_or_none, flag, moment
from nakadachi.intermediate.files.people import people, plain_kana
from nakadachi.intermediate.files.provisions import protections, provisions
from nakadachi.intermediate.files.provisions_xml import provisions_xml
from nakadachi.intermediate.files.reading import Line, LineReader, Reject, read_all_or_rejects
from nakadachi.intermediate.files.results import Form as ResultForm
from nakadachi.intermediate.files.results import ItemResult, Result, ResultWriter
from nakadachi.intermediate.files.standard import hold_to_standard
from nakadachi.kit.config import ConfigError
from nakadachi.neighbours.registry import read_person, read_residents
from nakadachi.telegrams.codec import encode_json
from nakadachi.terms import ItemCode, Serial

EXAMPLES = Path(__file__).parent.parent / "examples"
NEEDLES = ("友部", "見本新田", "81894273", "831803264510", "22897480992", "48995553", "SAMPLE-USER-2", "2761000")
"""Names and numbers of invented people in the example files."""


def _head(name: str, lines: int) -> bytes:
    with (EXAMPLES / name).open("rb") as file:
        return b"".join(next(file) for _ in range(lines))


def _variants(raw: bytes) -> dict[str, bytes]:
    """A file in the encodings and line ends that existing systems use."""
    text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    return {"bom": raw, "cp932": text.replace("\n", "\r\n").encode("cp932"), "bare": text.partition("\n")[2].encode()}


def _read(lines: Iterable[Any]) -> str:
    """All lines of a file: each one a value that can be kept, or a reject that repeats nothing of it."""
    seen = set()
    rows = list(lines)
    for one in rows:
        if isinstance(one, Reject):
            require(
                one.line >= 1 and one.column >= 0 and one.reason_ja and one.reason_en and one.mend, "an empty reject"
            )
            tells((one.reason_ja, one.reason_en, one.mend), NEEDLES, "a reject repeats a value of the file")
            seen.add(one.reason_en)
        else:
            keepable(one)
            seen.add(type(one).__name__)
    require(rows, "a file gave neither a line nor a reject")
    whole = read_all_or_rejects(rows, limit=5)
    require(whole.count == sum(isinstance(one, Reject) for one in rows) and len(whole.rejects) <= 5, "a wrong count")
    return " ".join(sorted(seen))


@target(
    "lines",
    covers=["intermediate.files.reading:LineReader", "intermediate.files.reading:read_all_or_rejects"],
    seeds=lambda: _variants(_head("people-9901000000000001.csv", 3)),
    form=Form.TEXT,
)
def lines(data: bytes) -> str:
    """Bytes to lines; in whatever pieces they come, the lines are the same."""
    whole = list(LineReader(BytesIO(data), longest=200))
    pieces = list(LineReader(_Dripping(data), longest=200))  # type: ignore[arg-type]  # it reads like a file
    if b"\xff" not in data and data.isascii():
        same(pieces, whole, "lines depend on the pieces they come in")
    for one in whole:
        if isinstance(one, Line):
            require("\0" not in one.text and "\n" not in one.text, "a control character was let in")
    return f"{len(whole)} lines"


class _Dripping:
    """A stream that gives seven bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def read(self, _size: int) -> bytes:
        """The next seven bytes."""
        given, self._rest = self._rest[:7], self._rest[7:]
        return given


def _table(name: str, parse: Callable[[Any], Iterable[Any]], file: str, lines: int) -> None:
    """The target of one line file."""

    @target(
        name,
        covers=[f"{parse.__module__.removeprefix('nakadachi.')}:{parse.__name__}"],
        seeds=lambda: _variants(_head(file, lines)) if lines else {"lines": _head(file, 3)},
        form=Form.TABLE,
        weight=3,
        errors=(),
    )
    def read(data: bytes) -> str:
        return _read(parse(LineReader(BytesIO(data))))


_table("people", people, "people-9901000000000001.csv", 4)
_table("inquiries", inquiries, "inquiries.csv", 0)
_table("provisions", provisions, "provisions-9901000000000001.csv", 4)
_table("protections", protections, "protections-9901000000000001.csv", 2)


def _xml() -> dict[str, bytes]:
    whole = (EXAMPLES / "provisions-9903000000000001.xml").read_bytes()
    row = whole.index(b"</AttachmentRow>") + len(b"</AttachmentRow>")
    small = whole[:row] + b"</Attachment></IF_DBM_20113_R01>"
    return {"row": small, "utf16": small.decode().replace("UTF-8", "UTF-16").encode("utf-16")}


@target(
    "provisions-xml",
    covers=["intermediate.files.provisions_xml:provisions_xml", "intermediate.files.standard:hold_to_standard"],
    seeds=_xml,
    form=Form.TEXT,
    weight=3,
    errors=(),
)
def xml(data: bytes) -> str:
    """The XML message, held to the data standard."""
    return _read(hold_to_standard(provisions_xml(BytesIO(data)), land.sample_law().masters))


@target(
    "cells",
    covers=[
        f"intermediate.files.{place}"
        for place in ("layout:day", "layout:day_or_none", "layout:moment", "layout:flag", "people:plain_kana")
    ],
    seeds=lambda: {
        "moment": b"2026-04-01T10:00:00.123+09:00",
        "digits": b"20260401090249000",
        "kana": "ミホン".encode(),
    },
    form=Form.TEXT,
    errors=(UnicodeDecodeError,),
    largest=256,
)
def cells(data: bytes) -> str:
    """One cell through every reader of cells."""
    text, made = data.decode(), []
    readers: tuple[Callable[[str], Any], ...] = (day, day_or_none, moment, flag, plain_kana)
    for reader in readers:
        try:
            value = reader(text)
        except ValueError:
            continue
        keepable(value)
        made.append(reader.__name__)
    if "moment" in made:
        same(moment(moment(text).isoformat()), moment(text), "a moment is not written as it was read")
    if "plain_kana" in made:
        same(plain_kana(plain_kana(text)), plain_kana(text), "kana made plain twice differ")
    return " ".join(made)


@target(
    "residents",
    covers=["neighbours.registry:read_residents"],
    seeds=lambda: {"lines": _head("residents.csv", 4)},
    form=Form.TABLE,
    errors=(ConfigError,),
    needles=frozenset(NEEDLES),
)
def residents(data: bytes) -> str:
    """The registry organisation's file of residents."""
    with tempfile.NamedTemporaryFile(dir=memory()) as file:
        file.write(data)
        file.flush()
        try:
            found = list(read_residents(Path(file.name)))
        except ConfigError as wrong:
            raise ConfigError(str(wrong).replace(file.name, "residents.csv")) from None
    keepable(found)
    return f"{min(len(found), 3)} residents"


@target(
    "person",
    covers=["neighbours.registry:read_person"],
    seeds=lambda: {
        "number": b'{"individual_number":"831803264510"}',
        "items": encode_json({"name": "友部 修一", "address": "見本新田4丁目", "sex": "1", "born": "1990-09-28"}),
    },
    form=Form.JSON,
    needles=frozenset(NEEDLES),
)
def person(data: bytes) -> str:
    """Whom a request for link codes describes."""
    sought = read_person(data)
    keepable(sought)
    return "number" if sought.items is None else "items"


def _results() -> dict[str, bytes]:
    serial = Serial("9901000000000003-01KAB3C5D7E9F0G1H2J3K4M5N6")
    item = ItemResult(ItemCode("TM99000000000002-0001"), "2761000")
    buffer = BytesIO()
    ResultWriter(buffer, ResultForm.JSON_LINES).write(Result.answered(1, serial, (item,)))
    reject = {"line": 1, "column": 0, "reason_ja": "a", "reason_en": "b", "mend": "c"}
    return {
        "result": buffer.getvalue(),
        "loaded": encode_json({"loaded": 1, "rejected": 1, "rejects": [reject]}),
        "links": encode_json({"lines": [{"line": 1, "outcome": "linked"}]}),
    }


@target(
    "answers",
    covers=[f"desk.answers:{name}" for name in ("read_answer", "read_links", "read_result")],
    seeds=_results,
    form=Form.JSON,
    errors=(DeskError,),
    needles=frozenset(NEEDLES),
)
def answers(data: bytes) -> str:
    """What a server answers the desk, and the results the desk writes down."""
    made = []
    for read in (_loaded, _waiting, _findings, read_links):
        try:
            made.append(type(read(data)).__name__)
        except DeskError as wrong:
            tells(wrong, NEEDLES, "an error repeats a value of the answer")
    result = read_result(data)
    if result.line > 0:
        buffer = BytesIO()
        ResultWriter(buffer, ResultForm.JSON_LINES).write(result)
        same(read_result(buffer.getvalue()), result, "a result is not written as it was read")
    return " ".join(["Result", *made])


def _loaded(raw: bytes) -> Loaded:
    return read_answer(raw, Loaded)


def _waiting(raw: bytes) -> tuple[Waiting, ...]:
    return read_answer(raw, tuple[Waiting, ...])


def _findings(raw: bytes) -> tuple[Finding, ...]:
    return read_answer(raw, tuple[Finding, ...])
