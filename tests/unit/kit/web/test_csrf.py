"""Which requests a page of ours sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.web.csrf import form_token, own_page, same_form

ORIGIN = "https://pages.example"


@pytest.mark.parametrize(
    ("site", "origin", "own"),
    [
        ("same-origin", ORIGIN, True),
        ("same-origin", None, True),
        ("same-origin", "null", True),
        (None, ORIGIN, True),
        ("cross-site", ORIGIN, False),
        ("same-site", ORIGIN, False),
        ("none", ORIGIN, False),
        ("same-origin", "https://other.example", False),
        (None, "https://other.example", False),
        (None, "null", False),
        (None, None, False),
    ],
)
def test_a_browser_that_says_nothing_or_another_site_is_not_believed(site, origin, own):
    said = {"sec-fetch-site": site, "origin": origin}
    assert own_page({name: value for name, value in said.items() if value is not None}, ORIGIN) is own


@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_a_token_belongs_to_one_cookie(cookie, other):
    assert same_form(cookie, form_token(cookie))
    assert same_form(other, form_token(cookie)) == (other == cookie)
    assert not same_form("", form_token(""))
