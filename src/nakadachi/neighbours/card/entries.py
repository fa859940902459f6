"""券面事項: the four items and the Individual Number as the entry-support application writes them (BER-TLV). Pure.

Private tags: FF20 encloses DF21 (a header), DF22 name, DF23 address, DF24 date of birth, DF25 sex; D0 is the number.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date

from nakadachi.neighbours.card.texts import CardError, Trouble

TEXT_LIMIT = 1000
_OUTER, _NAME, _ADDRESS, _BORN, _SEX = b"\xff\x20", b"\xdf\x22", b"\xdf\x23", b"\xdf\x24", b"\xdf\x25"
_HEADER = b"\xdf\x21\x08" + bytes(8)
_UNREADABLE = "its entries are of another form"


def can_be_shown(text: str) -> bool:
    """Whether a text holds nothing but what is seen: no control, no mark that turns its direction."""
    return not any(unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for one in text)


@dataclass(frozen=True, slots=True)
class Entries:
    """基本4情報 on a card: `sex` one digit as the register has it. Raises ValueError, which tells nothing of them."""

    name: str = field(repr=False)
    address: str = field(repr=False)
    born: date = field(repr=False)
    sex: str = field(repr=False)

    def __post_init__(self) -> None:
        for text in (self.name, self.address):
            if not 0 < len(text) <= TEXT_LIMIT or not can_be_shown(text):
                raise ValueError(f"a name or an address has 1 to {TEXT_LIMIT} printable characters")
        if len(self.sex) != 1 or self.sex not in "0123456789":
            raise ValueError("the sex is one digit")


def write_entries(entries: Entries) -> bytes:
    """As they lie in the file."""
    born = f"{entries.born.year:04}{entries.born.month:02}{entries.born.day:02}"
    fields = ((_NAME, entries.name), (_ADDRESS, entries.address), (_BORN, born), (_SEX, entries.sex))
    return _tlv(_OUTER, _HEADER + b"".join(_tlv(tag, text.encode()) for tag, text in fields))


def read_entries(raw: bytes) -> Entries:
    """The four items of the file's bytes. Raises CardError."""
    tag, content, _ = _next(raw)
    if tag != _OUTER:
        raise CardError(Trouble.UNREADABLE, _UNREADABLE)
    found: dict[bytes, bytes] = {}
    while content:
        tag, value, content = _next(content)
        found[tag] = value
    try:
        name, address, born, sex = (found[tag].decode() for tag in (_NAME, _ADDRESS, _BORN, _SEX))
        if len(born) != 8 or not (born.isascii() and born.isdigit()):
            raise ValueError
        return Entries(name, address, date(int(born[:4]), int(born[4:6]), int(born[6:])), sex)
    except (KeyError, ValueError):
        raise CardError(Trouble.UNREADABLE, _UNREADABLE) from None


def read_number(raw: bytes) -> str:
    """個人番号 of the file's bytes: 12 digits. Raises CardError."""
    if len(raw) < 14 or raw[:2] != b"\xd0\x0c" or not raw[2:14].isdigit():
        raise CardError(Trouble.UNREADABLE, _UNREADABLE)
    return raw[2:14].decode()


def _tlv(tag: bytes, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return tag + bytes((size,)) + value
    length = size.to_bytes(2, "big") if size > 0xFF else bytes((size,))
    return tag + bytes((0x80 | len(length),)) + length + value


def _next(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """The first field (tag of two bytes, value), and what follows it. Raises CardError."""
    if len(raw) >= 3:
        first, begin = raw[2], 3
        if first < 0x80:
            size = first
        else:
            begin = 3 + (first & 0x7F)
            size = int.from_bytes(raw[3:begin], "big")
        if first <= 0x82 and len(raw) >= begin + size:
            return raw[:2], raw[begin : begin + size], raw[begin + size :]
    raise CardError(Trouble.UNREADABLE, _UNREADABLE)
