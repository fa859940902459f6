"""利用者の画面: who may enter, in which role. Whoever administers users need not see anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.web import login, session_store, user_store
from nakadachi.kit.web.listing import Badge, Link, Listing
from nakadachi.kit.web.messages import NO_PAGE
from nakadachi.kit.web.pages import Act, Done, Invalid, Page, View, Visit
from nakadachi.kit.web.people import Entrance, give_link, link, new_user
from nakadachi.kit.web.text import Text

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.kit.web.user_store import User

OWN = Text("自分自身には行えません", "Not for yourself: another administrator does this")
_COLUMNS = (
    Text("利用者名", "Name"),
    Text("役割", "Role"),
    Text("状態", "State"),
    Text("セキュリティキー", "Security keys"),
    Text("最後のログイン", "Signed in last"),
)


def state_of(user: User, now: datetime) -> Badge:
    """利用者の状態."""
    if user.removed_at is not None:
        return Badge(Text("削除済み", "Removed"))
    if login.is_locked(user, now):
        return Badge(Text("一時停止", "Locked"), "bad")
    if user.password is not None and user.keys:
        return Badge(Text("利用中", "Active"), "good")
    if user.setup_until is not None and user.setup_until > now:
        return Badge(Text("初期設定待ち", "Not yet set up"), "notice")
    return Badge(Text("リンク期限切れ", "Link has ended"), "bad")


async def listing(entrance: Entrance, _visit: Visit) -> Listing:
    """All users, those removed last."""
    async with entrance.database.acquire() as connection:
        found = await user_store.users(connection)
    now = entrance.clock.now()
    rows = [
        (
            Link(one.name, f"/users/{one.name}"),
            entrance.roles.get(one.role, Text(one.role, one.role)),
            state_of(one, now),
            one.keys,
            one.entered_at,
        )
        for one in found
    ]
    none = Text("利用者はいません", "There are no users")
    return Listing(Text("利用者の一覧", "All users"), _COLUMNS, rows, none)


async def _users(entrance: Entrance, visit: Visit) -> View:
    return View({"listing": await listing(entrance, visit), "roles": entrance.roles, "name_rule": login.NAME_RULE})


async def _user(entrance: Entrance, visit: Visit) -> View:
    name = visit.path["name"]
    async with entrance.database.acquire() as connection:
        user = await user_store.find(connection, name) if login.NAME.fullmatch(name) else None
    if user is None:
        raise NO_PAGE
    state = state_of(user, entrance.clock.now())
    words = {"one": user, "state": state, "roles": entrance.roles, "own": user.name == visit.name}
    return View(words, about=user.name)


def _role(entrance: Entrance, visit: Visit) -> str:
    role = visit.form.get("role", "")
    if role not in entrance.roles:
        raise Invalid(role=Text("役割を選んでください", "Choose a role"))
    return role


async def _add(connection: Connection, entrance: Entrance, visit: Visit) -> Done:
    """利用者の追加: the one-time link is shown here once, and kept nowhere."""
    name, role = visit.form.get("name", "").strip(), _role(entrance, visit)
    if not login.NAME.fullmatch(name):
        raise Invalid(name=login.NAME_RULE)
    user = new_user(name, role, visit.name, entrance.clock.now(), entrance.entropy)
    if not await user_store.add(connection, user):
        taken = Text(
            "この利用者名は使われたことがあります。別の名前にしてください", "This name was given before; choose another"
        )
        raise Invalid(name=taken)
    return await _linked(connection, entrance, name, f"{name} added as {role}")


async def _linked(connection: Connection, entrance: Entrance, name: str, about: str) -> Done:
    token = entrance.sessions.fresh()
    until = await give_link(connection, name, token, entrance.clock.now())
    words = {"name": name, "link": link(entrance.origin, token), "until": until}
    return Done(about=about, view=View(words, template="user_link.html"))


async def _other(connection: Connection, visit: Visit) -> User:
    """The user whom an act is about, who is not the one who acts. Raises Invalid, Message."""
    user = await user_store.lock(connection, visit.path["name"])
    if user is None or user.removed_at is not None:
        raise NO_PAGE
    if user.name == visit.name:
        raise Invalid(_=OWN)
    return user


async def _renew(connection: Connection, entrance: Entrance, visit: Visit) -> Done:
    """再設定: a new one-time link, for a lost key or password or a lock. What opened before opens until it is used."""
    user = await _other(connection, visit)
    return await _linked(connection, entrance, user.name, f"{user.name} given a new link")


async def _change(connection: Connection, entrance: Entrance, visit: Visit) -> Done:
    """役割の変更: it holds from the next request on."""
    user, role = await _other(connection, visit), _role(entrance, visit)
    await user_store.set_role(connection, user.name, role)
    return Done(to=f"/users/{user.name}", about=f"{user.name} from {user.role} to {role}")


async def _remove(connection: Connection, entrance: Entrance, visit: Visit) -> Done:
    """利用者の削除: out at once; the name stays taken, since the log knows it."""
    user = await _other(connection, visit)
    await user_store.remove(connection, user.name, entrance.clock.now())
    await session_store.forget_all(connection, user.name)
    return Done(to="/users", about=f"{user.name} removed")


def pages(administrators: frozenset[str]) -> tuple[Page[Entrance], ...]:
    """The pages about users, for those who administer them."""
    users = Page(
        "users", "/users", Text("利用者", "Users"), _users, "users.html", administrators,
        {"add": Act(_add)}, export=listing, menu=True,
    )  # fmt: skip
    acts = {
        "link": Act(_renew),
        "role": Act(_change, Text("役割を変更しました。", "The role was changed.")),
        "remove": Act(_remove, Text("利用者を削除しました。", "The user was removed.")),
    }
    user = Page("user", "/users/{name}", Text("利用者", "User"), _user, "user.html", administrators, acts)
    return users, user
