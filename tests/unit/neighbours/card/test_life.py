"""The life of a card: what may follow what, and until when it is valid."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.card import life
from nakadachi.neighbours.card.life import CardLife, Entry, Event
from nakadachi.neighbours.card.texts import CardError, Trouble
from tests.cards import NOW

DAYS = st.dates(date(1930, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("born", "issued", "until"),
    [
        (date(1990, 3, 4), date(2026, 11, 2), date(2036, 3, 4)),
        (date(2015, 3, 4), date(2026, 11, 2), date(2031, 3, 4)),
        (date(1990, 11, 2), date(2026, 11, 2), date(2036, 11, 2)),
        (date(2008, 11, 2), date(2026, 11, 2), date(2036, 11, 2)),
        (date(2008, 11, 3), date(2026, 11, 2), date(2030, 11, 3)),
        (date(1992, 2, 29), date(2026, 11, 2), date(2036, 2, 29)),
        (date(1992, 2, 29), date(2027, 11, 2), date(2037, 2, 28)),
    ],
)
def test_a_card_is_valid_to_the_tenth_birthday_and_of_the_young_to_the_fifth(born, issued, until):
    assert life.card_until(born, issued) == until


def test_certificates_end_at_the_fifth_birthday_and_with_the_card():
    assert life.certificates_until(date(1990, 3, 4), date(2026, 11, 2), date(2036, 3, 4)) == date(2031, 3, 4)
    assert life.certificates_until(date(1990, 3, 4), date(2032, 11, 2), date(2036, 3, 4)) == date(2036, 3, 4)


@given(DAYS, st.dates(date(2026, 1, 1), date(2050, 1, 1)))
def test_an_end_is_a_birthday_after_the_issue(born, issued):
    until = life.card_until(born, issued)
    assert until > issued
    assert until == life.birthday(born, until.year)


@pytest.mark.parametrize(
    ("today", "may"), [(date(2030, 12, 3), False), (date(2030, 12, 4), True), (date(2031, 3, 5), True)]
)
def test_renewal_begins_three_months_before_the_end(today, may):
    assert life.renewable(date(2031, 3, 4), today) is may


def test_three_months_before_the_end_of_a_long_month_is_the_end_of_a_short_one():
    assert life.renewable(date(2031, 5, 31), date(2031, 2, 28))
    assert not life.renewable(date(2031, 5, 31), date(2031, 2, 27))


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_any_order_of_events_keeps_a_card_at_its_end_and_every_step_on_record(events):
    entry = Entry("0" * 16, CardLife.PREPARED, date(2026, 11, 2), date(2036, 3, 4), date(2031, 3, 4))
    done = []
    for event in events:
        before = entry
        try:
            entry = life.advance(entry, event, NOW, "1042")
            done.append(event)
        except CardError:
            assert not life.allowed(before.state, event)
        if before.state in {CardLife.REVOKED, CardLife.RETURNED}:
            assert entry == before
    assert [one.event for one in entry.history] == done
    assert (entry.state is CardLife.PREPARED) is (Event.HAND_OVER not in done and not done)


def test_what_cannot_happen_says_why():
    entry = Entry("0" * 16, CardLife.RETURNED, date(2026, 11, 2), date(2036, 3, 4), date(2031, 3, 4))
    with pytest.raises(CardError, match="返納済") as refused:
        life.advance(entry, Event.HAND_OVER, NOW, "1042")
    assert refused.value.trouble is Trouble.OUT_OF_LIFE


def test_every_state_but_the_two_ends_leads_on():
    assert {one for one in CardLife if not any(life.allowed(one, event) for event in Event)} == {
        CardLife.REVOKED,
        CardLife.RETURNED,
    }
