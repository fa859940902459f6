"""files.provisions_xml: the replica message as a stream, with nothing resolved."""

from __future__ import annotations

import io
import tracemalloc
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.intermediate.files import provisions_xml as module
from nakadachi.intermediate.files.layout import JST
from nakadachi.intermediate.files.provisions import ProvisionLine
from nakadachi.intermediate.files.provisions_xml import provisions_xml
from nakadachi.intermediate.files.reading import Reject
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.terms import InfoNameCode, ItemCode

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<IF_DBM_20113_R01 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<Header><MsgId>M1</MsgId><MsgTypeId>IF_DBM_20113_R01</MsgTypeId><MsgMode>0</MsgMode></Header>
<Body><RequestingUnit>TAX</RequestingUnit><RequestingUser>U1</RequestingUser></Body>
<Attachment>"""
TAIL = "</Attachment></IF_DBM_20113_R01>"
VALUE = '<TM00000000000002-0001 Version="3" TimeAndDateOfUpdate="20260401090000">1234567</TM00000000000002-0001>'
NIL = (
    '<TM00000000000002-0002 Version="3" TimeAndDateOfUpdate="20260401090000"'
    ' ReasonOfNull="NotAcceptable" xsi:nil="true"/>'
)


def row(items: str = VALUE, *, person: str = "12", delete: str = "0", more: str = "") -> str:
    return f"""
