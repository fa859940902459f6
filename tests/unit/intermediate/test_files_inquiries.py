"""files.inquiries: the 18 columns of an inquiry file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.intermediate.files.inquiries import COLUMNS, InquiryLine, inquiries
from nakadachi.intermediate.files.layout import JST, records
from nakadachi.intermediate.files.reading import Line, LineReader, Reject
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.terms import AffairCode, InfoNameCode, OrganisationCode, ProcedureCode

CELLS = {
    "number_system": "01",
    "addressee_number": "12",
    "integrated_addressee_number": "",
    "request_time": "20260401093000123",
    "department": "WELFARE",
    "operator": "U001",
    "inquirer": "9999000000000001",
    "non_disclosure": "0",
    "affair": "JM00000000000001",
    "procedure": "JT00000000000001",
    "delegating_inquirer": "",
    "delegating_provider": "",
    "provider": "9999000000000002",
    "information": "TM00000000000002",
    "condition": "1",
    "fiscal_year": "1",
    "start": "20260401",
    "end": "20270331",
}


def row(**changes: str) -> str:
    return ",".join((CELLS | changes).values())


def padded(comma: str, **changes: str) -> str:
    cells = CELLS | changes
    return comma.join(cells[column.name].ljust(column.width) for column in COLUMNS)


def read(*rows: str) -> list[InquiryLine | Reject]:
    return list(inquiries(LineReader(io.BytesIO("\r\n".join(rows).encode()))))


def reject(*rows: str) -> Reject:
    last = read(*rows)[-1]
    assert isinstance(last, Reject)
    return last


def test_a_line_of_the_file_is_the_inquiry_it_says():
    assert read(row()) == [
        InquiryLine(
            line=1,
            addressee=AddresseeNumber("000000000000012"),
            requested_at=datetime(2026, 4, 1, 9, 30, 0, 123_000, tzinfo=JST),
            department="WELFARE",
            operator="U001",
            inquirer=OrganisationCode("9999000000000001"),
            non_disclosure=0,
            affair=AffairCode("JM00000000000001"),
            procedure=ProcedureCode("JT00000000000001"),
            delegating_inquirer=None,
            delegating_provider=None,
            provider=OrganisationCode("9999000000000002"),
            information=InfoNameCode("TM00000000000002"),
            condition=1,
            fiscal_year=1,
            start=date(2026, 4, 1),
            end=date(2027, 3, 31),
        )
    ]


@pytest.mark.parametrize("written", [padded(","), padded(""), row(addressee_number="0012")])
def test_padded_and_unpadded_lines_mean_the_same(written):
    assert read(written) == read(row())


def test_the_widths_of_the_layout_are_220_characters():
    assert len(padded("")) == 220


def test_a_header_line_lets_the_columns_stand_in_any_order_in_either_language():
    order = list(reversed(COLUMNS))
    header = ",".join(column.japanese if at % 2 else column.name.upper() for at, column in enumerate(order))
    assert read(header, ",".join(CELLS[column.name] for column in order))[0] == InquiryLine(
        **{name: getattr(read(row())[0], name) for name in InquiryLine.__slots__} | {"line": 2}
    )


@pytest.mark.parametrize(
    ("header", "column", "words"),
    [
        (",".join(CELLS).replace("department", "division"), 5, "unknown or repeated column name"),
        (",".join(CELLS).replace("department", "operator"), 6, "unknown or repeated column name"),
        (",".join(CELLS).removesuffix(",end"), 0, "no column end"),
    ],
)
def test_a_faulty_header_ends_the_reading_with_one_reject(header, column, words):
    found = read(header, row(), row())
    assert isinstance(found[0], Reject)
    assert (len(found), found[0].column, found[0].reason_en) == (1, column, words)


def test_the_integrated_addressee_number_is_taken_where_there_is_one():
    found = read(row(integrated_addressee_number="77"), row(addressee_number="000", integrated_addressee_number="78"))
    assert [line.addressee for line in found if isinstance(line, InquiryLine)] == [
        AddresseeNumber("77"),
        AddresseeNumber("78"),
    ]


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"number_system": "02"}, 1),
        ({"addressee_number": "12X"}, 2),
        ({"addressee_number": ""}, 3),
        ({"integrated_addressee_number": "1" * 16}, 3),
        ({"request_time": "20260230093000123"}, 4),
        ({"request_time": "202604010930001"}, 4),
        ({"request_time": "soon"}, 4),
        ({"request_time": "9999-12-31T23:59:59-23:59"}, 4),
        ({"request_time": "99991231235959"}, 4),
        ({"department": ""}, 5),
        ({"operator": "U" * 21}, 6),
        ({"inquirer": "999900000000000"}, 7),
        ({"non_disclosure": "10"}, 8),
        ({"affair": "JT00000000000001"}, 9),
        ({"procedure": "JM00000000000001"}, 10),
        ({"delegating_inquirer": "1"}, 11),
        ({"delegating_provider": "X"}, 12),
        ({"provider": ""}, 13),
        ({"information": "TM2"}, 14),
        ({"condition": "x"}, 15),
        ({"fiscal_year": "１"}, 16),
        ({"start": "20260229"}, 17),
        ({"start": "00010101"}, 17),
        ({"end": "2027033"}, 18),
        ({"end": "20260331"}, 18),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_column_and_never_shown(changes, column):
    found = reject(row(addressee_number="5"), row(**changes))
    assert (found.line, found.column) == (2, column)
    assert found.reason_ja
    assert " / " in found.mend
    assert not any(len(value) > 4 and value in repr(found) for value in changes.values())


def test_bounds_left_open_are_no_dates():
    found = read(row(start="00000000", end="99999999"))[0]
    assert isinstance(found, InquiryLine)
    assert (found.start, found.end) == (None, None)


def test_what_has_no_condition_no_fiscal_year_and_no_non_disclosure_may_leave_them_blank():
    found = read(row(condition="", fiscal_year="", non_disclosure=""))[0]
    assert isinstance(found, InquiryLine)
    assert (found.condition, found.fiscal_year, found.non_disclosure) == (None, None, 0)


def test_a_time_may_leave_out_its_milliseconds_or_be_iso_8601():
    times = ["20260401093000", "2026-04-01T09:30:00", "2026-04-01T00:30:00+00:00"]
    found = read(*(row(request_time=time, addressee_number=str(at)) for at, time in enumerate(times, start=1)))
    assert {line.requested_at for line in found if isinstance(line, InquiryLine)} == {
        datetime(2026, 4, 1, 9, 30, tzinfo=JST)
    }


def test_a_delegating_organisation_is_kept_and_zeros_are_none():
    found = read(row(delegating_inquirer="9999000000000003", delegating_provider="0" * 16))[0]
    assert isinstance(found, InquiryLine)
    assert found.delegating_inquirer == OrganisationCode("9999000000000003")
    assert found.delegating_provider is None


def test_a_line_that_asks_the_same_again_names_the_first_one():
    found = reject(row(), row(addressee_number="13"), row(operator="U002", addressee_number="0012"))
    assert (found.line, found.reason_en) == (3, "repeats line 1")
    assert "1行目" in found.reason_ja


def test_the_same_person_may_be_asked_about_for_another_period():
    assert all(isinstance(line, InquiryLine) for line in read(row(), row(start="20250401", end="20260331")))


@pytest.mark.parametrize(("text", "column"), [(row() + ",", 19), (row().removesuffix(",20270331"), 17)])
def test_another_number_of_columns_is_rejected(text, column):
    found = reject(text)
    assert (found.line, found.column) == (1, column)


def test_an_open_quotation_mark_spoils_its_own_line_only():
    found = read(row(department='"WELFARE'), row(department='"WEL,FARE"'))
    assert [type(line) for line in found] == [Reject, InquiryLine]
    assert isinstance(found[1], InquiryLine)
    assert found[1].department == "WEL,FARE"


@pytest.mark.parametrize("rows", [[""], [",".join(CELLS)]])
def test_a_file_without_data_says_so(rows):
    assert reject(*rows).reason_en == "there is no data line"


def test_more_lines_than_the_limit_end_the_reading():
    lines = (Line(number, row()) for number in range(1, 9))
    found = list(records(lines, COLUMNS, most=3))
    assert len(found) == 4
    assert isinstance(found[3], Reject)
    assert found[3].reason_en == "too many lines"
    rejected = (Reject(number, 0, "", "", "") for number in range(1, 9))
    assert len(list(records(rejected, COLUMNS, most=3))) == 4


def test_who_works_at_the_desk_and_who_is_asked_about_show_in_no_repr():
    shown = repr(read(row(operator="U-SECRET", addressee_number="123456"))[0])
    assert "U-SECRET" not in shown
    assert "123456" not in shown


@given(
    st.one_of(
        st.binary(max_size=600),
        st.lists(st.sampled_from([*CELLS.values(), '"', "\n", "x"])).map(lambda cells: ",".join(cells).encode()),
    )
)
def test_any_bytes_give_inquiries_or_rejects(raw):
    found: Iterator[InquiryLine | Reject] = inquiries(LineReader(io.BytesIO(raw)))
    assert all(isinstance(line, InquiryLine | Reject) for line in found)
