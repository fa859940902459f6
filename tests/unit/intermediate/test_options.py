from __future__ import annotations

import pytest

from nakadachi.intermediate.options import LONGEST, TEXTS, bad_option, mend


def test_what_desks_say_is_taken():
    assert bad_option({}) is None
    assert bad_option(dict.fromkeys(TEXTS, "税務課　窓口 1 (仮)")) is None
    assert bad_option(dict.fromkeys(TEXTS, "長" * LONGEST) | {"order": "2026-04.file_1"}) is None


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", ["a\0", "\x1b[2J", "a\nb", "a\u2028b", "\ud800", "長" * (LONGEST + 1)])
def test_what_no_record_can_keep_is_named(name, value):
    assert bad_option({name: value, "order": "1"}) == name
    assert all(words.startswith(name) and value not in words for words in mend(name))


@pytest.mark.parametrize("value", ["\0", "a b", "注文", "a" * 65, "../a"])
def test_an_order_is_a_short_name(value):
    assert bad_option({"order": value}) == "order"
    assert all(words.startswith("order") for words in mend("order"))
