"""What an intermediate server decides: hold back or answer, which rows, and whether it is the right person."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.crypto.subject import Subject, compare, subject_check
from nakadachi.intermediate.rules import (
    Held,
    Protection,
    check_body,
    choose_items,
    must_hold,
    require_linked,
    subject_words,
    take_changes,
)
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.provision import Body
from nakadachi.telegrams.standing import LinkState
from nakadachi.terms import InfoNameCode, ItemCode, Serial

TODAY = date(2026, 7, 1)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
TAX, RECORD = InfoNameCode("TM00000000000001"), InfoNameCode("TM00000000000002")
INCOME, YEAR = ItemCode(f"{TAX}-0001"), ItemCode(f"{TAX}-0002")
SERIAL, OTHER = (Serial(f"9901000000000001-{number:026}") for number in (1, 2))
PERSON = Subject(date(1990, 4, 1), "2", "ミホン ハナコ")


@pytest.mark.parametrize(
    ("protection", "held"),
    [
        (Protection(TAX, withheld=True, until=None), True),
        (Protection(None, withheld=True, until=None), True),
        (Protection(TAX, withheld=True, until=TODAY), True),
        (Protection(TAX, withheld=True, until=TOMORROW), True),
        (Protection(TAX, withheld=True, until=YESTERDAY), False),
        (Protection(None, withheld=True, until=YESTERDAY), False),
        (Protection(RECORD, withheld=True, until=None), False),
        (Protection(TAX, withheld=False, until=None), False),
        (Protection(None, withheld=False, until=None), False),
    ],
)
def test_a_marking_in_force_holds_back_what_it_names(protection, held):
    assert must_hold([protection], TAX, on=TODAY) is held


def test_one_marking_of_several_is_enough_and_none_holds_nothing():
    over, other = Protection(TAX, withheld=True, until=YESTERDAY), Protection(RECORD, withheld=True, until=None)
    assert must_hold([over, other, Protection(None, withheld=True, until=TODAY)], TAX, on=TODAY)
    assert not must_hold([over, other], TAX, on=TODAY)
    assert not must_hold([], TAX, on=TODAY)


def held(item=INCOME, *, first=YESTERDAY, last=None, value="1", version=1, null=None):
    return Held(item, version, first, last, value, null, datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("first", "last", "counts"),
    [
        (TODAY, None, True),
        (YESTERDAY, TODAY, True),
        (TODAY, TODAY, True),
        (TOMORROW, None, False),
        (YESTERDAY, YESTERDAY, False),
    ],
)
def test_a_row_counts_from_its_first_to_its_last_day(first, last, counts):
    rows = [held(first=first, last=last)]
    if counts:
        assert [one.item for one in choose_items(rows, [INCOME], on=TODAY)] == [INCOME]
    else:
        with pytest.raises(Refusal) as refused:
            choose_items(rows, [INCOME], on=TODAY)
        assert refused.value.reason is Reason.NOT_REGISTERED


@given(st.permutations([(-9, "older"), (-3, "newest in force"), (1, "to come"), (-6, "old")]))
def test_of_several_rows_the_newest_in_force_counts_in_any_order(rows):
    given_rows = [held(first=TODAY + timedelta(days=days), value=value) for days, value in rows]
    assert [one.value for one in choose_items(given_rows, [INCOME], on=TODAY)] == ["newest in force"]


def test_only_what_was_asked_for_is_given_in_the_order_asked():
    rows = [held(INCOME), held(YEAR, value="2026")]
    assert [one.item for one in choose_items(rows, [YEAR, INCOME], on=TODAY)] == [YEAR, INCOME]
    assert [one.value for one in choose_items(rows, [YEAR], on=TODAY)] == ["2026"]


def test_of_what_is_partly_there_the_part_is_given():
    assert [one.item for one in choose_items([held(YEAR)], [INCOME, YEAR], on=TODAY)] == [YEAR]


@pytest.mark.parametrize("rows", [[], [held(YEAR)]])
def test_where_nothing_asked_for_is_there_nothing_is_registered(rows):
    with pytest.raises(Refusal) as refused:
        choose_items(rows, [INCOME], on=TODAY)
    assert refused.value.reason is Reason.NOT_REGISTERED


def test_an_item_says_its_version_its_time_and_why_it_is_empty():
    (one,) = choose_items([held(value=None, version=3, null="not assessed")], [INCOME], on=TODAY)
    assert (one.version, one.value, one.reason_of_null) == ("3", None, "not assessed")
    assert one.updated_at == "2026-06-01T00:00:00+00:00"


def test_the_subject_inside_the_seal_is_what_our_row_has():
    assert subject_words(PERSON) == {"born": "1990-04-01", "sex": "2", "kana": "ミホン ハナコ"}
    assert subject_words(Subject(date(1990, 4, 1))) == {"born": "1990-04-01"}
    assert subject_words(Subject()) == {}


def body(serial=SERIAL, **subject):
    return Body(serial=serial, subject={**subject_words(PERSON), **subject}, items=())


def mismatch(answer, own=PERSON):
    with pytest.raises(Refusal) as refused:
        check_body(answer, SERIAL, own)
    assert refused.value.reason is Reason.SUBJECT_MISMATCH
    assert "ミホン" not in str(refused.value)
    assert "1990" not in str(refused.value)


def test_an_answer_to_this_exchange_about_this_person_passes():
    check_body(body(), SERIAL, PERSON)
    check_body(body(more="is not compared"), SERIAL, PERSON)


@pytest.mark.parametrize(
    "answer",
    [body(OTHER), body(born="1990-04-02"), body(sex="1"), body(kana="ミホン タロウ"), body(kana="")],
    ids=["another exchange", "born", "sex", "kana", "kana empty"],
)
def test_one_word_that_differs_is_another_person(answer):
    mismatch(answer)


@pytest.mark.parametrize("absent", ["born", "sex", "kana"])
def test_two_words_on_both_sides_are_enough_and_one_is_not(absent):
    present = {name: word for name, word in subject_words(PERSON).items() if name != absent}
    check_body(Body(serial=SERIAL, subject=present, items=()), SERIAL, PERSON)
    check_body(body(), SERIAL, replace(PERSON, **{absent: None}))
    for name, word in present.items():
        mismatch(Body(serial=SERIAL, subject={name: word}, items=()))
        mismatch(body(), Subject(**{name: getattr(PERSON, name)}))
    mismatch(Body(serial=SERIAL, subject={}, items=()))


@pytest.mark.parametrize("kana", ["ミホンハナコ", "ミホン　ハナコ", "ﾐﾎﾝ ﾊﾅｺ", "みほん はなこ", "ミホン・ハナコ"])
def test_another_notation_of_a_name_is_the_same_name_here_as_in_the_subject_check(kana):
    assert compare(subject_check(bytes(32), PERSON), replace(PERSON, kana=kana)) == ()
    check_body(body(kana=kana), SERIAL, PERSON)


def test_values_show_in_no_repr():
    assert "4711" not in repr(held(value="4711"))


@pytest.mark.parametrize(
    ("last", "first", "count", "here"),
    [(None, 7, 3, 0), (6, 7, 3, 0), (7, 7, 3, 1), (9, 7, 3, 3), (20, 7, 3, 3), (5, 7, 3, None), (0, 1, 1, 0)],
)
def test_of_events_told_those_that_are_here_are_counted_and_a_gap_is_seen(last, first, count, here):
    assert take_changes(last, first, count) == here


@pytest.mark.parametrize(
    ("state", "reason"),
    [(LinkState.UNLINKED, Reason.NOT_LINKED_AT_PROVIDER), (LinkState.SUSPENDED, Reason.SUSPENDED)],
)
def test_nothing_is_provided_of_who_is_unlinked_or_suspended(state, reason):
    with pytest.raises(Refusal) as refused:
        require_linked(state)
    assert refused.value.reason is reason
    require_linked(LinkState.LINKED)
