"""The subject check: do both ends mean the same person? Never knows an Individual Number, an address or a code.

Suite 1 (design 2.7): one keyed MAC per attribute. The key travels inside the sealed check, so that nobody between the
ends learns anything. Its honest limit: on a mismatch the provider could search the small space of an attribute and
learn the inquirer's value. `suite` leaves room for a later one without that limit.
"""

from __future__ import annotations

import hmac
import unicodedata
from dataclasses import dataclass, field
from datetime import date

import msgspec

from nakadachi.refusal import Reason, Refusal

SUITE = 1
KEY_BYTES = 32
MAC_BYTES = 32
MAX_CHECK = 1024
LEAST_COMPARED = 2
ATTRIBUTES = ("born", "sex", "kana")
_TO_KATAKANA = {code: code + 0x60 for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
_MIDDLE_DOTS = "\u30fb\u00b7\u2027"


@dataclass(frozen=True, slots=True)
class Subject:
    """対象者の属性: what one end's own row says of the person; None where it does not say.

    `born` the date of birth, `sex` the code of the register as text, `kana` the name in kana, in any width or script.
    """

    born: date | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)
    kana: str | None = field(default=None, repr=False)


class _Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sealed: the suite, the key of this one exchange, and per attribute its MAC or null for absent."""

    suite: int
    key: bytes
    born: bytes | None
    sex: bytes | None
    kana: bytes | None


_decoder = msgspec.json.Decoder(_Check)


def normalise(kana: str) -> str:
    """One spelling of a name in kana: NFKC, hiragana to katakana, no spaces or middle dots; small kana stay small."""
    wide = unicodedata.normalize("NFKC", kana).translate(_TO_KATAKANA)
    bare = "".join(character for character in wide if not character.isspace() and character not in _MIDDLE_DOTS)
    # A voicing mark that stood apart joins its kana only now.
    return unicodedata.normalize("NFKC", bare)


def subject_check(key: bytes, subject: Subject) -> bytes:
    """対象者照合情報: what the inquirer seals for the provider, as JSON.

    `key` is 32 random bytes, used for this exchange alone. Raises ValueError for another length.
    """
    if len(key) != KEY_BYTES:
        msg = f"a subject check's key has {KEY_BYTES} bytes, not {len(key)}"
        raise ValueError(msg)
    return msgspec.json.encode(_Check(SUITE, key, **_macs(key, subject)))


def compare(check: bytes, own: Subject) -> tuple[str, ...]:
    """対象者照合: the attributes (of `born`, `sex`, `kana`) in which the inquirer's person differs from our own row.

    An attribute absent on either side is not compared. Empty means: the same person as far as both can say. Total.
    Raises Refusal(BAD_FORMAT); Refusal(VERSION_TOO_OLD) for a suite not known here; Refusal(SUBJECT_MISMATCH) where
    fewer than two attributes stand on both sides: then nothing is shown either way, and no answer may go out (L6).
    """
    if len(check) > MAX_CHECK:
        raise Refusal(Reason.BAD_FORMAT, f"a subject check of {len(check)} bytes, at most {MAX_CHECK}")
    try:
        theirs = _decoder.decode(check)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Refusal(Reason.BAD_FORMAT, "a subject check has not the form of suite 1") from None
    if theirs.suite != SUITE:
        raise Refusal(Reason.VERSION_TOO_OLD, f"subject check of suite {theirs.suite}, known here is {SUITE}")
    given = {name: getattr(theirs, name) for name in ATTRIBUTES}
    if len(theirs.key) != KEY_BYTES or any(mac is not None and len(mac) != MAC_BYTES for mac in given.values()):
        raise Refusal(Reason.BAD_FORMAT, "a subject check holds a key or a MAC of another length than 32")
    ours = _macs(theirs.key, own)
    pairs = [(name, mac, our) for name, mac in given.items() if mac is not None and (our := ours[name]) is not None]
    if len(pairs) < LEAST_COMPARED:
        raise Refusal(
            Reason.SUBJECT_MISMATCH,
            f"{len(pairs)} attributes stand on both sides, at least {LEAST_COMPARED} are needed",
        )
    return tuple(name for name, mac, our in pairs if not hmac.compare_digest(mac, our))


def _macs(key: bytes, subject: Subject) -> dict[str, bytes | None]:
    texts = {
        "born": subject.born.isoformat() if subject.born else "",
        "sex": unicodedata.normalize("NFKC", subject.sex or "").strip(),
        "kana": normalise(subject.kana or ""),
    }
    return {name: _mac(key, name, text) if text else None for name, text in texts.items()}


def _mac(key: bytes, name: str, text: str) -> bytes:
    return hmac.digest(key, f"nakadachi/subject/v1\0{name}\0{text}".encode(), "sha256")
