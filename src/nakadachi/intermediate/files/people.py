"""The people file (宛名ファイル): who an organisation knows; the Individual Number goes to issuance and nowhere else.

Source: facts 2.5 and 7.1 (four items on every row, one number for one person), M7.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.intermediate.files.layout import ADDRESSEE, DAY, Column, Firsts, Record, Shape, day, parsed, records
from nakadachi.intermediate.subjects import (
    LONGEST_ADDRESS,
    LONGEST_NAME,
    AddresseeNumber,
    FourItems,
    IndividualNumber,
    Sex,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nakadachi.intermediate.files.reading import Line, Reject

COLUMNS = (
    Column("addressee_number", "宛名番号"),
    Column("name", "氏名"),
    Column("kana", "氏名カナ"),
    Column("address", "住所"),
    Column("sex", "性別"),
    Column("born", "生年月日"),
    Column("individual_number", "個人番号", required=False),
)

# ISO/IEC 5218. Some existing systems write 3 for what is neither 1 nor 2: it is read as 9.
SEXES = {
    "": Sex.NOT_KNOWN,
    "0": Sex.NOT_KNOWN,
    "1": Sex.MALE,
    "2": Sex.FEMALE,
    "3": Sex.NOT_APPLICABLE,
    "9": Sex.NOT_APPLICABLE,
}

KANA = re.compile(r"[\u30a1-\u30fa\u30fc\u30fb ]*")
HIRAGANA_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_SPACES = re.compile(r"[ \u3000]+")

_NAME = Shape(f"1～{LONGEST_NAME}文字", f"1 to {LONGEST_NAME} characters")
_ADDRESS = Shape(f"1～{LONGEST_ADDRESS}文字", f"1 to {LONGEST_ADDRESS} characters")
_KANA = Shape(f"{LONGEST_NAME}文字以内のカタカナ又は空欄", f"at most {LONGEST_NAME} characters of katakana, or blank")
_SEX = Shape("1（男）、2（女）、9又は3（その他）、0（不明）", "1 (male), 2 (female), 9 or 3 (other), 0 (unknown)")
_NUMBER = Shape("検査用数字の合う12桁の数字又は空欄", "12 digits with a fitting check digit, or blank")


@dataclass(frozen=True, slots=True)
class PersonLine:
    """宛名行: one person as the organisation has them. `individual_number` is a value on its way to issuance."""

    line: int
    addressee: AddresseeNumber
    items: FourItems
    individual_number: IndividualNumber | None


def people(lines: Iterable[Line | Reject]) -> Iterator[PersonLine | Reject]:
    """宛名ファイルの読取り: one `PersonLine` or one `Reject` for every line that is not blank, in order.

    An addressee number that comes twice, and an Individual Number given to two addressee numbers, are rejected.
    """
    addressees, numbers = Firsts(), Firsts()

    def parse(record: Record) -> PersonLine:
        person = _person(record)
        addressees.check(record, person.addressee)
        if person.individual_number:
            numbers.check(record, person.individual_number)
        return person

    return parsed(records(lines, COLUMNS), parse)


def plain_kana(text: str) -> str:
    """A kana name in one form: full-width katakana, one space between parts. Half-width and hiragana are turned.

    Raises ValueError on any other character.
    """
    kana = _SPACES.sub(" ", unicodedata.normalize("NFKC", text).translate(HIRAGANA_TO_KATAKANA)).strip()
    if len(kana) > LONGEST_NAME or not KANA.fullmatch(kana):
        raise ValueError("not a kana name")
    return kana


def _person(record: Record) -> PersonLine:
    items = FourItems(
        name=record.take("name", _at_most(LONGEST_NAME), _NAME),
        kana=record.take("kana", plain_kana, _KANA),
        address=record.take("address", _at_most(LONGEST_ADDRESS), _ADDRESS),
        sex=record.take("sex", _sex, _SEX),
        born=record.take("born", day, DAY),
    )
    addressee = record.take("addressee_number", AddresseeNumber, ADDRESSEE)
    return PersonLine(record.line, addressee, items, record.take("individual_number", _number_or_none, _NUMBER))


def _at_most(longest: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        spaced = _SPACES.sub(" ", text)
        if not 0 < len(spaced) <= longest:
            raise ValueError("missing or too long")
        return spaced

    return parse


def _sex(text: str) -> Sex:
    if text not in SEXES:
        raise ValueError("not a sex code")
    return SEXES[text]


def _number_or_none(text: str) -> IndividualNumber | None:
    return IndividualNumber(text) if text else None
