"""Replica rows and protection flags (副本, 自己情報提供可否, 不開示該当区分) as files; it must never know a link code.

One row is one item of one person: a value, or the reason why there is none, never both and never neither.
Source: M4, L10, facts 2.4 and 2.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.intermediate.files.layout import (
    ADDRESSEE,
    DAY,
    FLAG,
    INFORMATION,
    MOMENT,
    Column,
    Firsts,
    Record,
    Shape,
    day,
    day_or_none,
    flag,
    moment,
    parsed,
    records,
)
from nakadachi.intermediate.files.reading import CONTROL
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.terms import InfoNameCode, ItemCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date, datetime

    from nakadachi.intermediate.files.reading import Line, Reject

LONGEST_VALUE = 4000
RECORD_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
VERSION = re.compile(r"[0-9]{1,4}")
REASON_OF_NULL = re.compile(r"[A-Za-z]{1,40}")

COLUMNS = (
    Column("record_id", "レコード識別番号"),
    Column("addressee_number", "統合宛名番号"),
    Column("information", "特定個人情報名コード"),
    Column("item", "特定個人情報の項目コード"),
    Column("version", "版"),
    Column("publish_from", "公開開始日"),
    Column("publish_until", "公開終了日"),
    Column("value", "値"),
    Column("reason_of_null", "空値理由"),
    Column("delete", "削除区分"),
    Column("updated_at", "更新日時"),
)

PROTECTION_COLUMNS = (
    Column("addressee_number", "統合宛名番号"),
    Column("information", "特定個人情報名コード"),
    Column("self_information_allowed", "自己情報提供可否"),
    Column("withheld", "不開示該当区分"),
    Column("until", "期限日"),
)

_RECORD_ID = Shape("1～40文字の英数字", "1 to 40 letters and digits")
_ITEM = Shape("特定個人情報名コード-4桁又は4桁の数字", "the information name code, '-' and 4 digits, or 4 digits")
_VERSION = Shape("1～4桁の数字", "1 to 4 digits")
_VALUE = Shape(f"改行等を含まない{LONGEST_VALUE}文字以内", f"at most {LONGEST_VALUE} characters without line breaks")
_REASON = Shape(
    "英字の空値理由（例 NotAcceptable）又は空欄", "a reason of null in letters (such as NotAcceptable), or blank"
)
_EVERY = Shape("TMと14桁の数字、又は全てを表す*", "TM and 14 digits, or * for all")


@dataclass(frozen=True, slots=True)
class ProvisionLine:
    """副本行: one item of one person, from a day until a day (None: open), with its value or its reason of null.

    `value` None and `reason_of_null` set, or the other way round; both None where `delete` takes the item away.
    """

    line: int
    record_id: str
    addressee: AddresseeNumber
    information: InfoNameCode
    item: ItemCode
    version: int
    publish_from: date
    publish_until: date | None
    value: str | None = field(repr=False)
    reason_of_null: str | None
    delete: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProtectionLine:
    """保護区分行: what may not be shown of a person. `information` None means all; `until` None means no end."""

    line: int
    addressee: AddresseeNumber
    information: InfoNameCode | None
    self_information_allowed: bool
    withheld: bool
    until: date | None


def provisions(lines: Iterable[Line | Reject]) -> Iterator[ProvisionLine | Reject]:
    """副本ファイルの読取り: one `ProvisionLine` or one `Reject` for every line that is not blank, in order."""
    return checked(records(lines, COLUMNS))


def checked(rows: Iterable[Record | Reject]) -> Iterator[ProvisionLine | Reject]:
    """Records with `COLUMNS` → replica lines. One item of one person from one day may come once in a file."""
    firsts = Firsts()

    def parse(record: Record) -> ProvisionLine:
        row = _provision(record)
        firsts.check(record, row.addressee, row.item, row.publish_from)
        return row

    return parsed(rows, parse)


def protections(lines: Iterable[Line | Reject]) -> Iterator[ProtectionLine | Reject]:
    """保護区分ファイルの読取り: one `ProtectionLine` or one `Reject` for every line that is not blank, in order."""
    firsts = Firsts()

    def parse(record: Record) -> ProtectionLine:
        row = ProtectionLine(
            line=record.line,
            addressee=record.take("addressee_number", AddresseeNumber, ADDRESSEE),
            information=record.take("information", _information_or_all, _EVERY),
            self_information_allowed=record.take("self_information_allowed", flag, FLAG),
            withheld=record.take("withheld", flag, FLAG),
            until=record.take("until", day_or_none, DAY),
        )
        firsts.check(record, row.addressee, row.information)
        return row

    return parsed(records(lines, PROTECTION_COLUMNS), parse)


def _provision(record: Record) -> ProvisionLine:
    information = record.take("information", InfoNameCode, INFORMATION)
    delete = record.take("delete", flag, FLAG)
    value, reason = _content(record, delete=delete)
    start, until = record.take("publish_from", day, DAY), record.take("publish_until", day_or_none, DAY)
    if until and start > until:
        mend = "公開開始日を公開終了日以前にしてください / Let publish_from be no later than publish_until"
        raise record.fault(
            "publish_until", "公開終了日が公開開始日より前です", "publication ends before it starts", mend
        )
    return ProvisionLine(
        line=record.line,
        record_id=record.take("record_id", _matching(RECORD_ID), _RECORD_ID),
        addressee=record.take("addressee_number", AddresseeNumber, ADDRESSEE),
        information=information,
        item=_item(record, information),
        version=int(record.take("version", _matching(VERSION), _VERSION)),
        publish_from=start,
        publish_until=until,
        value=value,
        reason_of_null=reason,
        delete=delete,
        updated_at=record.take("updated_at", moment, MOMENT),
    )


def _content(record: Record, *, delete: bool) -> tuple[str | None, str | None]:
    """The value or the reason why there is none: exactly one, and neither on a row that deletes."""
    value = record.take("value", _value, _VALUE)
    reason = record.take("reason_of_null", _reason_or_none, _REASON)
    if delete and (value is not None or reason is not None):
        mend = "値と空値理由を空欄にしてください / Leave value and reason_of_null blank"
        raise record.fault("value", "削除の行に値があります", "a row that deletes has a value", mend)
    if not delete and (value is None) == (reason is None):
        mend = "値か空値理由のどちらか一方を書いてください / Write either value or reason_of_null"
        both = value is not None
        ja = "値と空値理由の両方があります" if both else "値も空値理由もありません"
        en = "there is a value and a reason of null" if both else "there is neither a value nor a reason of null"
        raise record.fault("value", ja, en, mend)
    return value, reason


def _item(record: Record, information: InfoNameCode) -> ItemCode:
    item = record.take("item", lambda text: ItemCode(text if "-" in text else f"{information.value}-{text}"), _ITEM)
    if item.information != information:
        mend = "項目コードか特定個人情報名コードを直してください / Mend the item or the information name"
        raise record.fault("item", "項目が特定個人情報名と合いません", "the item is not of this information name", mend)
    return item


def _value(text: str) -> str | None:
    if len(text) > LONGEST_VALUE or CONTROL.search(text):
        raise ValueError("too long or with a control character")
    return text or None


def _reason_or_none(text: str) -> str | None:
    return _matching(REASON_OF_NULL)(text) if text else None


def _information_or_all(text: str) -> InfoNameCode | None:
    return None if text == "*" else InfoNameCode(text)


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError("not of this shape")
        return text

    return parse
