"""A code that came, held against the row it is for."""

import pytest

from nakadachi.intermediate.link_rules import LinkFinding, OwnRow, finding_of_code, finding_of_hit
from nakadachi.telegrams.code import Hit


@pytest.mark.parametrize(
    ("own", "told", "elsewhere", "found"),
    [
        (OwnRow(""), "A", False, None),
        (OwnRow("A"), "A", False, None),
        (OwnRow("A", former=frozenset({"B"})), "B", False, None),
        (OwnRow("A", former=frozenset({"B"})), "C", False, LinkFinding.CODE_CHANGED),
        (OwnRow("A", changed_since=True), "A", False, None),
        (OwnRow(""), "", False, None),
        (OwnRow(""), "A", True, LinkFinding.TWO_ADDRESSEES),
        (OwnRow("B"), "A", True, LinkFinding.TWO_ADDRESSEES),
        (OwnRow("A"), "B", False, LinkFinding.CODE_CHANGED),
        (OwnRow("A"), "", False, LinkFinding.CODE_NOT_STANDING),
        (OwnRow("A", changed_since=True), "B", False, LinkFinding.OWN_ROW_DIFFERS),
        (OwnRow("A", changed_since=True), "", False, LinkFinding.OWN_ROW_DIFFERS),
    ],
)
def test_a_code_is_right_or_a_finding_says_what_is_wrong(own, told, elsewhere, found):
    assert finding_of_code(own, told, elsewhere=elsewhere) is found


def test_whoever_is_not_one_resident_is_a_finding_of_its_own_kind():
    assert [finding_of_hit(hit) for hit in (Hit.NONE, Hit.SEVERAL, Hit.DIFFERENT, None)] == [
        LinkFinding.NOBODY_FOUND,
        LinkFinding.SEVERAL_FOUND,
        LinkFinding.NUMBER_DIFFERS,
        LinkFinding.NOBODY_FOUND,
    ]


def test_every_finding_and_every_hit_is_said_in_both_languages():
    for kind in LinkFinding:
        assert any(ord(one) > 0x2FFF for one in kind.japanese)
        assert kind.english.isascii()
        japanese, _, english = kind.mend.partition(" / ")
        assert any(ord(one) > 0x2FFF for one in japanese)
        assert english
        assert english.isascii()
    for hit in Hit:
        assert any(ord(one) > 0x2FFF for one in hit.japanese)
        assert hit.english.isascii()


def test_a_row_shows_no_code():
    assert "SECRET" not in repr(OwnRow("SECRET"))
