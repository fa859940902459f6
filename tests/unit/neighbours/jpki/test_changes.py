"""What the register reports becomes what the service hears: that something changed, for an opaque holder."""

from datetime import date

import pytest

from nakadachi.neighbours.events import Event, Kind
from nakadachi.neighbours.jpki.changes import holder_of, of_event
from nakadachi.neighbours.jpki.rules import Change
from tests.certified import NOW

HOLDER = holder_of(b"a key of the register", "1")


def told(kind, **says):
    event = Event("2026-1", kind, date(2026, 11, 29), "24727059608", says, b"")
    return [one.change for one in of_event(event, HOLDER, NOW)]


def test_moves_names_and_deaths_are_told_and_numbers_are_not():
    assert [told(kind) for kind in (Kind.MOVE, Kind.MOVE_IN, Kind.MOVE_OUT)] == [[Change.ADDRESS]] * 3
    assert told(Kind.NAME, name="x", kana="y") == [Change.NAME]
    assert told(Kind.DEATH) == [Change.DEATH]
    assert told(Kind.DEATH_UNDONE) == [Change.DEATH_UNDONE]
    assert [told(kind) for kind in (Kind.BIRTH, Kind.CODE, Kind.NUMBER)] == [[]] * 3


def test_a_correction_is_told_item_by_item_and_each_has_a_number_of_its_own():
    assert told(Kind.CORRECTION, sex="1", born="1990-01-02") == [Change.SEX, Change.BORN]
    assert told(Kind.CORRECTION, kana="y") == []
    event = Event("2026-1", Kind.CORRECTION, date(2026, 11, 29), "24727059608", {"sex": "1", "born": "x"}, b"")
    assert len({one.event for one in of_event(event, HOLDER, NOW)}) == 2


def test_a_holder_is_the_same_for_the_same_person_and_key_and_for_no_other():
    assert holder_of(b"a key of the register", "1") == HOLDER
    others = {holder_of(b"a key of the register", "2").value, holder_of(b"a key of the register2", "1").value}
    assert len({*others, HOLDER.value}) == 3
    with pytest.raises(ValueError, match="at least 16 bytes"):
        holder_of(b"short", "1")
