"""Who is let in: by name, by origin, by the secret address; everything else is turned away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.card.agent import guard
from nakadachi.neighbours.card.agent.guard import ORIGIN, Doors, Turned, admit

SITE, SECRET = "https://portal.example", "5ec2e7" * 8
DOORS = Doors(17480, frozenset({SITE}), SECRET)
HOST = {"host": "127.0.0.1:17480"}
OWN = {**HOST, "origin": "http://127.0.0.1:17480"}
PAGE = f"/a/{SECRET}/"


def status(method, path, headers):
    with pytest.raises(Turned) as turned:
        admit(DOORS, method, path, headers)
    return turned.value.status


@pytest.mark.parametrize("host", ["127.0.0.1:17480", "localhost:17480"])
def test_a_page_of_an_allowed_origin_is_let_in(host):
    admit(DOORS, "POST", "/v1/sessions", {"host": host, "origin": SITE})


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:17480", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:17480"]
)
@pytest.mark.parametrize("path", ["/v1/sessions", PAGE])
def test_a_name_that_was_pointed_here_reaches_nothing(host, path):
    assert status("GET", path, {"host": host, "origin": SITE}) == 421


@pytest.mark.parametrize(
    "origin",
    ["", "null", "https://evil.example", "http://portal.example", SITE + ":444", SITE + ".evil.example", SITE.upper()],
)
def test_another_origin_reaches_nothing(origin):
    assert status("GET", "/v1/session", {**HOST, "origin": origin}) == 403


@pytest.mark.parametrize("path", ["/", "/a/", "/a//", f"/a/{SECRET[:-1]}/", f"/a/{SECRET}x/", "/favicon.ico", "/a/é/"])
def test_without_the_secret_address_there_is_no_page(path):
    assert status("GET", path, HOST) == 404


def test_the_own_page_is_not_opened_by_another_site():
    admit(DOORS, "GET", PAGE, {**HOST, "sec-fetch-site": "none"})
    for site in ("cross-site", "same-site"):
        assert status("GET", PAGE, {**HOST, "sec-fetch-site": site}) == 403


@pytest.mark.parametrize("origin", [SITE, "", "null", "http://127.0.0.1:17481", "https://127.0.0.1:17480"])
def test_a_form_comes_from_the_own_page_alone(origin):
    admit(DOORS, "POST", PAGE + "confirm", OWN)
    assert status("POST", PAGE + "confirm", {**HOST, "origin": origin}) == 403


def test_only_an_allowed_origin_may_read_an_answer():
    assert guard.cors(DOORS, {"origin": SITE})["access-control-allow-origin"] == SITE
    assert "access-control-allow-origin" not in guard.cors(DOORS, {"origin": "https://evil.example"})


def test_a_browser_that_asks_whether_a_page_from_outside_may_come_in_is_told_so():
    asking = {"origin": SITE, "access-control-request-private-network": "true"}
    assert guard.preflight(DOORS, asking)["access-control-allow-private-network"] == "true"
    assert "access-control-allow-private-network" not in guard.preflight(DOORS, {"origin": SITE})


@pytest.mark.parametrize("text", ["https://*", "*", "null", "http://portal.example", "https://a/b", "https://a b"])
def test_what_is_no_origin_or_not_safe_cannot_be_allowed(text):
    assert ORIGIN.fullmatch(text) is None


@given(
    st.text(max_size=40), st.dictionaries(st.sampled_from(["host", "origin", "sec-fetch-site"]), st.text(max_size=30))
)
def test_any_request_is_let_in_or_turned_away(path, headers):
    try:
        admit(DOORS, "POST", path, headers)
    except Turned as turned:
        assert turned.status in {403, 404, 421}  # noqa: PT017  either is right
    else:
        assert headers["host"] in DOORS.hosts
