"""files.provisions: replica rows and protection flags as CSV."""

from __future__ import annotations

import io
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.intermediate.files.layout import JST
from nakadachi.intermediate.files.provisions import ProtectionLine, ProvisionLine, protections, provisions
from nakadachi.intermediate.files.reading import LineReader, Reject
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.terms import InfoNameCode, ItemCode

CELLS = {
    "record_id": "R-000001",
    "addressee_number": "12",
    "information": "TM00000000000002",
    "item": "0001",
    "version": "3",
    "publish_from": "20260401",
    "publish_until": "",
    "value": "1234567",
    "reason_of_null": "",
    "delete": "0",
    "updated_at": "20260401090000",
}
EMPTY = {"value": ""}


def row(**changes: str) -> str:
    return ",".join((CELLS | changes).values())


def read(*rows: str) -> list[ProvisionLine | Reject]:
    return list(provisions(LineReader(io.BytesIO("\n".join(rows).encode()))))


def flags(*rows: str) -> list[ProtectionLine | Reject]:
    return list(protections(LineReader(io.BytesIO("\n".join(rows).encode()))))


@pytest.mark.parametrize("item", ["0001", "TM00000000000002-0001"])
def test_a_line_of_the_file_is_the_item_it_says(item):
    assert read(row(item=item)) == [
        ProvisionLine(
            line=1,
            record_id="R-000001",
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
    ]


def test_an_empty_value_has_its_reason():
    found = read(row(**EMPTY, reason_of_null="NotAcceptable"))[0]
    assert isinstance(found, ProvisionLine)
    assert (found.value, found.reason_of_null) == (None, "NotAcceptable")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (EMPTY, "there is neither a value nor a reason of null"),
        ({"reason_of_null": "NotAcceptable"}, "there is a value and a reason of null"),
        ({"delete": "1"}, "a row that deletes has a value"),
        ({"delete": "1", "value": "", "reason_of_null": "NotAcceptable"}, "a row that deletes has a value"),
    ],
)
def test_a_row_says_a_value_or_why_there_is_none_and_only_one_of_them(changes, words):
    found = read(row(**changes))[0]
    assert isinstance(found, Reject)
    assert (found.column, found.reason_en) == (8, words)


def test_a_row_that_deletes_has_neither():
    found = read(row(**EMPTY, delete="1"))[0]
    assert isinstance(found, ProvisionLine)
    assert (found.value, found.reason_of_null, found.delete) == (None, None, True)


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"record_id": ""}, 1),
        ({"addressee_number": "A"}, 2),
        ({"information": "TM2"}, 3),
        ({"item": "1"}, 4),
        ({"item": "TM00000000000003-0001"}, 4),
        ({"version": "3.1"}, 5),
        ({"publish_from": ""}, 6),
        ({"publish_until": "20260331"}, 7),
        ({"publish_until": "20260431"}, 7),
        ({"value": "架" * 4001}, 8),
        ({"value": "", "reason_of_null": "not acceptable"}, 9),
        ({"delete": "2"}, 10),
        ({"updated_at": "20260401"}, 11),
    ],
)
def test_a_wrong_cell_is_named_by_column_and_never_shown(changes, column):
    found = read(row(**changes))[0]
    assert isinstance(found, Reject)
    assert (found.line, found.column) == (1, column)
    assert "1234567" not in repr(found)


def test_one_item_of_one_person_comes_once_for_a_day():
    found = read(row(), row(publish_from="20270401"), row(value="2", addressee_number="0012"))
    assert [type(line) for line in found] == [ProvisionLine, ProvisionLine, Reject]
    assert isinstance(found[2], Reject)
    assert found[2].reason_en == "repeats line 1"


def test_a_value_shows_in_no_repr():
    assert "1234567" not in repr(read(row())[0])


def test_a_protection_flag_says_whose_and_for_what_and_until_when():
    assert flags("12,*,0,1,20270331", "12,TM00000000000002,1,0,") == [
        ProtectionLine(
            line=1,
            addressee=AddresseeNumber("12"),
            information=None,
            self_information_allowed=False,
            withheld=True,
            until=date(2027, 3, 31),
        ),
        ProtectionLine(
            line=2,
            addressee=AddresseeNumber("12"),
            information=InfoNameCode("TM00000000000002"),
            self_information_allowed=True,
            withheld=False,
            until=None,
        ),
    ]


@pytest.mark.parametrize(
    ("text", "column"),
    [("0,*,0,1,", 1), ("1,all,0,1,", 2), ("1,*,yes,1,", 3), ("1,*,0,,", 4), ("1,*,0,1,tomorrow", 5), ("1,*,0,1", 4)],
)
def test_a_wrong_flag_is_named_by_column(text, column):
    found = flags(text)[0]
    assert isinstance(found, Reject)
    assert found.column == column


def test_one_person_has_one_flag_for_one_information():
    found = flags("12,*,0,1,", "12,TM00000000000002,0,1,", "12,*,1,0,")
    assert isinstance(found[2], Reject)
    assert found[2].reason_en == "repeats line 1"


CELL = st.one_of(st.sampled_from([*CELLS.values(), "*", "1", '"', "\n"]), st.text(max_size=5))


@given(st.one_of(st.binary(max_size=400), st.lists(CELL, max_size=30).map(lambda cells: ",".join(cells).encode())))
def test_any_bytes_give_lines_or_rejects(raw):
    assert all(isinstance(line, ProvisionLine | Reject) for line in provisions(LineReader(io.BytesIO(raw))))
    assert all(isinstance(line, ProtectionLine | Reject) for line in protections(LineReader(io.BytesIO(raw))))
