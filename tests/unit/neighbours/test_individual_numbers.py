"""neighbours.individual_numbers: numbers with check digits, none twice, nothing told by them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours import individual_numbers
from nakadachi.neighbours.individual_numbers import NUMBERS, IndividualNumbers, NumbersUsedUpError
from nakadachi.neighbours.numbers import IndividualNumber

KEY = b"the register's own secret key ..."[:32]
GIVER = IndividualNumbers(KEY)


@given(st.integers(0, NUMBERS - 1))
def test_every_index_has_a_number_with_a_fitting_check_digit_and_leads_back(index):
    number = GIVER.number(index)
    assert isinstance(number, IndividualNumber)
    assert GIVER.index(number) == index


def test_ten_thousand_numbers_in_a_row_are_all_different_and_in_no_order():
    numbers = [number.value for number in GIVER.numbers(range(10_000))]
    assert len(set(numbers)) == 10_000
    rises = sum(before < after for before, after in pairwise(numbers))
    assert 4_700 < rises < 5_300


def test_many_at_once_are_the_same_as_one_by_one(monkeypatch):
    one_by_one = GIVER.numbers(range(40, 60))
    monkeypatch.setattr(individual_numbers, "MANY", 10)
    assert GIVER.numbers(range(40, 60)) == one_by_one
    with pytest.raises(NumbersUsedUpError):
        GIVER.numbers(range(NUMBERS - 5, NUMBERS + 5))


@pytest.mark.parametrize("index", [-1, NUMBERS])
def test_when_all_are_given_no_more_is(index):
    with pytest.raises(NumbersUsedUpError):
        GIVER.number(index)


def test_without_the_key_another_number_is_guessed():
    assert IndividualNumbers(bytes(32)).number(7) != GIVER.number(7)
    with pytest.raises(ValueError, match="32 bytes"):
        IndividualNumbers(b"short")


def test_neither_key_nor_number_shows_in_a_repr():
    assert GIVER.number(7).value not in repr(GIVER.number(7))
    assert KEY.decode() not in repr(GIVER)
