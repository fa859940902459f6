"""Who is in: a row in the system's own database, and an opaque cookie that names it. It knows no password and no page.

The cookie is 32 fresh bytes; the row holds only their digest. Whoever passes a step of the login gets a new cookie and
the old row is gone, so that a cookie planted beforehand is worth nothing.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from nakadachi.kit.web import session_store

if TYPE_CHECKING:
    from nakadachi.kit.clock import Clock
    from nakadachi.kit.database import Connection
    from nakadachi.kit.entropy import Entropy


class Stage(StrEnum):
    """How far a login has come: a password was set by a one-time link, a password was right, or all was right."""

    SETUP = "setup"
    PASSWORD = "password"  # noqa: S105  the name of a step
    IN = "in"


ON_THE_WAY = timedelta(minutes=10)
"""How long a login may take between its steps."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts without a request, and how long at the most."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=10)


@dataclass(frozen=True, slots=True)
class Session:
    """セッション: whose it is and in what role, how far the login has come, and the challenge given out last."""

    tag: bytes = field(repr=False)
    name: str
    role: str
    stage: Stage
    made_at: datetime
    seen_at: datetime
    challenge: bytes | None = field(default=None, repr=False)

    @property
    def short(self) -> str:
        """What the operation log calls it: acts of one session can be told from another's."""
        return self.tag[:4].hex()


def tag_of(cookie: str) -> bytes:
    """What the database knows a cookie by."""
    return hashlib.sha256(cookie.encode()).digest()


def holds(session: Session, limits: Limits, now: datetime) -> bool:
    """Whether a session still counts: neither idle too long, nor on for too long, nor a login left half way."""
    longest = limits.longest if session.stage is Stage.IN else ON_THE_WAY
    return now - session.seen_at < limits.idle and now - session.made_at < longest


@dataclass(frozen=True, slots=True)
class Sessions:
    """All sessions of a system's pages."""

    clock: Clock
    entropy: Entropy
    limits: Limits

    def fresh(self) -> str:
        """A cookie that nobody had."""
        return urlsafe_b64encode(self.entropy.bytes(32)).decode().rstrip("=")

    async def begin(self, connection: Connection, name: str, stage: Stage, former: str) -> str:
        """A new session and its cookie; whatever the `former` cookie named is gone, and so is what has expired."""
        now, cookie = self.clock.now(), self.fresh()
        await session_store.forget(connection, tag_of(former))
        await session_store.tidy(connection, seen=now - self.limits.idle, made=now - self.limits.longest)
        await session_store.keep(connection, tag_of(cookie), name, stage.value, now)
        return cookie

    async def find(self, connection: Connection, cookie: str, *, touch: bool = True) -> Session | None:
        """The session that a cookie names, while it holds and its user may enter; `touch` tells that it is in use."""
        session = await session_store.find(connection, tag_of(cookie)) if cookie else None
        now = self.clock.now()
        if session is None or not holds(session, self.limits, now):
            return None
        if touch:
            await session_store.seen(connection, session.tag, now)
        return session

    async def challenge(self, connection: Connection, session: Session) -> bytes:
        """A fresh challenge for a security key; the one given out before counts no longer."""
        made = self.entropy.bytes(32)
        await session_store.set_challenge(connection, session.tag, made)
        return made

    async def spend_challenge(self, connection: Connection, session: Session) -> bytes | None:
        """The challenge given out last, which serves once; None where there is none."""
        return await session_store.spend_challenge(connection, session.tag)
