"""The kinds of findings are told to people in both languages."""

import pytest

from nakadachi.telegrams.oversight import FindingKind


@pytest.mark.parametrize("kind", list(FindingKind))
def test_every_kind_of_finding_has_a_text_in_both_languages(kind):
    assert any(ord(character) > 0x2FFF for character in kind.japanese)
    assert kind.english.isascii()


def test_no_two_kinds_of_findings_are_told_in_the_same_words():
    assert (
        len({kind.japanese for kind in FindingKind}) == len({kind.english for kind in FindingKind}) == len(FindingKind)
    )
