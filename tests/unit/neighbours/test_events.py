"""neighbours.events: what an event does to a person, and why one is refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.events import COLUMNS, Event, EventError, Kind, Person, decide, read_event
from nakadachi.neighbours.numbers import ResidentCodeFormula
from nakadachi.telegrams.link import ResidentChange

FORMULA = ResidentCodeFormula()
CODE, OTHER = (FORMULA.complete(f"{body:010}").value for body in (1, 2))
BABY = {"name": "見本 芽", "kana": "ミホン メイ", "address": "見本市1-2", "sex": "女"}


def line(kind, at="2026-05-01", code=CODE, event="E-1", **says):
    return {"event": event, "kind": kind, "at": at, "code": code, **says}


def event(kind, at="2026-05-01", code=CODE, **says):
    return read_event(line(kind, at, code, **says), FORMULA)


def person(**other):
    known = {
        "person": 1, "code": CODE, "number": "1", "name": "見本 花", "kana": "ミホン ハナ", "address": "見本市1-1",
        "sex": 2, "born": "1990-04-01",
    }  # fmt: skip
    return Person(**(known | other))


DEAD, ABROAD = {"died": date(2026, 4, 1)}, {"left_on": date(2026, 4, 1)}


@pytest.mark.parametrize(
    ("happens", "before", "after", "told"),
    [
        (event("move", address="見本市9"), {}, {"address": "見本市9"}, ResidentChange.ITEMS),
        (event("move-out"), {}, {"left_on": date(2026, 5, 1)}, ResidentChange.ITEMS),
        (event("move-in", address="見本市9"), ABROAD, {"address": "見本市9", "left_on": None}, ResidentChange.ITEMS),
        (
            event("name", name="例 花", kana="レイ ハナ"),
            {},
            {"name": "例 花", "kana": "レイ ハナ"},
            ResidentChange.ITEMS,
        ),
        (
            event("correction", born="昭和64年1月7日", sex="男"),
            {},
            {"born": "1989-01-07", "sex": 1},
            ResidentChange.ITEMS,
        ),
        (event("correction", kana="ミホン カ"), DEAD, {"kana": "ミホン カ"}, ResidentChange.ITEMS),
        (event("number"), {}, {}, ResidentChange.ITEMS),
        (event("code", new_code=OTHER), {}, {"code": OTHER}, ResidentChange.CODE),
        (event("death"), {}, {"died": date(2026, 5, 1)}, ResidentChange.DEATH),
        (event("death-undone"), DEAD, {"died": None}, ResidentChange.DEATH_UNDONE),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Event) else "",
)
def test_an_event_changes_what_it_says_and_nothing_else(happens, before, after, told):
    known = person(**before)
    assert decide(happens, known, given=False) == (person(**(before | after)), told)
    assert known == person(**before)


def test_a_birth_is_of_its_day_and_nobody_is_told_of_it():
    born, told = decide(event("birth", **BABY), None, given=False)
    assert (born.born, born.sex, born.name, told) == ("2026-05-01", 2, "見本 芽", None)


def test_who_comes_from_abroad_for_the_first_time_is_new():
    new, told = decide(event("move-in", born="1990-04-01", **BABY), None, given=False)
    assert (new.person, new.code, told) == (0, CODE, None)


@pytest.mark.parametrize(
    ("happens", "known", "given_before", "why"),
    [
        (event("move", address="x"), None, False, "nobody has this resident record code"),
        (event("birth", **BABY), person(), False, "somebody's"),
        (event("birth", **BABY), None, True, "given before"),
        (event("birth", born="2026-05-02", **BABY), None, False, "after the day"),
        (event("move-in", address="x"), None, False, "needs born, kana, name, sex"),
        (event("move-in", address="x"), person(), False, "report a move"),
        (event("move", address="x"), person(**ABROAD), False, "left the country"),
        (event("move-out"), person(**ABROAD), False, "left the country"),
        (event("move", address="x"), person(**DEAD), False, "registered as dead"),
        (event("number"), person(**DEAD), False, "registered as dead"),
        (event("death"), person(**DEAD), False, "registered as dead"),
        (event("death", at="1990-03-31"), person(), False, "before the birth"),
        (event("death-undone"), person(), False, "not registered as dead"),
        (event("code", new_code=OTHER), person(), True, "given once"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(happens, known, given_before, why):
    with pytest.raises(EventError, match=why):
        decide(happens, known, given=given_before)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (line("move"), "needs address"),
        (line("marriage"), "is none of birth"),
        (line("death", at="yesterday"), "is no day"),
        (line("death", code="12345678901"), "no resident record code"),
        (line("death", code=""), "no resident record code"),
        (line("death", event=" "), "`event` is empty"),
        (line("death", name="花"), "does not say name"),
        (line("correction"), "at least one of"),
        (line("correction", born="soon"), "`born` cannot be read"),
        (line("correction", sex="x"), "`sex` cannot be read"),
        (line("code", new_code="1"), "`new_code` is no"),
        (line("name", name="a\0", kana="b"), "a NUL"),
        (line("name", name="花" * 301, kana="b"), "more than 300"),
        ({"event": "1"}, "the columns are"),
        (line("death") | {None: ["more"]}, "the columns are"),
    ],
)
def test_a_line_that_is_wrong_is_refused_without_a_persons_value(bad, why):
    with pytest.raises(EventError, match=why) as wrong:
        read_event(bad, FORMULA)
    assert "花" not in str(wrong.value)
    assert "12345678901" not in str(wrong.value)


@given(st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=8) | st.sampled_from([*Kind, CODE, "2026-05-01"])))
def test_any_line_is_an_event_or_is_refused(words):
    try:
        read = read_event(words, FORMULA)
    except EventError:
        return
    assert read.kind in Kind


def test_nothing_of_a_person_shows_in_a_repr():
    for shown in (repr(event("name", name="例 花", kana="レイ")), repr(person())):
        assert "花" not in shown
        assert CODE not in shown
