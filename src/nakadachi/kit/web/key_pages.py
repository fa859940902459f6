"""鍵の画面: the second step of a login, and how a user gets a password and security keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.web import login, session_store, user_store
from nakadachi.kit.web.messages import NO_PAGE, Message
from nakadachi.kit.web.operations import Action
from nakadachi.kit.web.pages import ANYONE, SIGNED_IN, Act, Done, Invalid, Page, Refused, Stage, View, Visit, local_path
from nakadachi.kit.web.people import failed
from nakadachi.kit.web.session import Stage as Step
from nakadachi.kit.web.text import Text
from nakadachi.kit.web.user_store import Key

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection
    from nakadachi.kit.web.people import Entrance
    from nakadachi.kit.web.security_key import Place
    from nakadachi.kit.web.session import Session
    from nakadachi.kit.web.user_store import User

KEY_WRONG = Text(
    "セキュリティキーを確認できませんでした。もう一度お試しください。",
    "The security key could not be checked. Try again.",
)
SPENT = Message(
    404,
    Text("このリンクは使えません", "This link cannot be used"),
    Text(
        "使用済みか、期限が過ぎています。利用者管理者に新しいリンクを依頼してください。",
        "It was used already, or its time is over. Ask an administrator of users for a new one.",
    ),
)
MOST_KEYS = 10
LONGEST_LABEL = 40


def _place(entrance: Entrance) -> Place:
    # Here and not above: its libraries take longer to load than a whole system, and nobody waits who does not enter.
    from nakadachi.kit.web.security_key import Place  # noqa: PLC0415

    return Place(entrance.origin, entrance.called.japanese)


def _session(visit: Visit) -> Session:
    if visit.user is None:
        raise NO_PAGE
    return visit.user


# The second step of a login


async def _ask(entrance: Entrance, visit: Visit) -> View:
    place, session = _place(entrance), _session(visit)
    async with entrance.database.transaction() as connection:
        keys = await user_store.keys(connection, session.name)
        challenge = await entrance.sessions.challenge(connection, session)
    to = local_path(visit.form.get("to") or visit.query.get("to", "/"))
    return View({"to": to, "options": place.ask_for_known(challenge, keys)})


async def _check(connection: Connection, entrance: Entrance, visit: Visit) -> Done | Refused:
    """キーの確認: the second step; only here somebody is in, with a cookie that nobody had before."""
    place, session = _place(entrance), _session(visit)
    challenge = await entrance.sessions.spend_challenge(connection, session)
    user = await user_store.lock(connection, session.name)
    if user is None or user.removed_at is not None or login.is_locked(user, entrance.clock.now()):
        return Refused({"": KEY_WRONG}, "locked", Action.SIGN_IN_FAILED)
    keys = await user_store.keys(connection, session.name)
    used = place.read_known(challenge, visit.form.get("answer", ""), keys)
    if used is None:
        return await failed(connection, entrance, user, {"": KEY_WRONG}, "security key")
    key, uses = used
    now = entrance.clock.now()
    await user_store.used_key(connection, key.id, uses, now)
    return await _in(connection, entrance, visit, user, local_path(visit.form.get("to", "/")))


async def _in(connection: Connection, entrance: Entrance, visit: Visit, user: User, to: str) -> Done:
    await user_store.entered(connection, user.name, entrance.clock.now())
    cookie = await entrance.sessions.begin(connection, user.name, Step.IN, visit.cookie)
    return Done(to=to, action=Action.SIGN_IN, cookie=cookie)


# A one-time link


async def _welcome(entrance: Entrance, visit: Visit) -> View:
    tag = login.setup_tag(visit.path["token"])
    async with entrance.database.transaction() as connection:
        user = await user_store.of_setup(connection, tag, entrance.clock.now())
    if user is None:
        raise SPENT
    return View({"name": user.name, "rule": login.PASSWORD_RULE})


async def _new_password(entrance: Entrance, visit: Visit) -> str:
    view = await _welcome(entrance, visit)
    password, again = visit.form.get("password", ""), visit.form.get("again", "")
    fault = login.password_fault(password, again, str(view.words["name"]))
    if fault is not None:
        raise Invalid(password=fault)
    return await entrance.passwords.make(password)


async def _set_up(connection: Connection, entrance: Entrance, visit: Visit) -> Done:
    """初期設定: the link is spent, all that opened before opens no longer, and a key is to be registered now."""
    tag = login.setup_tag(visit.path["token"])
    user = await user_store.of_setup(connection, tag, entrance.clock.now())
    if user is None:
        raise SPENT
    await user_store.set_password(connection, user.name, visit.prepared)
    await session_store.forget_all(connection, user.name)
    cookie = await entrance.sessions.begin(connection, user.name, Step.SETUP, visit.cookie)
    return Done(to="/account", about="password set", who=(user.name, user.role), cookie=cookie)


# The user's own keys


async def _account(entrance: Entrance, visit: Visit) -> View:
    place, session = _place(entrance), _session(visit)
    async with entrance.database.transaction() as connection:
        user = await user_store.find(connection, session.name)
        keys = await user_store.keys(connection, session.name)
        challenge = await entrance.sessions.challenge(connection, session)
    handle = user.handle if user is not None else b""
    options = place.ask_for_new(session.name, handle, challenge, keys)
    return View({"keys": keys, "options": options, "most": MOST_KEYS, "first": session.stage is Step.SETUP})


async def _add_key(connection: Connection, entrance: Entrance, visit: Visit) -> Done | Refused:
    """キーの登録: one more key; with the first one after a link, the user is in."""
    place, session = _place(entrance), _session(visit)
    challenge = await entrance.sessions.spend_challenge(connection, session)
    user = await user_store.lock(connection, session.name)
    made = place.read_new(challenge, visit.form.get("answer", ""))
    keys = await user_store.keys(connection, session.name)
    if made is None or user is None or len(keys) >= MOST_KEYS:
        return Refused({"": KEY_WRONG}, "security key not registered")
    now = entrance.clock.now()
    label = visit.form.get("label", "").strip()[:LONGEST_LABEL] or f"{len(keys) + 1}"
    key = Key(made.id, user.name, label, made.public_key, made.uses, now, None)
    if not await user_store.add_key(connection, key):
        return Refused({"": KEY_WRONG}, "security key not registered")
    if session.stage is Step.SETUP:
        return await _in(connection, entrance, visit, user, "/")
    return Done(to="/account", about="security key registered")


async def _drop_key(connection: Connection, _entrance: Entrance, visit: Visit) -> Done:
    """キーの削除: never the last one, without which nobody would come in again."""
    session = _session(visit)
    keys = await user_store.keys(connection, session.name)
    if len(keys) < 2 or not any(key.id.hex() == visit.form.get("key") for key in keys):
        raise Invalid(_=Text("最後のキーは削除できません", "The last key cannot be removed"))
    await user_store.drop_key(connection, session.name, bytes.fromhex(visit.form["key"]))
    return Done(to="/account", about="security key removed")


LOGIN_KEY = Page(
    "login-key", "/login/key", Text("セキュリティキーの確認", "Security key"), _ask, "login_key.html",
    frozenset({Stage.AFTER_PASSWORD.value}), {"": Act(_check)}, logged=False,
)  # fmt: skip
SETUP = Page(
    "setup", "/setup/{token}", Text("利用の開始", "Begin"), _welcome, "setup.html", ANYONE,
    {"": Act(_set_up, before=_new_password)}, logged=False,
)  # fmt: skip
ACCOUNT = Page(
    "account", "/account", Text("自分のセキュリティキー", "Your security keys"), _account, "account.html",
    SIGNED_IN | {Stage.AFTER_SETUP.value},
    {
        "add": Act(_add_key, Text("セキュリティキーを登録しました。", "The security key is registered.")),
        "drop": Act(_drop_key, Text("キーを削除しました。", "The security key is removed."), allowed=SIGNED_IN),
    },
)  # fmt: skip
