"""What an intermediate server answers to the desk, as checked values; an error about them never quotes one."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from nakadachi.intermediate.files.reading import Reject
from nakadachi.intermediate.files.results import ItemResult, Result, Status
from nakadachi.terms import ItemCode, Serial

T = TypeVar("T")


class DeskError(Exception):
    """What was asked of the server cannot be done; the text says what, where and what to do."""


class Loaded(msgspec.Struct, frozen=True):
    """取込結果: how many lines were loaded and how many not; `rejects` holds the first thousand."""

    loaded: int
    rejected: int
    rejects: tuple[Reject, ...]


class Linked(msgspec.Struct, frozen=True):
    """付番結果: of one line of a people file: `linked`, `pending`, or a reason's identifier."""

    line: int
    outcome: str
    hit: str = ""


class LinkOrder(msgspec.Struct, frozen=True):
    """付番・再確認の注文: how an order stands: people in all, of them done, refused, unanswered; and lines rejected.

    `waits`: for whom it waits that cannot be reached now: `registry`, `interface` or nobody.
    """

    name: str
    checking: bool
    people: int
    rejected: int
    done: int
    refused: int
    unanswered: int
    ended: bool
    waits: str = ""


class _Links(msgspec.Struct, frozen=True):
    lines: tuple[Linked, ...]


class LinkStands(msgspec.Struct, frozen=True):
    """符号の状態: of one person: `linked`, `suspended`, `unlinked`, `none`, or a reason's identifier; days in Japan."""

    addressee: str
    state: str
    linked: str = ""
    suspended: str = ""
    resumed: str = ""
    unlinked: str = ""


class Subscribed(msgspec.Struct, frozen=True):
    """変更通知の登録結果: whose changes are wanted, how many were added to the list, `done` or `pending`."""

    scope: str
    listed: int
    outcome: str


class Change(msgspec.Struct, frozen=True):
    """変更: for whom something changed, times with their offset; without an addressee events up to here are lost."""

    number: int
    addressee: str | None
    changed_at: str = ""
    received_at: str = ""


class Changes(msgspec.Struct, frozen=True):
    """変更通知: what came after a number, in order."""

    changes: tuple[Change, ...]


class Waiting(msgspec.Struct, frozen=True):
    """保留中の照会: an inquiry that waits for the staff's decision. Times are UTC."""

    serial: str
    inquirer: str
    inquirer_name: str
    affair: str
    information: str
    asked_at: datetime
    answer_by: datetime


class Finding(msgspec.Struct, frozen=True):
    """確認事項: something about an exchange, or about the link of an `addressee`, that staff should look at."""

    serial: str
    kind: str
    at: datetime
    addressee: str = ""
    reason_ja: str = ""
    reason_en: str = ""
    mend: str = ""


class _Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: str | None = None
    reason_of_null: str | None = None


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    line: int
    status: Status
    reason: str
    reason_ja: str
    reason_en: str
    serial: str | None
    items: dict[str, _Item]


_RESULT = msgspec.json.Decoder(_Words)
_STRANGE = "the server's answer is not what this version understands; are both of the same version?"


def read_answer(raw: bytes, form: type[T]) -> T:
    """A JSON answer as `form`. Raises DeskError."""
    try:
        return msgspec.json.decode(raw, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DeskError(_STRANGE) from None


def read_links(raw: bytes) -> tuple[Linked, ...]:
    """The answer to a people file to be linked. Raises DeskError."""
    return read_answer(raw, _Links).lines


def read_result(raw: bytes) -> Result:
    """One line of results (JSON) to a Result. Raises DeskError."""
    try:
        words = _RESULT.decode(raw)
        return Result(
            line=words.line,
            status=words.status,
            reason=words.reason,
            reason_ja=words.reason_ja,
            reason_en=words.reason_en,
            serial=Serial(words.serial) if words.serial is not None else None,
            items=tuple(
                ItemResult(ItemCode(code), item.value, item.reason_of_null) for code, item in words.items.items()
            ),
        )
    except (msgspec.MsgspecError, ValueError, RecursionError):  # bytes that are no UTF-8 are a ValueError too
        raise DeskError(_STRANGE) from None
