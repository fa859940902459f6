"""Passwords, locks, and one-time links, through the pages that people use."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from nakadachi.kit.web import login, operator, user_store
from nakadachi.kit.web.login import FIRST_LOCK, LONGEST_LOCK, TRIES, Passwords, TooMany, after_failure, password_fault
from nakadachi.kit.web.user_store import Key
from tests.unit.kit.web.asked import NOON, asked

GOOD = "yamabuki no hana 2026"


@pytest.fixture
async def desk(tenant_dsn, tmp_path):
    async with asked(tenant_dsn, tmp_path) as one:
        yield one


async def set_up(desk, name="hara", role="reader"):
    """A user with a password and a key, whose one-time link is spent; the link."""
    link, _ = await operator.add(desk.people, name, role)
    path = link.removeprefix("http://localhost:7480")
    token = (await desk.get(path)).token
    answer = await desk.post(path, {"password": GOOD, "again": GOOD, "csrf": token})
    assert answer.header("location") == "/account"
    async with desk.people.database.transaction() as connection:
        await user_store.add_key(connection, Key(name.encode(), name, "a", b"k", 0, NOON, None))
    desk.cookies.clear()
    return path


async def enter(desk, name="hara", password=GOOD):
    token = (await desk.get("/login")).token
    return await desk.post("/login", {"name": name, "password": password, "csrf": token})


async def test_a_link_works_once_and_ends_what_opened_before(desk):
    path = await set_up(desk)
    assert (await desk.get(path)).status == 404
    again, _ = await operator.renew(desk.people, "hara")
    assert (await enter(desk)).header("location").startswith("/login/key")
    token = (await desk.get(again.removeprefix("http://localhost:7480"))).token
    other = {"password": "another good one", "again": "another good one", "csrf": token}
    await desk.post(again.removeprefix("http://localhost:7480"), other)
    assert (await enter(desk)).status == 422
    async with desk.people.database.acquire() as connection:
        assert await user_store.keys(connection, "hara") == []


async def test_a_link_ends_after_a_day(desk):
    link, until = await operator.add(desk.people, "hara", "reader")
    assert until == NOON + timedelta(hours=24)
    desk.clock.advance(timedelta(hours=24))
    assert (await desk.get(link.removeprefix("http://localhost:7480"))).status == 404


async def test_a_right_password_alone_opens_nothing(desk):
    await set_up(desk)
    answer = await enter(desk)
    assert answer.header("location") == "/login/key?to=/"
    assert (await desk.get("/letters")).header("location").startswith("/login")
    assert (await desk.get("/account")).header("location").startswith("/login")


async def test_a_password_without_a_key_opens_nothing_and_registers_none(desk):
    await set_up(desk)
    async with desk.people.database.transaction() as connection:
        await user_store.drop_key(connection, "hara", b"hara")
    assert (await enter(desk)).status == 422


async def test_nobody_learns_who_exists(desk):
    await set_up(desk)
    wrong, nobody = await enter(desk, password="wrong"), await enter(desk, "nobody", "wrong")
    assert wrong.status == nobody.status == 422
    assert [one.body.replace(one.token, "").replace("nobody", "hara") for one in (wrong, nobody)] == [
        wrong.body.replace(wrong.token, "")
    ] * 2
    assert [row[0] for row in await desk.log() if row[1] == "sign-in-failed"] == ["hara"]


async def test_five_failures_lock_a_name_also_for_the_right_password(desk):
    await set_up(desk)
    for _ in range(TRIES):
        assert (await enter(desk, password="wrong")).status == 422
    assert (await enter(desk)).status == 422
    desk.clock.advance(FIRST_LOCK)
    assert (await enter(desk)).status == 303
    said = [row[1:] for row in await desk.log() if row[0] == "hara"][1:]
    failed = ("sign-in-failed", "login", "password")
    assert said == [failed] * 4 + [("locked", "login", "password"), ("sign-in-failed", "login", "locked")]


async def test_a_wrong_key_counts_as_a_failure_and_a_lock_ends_the_login(desk):
    await set_up(desk)
    await enter(desk)
    for left in range(TRIES, 0, -1):
        page = await desk.get("/login/key")
        assert page.status == 200, left
        assert (await desk.post("/login/key", {"answer": "{}", "csrf": page.token})).status == 422
    assert (await desk.get("/login/key")).status == 303
    assert [row[1] for row in await desk.log()][-1] == "locked"


def test_locks_double_and_end_after_a_day_at_most():
    assert after_failure(3, NOON) == (4, None)
    assert after_failure(4, NOON) == (5, NOON + FIRST_LOCK)
    assert after_failure(5, NOON) == (6, NOON + 2 * FIRST_LOCK)
    assert after_failure(400, NOON) == (401, NOON + LONGEST_LOCK)


@pytest.mark.parametrize(
    ("password", "again", "good"),
    [
        (GOOD, GOOD, True),
        ("あいうえおかきくけこさし", "あいうえおかきくけこさし", True),
        ("ｙamabuki no hana", "yamabuki no hana", True),
        ("short", "short", False),
        ("a" * 40, "a" * 40, False),
        ("xx hara xx yy zz", "xx hara xx yy zz", False),
        (GOOD, GOOD + "!", False),
        ("abcdefghijkl" * 20, "abcdefghijkl" * 20, False),
    ],
)
def test_what_a_password_may_be(password, again, good):
    assert (password_fault(password, again, "hara") is None) is good


async def test_no_password_is_kept_or_logged_in_the_clear(desk):
    await set_up(desk)
    async with desk.people.database.acquire() as connection:
        rows = await connection.fetch("SELECT page_user::text AS row FROM page_user")
    assert GOOD not in rows[0]["row"]
    assert "$argon2id$" in rows[0]["row"]
    assert GOOD not in str(await desk.log())


async def test_guessing_cannot_fill_the_machine():
    passwords = Passwords()
    passwords._waiting = login.WAITING
    with pytest.raises(TooMany):
        await asyncio.wait_for(passwords.fits(None, "x"), 1)
