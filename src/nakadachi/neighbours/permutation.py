"""形式を保つ暗号: a secret permutation of the numbers of so many decimal digits (FF1 of NIST SP 800-38G, no tweak).

A bijection by its construction: each of its ten rounds adds to one half a function of the other. Knows no person.
"""

from __future__ import annotations

import sys
from array import array
from functools import cached_property
from math import ceil, log2

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ROUNDS = 10
BLOCK = 16
WORD = 8
"""So many bytes of a block are taken in a round: 4 ⌈b/4⌉ + 4, with the b of at most four bytes of up to 18 digits."""
AT_ONCE = 100_000


class DecimalPermutation:
    """FF1 over radix 10 for numbers of `digits` digits (2 to 18), under an AES key of 16, 24 or 32 bytes.

    The standard asks for at least six digits (a million values); fewer are for tests that walk all of them. Numbers
    stand for their digits with leading zeros. Raises ValueError.
    """

    def __init__(self, key: bytes, digits: int) -> None:
        if not 2 <= digits <= 18:  # one AES block holds what a round feeds in
            raise ValueError("a permutation is of 2 to 18 digits")
        self.digits = digits
        left = digits // 2
        right = digits - left
        self._sizes: tuple[int, int] = (10**left, 10**right)
        self._bytes = ceil(ceil(right * log2(10)) / 8)
        # ECB as the one-block function that the standard calls CIPH; every block is one call of it.
        self._encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
        first = bytes((1, 2, 1, 0, 0, 10, ROUNDS, left % 256)) + digits.to_bytes(4, "big") + bytes(4)
        self._chain = int.from_bytes(self._encryptor.update(first), "big")

    def __repr__(self) -> str:
        return f"DecimalPermutation({self.digits} digits)"

    def encrypt(self, number: int) -> int:
        """The number that stands for `number`. Raises ValueError where it has more digits."""
        left, right = self._halves(number)
        for step in range(ROUNDS):
            left, right = right, (left + self._round(step, right)) % self._sizes[step % 2]
        return left * self._sizes[1] + right

    def decrypt(self, number: int) -> int:
        """The number that `number` stands for. Raises ValueError where it has more digits."""
        left, right = self._halves(number)
        for step in reversed(range(ROUNDS)):
            left, right = (right - self._round(step, left)) % self._sizes[step % 2], left
        return left * self._sizes[1] + right

    def _halves(self, number: int) -> tuple[int, int]:
        if not 0 <= number < self._sizes[0] * self._sizes[1]:
            raise ValueError(f"a value has not {self.digits} digits")
        return divmod(number, self._sizes[1])

    def _round(self, step: int, half: int) -> int:
        block = self._chain ^ (step << 8 * self._bytes | half)
        out = self._encryptor.update(block.to_bytes(BLOCK, "big"))
        return int.from_bytes(out[:WORD], "big")

    def quick(self, number: int) -> int:
        """As `encrypt`, by the table where it was made."""
        made: Table | None = self.__dict__.get("table")
        return made.encrypt(number) if made is not None else self.encrypt(number)

    @cached_property
    def table(self) -> Table:
        """The same permutation for many numbers: all its rounds in memory (22 MB for 11 digits, made in seconds)."""
        return Table(*(self._all_of(step) for step in range(ROUNDS)))

    def _all_of(self, step: int) -> array[int]:
        """One round for every half that may come: an even round takes the right half, an odd one the left."""
        size, modulus = self._sizes[1 - step % 2], self._sizes[step % 2]
        high, low = divmod(self._chain ^ step << 8 * self._bytes, 1 << 8 * WORD)
        found = array("I")
        for start in range(0, size, AT_ONCE):
            halves = range(start, min(start + AT_ONCE, size))
            words = array("Q", bytes(BLOCK * len(halves)))
            words[::2] = array("Q", [high]) * len(halves)
            words[1::2] = array("Q", [low ^ half for half in halves])
            words = _big_endian(array("Q", self._encryptor.update(_big_endian(words).tobytes())))
            found.extend([word % modulus for word in words[::2]])
        return found


def _big_endian(words: array[int]) -> array[int]:
    """Between the words of this machine and those of the standard."""
    if sys.byteorder == "little":
        words.byteswap()
    return words


class Table:
    """A permutation with all its rounds looked up: as fast as this language adds ten times."""

    def __init__(self, *rounds: array[int]) -> None:
        self._rounds = rounds
        self._sizes = (len(rounds[1]), len(rounds[0]))

    def encrypt(self, number: int) -> int:
        """As `DecimalPermutation.encrypt`, unchecked."""
        r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 = self._rounds
        low, high = self._sizes
        left, right = divmod(number, high)
        left = (left + r0[right]) % low
        right = (right + r1[left]) % high
        left = (left + r2[right]) % low
        right = (right + r3[left]) % high
        left = (left + r4[right]) % low
        right = (right + r5[left]) % high
        left = (left + r6[right]) % low
        right = (right + r7[left]) % high
        left = (left + r8[right]) % low
        right = (right + r9[left]) % high
        return left * high + right

    def run(self, start: int, stop: int) -> array[int]:
        """The numbers that stand for `start` … `stop` - 1, in order."""
        encrypt = self.encrypt
        return array("Q", [encrypt(number) for number in range(start, stop)])
