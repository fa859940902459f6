"""基本4情報 as a signature certificate writes them: texts with their substitute characters, the date of birth by era.

Source: facts 5.1. What the real profile writes in the flags and for the sex is not confirmed (facts 10.5).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self

TEXT_LIMIT = 1000
"""Characters of a name or an address at the most; addresses with the name of a building run long."""
SUBSTITUTE = "〓"
"""代替文字 where no closer one is known (the printer's geta)."""
SUBSTITUTES: Mapping[str, str] = {
    "髙": "高",
    "𠮷": "吉",
    "𠮟": "叱",
    "德": "徳",
    "栁": "柳",
    "桒": "桑",
    "𣘺": "橋",
    "𫝶": "雄",
    "𡈽": "土",
    "﨟": "蠟",
}
"""A few well-known ones; a register brings its own table."""
ERAS = (
    ("1", date(1868, 1, 25)),
    ("2", date(1912, 7, 30)),
    ("3", date(1926, 12, 25)),
    ("4", date(1989, 1, 8)),
    ("5", date(2019, 5, 1)),
)
"""元号: the digit and the first day of Meiji, Taisho, Showa, Heisei and Reiwa. The profile shows 4 and 5."""
_BIRTH = re.compile(r"([1-5])([0-9]{4})([0-9]{2})([0-9]{2})")
_SEX = re.compile(r"[0-9]")


@dataclass(frozen=True, slots=True)
class Text:
    """A name or an address in characters every system can show, and where one stands in for another (代替文字).

    `flags`: one digit per character, 1 where it is a substitute; empty: none is. Raises ValueError, which tells nothing
    of the text.
    """

    value: str = field(repr=False)
    flags: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.value) <= TEXT_LIMIT:
            raise ValueError(f"a name or an address has 1 to {TEXT_LIMIT} characters")
        if any(unicodedata.category(one) in {"Cc", "Cs"} for one in self.value):
            raise ValueError("a name or an address holds a control character")
        if self.flags and (len(self.flags) != len(self.value) or self.flags.strip("01")):
            raise ValueError("the flags of substitute characters are 0 or 1, one for each character")

    @classmethod
    def of(cls, text: str, substitutes: Mapping[str, str] = SUBSTITUTES) -> Self:
        """代替文字への置換: `text` with what JIS X 0213 does not have replaced and flagged. Raises ValueError."""
        pairs = [(one, False) if _in_the_standard(one) else (_stand_in(one, substitutes), True) for one in text]
        flags = "".join("1" if replaced else "0" for _, replaced in pairs)
        return cls("".join(one for one, _ in pairs), flags if "1" in flags else "")


def _stand_in(one: str, substitutes: Mapping[str, str]) -> str:
    found = substitutes.get(one, SUBSTITUTE)
    return found if len(found) == 1 else SUBSTITUTE


def _in_the_standard(one: str) -> bool:
    try:
        one.encode("euc_jisx0213")
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Birth:
    """生年月日 as `EYYYYMMDD`: the era's digit and the Gregorian date; parts that the register does not know are 0.

    Raises ValueError, which tells nothing of the date.
    """

    era: str = field(repr=False)
    year: int = field(repr=False)
    month: int = field(repr=False)
    day: int = field(repr=False)

    def __post_init__(self) -> None:
        known = (self.year > 0, self.month > 0, self.day > 0)
        if known not in {(True, True, True), (True, True, False), (True, False, False), (False, False, False)}:
            raise ValueError("a date of birth knows a day only in a month, and a month only in a year")
        if not (self.era in {digit for digit, _ in ERAS} and 0 <= self.year <= 9999 and 0 <= self.month <= 12):
            raise ValueError("a date of birth has an era from 1 to 5, a year and a month")
        if self.day and not _is_a_day(self.year, self.month, self.day):
            raise ValueError("a date of birth is no day of the calendar")

    @classmethod
    def of(cls, born: date) -> Self:
        """A date that is known. Raises ValueError before the first era."""
        digits = [digit for digit, first in ERAS if first <= born]
        if not digits:
            raise ValueError("a date of birth lies before the first era that the profile writes")
        return cls(digits[-1], born.year, born.month, born.day)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The nine digits of a certificate; the era is taken as it stands. Raises ValueError."""
        found = _BIRTH.fullmatch(text)
        if found is None:
            raise ValueError("a date of birth is an era from 1 to 5 and eight digits")
        return cls(found[1], int(found[2]), int(found[3]), int(found[4]))

    @property
    def text(self) -> str:
        """The nine digits."""
        return f"{self.era}{self.year:04}{self.month:02}{self.day:02}"

    @property
    def date(self) -> date | None:
        """The date, where every part of it is known."""
        return date(self.year, self.month, self.day) if self.day else None


UNKNOWN_BIRTH = Birth("4", 0, 0, 0)
"""生年月日不詳: `400000000`."""


def _is_a_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class FourItems:
    """基本4情報: name, address, sex (one digit, as the register writes it) and date of birth. Raises ValueError."""

    name: Text
    address: Text
    sex: str = field(repr=False)
    born: Birth

    def __post_init__(self) -> None:
        if not _SEX.fullmatch(self.sex):
            raise ValueError("a sex is one digit")
