"""neighbours.matching: all that was given fits exactly one resident, or nothing is told of anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.matching import Found, Match, Sought, items_of, judge

ITEMS = items_of("見本 花子", "見本市1-2", "2", "平成2年4月1日")
NUMBER = "100000000001"


@pytest.mark.parametrize(
    ("sought", "by_number", "by_items", "match"),
    [
        (Sought(), "", "", Match(Found.NONE)),
        (Sought(items=ITEMS), "", "", Match(Found.NONE)),
        (Sought(items=ITEMS), "", "a", Match(Found.ONE, "a")),
        (Sought(items=ITEMS), "", "ab", Match(Found.SEVERAL)),
        (Sought(NUMBER), "a", "", Match(Found.ONE, "a")),
        (Sought(NUMBER), "", "", Match(Found.NONE)),
        (Sought(NUMBER, ITEMS), "a", "a", Match(Found.ONE, "a")),
        (Sought(NUMBER, ITEMS), "a", "ab", Match(Found.ONE, "a")),
        (Sought(NUMBER, ITEMS), "a", "b", Match(Found.DIFFER)),
        (Sought(NUMBER, ITEMS), "a", "", Match(Found.DIFFER)),
        (Sought(NUMBER, ITEMS), "", "b", Match(Found.NONE)),
    ],
)
def test_what_was_given_fits_one_none_several_or_differs(sought, by_number, by_items, match):
    assert judge(sought, list(by_number), list(by_items)) == match


@given(st.sets(st.sampled_from("abc"), max_size=1), st.sets(st.sampled_from("abc")), st.booleans(), st.booleans())
def test_nobody_is_named_but_who_fits_all_that_was_given(by_number, by_items, numbered, described):
    sought = Sought(NUMBER if numbered else "", ITEMS if described else None)
    match = judge(sought, by_number if numbered else (), by_items if described else ())
    assert bool(match.code) is (match.found is Found.ONE)
    if match.code:
        assert not numbered or match.code in by_number
        assert not described or match.code in by_items


def test_nothing_of_a_person_shows_in_a_repr():
    for shown in (repr(ITEMS), repr(Sought(NUMBER, ITEMS)), repr(Match(Found.ONE, "24727059608"))):
        assert "花子" not in shown
        assert NUMBER not in shown
        assert "24727059608" not in shown
