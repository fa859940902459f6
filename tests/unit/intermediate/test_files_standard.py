"""Replica lines against the data standard: what the masters do not know, or know otherwise, is rejected."""

from __future__ import annotations

import dataclasses
import io

import pytest

from nakadachi.intermediate.files.provisions import ProvisionLine, provisions
from nakadachi.intermediate.files.reading import LineReader, Reject
from nakadachi.intermediate.files.standard import fits, hold_to_standard
from nakadachi.law import lawbook
from nakadachi.law.masters import ValueKind
from nakadachi.terms import ItemCode

MASTERS = lawbook.sample().masters
ITEMS = {item.value: item.code for information in MASTERS.informations for item in information.items}


def line_of(item: ItemCode, value: str | None, reason: str | None = None) -> ProvisionLine:
    """One replica line with this item and value."""
    good = "R1,1,TM99000000000001,TM99000000000001-0001,1,20250401,,1,,0,20250401000000"
    (line,) = provisions(LineReader(io.BytesIO(good.encode())))
    assert isinstance(line, ProvisionLine)
    return dataclasses.replace(line, item=item, information=item.information, value=value, reason_of_null=reason)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (ValueKind.AMOUNT, "-1200", "1,200"),
        (ValueKind.AMOUNT, "0", "twelve"),
        (ValueKind.FLAG, "1", "2"),
        (ValueKind.DATE, "20240229", "20250229"),
        (ValueKind.DATE, "19261225", "1926-12-25"),
    ],
)
def test_a_value_is_of_its_items_kind(kind: ValueKind, good: str, bad: str) -> None:
    assert fits(good, kind)
    assert not fits(bad, kind)
    accepted, rejected = hold_to_standard([line_of(ITEMS[kind], good), line_of(ITEMS[kind], bad)], MASTERS)
    assert isinstance(accepted, ProvisionLine)
    assert isinstance(rejected, Reject)
    assert bad not in rejected.reason_en + rejected.reason_ja


def test_texts_and_codes_are_free() -> None:
    assert fits("見本", ValueKind.TEXT)
    assert fits("A-1", ValueKind.CODE)


def test_an_empty_value_with_its_reason_fits_every_kind() -> None:
    (line,) = hold_to_standard([line_of(ITEMS[ValueKind.AMOUNT], None, "NotAcceptable")], MASTERS)
    assert isinstance(line, ProvisionLine)


def test_an_item_that_the_masters_do_not_have_is_rejected() -> None:
    (line,) = hold_to_standard([line_of(ItemCode("TM99000000000001-9999"), "1")], MASTERS)
    assert isinstance(line, Reject)


def test_what_was_rejected_before_stays_so() -> None:
    reject = Reject(3, 1, "日本語", "english", "直す / mend")
    assert list(hold_to_standard([reject], MASTERS)) == [reject]
