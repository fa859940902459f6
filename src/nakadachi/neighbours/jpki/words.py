"""窓口・検証者との電文: what the service is asked over HTTPS and how it answers, as JSON; total at the door.

Serial numbers are lower-case hexadecimal; certificates, lists and requests are DER in base64.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from nakadachi.neighbours.jpki.counter import Application
from nakadachi.neighbours.jpki.items import Birth, FourItems, Text
from nakadachi.neighbours.jpki.jpki_store import Kept, hexed
from nakadachi.neighbours.jpki.linking import Linkage
from nakadachi.neighbours.jpki.profile import Kind, Municipality
from nakadachi.neighbours.jpki.reading import read_request
from nakadachi.neighbours.jpki.rules import Change, Holder, ResidentChange
from nakadachi.neighbours.jpki.states import Revocation
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json

BODY_LIMIT = 1024 * 1024
CHANGES_LIMIT = 1000
SERIAL_LIMIT = 40
"""Hexadecimal digits of 20 bytes (RFC 5280)."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A JSON object with exactly these members."""


class ItemsWords(Words, frozen=True):
    """基本4情報 but the date of birth."""

    name: str
    address: str
    sex: str


class IssueWords(Words, frozen=True):
    """発行・更新申請. `certification`: a PKCS#10 request, by which the card shows that it holds the private key.

    `born`: `EYYYYMMDD` of the profile, or YYYY-MM-DD.
    """

    request: str
    kind: Kind
    holder: str
    place: str
    prefecture: str
    city: str
    certification: bytes
    born: str
    items: ItemsWords | None = None
    ward: bool = False
    renew: bool = False


class SerialWords(Words, frozen=True):
    """One certificate; `reason` where it is to be revoked."""

    kind: Kind
    serial: str
    reason: Revocation = Revocation.UNSPECIFIED


class HolderWords(Words, frozen=True):
    """One holder."""

    holder: str


class ChangeWords(Words, frozen=True):
    """異動の通知: one event."""

    event: str
    holder: str
    change: Change
    at: datetime


class ChangesWords(Words, frozen=True):
    """異動の通知."""

    changes: tuple[ChangeWords, ...]


class CertificateWords(Words, frozen=True):
    """電子証明書とその状態. `state`: good, held, revoked or expired."""

    kind: Kind
    serial: str
    state: str
    since: datetime
    issued_at: datetime
    until: datetime
    certificate: bytes
    reason: Revocation | None = None
    follows: str | None = None


class CertificatesWords(Words, frozen=True):
    """All certificates of a holder, the newest first."""

    certificates: tuple[CertificateWords, ...]


class LinkageWords(Words, frozen=True):
    """証明書の対応関係."""

    former: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    other: str | None = None


class DoneWords(Words, frozen=True):
    """How many certificates or lists something was done to."""

    count: int


class ListWords(Words, frozen=True):
    """One revocation list, as the counter sees it."""

    kind: Kind
    place: str
    name: str
    number: int
    issued_at: datetime
    next_update: datetime


class StatusWords(Words, frozen=True):
    """発行状況: how many certificates of each kind are in each state, the generations of keys, the lists."""

    certificates: dict[str, dict[str, int]]
    generations: dict[str, int]
    lists: tuple[ListWords, ...]


class ProblemWords(msgspec.Struct, frozen=True):
    """A refusal (RFC 9457), in both languages."""

    type: str
    title: str = ""
    title_ja: str = ""
    detail: str = ""


def read_application(raw: bytes) -> Application:
    """An application for a certificate. Raises Refusal(BAD_FORMAT, BAD_SIGNATURE, TOO_LARGE)."""
    words = decode_json(raw, IssueWords)
    key = read_request(words.certification)
    try:
        born = read_born(words.born)
        items = words.items
        return Application(
            words.request,
            words.kind,
            Holder(words.holder),
            Municipality.of(words.place, words.prefecture, words.city),
            key,
            born,
            FourItems(Text.of(items.name), Text.of(items.address), items.sex, born) if items else None,
            ward=words.ward,
            renew=words.renew,
        )
    except ValueError as wrong:
        raise Refusal(Reason.BAD_FORMAT, str(wrong)) from None


def read_born(text: str) -> Birth:
    """A date of birth, `EYYYYMMDD` or YYYY-MM-DD. Raises ValueError, which tells nothing of it."""
    if len(text) == 10 and text[4] == text[7] == "-" and text.isascii():
        parts = text.split("-")
        if len(parts) == 3 and all(part.isdigit() for part in parts):
            return Birth.of(_date(parts))
    return Birth.parse(text)


def read_serial(text: str) -> int:
    """A serial number. Raises Refusal(BAD_FORMAT)."""
    digits = text.strip("0123456789abcdef") == ""
    if not digits or not 0 < len(text) <= SERIAL_LIMIT or text.startswith("0"):
        raise Refusal(Reason.BAD_FORMAT, f"a serial number is 1 to {SERIAL_LIMIT} lower-case hexadecimal digits")
    return int(text, 16)


def read_holder(raw: bytes) -> Holder:
    """Whose certificates are asked for. Raises Refusal(BAD_FORMAT)."""
    try:
        return Holder(decode_json(raw, HolderWords).holder)
    except ValueError as wrong:
        raise Refusal(Reason.BAD_FORMAT, str(wrong)) from None


def read_changes(raw: bytes) -> list[ResidentChange]:
    """What the register tells. Raises Refusal(BAD_FORMAT, TOO_LARGE)."""
    words = decode_json(raw, ChangesWords)
    if len(words.changes) > CHANGES_LIMIT:
        raise Refusal(Reason.TOO_LARGE, f"more than {CHANGES_LIMIT} events at a time")
    try:
        return [ResidentChange(one.event, Holder(one.holder), one.change, one.at) for one in words.changes]
    except ValueError as wrong:
        raise Refusal(Reason.BAD_FORMAT, str(wrong)) from None


def certificate_words(kept: Kept) -> CertificateWords:
    """A certificate as it is told."""
    follows = None if kept.follows is None else hexed(kept.follows)
    return CertificateWords(
        kept.kind, hexed(kept.serial), kept.state, kept.since, kept.issued_at, kept.until, kept.der, kept.reason,
        follows,
    )  # fmt: skip


def linkage_words(linkage: Linkage) -> LinkageWords:
    """A linkage as it is told."""
    other = None if linkage.other is None else hexed(linkage.other)
    return LinkageWords(tuple(map(hexed, linkage.former)), tuple(map(hexed, linkage.later)), other)


def encode(words: Any) -> bytes:
    """Words as JSON."""
    return msgspec.json.encode(words)


def _date(parts: list[str]) -> date:
    try:
        return date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        raise ValueError("a date of birth is no day of the calendar") from None
