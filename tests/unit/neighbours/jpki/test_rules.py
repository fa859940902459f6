from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.jpki.faults import Fault, NotDone, Objection
from nakadachi.neighbours.jpki.items import UNKNOWN_BIRTH, Birth
from nakadachi.neighbours.jpki.profile import Kind
from nakadachi.neighbours.jpki.rules import (
    Change,
    Holder,
    ResidentChange,
    birthday,
    end_of,
    ends,
    renewable_from,
    require_signature_allowed,
    valid_until,
)
from nakadachi.neighbours.jpki.states import Revocation

DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1))


@pytest.mark.parametrize(
    ("born", "issued_on", "until"),
    [
        (date(1990, 2, 17), date(2025, 10, 27), date(2030, 2, 17)),
        (date(1990, 1, 2), date(2026, 11, 29), date(2031, 1, 2)),
        (date(1990, 11, 29), date(2026, 11, 29), date(2031, 11, 29)),
        (date(1990, 11, 30), date(2026, 11, 29), date(2030, 11, 30)),
        (date(1992, 2, 29), date(2026, 3, 1), date(2031, 2, 28)),
        (date(1992, 2, 29), date(2027, 3, 1), date(2032, 2, 29)),
    ],
)
def test_a_certificate_counts_until_the_fifth_birthday_after_its_issue(born, issued_on, until):
    assert valid_until(Birth.of(born), issued_on) == until


@given(DAYS, DAYS)
def test_it_counts_for_more_than_four_years_and_at_most_five(born, issued_on):
    until = valid_until(Birth.of(born), issued_on)
    assert birthday(issued_on, issued_on.year + 4) < until + timedelta(days=2)
    assert until <= birthday(issued_on, issued_on.year + 5) + timedelta(days=1)


def test_without_a_day_of_birth_the_day_of_issue_stands_for_it():
    for born in (UNKNOWN_BIRTH, Birth.parse("419900000"), Birth.parse("419900400")):
        assert valid_until(born, date(2026, 11, 29)) == date(2031, 11, 29)


def test_the_last_day_ends_with_its_last_second_in_japan():
    assert end_of(date(2031, 1, 2)) == datetime(2031, 1, 2, 14, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "begin"),
    [
        (date(2031, 1, 2), date(2030, 10, 2)),
        (date(2031, 3, 31), date(2030, 12, 31)),
        (date(2031, 5, 31), date(2031, 2, 28)),
        (date(2032, 5, 30), date(2032, 2, 29)),
        (date(2031, 12, 31), date(2031, 9, 30)),
    ],
)
def test_it_can_be_renewed_from_three_months_before_its_last_day(until, begin):
    assert renewable_from(until) == begin


@given(DAYS)
def test_three_months_are_89_to_92_days(until):
    assert 89 <= (until - renewable_from(until)).days <= 92


@pytest.mark.parametrize(
    ("born", "on", "allowed"),
    [
        ("420111129", date(2026, 11, 28), False),
        ("420111129", date(2026, 11, 29), True),
        ("420120229", date(2027, 2, 28), True),
        ("420120229", date(2027, 2, 27), False),
        ("420111100", date(2026, 11, 29), False),
        ("420111100", date(2026, 11, 30), True),
        ("420110000", date(2026, 12, 30), False),
        ("420110000", date(2026, 12, 31), True),
        ("400000000", date(2026, 11, 29), True),
    ],
)
def test_nobody_under_15_has_a_signature_certificate(born, on, allowed):
    if allowed:
        require_signature_allowed(Birth.parse(born), on, ward=False)
        return
    with pytest.raises(NotDone) as refused:
        require_signature_allowed(Birth.parse(born), on, ward=False)
    assert refused.value.objection is Objection.UNDER_AGE


def test_an_adult_ward_has_no_signature_certificate():
    with pytest.raises(NotDone) as refused:
        require_signature_allowed(Birth.parse("319500101"), date(2026, 11, 29), ward=True)
    assert refused.value.objection is Objection.ADULT_WARD


def test_what_a_signature_certificate_says_ends_it_when_it_changes_and_the_other_says_nothing():
    for change in (Change.NAME, Change.ADDRESS, Change.SEX, Change.BORN):
        assert ends(change) == {Kind.SIGNATURE: Revocation.ITEMS_CHANGED}
    for change in (Change.DEATH, Change.CARD_GONE, Change.CARD_COMPROMISED, Change.CARD_LOST):
        assert set(ends(change)) == set(Kind)
    assert ends(Change.CARD_FOUND) == {}


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 33, "G" * 32, "0" * 31 + "\n"])
def test_a_holder_is_32_hexadecimal_digits_and_is_not_shown(text):
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        Holder(text)
    assert "ab" not in repr(Holder("ab" * 16))


@pytest.mark.parametrize(
    ("event", "at"),
    [
        ("", datetime(2026, 1, 1, tzinfo=UTC)),
        ("x" * 65, datetime(2026, 1, 1, tzinfo=UTC)),
        ("山", datetime(2026, 1, 1, tzinfo=UTC)),
        ("x", datetime(2026, 1, 1)),  # noqa: DTZ001  that is what is refused
        ("x", datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12)))),
    ],
)
def test_an_event_has_a_number_and_a_moment(event, at):
    with pytest.raises(ValueError, match=r"event|moment"):
        ResidentChange(event, Holder("ab" * 16), Change.NAME, at)


def test_every_reason_is_told_in_both_languages():
    for reason in (*Fault, *Objection, *Revocation):
        assert reason.japanese
        assert reason.english
        assert not reason.japanese.isascii()
