"""Numbers with check digits (個人番号, 法人番号, 住民票コード, 地方公共団体コード); knows shapes, never whose they are.

Source: facts 3. A check digit finds a slip of the finger; it never finds another person's valid number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nakadachi.terms import Code

INDIVIDUAL_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
CORPORATE_WEIGHTS = (2, 1) * 6
RESIDENT_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
LOCAL_WEIGHTS = (6, 5, 4, 3, 2)


def _weighted(body: str, weights: tuple[int, ...]) -> int:
    if len(body) != len(weights) or not (body.isascii() and body.isdigit()):
        msg = f"a body is {len(weights)} digits"
        raise ValueError(msg)
    return sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))


def individual_check_digit(body: str) -> str:
    """個人番号の検査用数字 of 11 digits: 0 where the rest is 0 or 1, else 11 less the rest. Raises ValueError."""
    rest = _weighted(body, INDIVIDUAL_WEIGHTS) % 11
    return "0" if rest <= 1 else str(11 - rest)


def corporate_check_digit(body: str) -> str:
    """法人番号の検査用数字 of 12 digits, 1 to 9; it stands before them. Raises ValueError."""
    return str(9 - _weighted(body, CORPORATE_WEIGHTS) % 9)


def local_government_check_digit(body: str) -> str:
    """地方公共団体コードの検査数字 of 5 digits: the last digit of 11 less the rest. Raises ValueError."""
    return str((11 - _weighted(body, LOCAL_WEIGHTS) % 11) % 10)


def _require(code: Code, *, fits: bool) -> None:
    if not fits:
        shown = "a value" if code.SECRET else repr(code.value)
        msg = f"{shown} is not a {type(code).__name__} (its check digit does not fit)"
        raise ValueError(msg)


class IndividualNumber(Code):
    """個人番号: 12 digits, the check digit last."""

    __slots__ = ()
    SHAPE = re.compile(r"[0-9]{12}")
    SECRET = True

    def __init__(self, value: str) -> None:
        super().__init__(value)
        _require(self, fits=individual_check_digit(value[:-1]) == value[-1])


class CorporateNumber(Code):
    """法人番号: 13 digits, the check digit first. Public by law (Act art. 39)."""

    __slots__ = ()
    SHAPE = re.compile(r"[1-9][0-9]{12}")

    def __init__(self, value: str) -> None:
        super().__init__(value)
        _require(self, fits=corporate_check_digit(value[1:]) == value[0])


class LocalGovernmentCode(Code):
    """地方公共団体コード: 6 digits, the check digit last."""

    __slots__ = ()
    SHAPE = re.compile(r"[0-9]{6}")

    def __init__(self, value: str) -> None:
        super().__init__(value)
        _require(self, fits=local_government_check_digit(value[:-1]) == value[-1])


class ResidentRecordCode(Code):
    """住民票コード: 11 digits. Its shape only; whether the check digit fits is a `ResidentCodeFormula`'s to say."""

    __slots__ = ()
    SHAPE = re.compile(r"[0-9]{11}")
    SECRET = True


@dataclass(frozen=True, slots=True)
class ResidentCodeFormula:
    """住民票コードの検査数字の式: configurable, as the real one rests on one public sample (facts 3 and 10).

    `weights`: ten, for the digits from the left; the check digit is 0 where the rest is 0 (by 11: or 1), else
    `modulus` less the rest. Raises ValueError where a formula cannot be.
    """

    weights: tuple[int, ...] = RESIDENT_WEIGHTS
    modulus: int = 11

    def __post_init__(self) -> None:
        if len(self.weights) != len(RESIDENT_WEIGHTS) or self.modulus not in (10, 11):
            msg = "a resident record code formula has 10 weights and the modulus 10 or 11"
            raise ValueError(msg)

    def check_digit(self, body: str) -> str:
        """The check digit of 10 digits. Raises ValueError."""
        rest = _weighted(body, self.weights) % self.modulus
        return "0" if rest <= self.modulus - 10 else str(self.modulus - rest)

    def complete(self, body: str) -> ResidentRecordCode:
        """The code of 10 digits. Raises ValueError."""
        return ResidentRecordCode(body + self.check_digit(body))

    def parse(self, text: str) -> ResidentRecordCode:
        """A code whose check digit fits this formula. Raises ValueError."""
        code = ResidentRecordCode(text)
        if self.check_digit(text[:-1]) != text[-1]:
            msg = "a value is not a ResidentRecordCode (its check digit does not fit)"
            raise ValueError(msg)
        return code
