"""暗証番号とパスワード: their shapes, and how many tries are left. Pure; it never keeps nor shows one (facts 5.2)."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from enum import Enum

import msgspec


@dataclass(frozen=True, slots=True)
class Rule:
    """The shape of one secret and after how many wrong tries in a row it locks; its names are for people."""

    shape: re.Pattern[bytes] = field(repr=False)
    tries: int
    japanese: str
    english: str

    def fits(self, secret: bytes) -> bool:
        """Whether this could be such a secret."""
        return self.shape.fullmatch(secret) is not None


_FOUR_DIGITS = re.compile(rb"[0-9]{4}")
_PASSWORD = re.compile(rb"(?=.*[A-Z])(?=.*[0-9])[A-Z0-9]{6,16}")


class Secret(Enum):
    """The three secrets of a card."""

    AUTHENTICATION = "authentication"
    SIGNATURE = "signature"
    SUPPORT = "support"

    @property
    def rule(self) -> Rule:
        """Its shape and its tries."""
        return _RULES[self]


_RULES = {
    Secret.AUTHENTICATION: Rule(_FOUR_DIGITS, 3, "利用者証明用暗証番号（数字4桁）", "login PIN (4 digits)"),
    Secret.SIGNATURE: Rule(
        _PASSWORD,
        5,
        "署名用パスワード（英大文字と数字6〜16文字）",
        "signature password (6 to 16 upper-case letters and digits)",
    ),
    Secret.SUPPORT: Rule(_FOUR_DIGITS, 3, "券面事項入力補助用暗証番号（数字4桁）", "card entry PIN (4 digits)"),
}


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a card keeps of one secret: a MAC of it under the card's own key (empty: never set), and the tries left."""

    mac: bytes = b""
    left: int = 0

    def __repr__(self) -> str:
        """The counter alone."""
        return f"Kept(left={self.left})"

    @property
    def is_set(self) -> bool:
        """Whether there is one at all."""
        return bool(self.mac)


def new(secret: Secret, text: bytes, key: bytes) -> Kept:
    """Keep a new secret, all tries before it. Raises ValueError where its shape does not fit."""
    if not secret.rule.fits(text):
        raise ValueError("a secret of another shape")
    return Kept(_mac(secret, text, key), secret.rule.tries)


def spend(kept: Kept) -> Kept:
    """One try less; to be on disk before the comparison. Raises ValueError where none is left."""
    if kept.left <= 0:
        raise ValueError("no try is left")
    return Kept(kept.mac, kept.left - 1)


def is_right(kept: Kept, secret: Secret, text: bytes, key: bytes) -> bool:
    """Whether this is the secret, in constant time."""
    return kept.is_set and hmac.compare_digest(kept.mac, _mac(secret, text, key))


def restored(kept: Kept, secret: Secret) -> Kept:
    """All tries again, after a right one."""
    return Kept(kept.mac, secret.rule.tries)


def _mac(secret: Secret, text: bytes, key: bytes) -> bytes:
    return hmac.digest(key, secret.value.encode() + b"\0" + text, "sha256")
