"""電子証明書の状態: good, held or revoked, since when and why, as revocation lists and responders say it (RFC 5280)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509


class Revocation(StrEnum):
    """失効の理由 (RFC 5280, 5.3.1). Which one the real service gives in which case is not confirmed."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    ITEMS_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CEASED = "cessationOfOperation"
    HELD = "certificateHold"

    @property
    def japanese(self) -> str:
        """What a clerk reads."""
        return _TEXTS[self][0]

    @property
    def english(self) -> str:
        """What a clerk reads."""
        return _TEXTS[self][1]

    @property
    def flag(self) -> x509.ReasonFlags:
        """The same as the library writes it."""
        return x509.ReasonFlags(self.value)

    @classmethod
    def of(cls, flag: x509.ReasonFlags | None) -> Revocation:
        """What another's list says; reasons that we do not give are unspecified here."""
        known = {one.value for one in cls}
        return cls(flag.value) if flag is not None and flag.value in known else cls.UNSPECIFIED


_TEXTS = {
    Revocation.UNSPECIFIED: ("理由の記載なし", "no reason given"),
    Revocation.KEY_COMPROMISE: ("秘密鍵の漏えい等", "the private key may be known to others"),
    Revocation.ITEMS_CHANGED: ("基本4情報の変更", "name, address, sex or date of birth changed"),
    Revocation.SUPERSEDED: ("新しい証明書の発行", "a new certificate took its place"),
    Revocation.CEASED: ("利用の終了(カードの返納・死亡等)", "its use has ended (card returned, death)"),
    Revocation.HELD: ("一時停止", "suspended for the time being"),
}


class State(StrEnum):
    """状態."""

    GOOD = "good"
    HELD = "held"
    REVOKED = "revoked"
    UNKNOWN = "unknown"

    @property
    def japanese(self) -> str:
        """What a clerk reads."""
        return {"good": "有効", "held": "一時停止中", "revoked": "失効", "unknown": "発行されていない"}[self.value]


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one certificate, since when, and why where it is not good."""

    state: State
    since: datetime | None = None
    reason: Revocation | None = None


GOOD = Status(State.GOOD)
UNKNOWN = Status(State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a revocation list: a serial number, since when, and why."""

    serial: int
    since: datetime
    reason: Revocation
