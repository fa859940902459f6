"""neighbours.numbers: check digits by the published formulas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.intermediate.subjects import IndividualNumber as OwnIndividualNumber
from nakadachi.neighbours.numbers import (
    CorporateNumber,
    IndividualNumber,
    LocalGovernmentCode,
    ResidentCodeFormula,
    ResidentRecordCode,
    corporate_check_digit,
    individual_check_digit,
    local_government_check_digit,
)


@pytest.mark.parametrize("value", ["983205673214", "379474484458"])
def test_published_individual_numbers_fit(value):
    assert IndividualNumber(value).value == value
    assert individual_check_digit(value[:-1]) == value[-1]


@pytest.mark.parametrize("value", ["7000012050002", "4000012090001", "1180301018771", "9020001031109", "8013401000626"])
def test_published_corporate_numbers_fit(value):
    assert str(CorporateNumber(value)) == value


@pytest.mark.parametrize(
    "value",
    ["131016", "131121", "131130", "011002", "010006", "130001", "271004", "142018", "142051"],
)
def test_published_local_government_codes_fit(value):
    assert str(LocalGovernmentCode(value)) == value


def test_the_one_public_sample_of_a_resident_record_code_fits_the_default_formula():
    assert ResidentCodeFormula().parse("24727059608").value == "24727059608"


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (IndividualNumber, "983205673210"),
        (IndividualNumber, "98320567321"),
        (CorporateNumber, "7000012050003"),
        (CorporateNumber, "0000012050003"),
        (LocalGovernmentCode, "131017"),
        (ResidentRecordCode, "2472705960"),
    ],
)
def test_a_number_whose_check_digit_or_shape_does_not_fit_is_none(kind, wrong):
    with pytest.raises(ValueError, match=kind.__name__):
        kind(wrong)


def test_a_rest_of_one_gives_0_for_the_person_and_0_for_the_place_but_a_rest_of_none_differs():
    assert individual_check_digit("0" * 11) == "0"
    assert local_government_check_digit("00000") == "1"


@given(st.integers(0, 10**12 - 1))
def test_the_check_digit_of_a_corporate_number_is_never_0(number):
    assert corporate_check_digit(f"{number:012}") in "123456789"


@given(st.integers(0, 10**12 - 1))
def test_the_registry_and_the_organisations_agree_on_every_individual_number(number):
    def fits(kind: type[IndividualNumber | OwnIndividualNumber]) -> bool:
        try:
            kind(f"{number:012}")
        except ValueError:
            return False
        return True

    assert fits(IndividualNumber) == fits(OwnIndividualNumber)


@given(st.integers(0, 10**10 - 1), st.permutations(range(1, 11)), st.sampled_from([10, 11]))
def test_a_resident_record_code_completed_by_a_formula_fits_that_formula(number, weights, modulus):
    formula = ResidentCodeFormula(tuple(weights), modulus)
    code = formula.complete(f"{number:010}")
    assert formula.parse(code.value) == code


def test_a_resident_record_code_of_another_formula_is_refused_and_not_shown():
    with pytest.raises(ValueError, match="check digit does not fit") as refused:
        ResidentCodeFormula().parse("24727059607")
    assert "24727059607" not in str(refused.value)


@pytest.mark.parametrize(("weights", "modulus"), [((1, 2), 11), (tuple(range(10)), 7)])
def test_a_formula_that_cannot_be_is_refused(weights, modulus):
    with pytest.raises(ValueError, match="10 weights"):
        ResidentCodeFormula(weights, modulus)


@pytest.mark.parametrize("body", ["1", "1234567890X", "１２３４５６７８９０１"])
def test_a_check_digit_is_of_digits_only(body):
    with pytest.raises(ValueError, match="11 digits"):
        individual_check_digit(body)


def test_numbers_of_people_show_in_no_repr_or_error():
    assert "983205673214" not in repr(IndividualNumber("983205673214")) + str(IndividualNumber("983205673214"))
    assert "24727059608" not in repr(ResidentRecordCode("24727059608"))
    with pytest.raises(ValueError, match="a value") as refused:
        IndividualNumber("983205673210")
    assert "983205673210" not in str(refused.value)
