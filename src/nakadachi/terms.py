"""The words of the field as types: one word, one meaning, one shape.

Everything here is a value that may appear on the wire. What must never leave a system (ID codes, addressee
numbers, Individual Numbers, the four basic items) has no type in this module (design section 1).
Source: glossary; shapes from design "Fixed values".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import ClassVar, Self

JAPAN = timezone(timedelta(hours=9), "JST")

LINK_CODE_LENGTH = 32
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CROCKFORD_CHECK = CROCKFORD + "*~$=U"
_PAIRS = tuple(one + other for one in CROCKFORD for other in CROCKFORD)
"""Two characters at a time: a code is written millions of times."""
_TO_PYTHON = "".join(
    "0123456789abcdefghijklmnopqrstuv"[CROCKFORD.index(one)] if one in CROCKFORD else "!"
    for one in map(chr, range(128))
)
"""Each ASCII character as a digit of Python's base 32; "!" is none."""
_TO_CROCKFORD = bytes.maketrans(bytes(range(32)), CROCKFORD.encode())
_TOGETHER = 64
"""Numbers written in one go."""


def _steps() -> Iterator[tuple[int, int, int]]:
    """How 32 digits of 5 bits at the end of 32 bytes come to stand in a byte each: the upper half of a run of digits
    moves up to the middle of its room, then the quarters, and so on. (lower halves, upper halves, bits to move).
    """
    for half in (16, 8, 4, 2, 1):
        lower = sum((1 << 5 * half) - 1 << 16 * half * run for run in range(_TOGETHER * 16 // half))
        yield lower, lower << 5 * half, 3 * half


_SPREADING = tuple(_steps())


def japan_day(moment: datetime) -> date:
    """The day in Japan at a moment: law is judged by Japan's calendar."""
    return moment.astimezone(JAPAN).date()


def crockford(number: int, *, length: int) -> str:
    """Write a non-negative integer in Crockford base32, its last `length` characters, most significant first."""
    pairs = "".join([_PAIRS[number >> 10 * place & 1023] for place in range((length - 1) // 2, -1, -1)])
    return pairs[1:] if length % 2 else pairs


def crockford_all(numbers: Sequence[bytes], *, length: int) -> list[str]:
    """Write many big-endian numbers of at most 20 bytes in Crockford base32: the last `length` (1 to 32) characters of
    each. It takes a fifth of the time that one after the other takes.
    """
    texts: list[str] = []
    for start in range(0, len(numbers), _TOGETHER):
        some = numbers[start : start + _TOGETHER]
        # All stand in one long number, each in 32 bytes; five steps move the digits of all of them apart.
        spread = int.from_bytes(b"".join([one.rjust(32, b"\0") for one in some]), "big")
        for lower, upper, shift in _SPREADING:
            spread = spread & lower | (spread & upper) << shift
        written = spread.to_bytes(32 * len(some), "big").translate(_TO_CROCKFORD).decode()
        texts += [written[end - length : end] for end in range(32, len(written) + 1, 32)]
    return texts


def crockford_value(text: str) -> int:
    """Read Crockford base32 as this project writes it (upper case, no look-alikes). Raises ValueError."""
    if not text.isascii():
        raise ValueError("not Crockford base32")
    # Python's own digits of base 32 stand in the same order; its error would show the text.
    try:
        return int(text.translate(_TO_PYTHON), 32) if text else 0
    except ValueError:
        raise ValueError("not Crockford base32") from None


class Code:
    """A checked text with a shape of its own. Raises ValueError where the text does not have it.

    `SECRET` ones name a person: they never show in a repr, a log or an error.
    """

    __slots__ = ("value",)
    SHAPE: ClassVar[re.Pattern[str]]
    SECRET: ClassVar[bool] = False

    value: str

    def __init__(self, value: str) -> None:
        if not isinstance(value, str) or not self.SHAPE.fullmatch(value):
            shown = "a value" if self.SECRET else repr(value)[:80]
            msg = f"{shown} is not a {type(self).__name__} ({self.SHAPE.pattern})"
            raise ValueError(msg)
        self.value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.value == self.value

    def __lt__(self, other: Self) -> bool:
        return self.value < other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return "…" if self.SECRET else self.value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'…' if self.SECRET else repr(self.value)})"


class OrganisationCode(Code):
    """組織コード: 16 digits, one organisation (facts 2.2)."""

    __slots__ = ()
    SHAPE = re.compile(r"[0-9]{16}")


class AffairCode(Code):
    """事務コード: `JM` and 14 digits (facts 2.2)."""

    __slots__ = ()
    SHAPE = re.compile(r"JM[0-9]{14}")


class ProcedureCode(Code):
    """事務手続コード: `JT` and 14 digits (facts 2.2)."""

    __slots__ = ()
    SHAPE = re.compile(r"JT[0-9]{14}")


class InfoNameCode(Code):
    """特定個人情報名コード: `TM` and 14 digits (facts 2.2)."""

    __slots__ = ()
    SHAPE = re.compile(r"TM[0-9]{14}")


class ItemCode(Code):
    """特定個人情報の項目コード: `TM` + 14 digits of its information name, `-`, 4 digits."""

    __slots__ = ()
    SHAPE = re.compile(r"TM[0-9]{14}-[0-9]{4}")

    @property
    def information(self) -> InfoNameCode:
        """The information name this item belongs to."""
        return InfoNameCode(self.value[:16])


class Serial(Code):
    """処理通番: `<organisation code>-<26 Crockford characters of a UUIDv7>`, one exchange (design, fixed values)."""

    __slots__ = ()
    SHAPE = re.compile(rf"[0-9]{{16}}-[0-7][{CROCKFORD}]{{25}}")

    @property
    def issuer(self) -> OrganisationCode:
        """The organisation whose interface system issued it."""
        return OrganisationCode(self.value[:16])


class TelegramId(Code):
    """電文番号: 26 Crockford characters of a UUIDv7, unique for its author."""

    __slots__ = ()
    SHAPE = re.compile(rf"[0-7][{CROCKFORD}]{{25}}")


class LinkCode(Code):
    """リンクコード: names one person to one organisation and to no other; opaque to all but the core.

    31 Crockford characters of scheme, key index and 16 bytes, then a check symbol (design section 3).
    """

    __slots__ = ("_number",)
    SHAPE = re.compile(rf"[{CROCKFORD}]{{31}}[{re.escape(CROCKFORD_CHECK)}]")
    SECRET = True

    def __init__(self, value: str) -> None:
        # Codes come by the thousand: they are read at once, and held against the shape only where that fails.
        number = _number_of(value) if isinstance(value, str) and len(value) == LINK_CODE_LENGTH else None
        if number is None:
            super().__init__(value)
        if number is None or CROCKFORD_CHECK[number % 37] != value[-1]:
            msg = "a value is not a LinkCode (its check symbol does not fit: a character was mistyped)"
            raise ValueError(msg)
        self.value, self._number = value, number

    @classmethod
    def of_bytes(cls, raw: bytes) -> LinkCode:
        """The text of 19 bytes: scheme (1), key index (2), block (16)."""
        return cls.of_all((raw,))[0]

    @classmethod
    def of_all(cls, raws: Sequence[bytes]) -> list[LinkCode]:
        """The texts of many, each 19 bytes."""
        codes = []
        for raw, text in zip(raws, crockford_all(raws, length=31), strict=True):
            made = cls.__new__(cls)  # it fits, so it is not looked at again
            number = int.from_bytes(raw, "big")
            made.value, made._number = text + CROCKFORD_CHECK[number % 37], number  # noqa: SLF001  one of ours
            codes.append(made)
        return codes

    def to_bytes(self) -> bytes:
        """Back to the 19 bytes. Raises ValueError where the text holds more than 19 bytes."""
        if self._number >= 1 << 152:
            msg = "a value is not a LinkCode (too large)"
            raise ValueError(msg)
        return self._number.to_bytes(19, "big")


def _number_of(code: str) -> int | None:
    try:
        return crockford_value(code[:-1])
    except ValueError:
        return None


class MatchingNumber(Code):
    """突合番号 (取得番号): ties one issuance together, purged when it ends (Act art. 21-2, L1)."""

    __slots__ = ()
    SHAPE = re.compile(rf"[{CROCKFORD}]{{26}}")
    SECRET = True


class Role(StrEnum):
    """What a system is to the network (design, fixed values)."""

    CORE = "core"
    INTERFACE = "interface"
    INTERMEDIATE = "intermediate"
    PORTAL = "portal"
    COMMISSION = "commission"
    REGISTRY = "registry"


class NodeName(Code):
    """ノード名: `<role>:<organisation code>`, one system of one organisation."""

    __slots__ = ()
    SHAPE = re.compile(rf"({'|'.join(Role)}):[0-9]{{16}}")

    @classmethod
    def of(cls, role: Role, organisation: OrganisationCode) -> NodeName:
        """The name of an organisation's system in a role."""
        return cls(f"{role.value}:{organisation.value}")

    @property
    def role(self) -> Role:
        """What it is."""
        return Role(self.value.partition(":")[0])

    @property
    def organisation(self) -> OrganisationCode:
        """Whose it is."""
        return OrganisationCode(self.value.partition(":")[2])


@dataclass(frozen=True, slots=True)
class Prefix:
    """プレフィックス情報: who asks whom for what, for which affair (source 003, table 23).

    `items` empty means all items that the legal row allows; a permit always names them.
    """

    inquirer: OrganisationCode
    affair: AffairCode
    procedure: ProcedureCode
    provider: OrganisationCode
    information: InfoNameCode
    items: tuple[ItemCode, ...] = ()
