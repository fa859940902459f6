"""files.people and subjects: who an organisation knows."""

from __future__ import annotations

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.intermediate.files.people import PersonLine, people, plain_kana
from nakadachi.intermediate.files.reading import LineReader, Reject
from nakadachi.intermediate.subjects import AddresseeNumber, FourItems, IndividualNumber, Sex

NUMBER = "983205673214"
CELLS = {
    "addressee_number": "12",
    "name": "架空 光",
    "kana": "カクウ ヒカル",
    "address": "見本県青浜市本町1丁目1番1号",
    "sex": "1",
    "born": "19900102",
    "individual_number": NUMBER,
}


def row(**changes: str) -> str:
    return ",".join((CELLS | changes).values())


def read(*rows: str, encoding: str = "utf-8") -> list[PersonLine | Reject]:
    return list(people(LineReader(io.BytesIO("\n".join(rows).encode(encoding)))))


def person(text: str) -> PersonLine:
    found = read(text)[0]
    assert isinstance(found, PersonLine)
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_line_of_the_file_is_the_person_it_says(encoding):
    items = FourItems("架空 光", "カクウ ヒカル", "見本県青浜市本町1丁目1番1号", Sex.MALE, date(1990, 1, 2))
    assert read(row(), encoding=encoding) == [PersonLine(1, AddresseeNumber("12"), items, IndividualNumber(NUMBER))]


def test_the_individual_number_may_be_blank_or_have_no_column():
    assert person(row(individual_number="")).individual_number is None
    assert person(row().removesuffix("," + NUMBER)).individual_number is None


def test_a_header_may_leave_out_the_individual_number_and_put_the_rest_in_any_order():
    found = read("生年月日,氏名,氏名カナ,住所,性別,宛名番号", "1990-01-02,架空 光,,見本県,9,7")
    assert found == [
        PersonLine(2, AddresseeNumber("7"), FourItems("架空 光", "", "見本県", Sex(9), date(1990, 1, 2)), None)
    ]


def test_a_row_wider_than_its_header_is_rejected():
    found = read("宛名番号,氏名,氏名カナ,住所,性別,生年月日", row())[0]
    assert isinstance(found, Reject)
    assert found.column == 7


@pytest.mark.parametrize("kana", ["ｶｸｳ ﾋｶﾙ", "かくう　ひかる", "カクウ  ヒカル"])
def test_kana_of_every_width_are_kept_in_one_form(kana):
    assert person(row(kana=kana)).items.kana == "カクウ ヒカル"
    assert plain_kana("ﾀﾞｯﾁ･ﾊﾟｰ") == "ダッチ・パー"


@pytest.mark.parametrize(
    ("written", "sex"),
    [("", 0), ("0", 0), ("1", 1), ("2", 2), ("3", 9), ("9", 9)],
)
def test_the_sex_is_one_of_the_four_values(written, sex):
    assert person(row(sex=written)).items.sex == sex


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"addressee_number": "0"}, 1),
        ({"name": ""}, 2),
        ({"name": "架" * 101}, 2),
        ({"kana": "架空"}, 3),
        ({"kana": "ア" * 101}, 3),
        ({"address": ""}, 4),
        ({"address": "架" * 201}, 4),
        ({"sex": "男"}, 5),
        ({"born": "H020102"}, 6),
        ({"born": "1990-1-02"}, 6),
        ({"individual_number": "983205673210"}, 7),
        ({"individual_number": "98320567321"}, 7),
    ],
)
def test_a_wrong_cell_is_named_by_column_and_never_shown(changes, column):
    found = read(row(**changes))[0]
    assert isinstance(found, Reject)
    assert (found.line, found.column) == (1, column)
    assert not any(len(value) > 5 and value in repr(found) for value in (CELLS | changes).values())


def test_one_addressee_number_stands_for_one_person():
    found = read(row(), row(addressee_number="0012", individual_number="379474484458"))
    assert isinstance(found[1], Reject)
    assert found[1].reason_en == "repeats line 1"


def test_one_individual_number_has_one_addressee_number():
    found = read(row(), row(addressee_number="13"))
    assert isinstance(found[1], Reject)
    assert found[1].reason_en == "repeats line 1"


def test_nothing_of_a_person_shows_in_a_repr():
    shown = repr(person(row(addressee_number="123456789"))) + str(AddresseeNumber("123456789"))
    assert not any(value in shown for value in ("123456789", *list(CELLS.values())[1:4], NUMBER, "1990"))


@pytest.mark.parametrize("wrong", ["", "0", "000", "1" * 16, "12\n", "１２", "-1"])
def test_an_addressee_number_is_1_to_15_digits_and_not_zero(wrong):
    with pytest.raises(ValueError, match="is not a AddresseeNumber") as refused:
        AddresseeNumber(wrong)
    assert "12" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "kana", "address"),
    [("", "", "a"), ("a" * 101, "", "a"), ("a", "a" * 101, "a"), ("a", "", ""), ("a", "", "a" * 201)],
)
def test_four_items_are_complete_and_of_bounded_length(name, kana, address):
    with pytest.raises(ValueError, match="missing or longer"):
        FourItems(name, kana, address, Sex.FEMALE, date(2000, 1, 1))


@given(st.one_of(st.binary(max_size=400), st.text(max_size=100).map(lambda text: f"1,{text},,a,1,20000101".encode())))
def test_any_bytes_give_people_or_rejects(raw):
    assert all(isinstance(line, PersonLine | Reject) for line in people(LineReader(io.BytesIO(raw))))
