"""Passwords and locks: what is weighed when somebody enters. It decides; `entrance` shows, `user_store` keeps.

Argon2id with 19 MiB, two passes, one lane (OWASP's least; 27 ms on one core), in a thread, few at a time: guessing must
not stop the system that it is guessed at.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nakadachi.kit.web.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from nakadachi.kit.web.user_store import User

T = TypeVar("T")
NAME = re.compile(r"[a-z][a-z0-9.-]{1,31}")
NAME_RULE = Text(
    "英小文字で始まる2〜32文字の英小文字・数字・ピリオド・ハイフンです",
    "2 to 32 characters: lower-case letters, digits, dots, hyphens, beginning with a letter",
)
LEAST, MOST = 12, 128
PASSWORD_RULE = Text(
    f"{LEAST}文字以上にしてください。文字の種類は問いません",
    f"At least {LEAST} characters, of any kind",
)
TRIES = 5
"""How often in a row one may fail before a name is locked."""
FIRST_LOCK, LONGEST_LOCK = timedelta(minutes=15), timedelta(hours=24)
SETUP_HOLDS = timedelta(hours=24)
AT_A_TIME, WAITING = 2, 16


class TooMany(Exception):  # noqa: N818  a state of the world
    """More people enter at once than passwords can be checked for."""


def plain(password: str) -> str:
    """A password as it is hashed: the same however a keyboard composed it (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def password_fault(password: str, again: str, name: str) -> Text | None:
    """What is wrong with a new password; None where nothing is."""
    chosen = plain(password)
    if not LEAST <= len(chosen) <= MOST:
        return PASSWORD_RULE
    if len(set(chosen)) < 5 or name in chosen.lower():
        return Text("推測されやすいパスワードです", "This password is easily guessed")
    if chosen != plain(again):
        return Text("2つのパスワードが一致しません", "The two passwords differ")
    return None


def setup_tag(token: str) -> bytes:
    """What the database knows a one-time link by."""
    return hashlib.sha256(b"setup " + token.encode()).digest()


def is_locked(user: User, now: datetime) -> bool:
    """Whether nobody may try this name now."""
    return user.locked_until is not None and user.locked_until > now


def after_failure(failures: int, now: datetime) -> tuple[int, datetime | None]:
    """How many failures there are now, and until when the name is locked: from the fifth on twice as long each time."""
    failures += 1
    if failures < TRIES:
        return failures, None
    return failures, now + min(LONGEST_LOCK, FIRST_LOCK * 2 ** min(failures - TRIES, 10))


class Passwords:
    """Hashes and checks passwords, few at a time."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._turns = asyncio.Semaphore(AT_A_TIME)
        self._waiting = 0
        self._nobody = ""

    async def make(self, password: str) -> str:
        """The hash of a new password, with its salt and its costs. Raises TooMany."""
        return await self._in_turn(lambda: self._hasher.hash(plain(password)))

    async def fits(self, user: User | None, password: str) -> bool:
        """Whether it is the user's; it takes as long for a name that nobody has. Raises TooMany."""
        hashed = user.password if user is not None and user.removed_at is None else None
        return await self._in_turn(lambda: self._fits(hashed, plain(password[: MOST + 1])))

    def _fits(self, hashed: str | None, password: str) -> bool:
        if not self._nobody:
            self._nobody = self._hasher.hash("nobody has this password")
        try:
            self._hasher.verify(hashed or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise TooMany
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
