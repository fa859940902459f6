"""The people an organisation knows, as its intermediate server names them; it must never know an ID code.

These types exist nowhere else: an addressee number has no type outside `intermediate`, and Individual Numbers and
the four basic items are only of the organisation's own people, on their way to issuance (design section 1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum

from nakadachi.terms import Code

INDIVIDUAL_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
LONGEST_NAME = 100
LONGEST_ADDRESS = 200


class AddresseeNumber(Code):
    """宛名番号 (団体内統合宛名番号): the organisation's own number for a person.

    `value`: 1 to 15 digits, not all zero; kept zero-padded to 15, so that padded and unpadded files mean the same
    person (facts 2.3). Raises ValueError on anything else.
    """

    __slots__ = ()
    SHAPE = re.compile(r"(?!0+\Z)[0-9]{1,15}")
    SECRET = True

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value.zfill(15)


class IndividualNumber(Code):
    """個人番号: 12 digits, the last one a check digit (facts 3). Kept only until issuance has used it.

    Raises ValueError where the shape or the check digit does not fit.
    """

    __slots__ = ()
    SHAPE = re.compile(r"[0-9]{12}")
    SECRET = True

    def __init__(self, value: str) -> None:
        super().__init__(value)
        rest = sum(int(digit) * weight for digit, weight in zip(value, INDIVIDUAL_WEIGHTS, strict=False)) % 11
        if int(value[-1]) != (0 if rest <= 1 else 11 - rest):
            msg = "a value is not an IndividualNumber (its check digit does not fit: a digit was mistyped)"
            raise ValueError(msg)


class Sex(IntEnum):
    """性別: the four values of ISO/IEC 5218. Files may write 3 for 9, as some existing systems do."""

    NOT_KNOWN = 0
    MALE = 1
    FEMALE = 2
    NOT_APPLICABLE = 9


@dataclass(frozen=True, slots=True)
class FourItems:
    """基本4情報: name (with its kana), address, sex and date of birth of one person. Shows nothing in a repr.

    `name` 1 to 100 characters, `kana` full-width katakana or empty where the organisation holds none,
    `address` 1 to 200 characters. Raises ValueError where a text is missing or too long.
    """

    name: str = field(repr=False)
    kana: str = field(repr=False)
    address: str = field(repr=False)
    sex: Sex = field(repr=False)
    born: date = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= LONGEST_NAME or len(self.kana) > LONGEST_NAME:
            msg = f"a name is missing or longer than {LONGEST_NAME} characters"
            raise ValueError(msg)
        if not 0 < len(self.address) <= LONGEST_ADDRESS:
            msg = f"an address is missing or longer than {LONGEST_ADDRESS} characters"
            raise ValueError(msg)
