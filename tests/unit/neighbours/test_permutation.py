"""neighbours.permutation: a bijection, the standard's own, and the same whichever way it is computed."""

import pytest
from ffx import FF1
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.permutation import DecimalPermutation

KEY = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
LONG = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94")


@pytest.mark.parametrize(("key", "image"), [(KEY, 2433477484), (LONG, 6657667009)], ids=["sample-1", "sample-7"])
def test_the_samples_of_the_standard_come_out(key, image):
    permutation = DecimalPermutation(key, 10)
    assert permutation.encrypt(123456789) == image
    assert permutation.decrypt(image) == 123456789


@given(st.integers(6, 18), st.binary(min_size=32, max_size=32), st.data())
def test_another_program_of_the_same_standard_gives_the_same(digits, key, data):
    number = data.draw(st.integers(0, 10**digits - 1))
    image = DecimalPermutation(key, digits).encrypt(number)
    assert f"{image:0{digits}}" == FF1(key, radix=10).encrypt(f"{number:0{digits}}")


@pytest.mark.parametrize("digits", [2, 3, 4, 5])
@pytest.mark.parametrize("key", [KEY, LONG, bytes(32)], ids=["128", "256", "zero"])
def test_every_number_of_a_small_space_stands_for_exactly_one(digits, key):
    permutation = DecimalPermutation(key, digits)
    images = [permutation.encrypt(number) for number in range(10**digits)]
    assert sorted(images) == list(range(10**digits))
    assert [permutation.decrypt(image) for image in images] == list(range(10**digits))
    assert list(permutation.table.run(0, 10**digits)) == images


@given(st.integers(0, 10**11 - 1))
def test_what_stands_for_a_number_leads_back_to_it(number):
    permutation = DecimalPermutation(LONG, 11)
    assert permutation.decrypt(permutation.encrypt(number)) == number


@pytest.mark.slow
def test_a_million_numbers_in_a_row_meet_nowhere_and_the_table_agrees():
    permutation = DecimalPermutation(LONG, 11)
    images = permutation.table.run(0, 1_000_000)
    assert len(set(images)) == 1_000_000
    for number in range(0, 1_000_000, 997):
        assert images[number] == permutation.encrypt(number)
    # The rounds of a table are the whole of it: 10^5 and 10^6 values, each below the size of its half.
    assert max(images) < 10**11


@pytest.mark.parametrize("number", [-1, 10**11])
def test_what_has_more_digits_is_refused_and_not_repeated(number):
    with pytest.raises(ValueError, match="not 11 digits") as wrong:
        DecimalPermutation(KEY, 11).encrypt(number)
    assert str(number) not in str(wrong.value)


@pytest.mark.parametrize("digits", [0, 1, 19])
def test_a_space_that_does_not_fit_the_rounds_is_refused(digits):
    with pytest.raises(ValueError, match="2 to 18"):
        DecimalPermutation(KEY, digits)


def test_another_key_gives_another_permutation_and_none_is_shown():
    one, other = DecimalPermutation(KEY, 11), DecimalPermutation(bytes(16), 11)
    assert one.encrypt(1) != other.encrypt(1)
    assert KEY.hex() not in repr(one)
