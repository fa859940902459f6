"""The days of one link: what both ends compute alike."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.link import LinkChange
from nakadachi.telegrams.standing import LAST_GENERATION, LinkDays, LinkState, day_begins, days_of

LINKED = datetime(2026, 4, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 4, 10, 3, tzinfo=UTC)
TODAY = date(2026, 4, 10)
LINK = LinkDays(LINKED)


def changed(days, change, ahead=0, *, now=NOW, generation=1):
    return days.changed(change, on=TODAY + timedelta(days=ahead), now=now, generation=generation)


def reason_of(days, change, ahead=0, **other):
    with pytest.raises(Refusal) as refused:
        changed(days, change, ahead, **other)
    return refused.value.reason


def test_a_day_begins_at_midnight_in_japan():
    assert day_begins(TODAY) == datetime(2026, 4, 9, 15, tzinfo=UTC)


def test_a_state_begins_with_its_day_and_not_a_moment_before():
    suspended = changed(changed(LINK, LinkChange.SUSPEND, 1), LinkChange.RESUME, 2)
    unlinked = changed(suspended, LinkChange.UNLINK, 3)
    wanted = [(1, LinkState.SUSPENDED), (2, LinkState.LINKED), (3, LinkState.UNLINKED)]
    for (ahead, state), (_, before) in zip(wanted, [(0, LinkState.LINKED), *wanted], strict=False):
        begins = day_begins(TODAY + timedelta(days=ahead))
        assert unlinked.state(begins) is state
        assert unlinked.state(begins - timedelta(microseconds=1)) is before


def test_who_was_never_linked_has_no_days():
    assert days_of(None, None, None, None) is None
    assert days_of(LINKED, None, None, None) == LINK


def test_to_resume_on_the_day_of_a_suspension_is_as_if_it_never_was():
    assert changed(changed(LINK, LinkChange.SUSPEND, 1), LinkChange.RESUME, 1) == LINK


def test_what_is_so_already_stays_as_it_is():
    suspended = changed(LINK, LinkChange.SUSPEND)
    assert changed(suspended, LinkChange.SUSPEND, 1) == suspended
    assert changed(LINK, LinkChange.RESUME) == LINK
    unlinked = changed(LINK, LinkChange.UNLINK)
    assert changed(unlinked, LinkChange.UNLINK, 5) == unlinked


def test_a_planned_unlinking_is_moved_by_telling_another_day():
    planned = changed(LINK, LinkChange.UNLINK, 5)
    assert changed(planned, LinkChange.UNLINK, 3).unlinked == day_begins(TODAY + timedelta(days=3))


def test_after_a_suspension_that_ended_comes_another():
    ended = changed(changed(LINK, LinkChange.SUSPEND, -3), LinkChange.RESUME, -1)
    assert changed(ended, LinkChange.SUSPEND, 4) == LinkDays(LINKED, day_begins(TODAY + timedelta(days=4)))


@pytest.mark.parametrize("change", [LinkChange.SUSPEND, LinkChange.RESUME])
def test_what_is_over_is_not_brought_back(change):
    assert reason_of(changed(LINK, LinkChange.UNLINK), change) is Reason.CODE_NOT_ISSUED
    assert reason_of(changed(LINK, LinkChange.UNLINK, 2), change, 2) is Reason.OUT_OF_TURN


@pytest.mark.parametrize("change", list(LinkChange))
def test_nothing_happened_to_a_link_before_it_was(change):
    assert reason_of(LINK, change, -10) is Reason.OUT_OF_TURN
    changed(LINK, change, -9)


def test_one_suspension_at_a_time_is_planned():
    planned = changed(changed(LINK, LinkChange.SUSPEND, 1), LinkChange.RESUME, 3)
    assert reason_of(planned, LinkChange.SUSPEND, 4) is Reason.OUT_OF_TURN
    assert changed(planned, LinkChange.SUSPEND, 3) == changed(LINK, LinkChange.SUSPEND, 1)


def test_the_last_generation_is_not_unlinked():
    assert reason_of(LINK, LinkChange.UNLINK, generation=LAST_GENERATION) is Reason.ALREADY_USED
    assert changed(LINK, LinkChange.UNLINK, generation=LAST_GENERATION - 1).unlinked is not None
