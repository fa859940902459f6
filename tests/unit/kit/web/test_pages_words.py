"""Small things that pages are made of: where to go on to, what a list is, what a cell shows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.web.listing import Badge, Link, Listing, plain, to_csv
from nakadachi.kit.web.pages import local_path
from nakadachi.kit.web.text import Language, Text

NAME = Text("名前", "Name")


@pytest.mark.parametrize(
    "bad", ["//evil.example", "/\\evil.example", "https://evil.example", "", "x", "/a\r\nb", "/\\"]
)
def test_nobody_is_led_away(bad):
    assert local_path(bad) == "/"


@given(st.text(max_size=50))
def test_a_path_to_go_on_to_stays_here(text):
    path = local_path(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path.isprintable()


def test_a_row_of_another_length_is_a_fault():
    with pytest.raises(ValueError, match="another number of cells"):
        Listing(NAME, [NAME], [("a", "b")], NAME)


def test_a_list_as_a_file_says_what_the_page_says():
    moment = datetime(2026, 11, 29, 15, 30, tzinfo=UTC)
    rows = [(Link("one", "/one"), Badge(Text("良", "good"), "good"), moment, 3, None)]
    listing = Listing(NAME, [NAME] * 5, rows, NAME)
    assert to_csv(listing, Language.ENGLISH).decode("utf-8-sig").splitlines()[1] == "one,good,2026-11-30 00:30:00,3,"
    assert plain(Badge(Text("良", "good")), Language.JAPANESE) == "良"


@given(st.text(max_size=20))
def test_no_cell_of_a_file_begins_a_formula(text):
    line = to_csv(Listing(NAME, [NAME], [(text,)], NAME), Language.JAPANESE).decode("utf-8-sig").split("\r\n", 1)[1]
    assert not line.lstrip('"').startswith(("=", "+", "-", "@", "\t"))
