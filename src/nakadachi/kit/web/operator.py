"""運用者の操作: what a command on the system's own machine does with users: the first one, one who lost all keys.

It is kept in the operation log like everything else, under the operator's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.web import login, operations, session_store, user_store
from nakadachi.kit.web.operations import Action, Operation
from nakadachi.kit.web.people import OPERATOR, give_link, link, new_user

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.kit.web.people import Entrance
    from nakadachi.kit.web.user_store import User


class UserError(Exception):
    """What an operator asked for cannot be done; the text says why and what to do."""


async def add(entrance: Entrance, name: str, role: str) -> tuple[str, datetime]:
    """A new user: the one-time link, and until when it holds. Raises UserError."""
    if not login.NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name of a user: {login.NAME_RULE.english}")
    if role not in entrance.roles:
        raise UserError(f"{role!r} is no role here: choose one of {', '.join(entrance.roles)}")
    async with entrance.database.transaction() as connection:
        made = new_user(name, role, OPERATOR, entrance.clock.now(), entrance.entropy)
        if not await user_store.add(connection, made):
            raise UserError(f"{name!r} was given before, and a name is never given twice: choose another")
        return await _linked(connection, entrance, name, f"{name} added as {role}")


async def renew(entrance: Entrance, name: str) -> tuple[str, datetime]:
    """A new one-time link for a user who has lost password or keys, or is locked. Raises UserError."""
    async with entrance.database.transaction() as connection:
        await _present(connection, name)
        return await _linked(connection, entrance, name, f"{name} given a new link")


async def remove(entrance: Entrance, name: str) -> None:
    """The user may enter no longer, from now on. Raises UserError."""
    async with entrance.database.transaction() as connection:
        await _present(connection, name)
        await user_store.remove(connection, name, entrance.clock.now())
        await session_store.forget_all(connection, name)
        await _record(connection, entrance, f"{name} removed")


async def users(entrance: Entrance) -> list[User]:
    """All users, those removed last."""
    async with entrance.database.acquire() as connection:
        return await user_store.users(connection)


async def _present(connection: Connection, name: str) -> None:
    user = await user_store.lock(connection, name)
    if user is None or user.removed_at is not None:
        raise UserError(f"there is no user {name!r}: see `user list`")


async def _linked(connection: Connection, entrance: Entrance, name: str, about: str) -> tuple[str, datetime]:
    token = entrance.sessions.fresh()
    until = await give_link(connection, name, token, entrance.clock.now())
    await _record(connection, entrance, about)
    return link(entrance.origin, token), until


async def _record(connection: Connection, entrance: Entrance, about: str) -> None:
    now = entrance.clock.now()
    await operations.keep(connection, Operation(now, OPERATOR, "", "", Action.ACT, "command", about))
