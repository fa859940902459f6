"""APDU: commands to a card and its status words (ISO/IEC 7816-4); any bytes become a command or a status word. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

SHORT = 256
EXTENDED = 65536
LARGEST = 7 + EXTENDED + 2
"""No command is longer: header, length, data, expected length."""


class Status(IntEnum):
    """状態語: how a command ended (ISO/IEC 7816-4, table 6)."""

    OK = 0x9000
    TRIES = 0x63C0
    LENGTH = 0x6700
    SECURITY = 0x6982
    BLOCKED = 0x6983
    UNUSABLE = 0x6984
    CONDITIONS = 0x6985
    NO_FILE_CHOSEN = 0x6986
    WRONG_DATA = 0x6A80
    NOT_SUPPORTED = 0x6A81
    NOT_FOUND = 0x6A82
    PLACE = 0x6A86
    OFFSET = 0x6B00
    INSTRUCTION = 0x6D00
    CLASS = 0x6E00


class Halt(Exception):  # noqa: N818  a status word, not a fault
    """The command ends with this status word."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Command:
    """One command; its data may be a secret and is never shown. `expected` 0: no answer is asked for."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    expected: int = 0

    def encode(self) -> bytes:
        """As it goes to the card, in the short form where it fits. Raises ValueError beyond the longest."""
        if len(self.data) >= EXTENDED or not 0 <= self.expected <= EXTENDED:
            raise ValueError("no command is that long")
        head = bytes((self.cla, self.ins, self.p1, self.p2))
        if len(self.data) < SHORT and self.expected <= SHORT:
            body = bytes((len(self.data),)) + self.data if self.data else b""
            return head + body + (bytes((self.expected % SHORT,)) if self.expected else b"")
        body = len(self.data).to_bytes(2, "big") + self.data if self.data else b""
        return head + b"\0" + body + ((self.expected % EXTENDED).to_bytes(2, "big") if self.expected else b"")


def parse(raw: bytes) -> Command:
    """A command of bytes, short or extended (ISO/IEC 7816-4, 5.1, the seven cases). Raises Halt(LENGTH)."""
    if not 4 <= len(raw) <= LARGEST:
        raise Halt(Status.LENGTH)
    body = raw[4:]
    if not body:
        data, expected = b"", 0
    elif len(body) == 1:
        data, expected = b"", body[0] or SHORT
    elif body[0]:
        data, expected = _split(body[1:], body[0], 1)
    elif len(body) == 3:
        data, expected = b"", int.from_bytes(body[1:], "big") or EXTENDED
    else:
        data, expected = _split(body[3:], int.from_bytes(body[1:3], "big"), 2)
    return Command(raw[0], raw[1], raw[2], raw[3], data, expected)


def _split(rest: bytes, length: int, width: int) -> tuple[bytes, int]:
    """Data of `length`, then nothing or the expected length in `width` bytes."""
    tail = rest[length:]
    if not length or len(rest) < length or len(tail) not in (0, width):
        raise Halt(Status.LENGTH)
    return rest[:length], (int.from_bytes(tail, "big") or SHORT**width) if tail else 0


def answer(status: int, data: bytes = b"") -> bytes:
    """What a card gives back."""
    return data + status.to_bytes(2, "big")
