"""表記の統一: one notation for names, addresses, dates and sexes, so that a person written in two ways is one (R2, L5).

Pure. What is treated as equal, and what never is, stands in docs/neighbours/registry.md; whoever changes it here raises
`FORM`, so that the register computes its keys anew. Every function is total on what it says it takes, and idempotent.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import lru_cache
from importlib.resources import files

FORM = 1
"""Which notation the keys in a database were made by; 0: that of 0.1.0."""

_WITHOUT = re.compile("[\\s\u00ad\u180b-\u180e\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]+")
_HYPHENS = "\u2010-\u2015\u2043\u2212\u2500\u2501\u30a0\ufe58\ufe63\uff0d\uff70ー-"
_SMALL = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
_LONG = re.compile(f"(?<=[ァ-ヺー])[{_HYPHENS}]")
_MARKS = re.compile("[・.,,、。']")


def _forms() -> dict[int, str]:
    text = files("nakadachi.neighbours").joinpath("data", "kanji_forms.txt").read_text(encoding="utf-8")
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {ord(written): counts for written, counts, _ in pairs}


FORMS = _forms()
"""字形: a kanji's form → the form that it counts as; never a chain."""
_HIRAGANA = {code: chr(code + 0x60) for code in range(0x3041, 0x3097)}


def _plain(text: str) -> str:
    """NFKC, no spaces, no variation selectors, one form of each kanji."""
    # Twice: a voicing mark that stood apart joins its kana only once the space is gone.
    once = _WITHOUT.sub("", unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFKC", once).translate(FORMS)


def _settled(text: str) -> str:
    """`_plain` until nothing changes; what NFKC of a rare sequence makes may be plain only the second time."""
    while (again := _plain(text)) != text:
        text = again
    return text


def name_key(text: str) -> str:
    """氏名: one notation of a name. Hiragana is katakana, small kana are large, 々 is the kanji before it.

    A hyphen after kana is the long-vowel mark; a long vowel itself is never anything else (オオノ, オノ, オーノ are
    three names). Latin letters are capitals; the marks between the parts of a name do not count.
    """
    while (again := _name(text)) != text:
        text = again
    return text


def _name(text: str) -> str:
    text = _MARKS.sub("", _settled(text).upper()).translate(_HIRAGANA).translate(_SMALL)
    text = _LONG.sub("ー", text)
    return re.sub("([一-鿿])々", r"\1\1", text)


_DIGIT = {"〇": 0, "零": 0, "一": 1, "壱": 1, "二": 2, "弐": 2, "三": 3, "参": 3, "四": 4, "五": 5, "六": 6, "七": 7,
          "八": 8, "九": 9}  # fmt: skip
_TENS = {"十": 10, "拾": 10, "百": 100, "千": 1000}
_KANJI = "".join((*_DIGIT, *_TENS))
_UNIT = "丁目|丁|番地|番|号|条|線|地割|階"
_NUMERAL = re.compile(
    f"(?<![0-9])[{_KANJI}]+(?=(?:{_UNIT})|[0-9]|[の之ノ{_HYPHENS}][0-9{_KANJI}])"
    f"|(?<=[0-9{_KANJI}][の之ノ{_HYPHENS}])[{_KANJI}]+"
)
_BETWEEN = re.compile(f"(?<=[0-9{_KANJI}])(?:[{_HYPHENS}]|の|之|ノ)(?=[0-9{_KANJI}])")
_STEP = re.compile("(?<=[0-9])(?:丁目|番地[の之ノ]?|番(?![町地])[の之ノ]?|号室?)-?(?=[0-9])")
_HOUSE = re.compile("(?<=[0-9])(?:番地|番(?![町地])|号)(?![0-9]|[の之ノ]?[ァ-ヺ](?![ァ-ヺー])).*$")
_AFTER = re.compile("(?<=[0-9])(?:丁目|番地|番(?![町地])|号室?)|(?<=[0-9])-+(?![0-9])|(?<![0-9])-+(?=[0-9])")
_LOT = re.compile("^(.*?[0-9]+(?:-[0-9]+)+)(?![0-9]|-|[ァ-ヺ](?![ァ-ヺー])).*$")
_KE = re.compile("(?<=[一-鿿])[ケヶが](?=[一-鿿])")


def address_key(text: str) -> str:
    """住所: one notation of an address, from the prefecture to the lot or house number.

    丁目, 番地, 番, 号, の and every hyphen between numbers are one; kanji numerals before them are digits; 大字 and
    字 do not count; ケ, ヶ and が between kanji are one. What stands after the house number (a building, its room) does
    not count: registers write it or not as they please.
    """
    while (again := _address(text)) != text:
        text = again
    return text


def _address(text: str) -> str:
    text = _LONG_IN_WORD.sub("ー", _settled(text).upper())
    text = re.sub("大字(.+?)字", r"\1", text)
    text = re.sub("大字|(?<=[市区町村])字(?=[^0-9])", "", text)
    text = _KE.sub("ケ", text)
    text = _NUMERAL.sub(lambda found: _arabic(found[0]), text)
    text = re.sub("0+(?=[0-9])", lambda found: "" if _starts(found) else found[0], text)
    text = _BETWEEN.sub("-", text)
    text = _STEP.sub("-", text)
    text = _HOUSE.sub("", text)
    text = _AFTER.sub("", text)
    return _LOT.sub(r"\1", text)


_LONG_IN_WORD = re.compile(f"(?<=[ァ-ヺー])[{_HYPHENS}](?=[ァ-ヺ一-鿿])")


def _starts(found: re.Match[str]) -> bool:
    """Whether zeros begin a number."""
    return not (found.start() and found.string[found.start() - 1].isdigit())


def _arabic(numeral: str) -> str:
    """A kanji numeral as digits: by place (二〇三) where it has no tens, else by value (二百三)."""
    if not any(each in _TENS for each in numeral):
        return "".join(str(_DIGIT[each]) for each in numeral)
    total, digit = 0, 0
    for each in numeral:
        if each in _DIGIT:
            digit = digit * 10 + _DIGIT[each]
        else:
            total, digit = total + (digit or 1) * _TENS[each], 0
    return str(total + digit)


_ERAS = {"明治": (1868, 1912), "大正": (1912, 1926), "昭和": (1926, 1989), "平成": (1989, 2019), "令和": (2019, 9999)}
_LETTERS = {"M": "明治", "T": "大正", "S": "昭和", "H": "平成", "R": "令和"}
_GREGORIAN_FROM = 1873
"""明治6年: before it the months were those of the moon, and their dates are not those of today."""
_DATE = re.compile(
    "(?:(明治|大正|昭和|平成|令和|[MTSHR])(元|[0-9]{1,2})|(?:西暦)?([0-9]{4}))[年./-]?"
    "(?:(?:([0-9]{1,2})[月./-]?(?:([0-9]{1,2})日?|不詳|日不詳)?)|不詳|月日不詳)?"
)
_DATE_KANJI = re.compile(f"[{_KANJI}]+(?=[年月日])")


def date_key(text: str) -> str:
    """生年月日 as `YYYY-MM-DD`; `00` where the register knows no day or no month, which equals nothing but itself.

    Takes ISO, eight digits, and eras by kanji or letter (昭和64年1月7日, S64.1.7, 令和元年五月一日). Raises
    ValueError for what is no date, lies outside its era, or before 明治6年.
    """
    plain = _DATE_KANJI.sub(lambda found: _arabic(found[0]), _settled(text).upper())
    found = _DATE.fullmatch(plain)
    if not found:
        raise ValueError("not a date of birth")
    era, of_era, common, month, day = found.groups()
    year = int(common) if common else _ERAS[_LETTERS.get(era, era)][0] + (1 if of_era == "元" else int(of_era)) - 1
    months, days = int(month or 0), int(day or 0)
    if era and not _ERAS[_LETTERS.get(era, era)][0] <= year <= _ERAS[_LETTERS.get(era, era)][1]:
        raise ValueError("a year outside its era")
    if year < _GREGORIAN_FROM or (days and not months):
        raise ValueError("not a date of birth")
    # What is unknown stands as the first: it exists wherever the known part does.
    date(year, months or 1, days or 1)
    return f"{year:04}-{months:02}-{days:02}"


_SEXES = {"男": 1, "男性": 1, "M": 1, "女": 2, "女性": 2, "F": 2, "不明": 0, "不詳": 0}


@lru_cache(64)
def sex_key(text: str) -> int:
    """性別: 1 male, 2 female, 0 not known, 9 not applicable (ISO/IEC 5218); another digit is the register's own.

    Raises ValueError.
    """
    plain = _settled(text).upper()
    if len(plain) == 1 and plain in "0123456789":
        return int(plain)
    if plain not in _SEXES:
        raise ValueError("not a code of a sex")
    return _SEXES[plain]
