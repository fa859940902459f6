"""What is a key's answer and what is not; and the way in by one, through the pages."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.web import operator, user_store
from nakadachi.kit.web.security_key import Place
from nakadachi.kit.web.user_store import Key
from tests.unit.kit.web.asked import NOON, ORIGIN, asked
from tests.unit.kit.web.soft_key import PRESENT, VERIFIED, SoftKey, text

PLACE = Place("https://pages.example", "画面")
CHALLENGE, OTHER = bytes(range(32)), bytes(32)


def soft(**how):
    return SoftKey(**({"host": "pages.example", "origin": "https://pages.example"} | how))


def known(key):
    made = PLACE.read_new(CHALLENGE, key.made(CHALLENGE))
    return Key(made.id, "hara", "a", made.public_key, made.uses, NOON, None)


def test_what_a_browser_is_asked_for_wants_the_owner_verified():
    new = json.loads(PLACE.ask_for_new("hara", b"h" * 32, CHALLENGE, [known(soft())]))
    assert new["authenticatorSelection"]["userVerification"] == "required"
    assert new["rp"] == {"id": "pages.example", "name": "画面"}
    assert len(new["excludeCredentials"]) == 1
    asked_for = json.loads(PLACE.ask_for_known(CHALLENGE, [known(soft())]))
    assert asked_for["userVerification"] == "required"
    assert asked_for["rpId"] == "pages.example"


def test_a_key_of_the_user_is_known_again_and_counts_on():
    key = soft()
    kept = known(key)
    assert PLACE.read_known(CHALLENGE, key.used(CHALLENGE), [kept]) == (kept, 1)


@pytest.mark.parametrize(
    "how",
    [
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"origin": "https://evil.example"},
        {"origin": "http://pages.example"},
        {"host": "evil.example"},
    ],
)
def test_an_answer_from_elsewhere_or_without_its_owner_is_none(how):
    assert PLACE.read_new(CHALLENGE, soft(**how).made(CHALLENGE)) is None
    good = soft()
    bent = soft(private=good.private, **how)
    assert PLACE.read_known(CHALLENGE, bent.used(CHALLENGE), [known(good)]) is None


def test_an_answer_to_another_challenge_or_of_another_key_is_none():
    key, other = soft(), soft(id=b"soft-key-00000002")
    kept = known(key)
    assert PLACE.read_new(CHALLENGE, key.made(OTHER)) is None
    assert PLACE.read_new(None, key.made(CHALLENGE)) is None
    assert PLACE.read_known(CHALLENGE, key.used(OTHER), [kept]) is None
    assert PLACE.read_known(None, key.used(CHALLENGE), [kept]) is None
    assert PLACE.read_known(CHALLENGE, other.used(CHALLENGE), [kept]) is None
    forged = soft(private=other.private)
    assert PLACE.read_known(CHALLENGE, forged.used(CHALLENGE), [kept]) is None


def test_a_copy_of_a_key_that_counts_behind_is_found():
    key = soft(uses=7)
    kept = known(key)
    copy = soft(private=key.private, uses=3)
    assert PLACE.read_known(CHALLENGE, copy.used(CHALLENGE), [kept]) is None


_KEPT = soft()


@given(st.one_of(st.text(max_size=200), st.dictionaries(st.text(max_size=9), st.text(max_size=9)).map(json.dumps)))
def test_any_other_text_is_no_answer(said):
    assert PLACE.read_new(CHALLENGE, said) is None
    assert PLACE.read_known(CHALLENGE, said, [known(_KEPT)]) is None


@given(st.binary(max_size=300))
def test_any_attestation_is_no_answer(raw):
    answer = json.loads(_KEPT.made(CHALLENGE))
    answer["response"]["attestationObject"] = text(raw)
    assert PLACE.read_new(CHALLENGE, json.dumps(answer)) is None


def challenge_of(page):
    """The challenge that a page gave to the browser."""
    options = page.body.partition('data-options="')[2].partition('"')[0].replace("&#34;", '"')
    said = json.loads(options)["challenge"]
    return urlsafe_b64decode(said + "=" * (-len(said) % 4))


async def test_the_whole_way_in_and_out_is_kept_in_the_log(tenant_dsn, tmp_path):
    async with asked(tenant_dsn, tmp_path) as desk:
        key = SoftKey("localhost", ORIGIN)
        link, _ = await operator.add(desk.people, "hara", "reader")
        path = link.removeprefix(ORIGIN)
        good = {"password": "yamabuki no hana", "again": "yamabuki no hana"}
        await desk.post(path, good | {"csrf": (await desk.get(path)).token})
        account = await desk.get("/account")
        added = {"answer": key.made(challenge_of(account)), "label": "社員証", "csrf": account.token}
        before = desk.cookies["__Host-drawer"]
        assert (await desk.post("/account/add", added)).header("location") == "/?told=account.add"
        assert desk.cookies["__Host-drawer"] != before
        assert (await desk.get("/letters")).status == 200
        await desk.post("/logout", {"csrf": (await desk.get("/letters")).token})
        desk.cookies.clear()
        entered = {"name": "hara", "password": "yamabuki no hana", "to": "/letters"}
        half = await desk.post("/login", entered | {"csrf": (await desk.get("/login")).token})
        ask = await desk.get(half.header("location"))
        answer = {"answer": key.used(challenge_of(ask)), "to": "/letters", "csrf": ask.token}
        assert (await desk.post("/login/key", answer)).header("location") == "/letters"
        assert (await desk.get("/letters")).status == 200
        # The same answer again, in a login of its own: its challenge is spent.
        desk.cookies.clear()
        await desk.post("/login", entered | {"csrf": (await desk.get("/login")).token})
        replayed = await desk.post("/login/key", answer | {"csrf": (await desk.get("/login/key")).token})
        assert replayed.status == 422
        acts = [row[1] for row in await desk.log() if row[1] not in {"view", "act"}]
        assert acts == ["sign-in", "sign-out", "sign-in", "sign-in-failed"]


async def test_a_second_key_may_be_registered_and_the_last_one_stays(tenant_dsn, tmp_path):
    async with asked(tenant_dsn, tmp_path) as desk:
        await desk.come_in("hara", "reader")
        for number in (1, 2):
            account = await desk.get("/account")
            key = SoftKey("localhost", ORIGIN, id=b"soft-key-0000000%d" % number)
            added = {"answer": key.made(challenge_of(account)), "label": f"key {number}", "csrf": account.token}
            assert (await desk.post("/account/add", added)).header("location") == "/account?told=account.add"
        token = (await desk.get("/account")).token
        first = {"key": b"soft-key-00000001".hex(), "csrf": token}
        assert (await desk.post("/account/drop", first)).status == 303
        last = {"key": b"soft-key-00000002".hex(), "csrf": token}
        assert (await desk.post("/account/drop", last)).status == 422
        async with desk.people.database.acquire() as connection:
            assert [one.label for one in await user_store.keys(connection, "hara")] == ["key 2"]
