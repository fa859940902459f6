"""What a holder does with one pair of codes: whatever comes, nobody gets the code of another person."""

from hypothesis import given
from hypothesis import strategies as st

from nakadachi.intermediate.rotation import decide
from nakadachi.intermediate.rotation_store import Replacement
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.refusal import Reason
from nakadachi.terms import LinkCode

CODES = [LinkCode.of_bytes(bytes(18) + bytes((number,))) for number in range(6)]
HANA, SUMI = (AddresseeNumber(f"{number:015}") for number in (1, 2))
ONE, TWO, THREE, FOUR = CODES[:4]


def test_a_code_is_replaced_once_and_then_it_was_done_before():
    assert decide(ONE, TWO, {ONE: (HANA, ONE)}) == Replacement(HANA, ONE, TWO)
    assert decide(ONE, TWO, {ONE: (HANA, TWO), TWO: (HANA, TWO)}) is None
    assert decide(ONE, TWO, {TWO: (HANA, TWO)}) is None


def test_a_person_is_found_by_any_code_they_had_and_the_one_they_have_is_kept_as_a_former_one():
    assert decide(ONE, THREE, {ONE: (HANA, TWO)}) == Replacement(HANA, TWO, THREE)


def test_nobodys_code_and_anothers_are_refused():
    assert decide(ONE, TWO, {}) is Reason.CODE_NOT_ISSUED
    assert decide(ONE, FOUR, {ONE: (HANA, ONE), FOUR: (SUMI, FOUR)}) is Reason.ALREADY_USED


@given(st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)).filter(lambda pair: pair[0] != pair[1])))
def test_whatever_pairs_come_in_whatever_order_no_code_is_ever_of_two_people(pairs):
    held, ever = {HANA: ONE, SUMI: FOUR}, {ONE: HANA, FOUR: SUMI}
    for former, fresh in pairs:
        known = {code: (whose, held[whose]) for code, whose in ever.items()}
        done = decide(former, fresh, known)
        if isinstance(done, Replacement):
            assert ever.setdefault(done.fresh, done.addressee) == done.addressee
            assert held[done.addressee] == done.former
            held[done.addressee] = done.fresh
        assert len(set(held.values())) == len(held)
