"""What an end says of itself to the Commission: its words, and never what may be a person's number."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.intermediate.parts import Intermediate
from nakadachi.intermediate.trail import _shown, _staff
from nakadachi.ledger.records import AUTOMATIC, Circumstance
from nakadachi.telegrams.codec import check_moments, encode_json
from nakadachi.telegrams.trail import TEXT_LIMIT

PARTS: Any = SimpleNamespace(keys=SimpleNamespace(secret=lambda _name: b"k" * 32))
PARTS.keyed = lambda what, text: Intermediate.keyed(PARTS, what, text)
PARTS.pseudonym = lambda staff: Intermediate.pseudonym(PARTS, staff)


@pytest.mark.parametrize(
    "text", ["", "CARE-DESK", "T-07", "benefit review", "税務課 窓口3", "2026-04-01", "1234567890"]
)
def test_an_organisations_own_words_travel_as_they_are(text: str) -> None:
    assert _shown(PARTS, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "12345678903", "of 123456789012", "1234 5678 9012", "1234-5678-9012", "１２３４５６７８９０１",
        "000000000012345", "x" * (TEXT_LIMIT + 1), "a\nb", "0001-1", "9999-12-31",
    ],
)  # fmt: skip
def test_what_may_hold_a_persons_number_or_has_no_form_that_travels_is_replaced(text: str) -> None:
    shown = _shown(PARTS, text)
    assert re.fullmatch("#[0-9a-f]{20}", shown)
    assert shown == _shown(PARTS, text)
    assert shown != _shown(PARTS, text + "1")


@given(st.text(max_size=2 * TEXT_LIMIT).filter(lambda text: not re.search("[\ud800-\udfff]", text)))
def test_whatever_was_kept_can_travel(text: str) -> None:
    shown = _shown(PARTS, text)
    assert len(shown) <= TEXT_LIMIT
    assert not re.search(r"[\x00-\x1f\x7f]", shown)
    check_moments(encode_json([shown]))


def test_staff_are_pseudonyms_and_nobody_is_nobody() -> None:
    assert _staff(PARTS, AUTOMATIC) == "automatic"
    assert _staff(PARTS, Circumstance()) is None
    clerk = _staff(PARTS, Circumstance(staff="clerk-yamabuki"))
    assert clerk is not None
    assert re.fullmatch("[0-9a-f]{20}", clerk)
    # A member of staff who calls themselves so is a person all the same.
    assert _staff(PARTS, Circumstance(staff="automatic", department="CARE-DESK")) != "automatic"
