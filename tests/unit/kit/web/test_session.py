"""Who is in, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nakadachi.kit.web import user_store
from nakadachi.kit.web.session import Stage, tag_of
from tests.unit.kit.web.asked import asked


@pytest.fixture
async def desk(tenant_dsn, tmp_path):
    async with asked(tenant_dsn, tmp_path) as one:
        yield one


async def found(desk, cookie, **how):
    async with desk.people.database.acquire() as connection:
        return await desk.people.sessions.find(connection, cookie, **how)


async def test_a_cookie_from_before_a_step_is_worth_nothing_after_it(desk):
    await desk.come_in("hara", "reader", Stage.PASSWORD)
    planted = desk.cookies["__Host-drawer"]
    async with desk.people.database.transaction() as connection:
        fresh = await desk.people.sessions.begin(connection, "hara", Stage.IN, planted)
    assert fresh != planted
    assert await found(desk, planted) is None
    session = await found(desk, fresh)
    assert (session.name, session.stage) == ("hara", Stage.IN)


async def test_a_session_ends_when_idle_too_long_and_lasts_while_used(desk):
    await desk.come_in("hara", "reader")
    cookie = desk.cookies["__Host-drawer"]
    for _ in range(5):
        desk.clock.advance(timedelta(minutes=29))
        assert await found(desk, cookie) is not None
    desk.clock.advance(timedelta(minutes=30))
    assert await found(desk, cookie) is None


async def test_a_session_ends_after_its_longest_time_however_much_it_is_used(desk):
    await desk.come_in("hara", "reader")
    cookie = desk.cookies["__Host-drawer"]
    for _ in range(24):
        desk.clock.advance(timedelta(minutes=25))
        last = await found(desk, cookie)
    assert last is None


async def test_a_login_left_half_way_ends_after_ten_minutes(desk):
    await desk.come_in("hara", "reader", Stage.PASSWORD)
    cookie = desk.cookies["__Host-drawer"]
    desk.clock.advance(timedelta(minutes=9, seconds=59))
    assert await found(desk, cookie) is not None
    desk.clock.advance(timedelta(seconds=1))
    assert await found(desk, cookie) is None


async def test_half_way_in_sees_no_page_of_those_who_are_in(desk):
    for stage in (Stage.PASSWORD, Stage.SETUP):
        await desk.come_in("hara", "reader", stage)
        answer = await desk.get("/letters")
        assert answer.status == 303
        assert answer.header("location").startswith("/login")


async def test_who_is_removed_is_out_at_once_and_another_role_holds_at_once(desk):
    await desk.come_in("hara", "reader")
    cookie = desk.cookies["__Host-drawer"]
    async with desk.people.database.transaction() as connection:
        await user_store.set_role(connection, "hara", "keeper")
    assert (await found(desk, cookie)).role == "keeper"
    async with desk.people.database.transaction() as connection:
        await user_store.remove(connection, "hara", desk.clock.now())
    assert await found(desk, cookie) is None


async def test_the_database_knows_no_cookie(desk):
    await desk.come_in("hara", "reader")
    cookie = desk.cookies["__Host-drawer"]
    async with desk.people.database.acquire() as connection:
        row = await connection.fetchrow("SELECT page_session::text AS row, tag FROM page_session")
    assert cookie not in row["row"]
    assert bytes(row["tag"]) == tag_of(cookie)


async def test_leaving_ends_the_session_here_and_the_cookie_there(desk):
    await desk.come_in("hara", "reader")
    cookie = desk.cookies["__Host-drawer"]
    token = (await desk.get("/letters")).token
    answer = await desk.post("/logout", {"csrf": token})
    assert answer.cookies["__Host-drawer"] in {"", '""'}
    assert await found(desk, cookie) is None
    assert (await desk.log())[-1] == ("hara", "sign-out", "logout", "")


async def test_a_challenge_serves_once(desk):
    await desk.come_in("hara", "reader")
    session = await found(desk, desk.cookies["__Host-drawer"])
    async with desk.people.database.transaction() as connection:
        made = await desk.people.sessions.challenge(connection, session)
        assert await desk.people.sessions.spend_challenge(connection, session) == made
        assert await desk.people.sessions.spend_challenge(connection, session) is None
