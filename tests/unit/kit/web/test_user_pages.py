"""Who administers users, and what they may not."""

from __future__ import annotations

import re

import pytest

from nakadachi.kit.web import operator, user_store
from nakadachi.kit.web.operator import UserError
from tests.unit.kit.web.asked import ORIGIN, asked


@pytest.fixture
async def desk(tenant_dsn, tmp_path):
    async with asked(tenant_dsn, tmp_path) as one:
        await one.come_in("mori", "keeper")
        yield one


async def test_a_link_is_shown_once_and_kept_nowhere(desk):
    token = (await desk.get("/users")).token
    answer = await desk.post("/users/add", {"name": "hara", "role": "reader", "csrf": token})
    link = re.search(rf"{ORIGIN}/setup/([A-Za-z0-9_-]{{43}})", answer.body)
    assert link is not None
    assert (await desk.get(f"/setup/{link[1]}")).status == 200
    async with desk.people.database.acquire() as connection:
        rows = await connection.fetch("SELECT page_user::text AS row FROM page_user")
    assert all(link[1] not in row["row"] for row in rows)
    assert link[1] not in (await desk.get("/users")).body
    assert ("mori", "act", "users/add", "hara added as reader") in await desk.log()


@pytest.mark.parametrize(
    ("name", "role"), [("Hara", "reader"), ("h", "reader"), ("ha ra", "reader"), ("hara", "king"), ("mori", "reader")]
)
async def test_a_name_or_role_that_is_none_changes_nothing(desk, name, role):
    token = (await desk.get("/users")).token
    assert (await desk.post("/users/add", {"name": name, "role": role, "csrf": token})).status == 422
    assert len(await operator.users(desk.people)) == 1


async def test_nobody_changes_their_own_access(desk):
    token = (await desk.get("/users/mori")).token
    for act, more in (("role", {"role": "reader"}), ("remove", {}), ("link", {})):
        assert (await desk.post(f"/users/mori/{act}", more | {"csrf": token})).status == 422


async def test_a_removed_user_is_out_and_the_name_is_not_given_again(desk):
    await operator.add(desk.people, "hara", "reader")
    token = (await desk.get("/users/hara")).token
    assert (await desk.post("/users/hara/remove", {"csrf": token})).header("location").startswith("/users")
    assert (await desk.post("/users/hara/remove", {"csrf": token})).status == 404
    with pytest.raises(UserError, match="given before"):
        await operator.add(desk.people, "hara", "reader")
    async with desk.people.database.acquire() as connection:
        found = await user_store.find(connection, "hara")
    assert found.removed_at is not None


async def test_another_role_is_given_and_kept_in_the_log(desk):
    await operator.add(desk.people, "hara", "reader")
    token = (await desk.get("/users/hara")).token
    assert (await desk.post("/users/hara/role", {"role": "keeper", "csrf": token})).status == 303
    assert (await desk.log())[-1] == ("mori", "act", "user/role", "hara from reader to keeper")


async def test_who_administers_nobody_may_do_nothing_here(desk):
    token = (await desk.get("/users")).token
    await desk.come_in("hara", "reader")
    for path in ("/users", "/users/mori", "/users.csv"):
        assert (await desk.get(path)).status == 403
    token = (await desk.get("/letters")).token
    assert (await desk.post("/users/add", {"name": "x1", "role": "keeper", "csrf": token})).status == 403
    assert [one.name for one in await operator.users(desk.people)] == ["hara", "mori"]


async def test_an_operator_is_told_what_cannot_be(desk):
    for work in (operator.renew(desk.people, "nobody"), operator.remove(desk.people, "nobody")):
        with pytest.raises(UserError, match="no user"):
            await work
    for name, role in (("Bad", "reader"), ("good", "king")):
        with pytest.raises(UserError):
            await operator.add(desk.people, name, role)
