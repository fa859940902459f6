from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.jpki.items import ERAS, SUBSTITUTE, TEXT_LIMIT, UNKNOWN_BIRTH, Birth, FourItems, Text

BORN = st.dates(min_value=ERAS[0][1], max_value=date(2999, 12, 31))


@given(BORN)
def test_a_date_of_birth_is_read_as_it_was_written(born):
    assert Birth.parse(Birth.of(born).text) == Birth.of(born)
    assert Birth.of(born).date == born


@pytest.mark.parametrize(
    ("born", "text"),
    [
        (date(1990, 1, 2), "419900102"),
        (date(2020, 1, 2), "520200102"),
        (date(1989, 1, 7), "319890107"),
        (date(1989, 1, 8), "419890108"),
        (date(2019, 4, 30), "420190430"),
        (date(2019, 5, 1), "520190501"),
        (date(1926, 12, 24), "219261224"),
        (date(1912, 7, 29), "119120729"),
    ],
)
def test_an_era_begins_on_its_first_day(born, text):
    assert Birth.of(born).text == text


def test_before_the_first_era_nobody_is_born():
    with pytest.raises(ValueError, match="before the first era"):
        Birth.of(date(1868, 1, 24))


@pytest.mark.parametrize("text", ["400000000", "419900000", "419900200"])
def test_a_day_that_the_register_does_not_know_is_zeros(text):
    born = Birth.parse(text)
    assert born.text == text
    assert born.date is None


def test_an_unknown_date_of_birth_is_the_profile_s():
    assert UNKNOWN_BIRTH.text == "400000000"


@pytest.mark.parametrize(
    "text",
    ["", "019900102", "619900102", "41990010", "4199001022", "419901301", "419900230", "419900002", "400000102",
     "４19900102", "41990010\n", "400000001"],
)  # fmt: skip
def test_what_is_no_date_of_birth_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError, match="date of birth") as refused:
        Birth.parse(text)
    assert not text or text not in str(refused.value)


@given(st.text(max_size=12))
def test_any_text_is_a_date_of_birth_of_one_spelling_or_refused(text):
    try:
        born = Birth.parse(text)
    except ValueError:
        return
    assert born.text == text


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=TEXT_LIMIT))
def test_every_name_fits_the_standard_once_it_is_substituted(name):
    text = Text.of(name)
    assert len(text.value) == len(name)
    text.value.encode("euc_jisx0213")
    flags = text.flags or "0" * len(name)
    assert all((flag == "1") == (shown != given) for flag, shown, given in zip(flags, text.value, name, strict=True))


def test_a_substitute_says_where_it_stands():
    text = Text.of("髙𠮷山")
    assert (text.value, text.flags) == ("高吉山", "110")
    assert Text.of("\U0002a6d6山").value == SUBSTITUTE + "山"
    assert not Text.of("高山").flags


@pytest.mark.parametrize(("value", "flags"), [("", ""), ("山\n", ""), ("山\0", ""), ("山", "00"), ("山", "2")])
def test_a_text_that_no_certificate_may_carry_is_refused(value, flags):
    with pytest.raises(ValueError, match=r"a name or an address|flags"):
        Text(value, flags)


def test_a_long_address_fits_up_to_its_limit():
    assert len(Text.of("町" * TEXT_LIMIT).value) == TEXT_LIMIT
    with pytest.raises(ValueError, match="1 to 1000"):
        Text.of("町" * (TEXT_LIMIT + 1))


def test_the_four_items_show_nothing_of_a_person():
    items = FourItems(Text.of("見本花子"), Text.of("見本町"), "2", Birth.of(date(1990, 1, 2)))
    assert not any(word in repr(items) for word in ("見本", "1990", "'2'"))


@pytest.mark.parametrize("sex", ["", "12", "男", "２"])
def test_a_sex_is_one_digit(sex):
    with pytest.raises(ValueError, match="one digit"):
        FourItems(Text.of("見本花子"), Text.of("見本町"), sex, UNKNOWN_BIRTH)
