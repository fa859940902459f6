"""What the pages about people (entrance, users, operation log) may touch, and what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nakadachi.kit.entropy import Entropy
from nakadachi.kit.web import login, session_store, user_store
from nakadachi.kit.web.operations import Action
from nakadachi.kit.web.pages import Refused
from nakadachi.kit.web.user_store import User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nakadachi.kit.clock import Clock
    from nakadachi.kit.database import Connection, Database
    from nakadachi.kit.web.login import Passwords
    from nakadachi.kit.web.session import Sessions
    from nakadachi.kit.web.text import Text

OPERATOR = "(operator)"
"""Who acts where a command on the system's own machine does."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """What the pages of the entrance, of users and of the operation log may touch."""

    called: Text
    roles: Mapping[str, Text]
    database: Database
    clock: Clock
    entropy: Entropy
    sessions: Sessions
    passwords: Passwords
    origin: str


async def failed(
    connection: Connection, entrance: Entrance, user: User, errors: Mapping[str, Text], about: str
) -> Refused:
    """One more failure of that name; the fifth in a row locks it, and ends what is half way in."""
    failures, until = login.after_failure(user.failures, entrance.clock.now())
    await user_store.set_failures(connection, user.name, failures, until)
    if until is not None:
        await session_store.forget_unfinished(connection, user.name)
    return Refused(errors, about, Action.LOCKED if until else Action.SIGN_IN_FAILED, (user.name, user.role))


def new_user(name: str, role: str, by: str, now: datetime, entropy: Entropy) -> User:
    """A user who has neither password nor key."""
    return User(name, role, entropy.bytes(32), None, None, 0, None, now, by, None, None, 0)


async def give_link(connection: Connection, name: str, token: str, now: datetime) -> datetime:
    """A one-time link by which the user sets a password and registers a key; until when it holds."""
    until = now + login.SETUP_HOLDS
    await user_store.set_setup(connection, name, login.setup_tag(token), until)
    return until


def link(origin: str, token: str) -> str:
    """Where a one-time link leads."""
    return f"{origin}/setup/{token}"
