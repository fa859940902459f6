"""What the register reports becomes what the service hears: that something changed, for an opaque holder."""

from datetime import date

import pytest

from nakadachi.neighbours.events import Event, Kind
from nakadachi.neighbours.jpki.changes import holder_of, of_event, resident_change
from nakadachi.neighbours.jpki.rules import Change
from tests.certified import NOW

SECRET = b"a key of the register"
HOLDER = holder_of(SECRET, "1")


def told(kind, **says):
    return list(of_event(Event("2026-1", kind, date(2026, 11, 29), "24727059608", says, b"")))


def test_what_certificates_say_and_carry_is_told_and_nothing_else():
    assert [told(kind) for kind in (Kind.MOVE, Kind.MOVE_IN, Kind.MOVE_OUT)] == [[Change.ADDRESS]] * 3
    assert told(Kind.NAME, name="x", kana="y") == [Change.NAME]
    assert told(Kind.DEATH) == [Change.DEATH]
    assert told(Kind.DEATH_UNDONE) == [Change.DEATH_UNDONE]
    assert told(Kind.NUMBER) == [Change.CARD_GONE]
    assert [told(kind) for kind in (Kind.BIRTH, Kind.CODE)] == [[]] * 2
    assert told(Kind.CORRECTION, sex="1", born="1990-01-02") == [Change.SEX, Change.BORN]
    assert told(Kind.CORRECTION, kana="y") == []


def test_an_events_number_tells_nothing_of_it_and_is_the_same_each_time():
    def number(event="転入 24727059608", change=Change.SEX, secret=SECRET):
        return resident_change(secret, event, change, HOLDER, NOW).event

    assert number() == number()
    others = {number("2"), number(change=Change.BORN), number(secret=SECRET + b"2")}
    assert len({number(), *others}) == 4
    assert set(number()) <= set("0123456789abcdef")


def test_a_holder_is_the_same_for_the_same_person_and_key_and_for_no_other():
    assert holder_of(SECRET, "1") == HOLDER
    others = {holder_of(SECRET, "2").value, holder_of(b"a key of the register2", "1").value}
    assert len({*others, HOLDER.value}) == 3
    with pytest.raises(ValueError, match="at least 16 bytes"):
        holder_of(b"short", "1")
