"""個人番号の生成: gives Individual Numbers that nobody had before and that tell nothing of the person (R1; Act art. 8).

A number is the image of a running index under a secret permutation (FF1 of NIST SP 800-38G over the eleven digits),
with its check digit. The index goes up by one for each number given and never down, so no number can come twice. It is
no function of the resident record code, so that not even the key leads from a number to a code: only the register's own
list of who was given what does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.neighbours.numbers import IndividualNumber, individual_check_digit
from nakadachi.neighbours.permutation import DecimalPermutation

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGITS = 11
NUMBERS = 10**DIGITS
"""So many numbers there are; at one a second they last three thousand years."""
KEY_BYTES = 32
MANY = 100_000
"""From so many on the rounds of the permutation are looked up: they take seconds to make, and then a tenth each."""


class NumbersUsedUpError(ValueError):
    """Every number has been given once; no more may be."""


class IndividualNumbers:
    """個人番号生成: running index ↔ number, under a key of 32 bytes. Raises ValueError for a key of another length."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of the numbers has {KEY_BYTES} bytes")
        self._permutation = DecimalPermutation(key, DIGITS)

    def __repr__(self) -> str:
        return "IndividualNumbers(…)"

    def number(self, index: int) -> IndividualNumber:
        """The number of a running index from 0. Raises NumbersUsedUpError."""
        if not 0 <= index < NUMBERS:
            raise NumbersUsedUpError(f"there are {NUMBERS} Individual Numbers, and all were given")
        return _complete(self._permutation.quick(index))

    def hasten(self) -> None:
        """Make the rounds of the permutation, for many numbers to come."""
        self._permutation.table  # noqa: B018  made at its first use

    def numbers(self, indices: Iterable[int]) -> list[IndividualNumber]:
        """The numbers of many indices, in order. Raises NumbersUsedUpError."""
        wanted = list(indices)
        if len(wanted) >= MANY:
            self.hasten()
        return [self.number(index) for index in wanted]

    def index(self, number: IndividualNumber) -> int:
        """The running index of a number; whoever has the key learns when it was given, and nothing else."""
        return self._permutation.decrypt(int(number.value[:-1]))


def _complete(body: int) -> IndividualNumber:
    text = f"{body:0{DIGITS}}"
    return IndividualNumber(text + individual_check_digit(text))
