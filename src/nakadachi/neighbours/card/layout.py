"""Where what lies on a card: applications by AID, files by two bytes, and what each needs to be read (facts 5.3).

The last application is this project's own: by it the municipal counter does what only the counter may. A real card has
one of its own maker's there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.state import CardState

TOKEN = b"JPKIAPICCTOKEN2".ljust(32)
"""トークン情報 of a card; a phone's is another."""


class Application(Enum):
    """カードAP: an application of the card, by its AID."""

    JPKI = bytes.fromhex("D392F000260100000001")
    SUPPORT = bytes.fromhex("D3921000310001010408")
    COMMON = bytes.fromhex("D3921000310001010100")
    COUNTER = b"\xf0NAKADACHI"


@dataclass(frozen=True, slots=True)
class File:
    """One file: content to be read, or a secret to be tried, or a key to be used, and the secret this needs."""

    content: Callable[[CardState], bytes] | None = None
    needs: Secret | None = None
    secret: Secret | None = None
    key: Callable[[CardState], bytes] | None = None


TOKEN_FILE = 0x0006
AUTHENTICATION_CERTIFICATE, AUTHENTICATION_AUTHORITY = 0x000A, 0x000B
AUTHENTICATION_KEY, AUTHENTICATION_PIN = 0x0017, 0x0018
SIGNATURE_CERTIFICATE, SIGNATURE_AUTHORITY = 0x0001, 0x0002
SIGNATURE_KEY, SIGNATURE_PASSWORD = 0x001A, 0x001B
NUMBER, ITEMS, SUPPORT_PIN = 0x0001, 0x0002, 0x0011
CARD_ID = 0x0001

FILES: Mapping[Application, Mapping[int, File]] = {
    Application.JPKI: {
        TOKEN_FILE: File(lambda _: TOKEN),
        AUTHENTICATION_CERTIFICATE: File(lambda state: state.authentication.certificate),
        AUTHENTICATION_AUTHORITY: File(lambda state: state.authentication.authority),
        AUTHENTICATION_KEY: File(key=lambda state: state.authentication.key, needs=Secret.AUTHENTICATION),
        AUTHENTICATION_PIN: File(secret=Secret.AUTHENTICATION),
        SIGNATURE_CERTIFICATE: File(lambda state: state.signature.certificate, needs=Secret.SIGNATURE),
        SIGNATURE_AUTHORITY: File(lambda state: state.signature.authority),
        SIGNATURE_KEY: File(key=lambda state: state.signature.key, needs=Secret.SIGNATURE),
        SIGNATURE_PASSWORD: File(secret=Secret.SIGNATURE),
    },
    Application.SUPPORT: {
        NUMBER: File(lambda state: _field(0xD0, state.number.encode()) if state.number else b"", needs=Secret.SUPPORT),
        ITEMS: File(lambda state: state.items, needs=Secret.SUPPORT),
        SUPPORT_PIN: File(secret=Secret.SUPPORT),
    },
    Application.COMMON: {CARD_ID: File(lambda state: state.serial.encode())},
    Application.COUNTER: {},
}


def _field(tag: int, value: bytes) -> bytes:
    return bytes((tag, len(value))) + value
