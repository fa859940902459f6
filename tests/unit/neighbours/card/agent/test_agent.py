"""The agent by its HTTP doors: leave, orders, refusals, removal; no secret passes a page."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import threading
from base64 import b64encode
from datetime import timedelta
from json import dumps
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.card.agent.doors import read_order
from nakadachi.neighbours.card.agent.page import read_form
from nakadachi.neighbours.card.agent.service import Running, build
from nakadachi.neighbours.card.agent.sessions import Away, Why
from nakadachi.neighbours.card.pin import Secret
from tests import cards

SITE = "https://portal.example"
CHALLENGE = {"kind": "authenticate", "challenge": b64encode(bytes(32)).decode()}


class Answer(NamedTuple):
    """What came back."""

    status_code: int
    text: str

    def json(self):
        return json.loads(self.text)


class Playing:
    """A page and a person before one agent that listens."""

    def __init__(self, town, port):
        self.town, self.port = town, port
        self.agent = build(town.card(), port=port, origins=frozenset({SITE}), clock=town.clock, entropy=cards.ENTROPY)
        self.token = ""

    def send(self, method, path, headers, body=None):
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            return Answer(answer.status, answer.read().decode())
        finally:
            line.close()

    def page(self, method, path, *, headers=None, json=None, content=None):
        own = {"origin": SITE, "authorization": f"Bearer {self.token}"}
        if json is not None:
            own["content-type"], content = "application/json", dumps(json)
        return self.send(method, f"/v1{path}", own | (headers or {}), content)

    def person(self, path="", **fields):
        at = f"/a/{self.agent.doors.secret}/"
        if fields:
            form = urlencode({"token": self.agent.form_token} | fields)
            own = {"origin": f"http://127.0.0.1:{self.port}", "content-type": "application/x-www-form-urlencoded"}
            assert self.send("POST", at + path, own, form).status_code == 303
        return self.send("GET", at, {}).text

    def connected(self):
        made = self.page("POST", "/sessions").json()
        self.token = made["session"]
        assert "許可しました" in self.person("confirm", check=made["check"])
        return self

    def ordered(self, what=None):
        return self.page("POST", "/orders", json=what or CHALLENGE).json()["order"]

    def state(self, order):
        return self.page("GET", f"/orders/{order}").json()


@pytest.fixture
def playing(town):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    played = Playing(town, port)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running = Running(played.agent)
    asyncio.run_coroutine_threadsafe(running.start(), loop).result(20)
    yield played
    asyncio.run_coroutine_threadsafe(running.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_before_the_person_confirms_a_page_learns_nothing_of_the_card(playing):
    playing.token = playing.page("POST", "/sessions").json()["session"]
    for method, path in (("GET", "/status"), ("GET", "/certificates/authentication"), ("POST", "/orders")):
        assert playing.page(method, path).status_code == 409
    assert playing.page("GET", "/session").json()["state"] == "waiting"


def test_after_it_the_page_sees_tries_without_spending_one_and_reads_the_authentication_certificate(playing):
    playing.connected()
    for _ in range(4):
        assert playing.page("GET", "/status").json()["tries"] == {"authentication": 3, "signature": 5, "support": 3}
    assert playing.page("GET", "/certificates/authentication").json()["certificate"].startswith("MII")


def test_a_wrong_check_number_ends_all_that_wait(playing):
    made = playing.page("POST", "/sessions").json()
    playing.token = made["session"]
    wrong = "100" if made["check"] != "100" else "101"
    assert "確認番号が違う" in playing.person("confirm", check=wrong)
    assert playing.page("GET", "/status").status_code == 410
    assert "確認番号が違う" in playing.person("confirm", check=made["check"])


def test_a_session_is_of_its_token_and_of_its_origin(playing):
    playing.connected()
    assert playing.page("GET", "/status", headers={"authorization": "Bearer another"}).status_code == 401
    assert playing.page("GET", "/status", headers={"authorization": ""}).status_code == 401
    assert playing.page("GET", "/status", headers={"origin": "https://evil.example"}).status_code == 403


def test_too_many_waiting_sessions_are_refused(playing):
    answers = [playing.page("POST", "/sessions").status_code for _ in range(4)]
    assert answers == [201, 201, 201, 429]


def test_a_wrong_pin_shows_the_tries_left_and_the_order_waits_on(playing):
    order = playing.connected().ordered()
    shown = playing.person(f"orders/{order}", decision="allow", secret="0000")
    assert "残り2回" in shown
    assert "C03" in shown
    assert playing.state(order)["state"] == "waiting"
    playing.person(f"orders/{order}", decision="allow", secret=cards.PIN)
    done = playing.state(order)
    assert done["state"] == "done"
    assert set(done["result"]) == {"statement", "signature", "certificate", "authority"}


def test_the_last_try_is_warned_of_and_a_locked_card_fails_the_order_with_cause_and_next_step(playing):
    order = playing.connected().ordered()
    for _ in range(2):
        playing.person(f"orders/{order}", decision="allow", secret="0000")
    assert "次に間違えるとロックされ" in playing.person()
    playing.person(f"orders/{order}", decision="allow", secret="0000")
    failed = playing.state(order)
    assert (failed["state"], failed["result"]["reference"]) == ("failed", "C04")
    assert "窓口" in failed["result"]["next_ja"]
    assert "ロック中" in playing.person()


def test_the_person_may_refuse_an_order(playing):
    order = playing.connected().ordered()
    playing.person(f"orders/{order}", decision="refuse")
    assert playing.state(order)["why"] == "the person refused"
    assert playing.town.reader().tries(Secret.AUTHENTICATION) == 3


def test_the_password_is_asked_for_up_front_by_reading_its_certificate(playing):
    order = playing.connected().ordered({"kind": "read-signature-certificate"})
    assert "署名用パスワード" in playing.person()
    playing.person(f"orders/{order}", decision="allow", secret=cards.PASSWORD.lower())
    assert set(playing.state(order)["result"]) == {"certificate", "authority"}


def test_no_secret_and_no_item_is_in_what_a_page_is_told_or_in_what_is_shown_of_the_objects(playing):
    order = playing.connected().ordered()
    playing.person(f"orders/{order}", decision="allow", secret=cards.PIN)
    told = playing.page("GET", "/session").text + json.dumps(playing.state(order))
    assert not re.search(rf"\b{cards.PIN}\b", told)
    assert playing.token not in repr(playing.agent)
    assert playing.agent.doors.secret not in repr(playing.agent)
    assert playing.agent.form_token not in repr(playing.agent)


def test_removal_ends_sessions_and_orders_and_putting_it_back_revives_none(playing):
    order = playing.connected().ordered()
    path = playing.town.medium().path
    path.rename(path.with_suffix(".out"))
    assert playing.page("GET", "/session").json()["why_ja"] == "カードが取り出されました"
    assert playing.state(order)["state"] == "failed"
    assert "カードがありません" in playing.person()
    path.with_suffix(".out").rename(path)
    assert playing.page("GET", "/status").status_code == 410


@pytest.mark.parametrize(("after", "status"), [(timedelta(minutes=9), 200), (timedelta(minutes=11), 410)])
def test_an_idle_session_ends(playing, after, status):
    playing.connected()
    playing.town.clock.advance(after)
    assert playing.page("GET", "/status").status_code == status


def test_an_order_that_waits_too_long_fails_and_a_session_that_was_not_confirmed_too(playing):
    order = playing.connected().ordered()
    playing.town.clock.advance(timedelta(minutes=4))
    assert playing.state(order)["why"] == "it took too long"
    playing.token = playing.page("POST", "/sessions").json()["session"]
    playing.town.clock.advance(timedelta(minutes=4))
    assert playing.page("GET", "/session").json()["state"] == "ended"


def test_the_page_ends_its_session_and_the_person_ends_all(playing):
    playing.connected()
    assert playing.page("DELETE", "/session").status_code == 204
    assert playing.page("GET", "/status").status_code == 410
    playing.connected()
    assert "すべての接続を終えました" in playing.person("end", all="1")
    assert playing.page("GET", "/session").json()["why"] == "the person ended it"


def test_a_form_without_its_token_does_nothing(playing):
    made = playing.page("POST", "/sessions").json()
    playing.token = made["session"]
    assert "開き直してください" in playing.person("confirm", check=made["check"], token="x")
    assert playing.page("GET", "/session").json()["state"] == "waiting"


def test_one_order_at_a_time_and_what_is_withdrawn_is_forgotten(playing):
    order = playing.connected().ordered()
    assert playing.page("POST", "/orders", json=CHALLENGE).status_code == 429
    assert playing.page("DELETE", f"/orders/{order}").status_code == 204
    assert playing.page("GET", f"/orders/{order}").status_code == 404
    assert playing.page("POST", "/orders", content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert (
        playing.page(
            "POST", "/orders", content=b" " * (512 * 1024 + 1), headers={"content-type": "application/json"}
        ).status_code
        == 413
    )


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"kind": "steal"},
        {"kind": "authenticate", "challenge": ""},
        {"kind": "authenticate", "challenge": "AAAA", "more": 1},
        {"kind": "sign-document", "title": "a"},
        {"kind": "sign-document", "title": "a", "document": "b", "digest": b64encode(bytes(32)).decode()},
        {"kind": "sign-document", "title": "a", "digest": "AAAA"},
        {"kind": "sign-document", "title": "", "document": "b"},
        {"kind": "sign-document", "title": "a", "document": "b\u202ec"},
    ],
)
def test_an_order_of_another_form_is_refused(what):
    with pytest.raises(Away) as away:
        read_order(json.dumps(what).encode())
    assert away.value.status == 400


@given(st.binary(max_size=200))
def test_any_body_is_an_order_or_refused_and_any_form_is_fields_or_refused(raw):
    for read in (read_order, read_form):
        try:
            made = read(raw)
        except Away as away:
            assert away.status == 400  # noqa: PT017  either is right
        else:
            assert isinstance(made, dict)


def test_what_is_no_origin_is_not_taken_at_the_start(town):
    with pytest.raises(ValueError, match="write an origin"):
        build(town.card(), port=1, origins=frozenset({"*"}), clock=town.clock, entropy=cards.ENTROPY)


def test_events_tell_of_each_change_and_end_with_the_session(playing):
    playing.connected()
    timer = threading.Timer(0.5, playing.agent.sessions.end_all, [Why.REMOVED])
    timer.start()
    told = playing.page("GET", "/events").text
    timer.join()
    states = [json.loads(line[6:])["state"] for line in told.splitlines() if line.startswith("data: ")]
    assert states == ["active", "ended"]