<AttachmentRow><RecordIdentificationNumber>R1</RecordIdentificationNumber>
<IntegratedAddressNumber>{person}</IntegratedAddressNumber>
<SpecificPersonalInformationCode>TM00000000000002</SpecificPersonalInformationCode>
<SPIMajorVersion>3</SPIMajorVersion><PublicationDate>20260401</PublicationDate><PublishedEndDate/>{more}
<DuplicateCopyData>{items}</DuplicateCopyData>
<SegmentOfRegistrationDelete>{delete}</SegmentOfRegistrationDelete></AttachmentRow>"""


def read(text: str | bytes, **more: bool) -> list[ProvisionLine | Reject]:
    return list(provisions_xml(io.BytesIO(text.encode() if isinstance(text, str) else text), **more))


def only_reject(text: str | bytes, **more: bool) -> Reject:
    found = read(text, **more)
    assert len(found) == 1
    assert isinstance(found[0], Reject)
    return found[0]


def test_a_row_of_the_message_gives_one_line_for_each_item():
    one = ProvisionLine(
        line=10,
        record_id="R1",
        addressee=AddresseeNumber("12"),
        information=InfoNameCode("TM00000000000002"),
        item=ItemCode("TM00000000000002-0001"),
        version=3,
        publish_from=date(2026, 4, 1),
        publish_until=None,
        value="1234567",
        reason_of_null=None,
        delete=False,
        updated_at=datetime(2026, 4, 1, 9, tzinfo=JST),
    )
    found = read(HEAD + row(VALUE + NIL) + TAIL)
    assert isinstance(found[1], ProvisionLine)
    assert found[0] == one
    assert (found[1].value, found[1].reason_of_null) == (None, "NotAcceptable")
    assert found[1].item == ItemCode("TM00000000000002-0002")


def test_the_version_of_a_row_stands_in_for_one_that_an_item_lacks():
    found = read(HEAD + row(VALUE.replace(' Version="3"', "")) + TAIL)[0]
    assert isinstance(found, ProvisionLine)
    assert found.version == 3


def test_a_row_may_delete_items_it_names():
    item = '<TM00000000000002-0001 TimeAndDateOfUpdate="20260401090000"/>'
    found = read(HEAD + row(item, delete="1") + TAIL)[0]
    assert isinstance(found, ProvisionLine)
    assert (found.delete, found.value) == (True, None)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ("", "the row names no item"),
        (VALUE.replace("1234567", ""), "there is neither a value nor a reason of null"),
        (NIL.replace("/>", ">5</TM00000000000002-0002>"), "there is a value and a reason of null"),
        (VALUE.replace("Version", 'xsi:nil="1" Version'), "there is a value and a reason of null"),
        (
            VALUE.replace("TM00000000000002-0001", "Name"),
            "item is not the information name code, '-' and 4 digits, or 4 digits",
        ),
        (VALUE.replace("1234567", "12\n34"), "value is not at most 4000 characters without line breaks"),
    ],
)
def test_a_wrong_item_is_rejected_and_the_next_row_is_read(items, words):
    found = read(HEAD + row(items) + row(person="13") + TAIL)
    assert [type(line) for line in found] == [Reject, ProvisionLine]
    assert isinstance(found[0], Reject)
    assert found[0].reason_en == words
    assert "1234567" not in repr(found[0])


def test_the_same_item_of_the_same_person_twice_is_rejected():
    found = read(HEAD + row() + row() + TAIL)
    assert isinstance(found[1], Reject)
    assert found[1].reason_en.startswith("repeats line ")


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<IF_DBM_20113_R01>&b;</IF_DBM_20113_R01>"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "a DOCTYPE is not allowed"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "a DOCTYPE is not allowed"),
        (HEAD + row("&unknown;") + TAIL, "not well-formed XML in UTF-8"),
        ("", "not well-formed XML in UTF-8"),
        (HEAD, "not well-formed XML in UTF-8"),
        (HEAD + TAIL, "there is no data row"),
        ("<Other/>", "an unexpected element at depth 1"),
        (HEAD + "<Extra/>" + TAIL, "an unexpected element at depth 3"),
        (HEAD.replace("<Body>", "<Bodies>") + TAIL, "an unexpected element at depth 2"),
        (HEAD + row(more="<Extra/>") + TAIL, "an unexpected element at depth 4"),
        (HEAD + row(more="<SPIMajorVersion>4</SPIMajorVersion>") + TAIL, "an unexpected element at depth 4"),
        (HEAD + row(VALUE.replace("1234567", "<Deep/>")) + TAIL, "an unexpected element at depth 6"),
        (HEAD + row(VALUE.replace("1234567", "9" * 70_000)) + TAIL, "a value is too long"),
        (HEAD.replace("<MsgMode>0</MsgMode>", "") + row() + TAIL, "there is no MsgMode before the rows"),
        (HEAD.replace("<MsgMode>0", "<MsgMode>1") + row() + TAIL, "MsgMode is not of the kind that is loaded"),
        (HEAD.replace(">IF_DBM", ">XX_DBM") + row() + TAIL, "MsgTypeId is not IF_DBM_20113_R01"),
        (HEAD.replace('"UTF-8"', '"Shift_JIS"') + row() + TAIL, "the XML is not declared as UTF-8"),
    ],
)
def test_what_makes_the_message_unreadable_ends_the_reading(text, words):
    assert only_reject(text).reason_en == words


def test_a_test_message_is_read_where_one_is_wanted():
    assert isinstance(read(HEAD.replace("<MsgMode>0", "<MsgMode>1") + row() + TAIL, test=True)[0], ProvisionLine)


def test_another_encoding_is_not_well_formed_unless_it_is_utf_16_with_its_mark():
    text = (HEAD + row() + TAIL).replace(' encoding="UTF-8"', "").replace("TAX", "税務")
    assert only_reject(text.encode("cp932")).reason_en == "not well-formed XML in UTF-8"
    assert isinstance(read(text.encode("utf-16"))[0], ProvisionLine)


def test_a_row_of_more_items_than_the_bound_ends_the_reading(monkeypatch):
    monkeypatch.setattr(module, "MOST_ITEMS", 1)
    assert only_reject(HEAD + row(VALUE + NIL) + TAIL).reason_en == "an unexpected element at depth 5"


def test_more_rows_than_the_bound_end_the_reading(monkeypatch):
    monkeypatch.setattr(module, "MOST_LINES", 1)
    found = read(HEAD + row() + row(person="13") + TAIL)
    assert isinstance(found[1], Reject)
    assert found[1].reason_en == "too many rows"


class Flood(io.RawIOBase):
    """A stream that says its head once and then one byte string for ever, up to `total` bytes."""

    def __init__(self, head: bytes, body: bytes, total: int) -> None:
        self._head, self._body, self._left, self._at = head, body, total, 0

    def read(self, size: int = -1) -> bytes:
        head, self._head = self._head, b""
        if head or self._left <= 0:
            return head
        self._left -= size
        at, self._at = self._at, (self._at + size) % len(self._body)
        return (self._body * (size // len(self._body) + 2))[at : at + size]


@pytest.mark.parametrize(
    ("head", "body"),
    [(HEAD + '<A b="', b"x"), (HEAD + "<" + "A", b"A"), (HEAD + "<!--", b"x"), (HEAD + "<A ", b'a="1" '), (HEAD, b"x")],
)
def test_a_token_that_never_ends_is_stopped_before_it_fills_the_memory(head, body):
    tracemalloc.start()
    found = list(provisions_xml(Flood(head.encode(), body, 50_000_000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 1
    assert isinstance(found[0], Reject)
    assert peak < 8_000_000


@pytest.mark.slow
def test_twenty_thousand_rows_take_no_more_memory_than_a_few(monkeypatch):
    body = b"".join(row(person=str(at)).encode() for at in range(1, 101))
    stream = Flood(HEAD.encode(), body, 12_000_000)
    monkeypatch.setattr(module, "MOST_LINES", 100_000)
    tracemalloc.start()
    count = sum(1 for _ in provisions_xml(stream))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count > 15_000
    assert peak < 8_000_000


PARTS = st.sampled_from(
    [HEAD, TAIL, row(), row(NIL), "<Attachment>", "</Attachment>", VALUE, "&#0;", "&a;", "<![CDATA[x]]>"]
)


@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(st.one_of(PARTS, st.text(max_size=5)), max_size=8).map(
            lambda parts: "".join(parts).encode(errors="replace")
        ),
    )
)
def test_any_bytes_give_lines_or_rejects(raw):
    found = read(raw)
    assert found
    assert all(isinstance(line, ProvisionLine | Reject) for line in found)
