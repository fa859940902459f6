"""操作ログ: who saw or did what, kept before it is shown or with what was done; each row seals the one before it.

A row says which page and about what, never what the page showed. Who takes a row out, changes one or puts one between
breaks the digests from there on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from nakadachi.kit.web import operation_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.database import Connection

LONGEST_ABOUT = 300
FIRST = bytes(32)
"""What stands for the digest before the first row."""


class Action(StrEnum):
    """操作の種類. Closed."""

    VIEW = "view"
    EXPORT = "export"
    ACT = "act"
    DENIED = "denied"
    SIGN_IN = "sign-in"
    SIGN_IN_FAILED = "sign-in-failed"
    LOCKED = "locked"
    SIGN_OUT = "sign-out"

    @property
    def japanese(self) -> str:
        """What people read, in Japanese."""
        return _TEXTS[self][0]

    @property
    def english(self) -> str:
        """What people read, in English."""
        return _TEXTS[self][1]


_TEXTS = {
    Action.VIEW: ("閲覧", "Viewed"),
    Action.EXPORT: ("ファイル出力", "Exported"),
    Action.ACT: ("操作", "Did"),
    Action.DENIED: ("権限がなく拒否", "Denied"),
    Action.SIGN_IN: ("ログイン", "Signed in"),
    Action.SIGN_IN_FAILED: ("ログイン失敗", "Failed to sign in"),
    Action.LOCKED: ("連続失敗により停止", "Locked after failures"),
    Action.SIGN_OUT: ("ログアウト", "Signed out"),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One row to be: who (name and role at that time), in which session, did what, on which page, about what."""

    at: datetime
    name: str
    role: str
    session: str
    action: Action
    page: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """One row as it is kept: its number from 1, and the digest over it and the row before."""

    number: int
    operation: Operation
    digest: bytes = field(repr=False)


def seal(before: bytes, number: int, one: Operation) -> bytes:
    """SHA-256 over the digest before, the number and all fields (MessagePack, in this order)."""
    fields = (
        before, number, one.at.isoformat(), one.name, one.role, one.session, one.action.value, one.page, one.about,
    )  # fmt: skip
    return hashlib.sha256(msgspec.msgpack.encode(fields)).digest()


async def keep(connection: Connection, one: Operation) -> int:
    """Keep a row, the next in order; its number. Belongs into the transaction of what it tells of."""
    one = replace(one, about=one.about[:LONGEST_ABOUT])
    number, before = await operation_store.tip(connection)
    digest = seal(before, number + 1, one)
    await operation_store.add(connection, Kept(number + 1, one, digest))
    return number + 1


def broken(rows: Sequence[Kept], before: bytes = FIRST, number: int = 0) -> int | None:
    """The number of the first row that is not the one that was kept, of rows in order after `number`; None: all are."""
    for row in rows:
        if row.number != number + 1 or row.digest != seal(before, row.number, row.operation):
            return number + 1
        before, number = row.digest, row.number
    return None


async def check(connection: Connection, *, batch: int = 10_000) -> tuple[int, int | None]:
    """The whole log from its first row: how many there are, and the first that is missing or changed (None: none)."""
    number, digest = await operation_store.tip(connection)
    before, seen = FIRST, 0
    while rows := await operation_store.after(connection, seen, most=batch):
        wrong = broken(rows, before, seen)
        if wrong is not None:
            return number, wrong
        before, seen = rows[-1].digest, rows[-1].number
    return number, None if (seen, before) == (number, digest) else seen + 1
