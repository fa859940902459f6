"""入口: the pages by which people come in and go out, the same for every system that has users of its own.

(1) Name and password. (2) A security key that verifies its user (`key_pages`). Who failed, and why, is told nobody in
a way that would tell who exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from nakadachi.kit.web import login, session_store, user_store
from nakadachi.kit.web.login import NAME
from nakadachi.kit.web.operations import Action
from nakadachi.kit.web.pages import ANYONE, SIGNED_IN, Act, Done, Page, Refused, View, Visit, local_path
from nakadachi.kit.web.people import failed
from nakadachi.kit.web.session import Stage as Step
from nakadachi.kit.web.text import Text

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection
    from nakadachi.kit.web.people import Entrance

WRONG = Text(
    "利用者名かパスワードが正しくないか、連続した失敗により一時的に停止しています。",
    "Name or password is wrong, or the name is locked for a while after failures.",
)


async def _login(_entrance: Entrance, visit: Visit) -> View:
    return View({"to": local_path(visit.form.get("to") or visit.query.get("to", "/"))})


async def _check_password(entrance: Entrance, visit: Visit) -> bool:
    name = visit.form.get("name", "")
    user = None
    if NAME.fullmatch(name):
        async with entrance.database.acquire() as connection:
            user = await user_store.find(connection, name)
    return await entrance.passwords.fits(user, visit.form.get("password", ""))


async def _enter(connection: Connection, entrance: Entrance, visit: Visit) -> Done | Refused:
    """パスワードの確認: the first step; the second waits on the next page."""
    name = visit.form.get("name", "")
    user = await user_store.lock(connection, name) if NAME.fullmatch(name) else None
    now = entrance.clock.now()
    if user is None or user.removed_at is not None:
        # A name that nobody has is not kept: people type passwords into the wrong field.
        return Refused({"": WRONG}, logged=False)
    who = (user.name, user.role)
    if login.is_locked(user, now):
        return Refused({"": WRONG}, "locked", Action.SIGN_IN_FAILED, who)
    if not visit.prepared or not user.keys:
        return await failed(connection, entrance, user, {"": WRONG}, "password")
    cookie = await entrance.sessions.begin(connection, user.name, Step.PASSWORD, visit.cookie)
    to = local_path(visit.form.get("to", "/"))
    return Done(to=f"/login/key?to={quote(to)}", cookie=cookie, logged=False)


async def _leave(connection: Connection, _entrance: Entrance, visit: Visit) -> Done:
    """ログアウト: the session is gone here, and so is its cookie there."""
    if visit.user is not None:
        await session_store.forget(connection, visit.user.tag)
    return Done(to="/login", action=Action.SIGN_OUT, cookie="")


async def _home(_entrance: Entrance, _visit: Visit) -> View:
    return View()


LOGIN = Page(
    "login", "/login", Text("ログイン", "Sign in"), _login, "login.html", ANYONE,
    {"": Act(_enter, before=_check_password)}, logged=False,
)  # fmt: skip
LOGOUT = Page(
    "logout", "/logout", Text("ログアウト", "Sign out"), _home, "logout.html", ANYONE,
    {"": Act(_leave, Text("ログアウトしました。", "You are signed out."), allowed=SIGNED_IN)}, logged=False,
)  # fmt: skip
