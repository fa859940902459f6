"""The only source of chance, and the one kind of identifier made from it; it never knows what an identifier names."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import Protocol

from nakadachi.kit.clock import Clock
from nakadachi.terms import crockford, crockford_value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC) - _EPOCH


class Entropy(Protocol):
    """Gives bytes nobody can foretell (or, in a test, everybody can)."""

    def bytes(self, n: int) -> bytes:
        """`n` fresh bytes."""
        ...


class SystemEntropy:
    """The operating system's generator; fit for keys."""

    __slots__ = ()

    def bytes(self, n: int) -> bytes:
        """`n` bytes from the operating system."""
        return os.urandom(n)


class SeededEntropy:
    """The same bytes for the same seed, whatever the sizes asked for: SHA-256 over seed and counter.

    For tests and stories that must run alike twice; never for keys that protect anything.
    """

    __slots__ = ("_block", "_counter", "_seed")

    def __init__(self, seed: int) -> None:
        """Start from `seed`, any integer."""
        self._seed = hashlib.sha256(b"nakadachi seed " + str(seed).encode()).digest()
        self._counter = 0
        self._block = b""

    def bytes(self, n: int) -> bytes:
        """The next `n` bytes of the seed's stream."""
        parts = [self._block]
        have = len(self._block)
        while have < n:
            parts.append(hashlib.sha256(self._seed + self._counter.to_bytes(8, "big")).digest())
            self._counter += 1
            have += 32
        stream = b"".join(parts)
        self._block = stream[n:]
        return stream[:n]


def uuid7_text(clock: Clock, entropy: Entropy) -> str:
    """A UUIDv7 (RFC 9562, 5.7) as 26 upper-case Crockford characters, first character 0 to 7.

    48 bits of milliseconds since 1970, version 7, 12 bits of the fraction of that millisecond (section 6.2, method 3),
    variant, 62 random bits. Texts sort by the clock's microsecond; equal moments sort by chance.
    """
    microseconds = (clock.now() - _EPOCH) // timedelta(microseconds=1)
    milliseconds, rest = divmod(microseconds, 1000)
    fraction = rest * 4096 // 1000
    chance = int.from_bytes(entropy.bytes(8), "big") & ((1 << 62) - 1)
    number = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance
    return crockford(number, length=26)


def uuid7_time(text: str) -> datetime:
    """The moment that such a text carries, to the millisecond; another's text may carry any, the last one at most."""
    milliseconds = crockford_value(text) >> 80
    return _EPOCH + min(timedelta(milliseconds=milliseconds), _LAST)
