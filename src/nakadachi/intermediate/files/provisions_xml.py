"""Replica rows as the XML message `IF_DBM_20113_R01` (副本登録電文), read as a stream; it must never resolve anything.

No DOCTYPE, so no entities; UTF-8 (or UTF-16 with its mark); depth, text and token sizes are bounded, so that memory
stays the same for any file. The element names are those of facts 2.4; the envelope around them (root, `Header`, `Body`,
`Attachment`, `AttachmentRow`) is this project's, as the real one is not public. A row gives one line per item:

    <IF_DBM_20113_R01 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
      <Header><MsgId/><MsgTypeId/><MsgMode/><SourceSystemID/><DestinationSystemID/><MsgResult/></Header>
      <Body><RequestingUnit/><RequestingUser/></Body>
      <Attachment><AttachmentRow>
        <RecordIdentificationNumber/> … <DuplicateCopyData>
          <TM00000000000002-0001 Version="1" TimeAndDateOfUpdate="20260401090000">value</TM00000000000002-0001>
          <TM00000000000002-0002 Version="1" TimeAndDateOfUpdate="20260401090000"
            ReasonOfNull="NotAcceptable" xsi:nil="true"/>
        </DuplicateCopyData><SegmentOfRegistrationDelete>0</SegmentOfRegistrationDelete>
      </AttachmentRow></Attachment>
    </IF_DBM_20113_R01>

Source: M4, facts 2.4.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING
from xml.parsers import expat

from nakadachi.intermediate.files.layout import MOST_LINES, Record
from nakadachi.intermediate.files.provisions import COLUMNS, ProvisionLine, checked
from nakadachi.intermediate.files.reading import CHUNK, PADDING, Reject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MESSAGE = "IF_DBM_20113_R01"
NIL = "http://www.w3.org/2001/XMLSchema-instance nil"
LONGEST_TEXT = 64 * 1024
LONGEST_TOKEN = 256 * 1024
MOST_ITEMS = 10_000
CELL_DEPTH = 4
ITEM_DEPTH = 5

HEADER = ("MsgId", "MsgTypeId", "MsgMode", "SourceSystemID", "DestinationSystemID", "MsgResult")
BODY = ("RequestingUnit", "RequestingUser")
ROW = (
    "RecordIdentificationNumber",
    "IntegratedAddressNumber",
    "SpecificPersonalInformationCode",
    "DataSetIdentificationItemCode",
    "DataSetRecordKey",
    "SPIMajorVersion",
    "PublicationDate",
    "PublishedEndDate",
    "AdministrativeRegionCode",
    "SegmentOfRegistrationDelete",
)
GROUPS = {"Header": HEADER, "Body": BODY, "Attachment": ("AttachmentRow",)}

_BROKEN = "ファイルを作り直してください / Make the file again"
_FORM = f"{MESSAGE}の形にしてください / Give the file the form of {MESSAGE}"


class _Stop(Exception):  # noqa: N818  an outcome of the file
    def __init__(self, ja: str, en: str, mend: str = _FORM) -> None:
        super().__init__(en)
        self.ja, self.en, self.mend = ja, en, mend


def provisions_xml(stream: BinaryIO, *, test: bool = False) -> Iterator[ProvisionLine | Reject]:
    """副本登録電文の読取り: one `ProvisionLine` or `Reject` per item, numbered by the line of the file it stands on.

    `test`: whether a test message (MsgMode 1) is what is wanted; the other kind is refused. What makes the message
    unreadable (not well-formed, a DOCTYPE, an unknown element, a bound passed) ends the reading with one Reject.
    """
    return checked(_records(stream, test=test))


def _records(stream: BinaryIO, *, test: bool) -> Iterator[Record | Reject]:
    message = _Message(test=test)
    fed, ended, count = 0, False, 0
    while not ended:
        chunk = stream.read(CHUNK)
        ended = not chunk
        stop = message.feed(chunk, fed)
        fed += len(chunk)
        while message.found:
            count += 1
            if count > MOST_LINES:
                stop = Reject(message.line, 0, "行数が多すぎます", "too many rows", _BROKEN)
                break
            yield message.found.popleft()
        if stop:
            yield stop
            return
    if not count:
        yield Reject(message.line, 0, "データ行がありません", "there is no data row", _FORM)


class _Message:
    """Follows one message through expat's events and leaves the records it finds in `found`."""

    def __init__(self, *, test: bool) -> None:
        self.found: deque[Record | Reject] = deque()
        self._test = test
        self._path: list[str] = []
        self._text: list[str] = []
        self._size = 0
        self._row: dict[str, str] = {}
        self._items: list[tuple[int, str, dict[str, str], str]] = []
        self._item: tuple[int, dict[str, str]] = (0, {})
        self._mode = ""
        self._parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declared
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    @property
    def line(self) -> int:
        """The line of the file that is being read."""
        return self._parser.CurrentLineNumber

    def feed(self, chunk: bytes, fed: int) -> Reject | None:
        """Read on; an empty chunk ends the message. The Reject that ends the reading, or None."""
        try:
            self._parser.Parse(chunk, not chunk)
        except _Stop as stop:
            return Reject(self.line, 0, stop.ja, stop.en, stop.mend)
        except (expat.ExpatError, ValueError):
            return Reject(self.line, 0, "XMLとして読めません", "not well-formed XML in UTF-8", _BROKEN)
        # expat keeps a token that has not ended yet: what lies far behind what was fed is one that never ends.
        if chunk and fed - self._parser.CurrentByteIndex > LONGEST_TOKEN:
            return Reject(self.line, 0, "要素又は属性が長すぎます", "an element or attribute is too long", _BROKEN)
        return None

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and encoding.upper() != "UTF-8":
            mend = "UTF-8で保存し直してください / Save it again as UTF-8"
            raise _Stop("XMLの文字コードがUTF-8ではありません", "the XML is not declared as UTF-8", mend)

    def _doctype(self, *_parts: object) -> None:
        mend = "DOCTYPEを取り除いてください / Take the DOCTYPE out"
        raise _Stop("DOCTYPEは使えません", "a DOCTYPE is not allowed", mend)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._expected(name):
            raise _Stop("予期しない要素があります", f"an unexpected element at depth {len(self._path) + 1}")
        self._path.append(name)
        self._text, self._size = [], 0
        if name == "AttachmentRow":
            self._row, self._items = {}, []
        elif len(self._path) == ITEM_DEPTH:
            self._item = (self.line, attributes)

    def _expected(self, name: str) -> bool:
        match self._path:
            case []:
                return name == MESSAGE
            case [_]:
                return name in GROUPS
            case [_, group]:
                return name in GROUPS[group]
            case [_, _, "AttachmentRow"]:
                return (name in ROW and name not in self._row) or name == "DuplicateCopyData"
            case [_, _, _, "DuplicateCopyData"]:
                return len(self._items) < MOST_ITEMS
        return False

    def _characters(self, text: str) -> None:
        self._size += len(text)
        if self._size > LONGEST_TEXT:
            raise _Stop("値が長すぎます", "a value is too long")
        self._text.append(text)

    def _end(self, name: str) -> None:
        depth, text = len(self._path), "".join(self._text).strip(PADDING + "\t\r\n")
        self._path.pop()
        self._text, self._size = [], 0
        if depth == ITEM_DEPTH:
            line, attributes = self._item
            self._items.append((line, name, attributes, text))
        elif depth == CELL_DEPTH and name in ROW:
            self._row[name] = text
        elif name == "MsgTypeId" and text != MESSAGE:
            raise _Stop("MsgTypeIdが違います", f"MsgTypeId is not {MESSAGE}")
        elif name == "MsgMode":
            self._check_mode(text)
        elif name == "AttachmentRow":
            self._emit()

    def _check_mode(self, text: str) -> None:
        self._mode = text
        if text != ("1" if self._test else "0"):
            mend = "本番は0、試験は1です / 0 is production, 1 is test"
            raise _Stop("MsgModeが取込みの種類と合いません", "MsgMode is not of the kind that is loaded", mend)

    def _emit(self) -> None:
        if not self._mode:
            raise _Stop("MsgModeがありません", "there is no MsgMode before the rows")
        if not self._items:
            mend = "DuplicateCopyDataに項目を書いてください / Name the items in DuplicateCopyData"
            self.found.append(Reject(self.line, 0, "項目が1つもありません", "the row names no item", mend))
        for line, name, attributes, text in self._items:
            # An empty element that has text says both, and is refused as such.
            nil = attributes.get(NIL) in {"true", "1"}
            cells = (
                self._row.get("RecordIdentificationNumber", ""),
                self._row.get("IntegratedAddressNumber", ""),
                self._row.get("SpecificPersonalInformationCode", ""),
                name,
                attributes.get("Version", self._row.get("SPIMajorVersion", "")),
                self._row.get("PublicationDate", ""),
                self._row.get("PublishedEndDate", ""),
                text,
                attributes.get("ReasonOfNull", "nil" if nil and text else ""),
                self._row.get("SegmentOfRegistrationDelete", ""),
                attributes.get("TimeAndDateOfUpdate", ""),
            )
            self.found.append(Record(line, COLUMNS, cells, (0,) * len(COLUMNS)))
